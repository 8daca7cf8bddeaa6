/* Decides which tensors are images. */
#include "backend/planes.h"
#include "base/buf.h"

#include <stdlib.h>

static bs_op_axes axes_of(const bs_node *n)
{
    return bs_op_describe_family(n->op)->axes;
}

static int find(int *parent, int t)
{
    while (parent[t] != t)
        t = parent[t] = parent[parent[t]];
    return t;
}

/* Gives tensors that must be alike one representative. */
static void join_alike(const bs_graph *g, int *parent)
{
    for (int t = 0; t < g->n_tensors; t++)
        parent[t] = t;
    for (int i = 0; i < g->n_nodes; i++) {
        const bs_node *n = &g->nodes[i];
        for (int k = 0; axes_of(n) == BS_AXES_ALIKE && k < n->n_in; k++)
            if (n->in[k] >= 0 && g->tensors[n->in[k]].shape.rank == 3 && g->tensors[n->out].shape.rank == 3)
                parent[find(parent, n->in[k])] = find(parent, n->out);
    }
}

bs_status bs_images_choose(bool *out, const bs_graph *g)
{
    int *parent = NULL;
    bool *image = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&parent, (size_t)g->n_tensors, sizeof *parent, "planes"), out);
    BS_TRY_GOTO(bs_calloc(&image, (size_t)g->n_tensors, sizeof *image, "planes"), out);
    join_alike(g, parent);
    if (g->input >= 0)
        image[find(parent, g->input)] = true;
    for (int i = 0; i < g->n_nodes; i++)
        if (axes_of(&g->nodes[i]) == BS_AXES_IMAGE) {
            image[find(parent, g->nodes[i].in[0])] = true;
            image[find(parent, g->nodes[i].out)] = true;
        }
    for (int t = 0; t < g->n_tensors; t++)
        out[t] = g->tensors[t].shape.rank == 3 && image[find(parent, t)];
out:
    free(parent);
    free(image);
    return st;
}
