#include "replay/receptive_field.h"

#include "backend/carry.h"
#include "base/buf.h"

#include <math.h>
#include <stdlib.h>

/* Returns true if the output and all activations among the inputs are images. */
static bool images(const bs_graph *g, const bs_plane *planes, const bs_node *n)
{
    bool all = planes[n->out].image;
    for (int k = 0; k < n->n_in; k++)
        if (n->in[k] >= 0 && !g->tensors[n->in[k]].constant)
            all &= planes[n->in[k]].image;
    return all;
}

/* Sets the field of a node on tokens. Every input that is not read whole must carry the output's plane. */
static void token_field(bs_receptive_field *r, const bs_graph *g, const bs_plane *planes, const bs_node *n)
{
    if (!bs_parameters_fit(g, planes, n) || !bs_has_one_matrix(g, planes, n))
        return;
    for (int k = 0; k < n->n_in; k++) {
        const bs_plane *in = n->in[k] < 0 ? NULL : &planes[n->in[k]];
        if (!in || g->tensors[n->in[k]].constant || bs_reads_whole(g, planes, n, k))
            continue;
        bs_carried c = {.exact = false};
        if (in->axis >= 0 && (!in->image || bs_plane_leaves_image(n)))
            c = bs_plane_carry(g, n, k, in);
        c.plane.image = planes[n->out].image && n->op == BS_OP_TRANSPOSE;
        r->local = c.exact && bs_plane_same(&c.plane, &planes[n->out]);
        if (!r->local)
            return;
        for (int a = 0; a < 2; a++) {
            r->kernel[a] = c.join[a];
            r->stride[a] = c.join[a] > 1 ? c.join[a] : c.step[a];
            r->split[a] = c.split[a];
            r->pad[a] = -c.first[a];
        }
    }
}

/* field_FIELD() sets the receptive field of a node on images whose family has FIELD in BS_OP_FAMILIES. Before
 * the call, r is that of an element-wise operator, but not local. */
typedef struct field_in {
    const bs_graph *g;
    const bs_node *n;
} field_in;

static void field_none(bs_receptive_field *r, const field_in *f)
{
    (void)f;
    r->local = false;
}

static void field_pixel(bs_receptive_field *r, const field_in *f)
{
    (void)f;
    r->local = true;
}

/* Returns true if every operand has the output's plane or is broadcast to it; parameters must be without rows
 * and columns. */
static bool same_plane(const bs_graph *g, const bs_node *n)
{
    const int64_t *out = g->tensors[n->out].shape.dim;
    for (int k = 0; k < n->n_in; k++) {
        const bs_tensor *t = n->in[k] < 0 ? NULL : &g->tensors[n->in[k]];
        if (!t || bs_graph_broadcasts(g, n, k))
            continue;
        const int64_t *d = t->shape.dim;
        int rank = t->shape.rank;
        bool flat = (rank < 1 || d[rank - 1] == 1) && (rank < 2 || d[rank - 2] == 1);
        if (t->constant ? !flat : d[1] != out[1] || d[2] != out[2])
            return false;
    }
    return true;
}

static void field_broadcast(bs_receptive_field *r, const field_in *f)
{
    r->local = same_plane(f->g, f->n);
}

/* Returns true if no weight is infinite or NaN. A patch has explicit zeros where the library skips a
 * convolution's padding, and 0 * Inf would make a difference. */
static bool finite_weights(const bs_graph *g, const bs_node *n)
{
    const bs_tensor *w = &g->tensors[n->in[1]];
    for (int64_t i = 0; i < w->elements; i++)
        if (!isfinite(w->data[i]))
            return false;
    return true;
}

static void window_field(bs_receptive_field *r, const bs_window *w)
{
    r->local = true;
    for (int a = 0; a < 2; a++) {
        r->kernel[a] = w->kernel[a];
        r->stride[a] = w->stride[a];
        r->dilation[a] = w->dilation[a];
        r->pad[a] = w->pad[a];
    }
}

static void field_conv(bs_receptive_field *r, const field_in *f)
{
    window_field(r, &f->n->attr.window);
    r->local = finite_weights(f->g, f->n);
}

/* Returns true if every window lies within the padded input. Else the divisor differs at the end. */
static bool windows_fit(const bs_graph *g, const bs_node *n)
{
    const bs_window *w = &n->attr.window;
    const int64_t *in = g->tensors[n->in[0]].shape.dim, *out = g->tensors[n->out].shape.dim;
    for (int a = 0; a < 2; a++) {
        int64_t last = (out[1 + a] - 1) * w->stride[a] + (int64_t)(w->kernel[a] - 1) * w->dilation[a];
        if (last >= in[1 + a] + w->pad[a] + w->pad[a + 2])
            return false;
    }
    return true;
}

