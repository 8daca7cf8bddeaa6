#include "backend/carry.h"

#include <string.h>

static int64_t product(const bs_shape *s, int from, int to)
{
    int64_t n = 1;
    for (int a = from; a < to; a++)
        n *= s->dim[a];
    return n;
}

/* --- Axes --- */

/* carry_ROWS() returns the axis of the output along which what lies along an axis of input k comes out, -1 if
 * an element of the output depends on several of these. */
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

/* Operands are aligned at their last axes. */
static int carry_broadcast(const rows_in *r)
{
    return r->axis + r->out->rank - r->in->rank;
}

/* The elements are the same, so the plane is: bs_plane_carry() finds its axes. */
static int carry_reshape(const rows_in *r)
{
    return carry_none(r);
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
    return r->n->attr.axis == r->axis ? -1 : r->axis;
}

/* The right operand is a weight matrix or an input that is read whole, or both have the axis: then it numbers
 * matrices. */
static int carry_matmul(const rows_in *r)
{
    int axis = r->axis, rank = r->in->rank;
    return rank == r->out->rank && axis < (r->k == 0 ? rank - 1 : rank - 2) ? axis : -1;
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
    return r->axis;
}

static int carry_pad(const rows_in *r)
{
    return r->n->attr.begin[r->axis] == 0 ? r->axis : -1;
}

static int carry_axis(const rows_in *r)
{
    static int (*const carry[])(const rows_in *) = {
#define X(family, axes, rows, ...) carry_##rows,
        BS_OP_FAMILIES(X)
#undef X
    };
    return carry[bs_op_describe(r->n->op)->family](r);
}

/* --- Planes --- */

bool bs_plane_same(const bs_plane *a, const bs_plane *b)
{
    return a->image == b->image && a->axis == b->axis && a->column == b->column && a->end == b->end &&
           a->outer == b->outer && a->height == b->height && a->width == b->width && a->cell == b->cell;
}

/* Sets the sizes of a plane whose axes are known. One with an axis for rows and columns has those of `in`. */
static void set_sizes(bs_plane *p, const bs_shape *s, const bs_plane *in)
{
    bool one = in->column == in->end && in->width > 1;
    p->outer = product(s, 0, p->axis);
    p->height = one ? in->height : product(s, p->axis, p->column);
    p->width = one ? in->width : product(s, p->column, p->end);
    p->cell = product(s, p->end, s->rank);
}

/* Finds the axes of `s` along which the rows and columns of a plane of the same elements lie: one or several
 * for each, or one for both. */
static bool locate(bs_plane *p, const bs_shape *s)
{
    int64_t before = 1, cells = p->height * p->width;
    p->axis = p->column = p->end = -1;
    for (int a = 0; a <= s->rank; before *= a < s->rank ? s->dim[a] : 1, a++) {
        if (before == p->outer)
            p->axis = a;
        if (before == p->outer * p->height && p->column < 0)
            p->column = a;
        if (before == p->outer * cells && p->end < 0)
            p->end = a;
    }
    if (p->axis < 0 || p->end <= p->axis)
        return false;
    bool one = p->end == p->axis + 1;
    if (one)
        p->column = p->end;
    return one || (p->column > p->axis && p->column < p->end);
}

/* Returns true if axes from .. to - 1 come out side by side, each as long as before, from axis *out on. */
static bool side_by_side(rows_in *r, int from, int to, int *out)
{
    for (int a = from; a < to; a++) {
        r->axis = a;
        int at = carry_axis(r);
        *out = a == from ? at : *out;
        if (at < 0 || at != *out + a - from || r->in->dim[a] != r->out->dim[at])
            return false;
    }
    return true;
}

/* Slice takes rows and columns out of a plane with an axis for each. */
static bool carry_taken(bs_carried *c, const rows_in *r, const bs_plane *in)
{
    const bs_attr *a = &r->n->attr;
    if (r->n->op != BS_OP_SLICE || !bs_plane_has_own_axes(in))
        return false;
    for (int k = 0; in->axis + k < in->end; k++) {
        c->first[k] = (int)a->begin[in->axis + k];
        c->step[k] = (int)a->step[in->axis + k];
        if (c->step[k] <= 0)
            return false;
    }
    return true;
}

