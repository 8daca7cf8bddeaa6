#include "backend/planes.h"

#include "base/buf.h"

#include <stdlib.h>

bs_box bs_plane_box(const bs_plane *p)
{
    if (p->axis < 0)
        return (bs_box){{0, 0, 0}, {p->cell, 1, 1}};
    return (bs_box){{0, 0, 0}, {p->outer, p->height, p->width * p->cell}};
}

void bs_plane_place(const bs_plane *p, int64_t element, int64_t place[3])
{
    bs_box whole = bs_plane_box(p);
    place[0] = element / (whole.end[1] * whole.end[2]);
    place[1] = element / whole.end[2] % whole.end[1];
    place[2] = element % whole.end[2];
}

static int64_t product(const bs_shape *s, int from, int to)
{
    int64_t n = 1;
    for (int a = from; a < to; a++)
        n *= s->dim[a];
    return n;
}

/* Operands meet at their last axes; no constant may differ from row to row. */
static int carry_broadcast(const bs_graph *g, const bs_node *n, int k, int axis)
{
    const bs_shape *in = &g->tensors[n->in[k]].shape, *out = &g->tensors[n->out].shape;
    int to = axis + out->rank - in->rank;
    if (in->dim[axis] != out->dim[to])
        return -1;
    for (int i = 0; i < n->n_in; i++) {
        const bs_tensor *t = n->in[i] < 0 ? NULL : &g->tensors[n->in[i]];
        int own = t ? to - out->rank + t->shape.rank : -1;
        if (t && t->constant && own >= 0 && t->shape.dim[own] != 1)
            return -1;
    }
    return to;
}

/* The same elements in other axes: the rows remain if as many lie before them. */
static int carry_reshape(const bs_shape *in, const bs_shape *out, int axis)
{
    for (int to = 0; to < out->rank; to++)
        if (out->dim[to] == in->dim[axis] && product(out, 0, to) == product(in, 0, axis))
            return to;
    return -1;
}

static int carry_transpose(const bs_node *n, const bs_shape *out, int axis)
{
    int to = 0;
    while (to < out->rank - 1 && n->attr.perm[to] != axis)
        to++;
    return to;
}

static int carry_gather(const bs_node *n, const bs_shape *in, const bs_shape *out, int axis)
{
    int lost = in->rank - out->rank;
    if (n->attr.axis == axis || lost < 0 || lost > 1)
        return -1;
    return n->attr.axis < axis ? axis - lost : axis;
}

static int carry_reduce(const bs_node *n, const bs_shape *in, const bs_shape *out, int axis)
{
    int before = 0;
    for (int a = 0; a < axis; a++)
        before += n->attr.reduce[a];
    if (n->op == BS_OP_GLOBAL_AVERAGE_POOL || n->attr.reduce[axis])
        return -1;
    return out->rank == in->rank ? axis : axis - before;
}

static int carry_concat(const bs_graph *g, const bs_node *n, int axis)
{
    for (int k = 0; k < n->n_in; k++)
        if (g->tensors[n->in[k]].constant)
            return -1;
    return n->attr.axis == axis ? -1 : axis;
}

/* By a matrix of weights, or by a right operand that is read whole. */
static int carry_matmul(const bs_graph *g, const bs_node *n, int k, int axis)
{
    const bs_shape *in = &g->tensors[n->in[0]].shape, *out = &g->tensors[n->out].shape;
    bool weights = n->op == BS_OP_GEMM || bs_matmul_by_weights(g, n);
    if (k != 0 || in->rank != out->rank)
        return -1;
    return weights ? (axis < in->rank - 1 ? axis : -1) : axis == in->rank - 2 ? axis : -1;
}

int bs_rows_carry(const bs_graph *g, const bs_node *n, int k, int axis)
{
    const bs_shape *in = &g->tensors[n->in[k]].shape, *out = &g->tensors[n->out].shape;
    const bs_attr *a = &n->attr;
    switch (n->op) {
    case BS_OP_GEMM:
    case BS_OP_MATMUL:
        return carry_matmul(g, n, k, axis);
    case BS_OP_BATCH_NORM:
        return a->axis == axis ? -1 : axis;
    case BS_OP_LAYER_NORM:
    case BS_OP_SOFTMAX:
    case BS_OP_LOG_SOFTMAX:
        return axis < a->axis ? axis : -1;
    case BS_OP_CONCAT:
        return carry_concat(g, n, axis);
    case BS_OP_SLICE:
        return a->step[axis] > 0 ? axis : -1;
    case BS_OP_PAD:
        return a->begin[axis] == 0 && in->dim[axis] == out->dim[axis] ? axis : -1;
    case BS_OP_TILE:
        return in->dim[axis] == out->dim[axis] ? axis : -1;
    case BS_OP_GATHER:
        return carry_gather(n, in, out, axis);
    case BS_OP_RESHAPE:
    case BS_OP_FLATTEN:
    case BS_OP_SQUEEZE:
    case BS_OP_UNSQUEEZE:
        return carry_reshape(in, out, axis);
    case BS_OP_TRANSPOSE:
        return carry_transpose(n, out, axis);
#define X(suffix, ...) case BS_OP_##suffix:
        BS_REDUCE_OPS(X)
#undef X
        return carry_reduce(n, in, out, axis);
#define X(suffix, ...) case BS_OP_##suffix:
        BS_UNARY_OPS(X)
        BS_BINARY_OPS(X)
        BS_VARIADIC_OPS(X)
#undef X
    case BS_OP_CLIP:
    case BS_OP_WHERE:
    case BS_OP_EXPAND:
    case BS_OP_DROPOUT:
    case BS_OP_IDENTITY:
        return carry_broadcast(g, n, k, axis);
    default:
        return -1;
    }
}