static bool has_padding(const bs_window *w)
{
    return w->pad[0] || w->pad[1] || w->pad[2] || w->pad[3];
}

static void field_pool(bs_receptive_field *r, const field_in *f)
{
    const bs_window *w = &f->n->attr.window;
    window_field(r, w);
    if (f->n->op == BS_OP_MAX_POOL)
        r->fill = -INFINITY;
    else
        r->local = windows_fit(f->g, f->n) && (w->count_include_pad || !has_padding(w));
}

static void field_slice(bs_receptive_field *r, const field_in *f)
{
    const bs_attr *a = &f->n->attr;
    r->local = a->step[1] > 0 && a->step[2] > 0;
    for (int i = 0; i < 2; i++) {
        r->stride[i] = (int)a->step[i + 1];
        r->pad[i] = -(int)a->begin[i + 1];
    }
}

static void field_pad(bs_receptive_field *r, const field_in *f)
{
    const bs_attr *a = &f->n->attr;
    r->local = a->pad_mode == BS_PAD_CONSTANT; /* else a change may appear mirrored, too */
    r->pad[0] = (int)a->begin[1];
    r->pad[1] = (int)a->begin[2];
    r->fill = a->value;
}

static void field_concat(bs_receptive_field *r, const field_in *f)
{
    r->local = f->n->attr.axis == 0;
    for (int k = 0; k < f->n->n_in; k++) /* a constant always has its whole plane */
        r->local &= !f->g->tensors[f->n->in[k]].constant;
}

static void field_softmax(bs_receptive_field *r, const field_in *f)
{
    r->local = f->n->attr.axis == 0;
}

/* Sets a local field if the reduction is over the channels alone. */
static void field_reduce(bs_receptive_field *r, const field_in *f)
{
    const bool *reduce = f->n->attr.reduce;
    r->local = f->n->op != BS_OP_GLOBAL_AVERAGE_POOL && f->g->tensors[f->n->in[0]].shape.rank == 3 &&
               reduce[0] && !reduce[1] && !reduce[2];
}

static void node_field(bs_receptive_field *r, const bs_graph *g, const bs_plane *planes, const bs_node *n)
{
    static void (*const field[])(bs_receptive_field *, const field_in *) = {
#define X(family, axes, rows, field, ...) field_##field,
        BS_OP_FAMILIES(X)
#undef X
    };
    *r = (bs_receptive_field){.kernel = {1, 1}, .stride = {1, 1}, .dilation = {1, 1}, .split = {1, 1}};
    if (images(g, planes, n))
        field[bs_op_describe(n->op)->family](r, &(field_in){g, n});
    else if (planes[n->out].axis >= 0)
        token_field(r, g, planes, n);
}

bs_status bs_receptive_fields_create(bs_receptive_fields *out, const bs_graph *g)
{
    *out = (bs_receptive_fields){0};
    BS_TRY(bs_planes_choose(&out->planes, g));
    BS_TRY(bs_calloc(&out->node, (size_t)g->n_nodes, sizeof *out->node, "receptive fields"));
    for (int i = 0; i < g->n_nodes; i++)
        node_field(&out->node[i], g, out->planes, &g->nodes[i]);
    return BS_OK;
}

void bs_receptive_fields_clear(bs_receptive_fields *f)
{
    free(f->planes);
    free(f->node);
    *f = (bs_receptive_fields){0};
}

static int floor_div(int a, int b)
{
    return a >= 0 ? a / b : -((-a + b - 1) / b);
}

static int clamp(int v, int low, int high)
{
    return v < low ? low : v > high ? high : v;
}

bs_range bs_receptive_field_forward(const bs_receptive_field *r, int axis, bs_range in, int out_size)
{
    int span = (r->kernel[axis] - 1) * r->dilation[axis], s = r->stride[axis], pad = r->pad[axis];
    /* o * s - pad + span >= in.begin  and  o * s - pad <= in.end - 1 */
    if (r->split[axis] > 1)
        return (bs_range){in.begin * r->split[axis] + pad, in.end * r->split[axis] + pad};
    bs_range out = {-floor_div(-(in.begin + pad - span), s), floor_div(in.end - 1 + pad, s) + 1};
    out.begin = clamp(out.begin, 0, out_size - 1);
    out.end = clamp(out.end, out.begin, out_size);
    return out;
}

int bs_receptive_field_first(const bs_receptive_field *r, int axis, int out)
{
    return (out * r->stride[axis] - r->pad[axis]) / r->split[axis];
}

int bs_receptive_field_extent(const bs_receptive_field *r, int axis, int n)
{
    return (n / r->split[axis] - 1) * r->stride[axis] + (r->kernel[axis] - 1) * r->dilation[axis] + 1;
}