/* Concat puts parameters before and after the rows or columns of its one activation. An axis of both becomes
 * one of rows, since they fill no rectangle any more. */
static bool carry_extended(bs_carried *c, const rows_in *r, const bs_plane *in)
{
    int axis = r->n->attr.axis, before = 0;
    if (r->n->op != BS_OP_CONCAT || axis < in->axis || axis >= in->end)
        return false;
    for (int k = 0; k < r->n->n_in; k++) {
        const bs_tensor *t = &r->g->tensors[r->n->in[k]];
        if (k != r->k && !t->constant)
            return false;
        before += k < r->k ? (int)t->shape.dim[axis] : 0;
    }
    bool own_axes = bs_plane_has_own_axes(in);
    if (!own_axes && in->column != in->end)
        return false;
    c->first[axis - in->axis] = -before;
    if (!own_axes) {
        c->join[1] = c->split[0] = (int)in->width;
        c->plane.width = 1;
    }
    return true;
}

/* Transpose brings the first axis of the rows and that of the columns together: the others go into the cell,
 * as those in a window do. */
static bool carry_joined(bs_carried *c, const rows_in *r, const bs_plane *in)
{
    bs_plane *p = &c->plane;
    rows_in rows = *r, columns = *r;
    if (r->n->op != BS_OP_TRANSPOSE || in->column < in->axis + 2 || in->end < in->column + 2)
        return false;
    rows.axis = in->axis;
    columns.axis = in->column;
    p->axis = carry_transpose(&rows);
    p->column = p->axis + 1;
    p->end = p->axis + 2;
    c->join[0] = (int)product(r->in, in->axis + 1, in->column);
    c->join[1] = (int)product(r->in, in->column + 1, in->end);
    return carry_transpose(&columns) == p->column;
}

/* The reverse: what lies between rows and columns now belongs to the rows, and as many axes to the columns.
 */
static bool carry_split(bs_carried *c, const rows_in *r, const bs_plane *in)
{
    bs_plane *p = &c->plane;
    rows_in rows = *r, columns = *r;
    if (r->n->op != BS_OP_TRANSPOSE || in->column != in->axis + 1 || in->end != in->column + 1)
        return false;
    rows.axis = in->axis;
    columns.axis = in->column;
    p->axis = carry_transpose(&rows);
    p->column = carry_transpose(&columns);
    p->end = 2 * p->column - p->axis;
    if (p->column < p->axis + 2 || p->end > r->out->rank)
        return false;
    c->split[0] = (int)product(r->out, p->axis + 1, p->column);
    c->split[1] = (int)product(r->out, p->column + 1, p->end);
    return true;
}

bs_carried bs_plane_carry(const bs_graph *g, const bs_node *n, int k, const bs_plane *in)
{
    bs_carried c = {.plane = {.axis = -1}, .join = {1, 1}, .split = {1, 1}, .step = {1, 1}};
    rows_in r = {g, n, k, in->axis, &g->tensors[n->in[k]].shape, &g->tensors[n->out].shape};
    bs_plane *p = &c.plane;
    if (bs_op_describe(n->op)->family == BS_FAMILY_reshape) {
        *p = *in;
        p->image = false;
        c.exact = locate(p, r.out);
        if (!c.exact)
            p->axis = -1;
        return c;
    }
    c.exact = side_by_side(&r, in->axis, in->end, &p->axis);
    if (c.exact) {
        p->column = p->axis + in->column - in->axis;
        p->end = p->axis + in->end - in->axis;
    } else {
        c.exact = carry_joined(&c, &r, in) || carry_split(&c, &r, in);
    }
    bool alike = !c.exact && r.in->rank == r.out->rank && bs_op_describe_family(n->op)->axes == BS_AXES_ALIKE;
    if (alike) { /* the same axes, perhaps of other lengths */
        *p = *in;
        c.exact = carry_taken(&c, &r, in) || carry_extended(&c, &r, in);
    }
    if (!c.exact && !alike)
        p->axis = -1;
    else if (!c.exact && in->column == in->end && in->width > 1) /* one axis for both, of another length */
        p->axis = -1;
    else
        set_sizes(p, r.out, alike ? p : in);
    return c;
}

