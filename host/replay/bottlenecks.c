#include "replay/bottlenecks.h"

#include "base/buf.h"

#include <stdlib.h>

/* Sets last[t] to the last node that reads tensor t, -1 if none does. The answer reads the output after all
 * nodes. */
static void find_last_readers(const bs_graph *g, int *last)
{
    for (int t = 0; t < g->n_tensors; t++)
        last[t] = -1;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (g->nodes[i].in[k] >= 0)
                last[g->nodes[i].in[k]] = i;
    last[g->output] = g->n_nodes;
}

bs_status bs_bottlenecks_find(bool **out, const bs_graph *g)
{
    int *last = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_calloc(&last, (size_t)g->n_tensors, sizeof *last, "bottlenecks"));
    st = bs_calloc(out, (size_t)g->n_tensors, sizeof **out, "bottlenecks");
    if (st == BS_OK) {
        find_last_readers(g, last);
        (*out)[g->input] = true;
        int latest = last[g->input]; /* the last reader of anything computed so far */
        for (int i = 0; i < g->n_nodes; i++) {
            int t = g->nodes[i].out;
            (*out)[t] = latest <= i && last[t] > i && bs_graph_inside(g, t) < 0;
            latest = last[t] > latest ? last[t] : latest;
        }
    }
    free(last);
    return st;
}
