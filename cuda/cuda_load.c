/* Loads a network onto a device. */
#include "cuda/network.h"
#include "cuda/selection.h"

#include "base/buf.h"

#include <stdlib.h>

bs_status bs_cuda_load(bs_network **out, bs_device *d, const bs_graph *g, const bs_load_options *options)
{
    bs_network *n;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_cuda_enter(d));
    BS_TRY(bs_calloc(&n, 1, sizeof *n, "network"));
    n->device = d;
    n->graph = g;
    BS_TRY_GOTO(bs_planes_choose(&n->planes, g), out);
    BS_TRY_GOTO(bs_calloc(&n->plan, (size_t)g->n_nodes, sizeof *n->plan, "plans"), out);
    for (int i = 0; i < g->n_nodes; i++) {
        st = bs_cuda_plan_node(n, i);
        if (st != BS_OK) {
            bs_context("node '%s'", g->nodes[i].name);
            goto out;
        }
    }
    BS_TRY_GOTO(bs_cuda_select_engines(n, options), out);
    *out = n;
    n = NULL;
out:
    bs_cuda_unload(n);
    return st;
}
