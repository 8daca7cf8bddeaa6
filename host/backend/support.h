/* Whether a node can be computed at all, on any device: whether its attributes fit the shapes of its tensors.
 * The runners of the backends rely on this check and repeat none of it. */
#ifndef BS_BACKEND_SUPPORT_H
#define BS_BACKEND_SUPPORT_H

#include "model/graph.h"

/* Returns true if the node can be computed, else false with the reason in `why` (may be NULL). */
bool bs_support_node(const bs_graph *g, int node, char *why, size_t len);

#endif
