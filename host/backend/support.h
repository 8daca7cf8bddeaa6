/* What can be computed at all, on any device: whether a node's attributes fit the shapes of its tensors.
 * After this, no runner of a backend checks anything. */
#ifndef BS_BACKEND_SUPPORT_H
#define BS_BACKEND_SUPPORT_H

#include "model/graph.h"

/* false with the reason in `why` (may be NULL). */
bool bs_support_node(const bs_graph *g, int node, char *why, size_t len);

#endif
