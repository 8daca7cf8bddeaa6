/* Regions: chains of element-wise nodes that run as one loop, such as GELU made of Div, Erf, Add and Mul.
 * What follows a product of tokens by weights, such as its bias and GELU, makes a region with it. They follow
 * from the graph alone, so they are the same on every device and in every mode of replay: a trial is compared
 * with golden at the end of a region, not within it (but where its fault is, see replay/replay.h). A chain
 * counts if it works on tokens or holds a transcendental function. A node whose parameter can be cut is in
 * none: regions on patches do not know their place. */
#ifndef BS_BACKEND_FIND_REGIONS_H
#define BS_BACKEND_FIND_REGIONS_H

#include "model/graph.h"

/* Finds the regions of a graph that has none yet, and keeps them in it. */
bs_status bs_regions_find(bs_graph *g);

#endif