/* --- Parameters --- */

bs_plane bs_plane_of_parameter(const bs_graph *g, const bs_plane *planes, const bs_node *n, int k)
{
    const bs_shape *in = &g->tensors[n->in[k]].shape, *out = &g->tensors[n->out].shape;
    bs_plane p = planes[n->out], none = {.axis = -1};
    int lost = out->rank - in->rank;
    if (p.image || p.axis < 0 || p.axis < lost || !(bs_op_broadcasts(n->op) || n->op == BS_OP_CONCAT))
        return none;
    for (int a = p.axis; a < p.end; a++)
        if (in->dim[a - lost] != out->dim[a])
            return none;
    p.axis -= lost;
    p.column -= lost;
    p.end -= lost;
    p.outer = product(in, 0, p.axis);
    p.cell = product(in, p.end, in->rank);
    return p;
}

/* Returns true if an operand, aligned at the last axes, is the same along all axes of a plane. */
static bool repeats(const bs_shape *in, const bs_shape *out, const bs_plane *p)
{
    for (int a = p->axis; a < p->end; a++) {
        int own = a - (out->rank - in->rank);
        if (own >= 0 && in->dim[own] != 1)
            return false;
    }
    return true;
}

bool bs_parameters_fit(const bs_graph *g, const bs_plane *planes, const bs_node *n)
{
    bool fit = true, combines = bs_op_broadcasts(n->op) || n->op == BS_OP_CONCAT;
    for (int k = 0; k < n->n_in && combines; k++) {
        const bs_tensor *t = n->in[k] < 0 ? NULL : &g->tensors[n->in[k]];
        if (!t || !t->constant || bs_lies_outside(g, planes, n, k))
            continue;
        bs_plane p = bs_plane_of_parameter(g, planes, n, k);
        fit &= p.axis < 0 ? repeats(&t->shape, &g->tensors[n->out].shape, &planes[n->out])
                          : bs_plane_same(&p, &planes[n->in[k]]);
    }
    return fit;
}

bool bs_lies_outside(const bs_graph *g, const bs_plane *planes, const bs_node *n, int k)
{
    const bs_plane *out = &planes[n->out];
    return n->op == BS_OP_CONCAT && g->tensors[n->in[k]].constant && !out->image &&
           n->attr.axis >= out->axis && n->attr.axis < out->end;
}

/* --- Inputs that are read whole --- */

/* Returns true if the operand, aligned at the last axes, lacks all axes of the plane, or has length 1 there
 * unlike the plane. */
static bool lacks_plane(const bs_graph *g, const bs_node *n, int k, const bs_plane *p)
{
    const bs_shape *in = &g->tensors[n->in[k]].shape, *out = &g->tensors[n->out].shape;
    for (int a = p->axis; a < p->end; a++) {
        int own = a - (out->rank - in->rank);
        if (own >= 0 && in->dim[own] == out->dim[a])
            return false;
    }
    return true;
}

bool bs_reads_whole(const bs_graph *g, const bs_plane *planes, const bs_node *n, int k)
{
    const bs_plane *out = &planes[n->out];
    if (n->in[k] < 0)
        return false;
    if (g->tensors[n->in[k]].constant)
        return bs_plane_of_parameter(g, planes, n, k).axis < 0;
    if (out->axis < 0)
        return false;
    if (out->image)
        return bs_graph_broadcasts(g, n, k);
    if (n->op == BS_OP_MATMUL && k == 1)
        return out->end > g->tensors[n->out].shape.rank - 2 || lacks_plane(g, n, k, out);
    return bs_op_broadcasts(n->op) && lacks_plane(g, n, k, out);
}

bool bs_has_one_matrix(const bs_graph *g, const bs_plane *planes, const bs_node *n)
{
    const bs_shape *out = &g->tensors[n->out].shape;
    bs_plane p = planes[n->out];
    if (n->op != BS_OP_MATMUL || !bs_reads_whole(g, planes, n, 1))
        return true;
    p.end = p.end < out->rank - 2 ? p.end : out->rank - 2;
    return repeats(&g->tensors[n->in[1]].shape, out, &p);
}
