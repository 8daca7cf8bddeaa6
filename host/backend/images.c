/* Which tensors are images. */
#include "backend/planes.h"
#include "base/buf.h"

#include <stdlib.h>

/* What an operator takes its tensors for. */
typedef enum habit {
    HABIT_FREE,  /* for anything */
    HABIT_ALIKE, /* input and output for the same */
    HABIT_IMAGE, /* input 0 and the output for images, if of rank 3 */
} habit;

static habit habit_of(bs_op op)
{
    switch (op) {
    case BS_OP_CONV:
    case BS_OP_MAX_POOL:
    case BS_OP_AVERAGE_POOL:
    case BS_OP_LRN:
    case BS_OP_RESIZE:
        return HABIT_IMAGE;
#define X(suffix, ...) case BS_OP_##suffix:
        BS_UNARY_OPS(X)
        BS_BINARY_OPS(X)
        BS_VARIADIC_OPS(X)
#undef X
    case BS_OP_CLIP:
    case BS_OP_WHERE:
    case BS_OP_BATCH_NORM:
    case BS_OP_LAYER_NORM:
    case BS_OP_INSTANCE_NORM:
    case BS_OP_SOFTMAX:
    case BS_OP_LOG_SOFTMAX:
    case BS_OP_CONCAT:
    case BS_OP_SLICE:
    case BS_OP_PAD:
    case BS_OP_TILE:
    case BS_OP_EXPAND:
    case BS_OP_DROPOUT:
    case BS_OP_IDENTITY:
        return HABIT_ALIKE;
    default:
        return HABIT_FREE;
    }
}

static int find(int *parent, int t)
{
    while (parent[t] != t)
        t = parent[t] = parent[parent[t]];
    return t;
}

/* Tensors that must be alike get one representative. */
static void join_alike(const bs_graph *g, int *parent)
{
    for (int t = 0; t < g->n_tensors; t++)
        parent[t] = t;
    for (int i = 0; i < g->n_nodes; i++) {
        const bs_node *n = &g->nodes[i];
        for (int k = 0; habit_of(n->op) == HABIT_ALIKE && k < n->n_in; k++)
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
        if (habit_of(g->nodes[i].op) == HABIT_IMAGE) {
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
