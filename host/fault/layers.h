/* The condition `layer` of a selector. Internal to host/fault. */
#ifndef BS_FAULT_LAYERS_H
#define BS_FAULT_LAYERS_H

#include "job/job.h"
#include "model/graph.h"

/* Sets in[id] for each target that s->layer means, among those of s->op and s->kind. A layer is all nodes
 * whose names (or those of their outputs or parameters) have its parts in their path, up to these: of `conv1`
 * there may be several, each in a block of its own. Parts are split at '/', ':' and '.'. Without a kind the
 * target is the output of the layer's last node, else the parameters of that kind that its nodes read. */
bs_status bs_layer_targets(bool *in, const bs_selector *s, const bs_graph *g);
/* Hints at the nearest layer. */
bs_status bs_layer_suggest(const bs_selector *s, const bs_graph *g);

#endif