/* Where no rows come in: the axis of tokens in (T, F) and (heads, T, F); of an image as a list of pixels for
 * each channel, the pixels. */
static int usual_axis(const bs_graph *g, const bs_plane *planes, int tensor)
{
    const bs_tensor *t = &g->tensors[tensor];
    const bs_node *n = t->producer < 0 ? NULL : &g->nodes[t->producer];
    const bs_plane *in = n && n->in[0] >= 0 ? &planes[n->in[0]] : NULL;
    if (in && in->image && t->shape.rank == 2 && t->shape.dim[0] == in->outer)
        return 1;
    return t->shape.rank == 2 || t->shape.rank == 3 ? t->shape.rank - 2 : -1;
}

/* Rows keep their identity along the network, from one operator to the next. */
static int choose_axis(const bs_graph *g, const bs_plane *planes, int tensor)
{
    const bs_tensor *t = &g->tensors[tensor];
    const bs_node *n = t->producer < 0 ? NULL : &g->nodes[t->producer];
    int axis = -1;
    for (int k = 0; n && k < n->n_in && axis < 0; k++)
        if (n->in[k] >= 0 && !planes[n->in[k]].image && planes[n->in[k]].axis >= 0)
            axis = bs_rows_carry(g, n, k, planes[n->in[k]].axis);
    return axis >= 0 ? axis : usual_axis(g, planes, tensor);
}

static bs_plane make_plane(const bs_shape *s, bool image, int axis)
{
    if (image)
        return (bs_plane){true, 1, s->dim[0], s->dim[1], s->dim[2], 1};
    if (axis < 0 || s->dim[axis] == 1)
        return (bs_plane){.axis = -1, .outer = 1, .height = 1, .width = 1, .cell = product(s, 0, s->rank)};
    return (bs_plane){false, axis, product(s, 0, axis), s->dim[axis], 1, product(s, axis + 1, s->rank)};
}

bs_status bs_planes_choose(bs_plane **out, const bs_graph *g)
{
    bool *image;
    *out = NULL;
    BS_TRY(bs_calloc(&image, (size_t)g->n_tensors, sizeof *image, "planes"));
    bs_status st = bs_calloc(out, (size_t)g->n_tensors, sizeof **out, "planes");
    if (st == BS_OK)
        st = bs_images_choose(image, g);
    if (st == BS_OK)
        for (int t = 0; t < g->n_tensors; t++) /* of nodes after those they read */
            (*out)[t] = (bs_plane){.axis = -1, .outer = 1, .height = 1, .width = 1};
    for (int t = 0; t < g->n_tensors && st == BS_OK; t++)
        if (!g->tensors[t].constant && g->tensors[t].producer < 0)
            (*out)[t] = make_plane(&g->tensors[t].shape, image[t], usual_axis(g, *out, t));
    for (int i = 0; i < g->n_nodes && st == BS_OK; i++) {
        int t = g->nodes[i].out;
        (*out)[t] = make_plane(&g->tensors[t].shape, image[t], image[t] ? 1 : choose_axis(g, *out, t));
    }
    free(image);
    if (st != BS_OK) {
        free(*out);
        *out = NULL;
    }
    return st;
}

static bool spreads_over_rows(const bs_graph *g, const bs_node *n, int k, int axis)
{
    const bs_shape *in = &g->tensors[n->in[k]].shape, *out = &g->tensors[n->out].shape;
    int own = axis - (out->rank - in->rank);
    return own < 0 || in->dim[own] != out->dim[axis];
}

bool bs_reads_whole(const bs_graph *g, const bs_plane *planes, const bs_node *n, int k)
{
    const bs_plane *out = &planes[n->out];
    if (n->in[k] < 0 || g->tensors[n->in[k]].constant || out->axis < 0)
        return false;
    if (out->image)
        return bs_graph_spreads(g, n, k);
    return (n->op == BS_OP_MATMUL && k == 1) ||
           (bs_op_broadcasts(n->op) && spreads_over_rows(g, n, k, out->axis));
}
