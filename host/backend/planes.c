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

/* The rows of input k, which lie along `axis`. */
typedef struct rows_in {
    const bs_graph *g;
    const bs_node *n;
    int k, axis;
    const bs_shape *in, *out;
} rows_in;

static int carry_none(const rows_in *r)
{
    (void)r;
    return -1;
}

/* Operands are aligned at their last axes; no constant may differ from row to row. */
static int carry_broadcast(const rows_in *r)
{
    const bs_node *n = r->n;
    int to = r->axis + r->out->rank - r->in->rank;
    if (r->in->dim[r->axis] != r->out->dim[to])
        return -1;
    for (int i = 0; i < n->n_in; i++) {
        const bs_tensor *t = n->in[i] < 0 ? NULL : &r->g->tensors[n->in[i]];
        int own = t ? to - r->out->rank + t->shape.rank : -1;
        if (t && t->constant && own >= 0 && t->shape.dim[own] != 1)
            return -1;
    }
    return to;
}

/* The same elements with other axes: the rows remain if the axes before them hold as many elements. */
static int carry_reshape(const rows_in *r)
{
    for (int to = 0; to < r->out->rank; to++)
        if (r->out->dim[to] == r->in->dim[r->axis] && product(r->out, 0, to) == product(r->in, 0, r->axis))
            return to;
    return -1;
}

static int carry_transpose(const rows_in *r)
{
    int to = 0;
    while (to < r->out->rank - 1 && r->n->attr.perm[to] != r->axis)
        to++;
    return to;
}

static int carry_gather(const rows_in *r)
{
    int lost = r->in->rank - r->out->rank, gathered = r->n->attr.axis;
    if (gathered == r->axis || lost < 0 || lost > 1)
        return -1;
    return gathered < r->axis ? r->axis - lost : r->axis;
}

static int carry_reduce(const rows_in *r)
{
    const bool *reduce = r->n->attr.reduce;
    int before = 0;
    for (int a = 0; a < r->axis; a++)
        before += reduce[a];
    if (r->n->op == BS_OP_GLOBAL_AVERAGE_POOL || reduce[r->axis])
        return -1;
    return r->out->rank == r->in->rank ? r->axis : r->axis - before;
}

static int carry_concat(const rows_in *r)
{
    for (int k = 0; k < r->n->n_in; k++)
        if (r->g->tensors[r->n->in[k]].constant)
            return -1;
    return r->n->attr.axis == r->axis ? -1 : r->axis;
}

/* The right operand is a weight matrix, or an input that is read whole. */
static int carry_matmul(const rows_in *r)
{
    int axis = r->axis, rank = r->in->rank;
    bool weights = r->n->op == BS_OP_GEMM || bs_matmul_by_weights(r->g, r->n);
    if (r->k != 0 || rank != r->out->rank)
        return -1;
    return weights ? (axis < rank - 1 ? axis : -1) : axis == rank - 2 ? axis : -1;
}

static int carry_batch_norm(const rows_in *r)
{
    return r->n->attr.axis == r->axis ? -1 : r->axis;
}

/* The node works on lines of the axes from attr.axis on. */
static int carry_lines(const rows_in *r)
{
    return r->axis < r->n->attr.axis ? r->axis : -1;
}

static int carry_slice(const rows_in *r)
{
    return r->n->attr.step[r->axis] > 0 ? r->axis : -1;
}

static int carry_tile(const rows_in *r)
{
    return r->in->dim[r->axis] == r->out->dim[r->axis] ? r->axis : -1;
}

static int carry_pad(const rows_in *r)
{
    return r->n->attr.begin[r->axis] == 0 ? carry_tile(r) : -1;
}

int bs_rows_carry(const bs_graph *g, const bs_node *n, int k, int axis)
{
    static int (*const carry[])(const rows_in *) = {
#define X(family, axes, rows, ...) carry_##rows,
        BS_OP_FAMILIES(X)
#undef X
    };
    rows_in r = {g, n, k, axis, &g->tensors[n->in[k]].shape, &g->tensors[n->out].shape};
    return carry[bs_op_describe(n->op)->family](&r);
}

/* Returns the axis where no input has rows: the tokens in (T, F) and (heads, T, F); the pixels in an image as
 * a list of pixels for each channel. */
static int usual_axis(const bs_graph *g, const bs_plane *planes, int tensor)
{
    const bs_tensor *t = &g->tensors[tensor];
    const bs_node *n = t->producer < 0 ? NULL : &g->nodes[t->producer];
    const bs_plane *in = n && n->in[0] >= 0 ? &planes[n->in[0]] : NULL;
    if (in && in->image && t->shape.rank == 2 && t->shape.dim[0] == in->outer)
        return 1;
    return t->shape.rank == 2 || t->shape.rank == 3 ? t->shape.rank - 2 : -1;
}

/* Follows the rows of the inputs, so that rows keep their identity from one operator to the next. */
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
        return (bs_plane){true, 1, s->dim[0], s->dim[1], s->dim[2], 1, {0}};
    if (axis < 0 || s->dim[axis] == 1)
        return (bs_plane){.axis = -1, .outer = 1, .height = 1, .width = 1, .cell = product(s, 0, s->rank)};
    return (bs_plane){false, axis, product(s, 0, axis), s->dim[axis], 1, product(s, axis + 1, s->rank), {0}};
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
        for (int t = 0; t < g->n_tensors; t++) /* outputs of nodes are set below, in order */
            (*out)[t] = (bs_plane){.axis = -1, .outer = 1, .height = 1, .width = 1};
    for (int t = 0; t < g->n_tensors && st == BS_OK; t++)
        if (!g->tensors[t].constant && g->tensors[t].producer < 0)
            (*out)[t] = make_plane(&g->tensors[t].shape, image[t], usual_axis(g, *out, t));
    for (int i = 0; i < g->n_nodes && st == BS_OK; i++) {
        int t = g->nodes[i].out;
        (*out)[t] = make_plane(&g->tensors[t].shape, image[t], image[t] ? 1 : choose_axis(g, *out, t));
    }
    if (st == BS_OK)
        bs_rows_find_needed(*out, g);
    free(image);
    if (st != BS_OK) {
        free(*out);
        *out = NULL;
    }
    return st;
}

static bool broadcasts_over_rows(const bs_graph *g, const bs_node *n, int k, int axis)
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
        return bs_graph_broadcasts(g, n, k);
    return (n->op == BS_OP_MATMUL && k == 1) ||
           (bs_op_broadcasts(n->op) && broadcasts_over_rows(g, n, k, out->axis));
}
