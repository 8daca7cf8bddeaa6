/* Bottlenecks: activations through which every path of the network leads. What is computed after one depends
 * on nothing before it but the bottleneck itself. */
#ifndef BS_REPLAY_BOTTLENECKS_H
#define BS_REPLAY_BOTTLENECKS_H

#include "base/error.h"
#include "model/graph.h"

/* Sets *out to a new array: by tensor, whether it is a bottleneck. The network's input and its output are.
 * The caller frees it. */
bs_status bs_bottlenecks_find(bool **out, const bs_graph *g);

#endif
