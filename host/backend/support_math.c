/* Checks of operators that compute. */
#include "backend/support_internal.h"

#include <string.h>

static bool check_window(const bs_support_question *q, bool pool)
{
    const bs_window *w = &q->n->attr.window;
    const bs_shape *in = &bs_asked_input(q, 0)->shape, *out = &bs_asked_output(q)->shape;
    if (in->rank != 3 || out->rank != 3)
        return bs_refuse(q, "only two spatial dimensions are supported");
    for (int i = 0; i < 2; i++) {
        int k = w->kernel[i], s = w->stride[i], d = w->dilation[i], before = w->pad[i], after = w->pad[i + 2];
        if (k < 1 || s < 1 || d < 1 || before < 0 || after < 0 || k > 4096 || s > 4096 || d > 4096 ||
            before > 65536 || after > 65536)
            return bs_refuse(q, "kernel, stride, dilation or padding out of range");
        int64_t extent = (int64_t)d * (k - 1) + 1, room = in->dim[i + 1] + before + after - extent;
        int64_t n = room < 0 ? 0 : room / s + 1, ceil = room < 0 ? 1 : (room + s - 1) / s + 1;
        if (out->dim[i + 1] != n &&
            !(pool && w->ceil_mode && out->dim[i + 1] <= ceil && out->dim[i + 1] >= n))
            return bs_refuse(q, "output shape does not follow from kernel, stride and padding");
    }
    return true;
}

bool bs_support_conv(const bs_support_question *q)
{
    if (!bs_support_inputs(q, 2, 1) || !check_window(q, false))
        return false;
    const bs_window *w = &q->n->attr.window;
    const bs_tensor *bias = bs_asked_input(q, 2);
    const bs_shape *weights = &bs_asked_input(q, 1)->shape;
    int64_t c = bs_asked_input(q, 0)->shape.dim[0], m = bs_asked_output(q)->shape.dim[0];
    if (w->group < 1 || c % w->group || m % w->group)
        return bs_refuse(q, "channels are not a multiple of the group count");
    bool fits = weights->rank == 4 && weights->dim[0] == m && weights->dim[1] == c / w->group &&
                weights->dim[2] == w->kernel[0] && weights->dim[3] == w->kernel[1];
    if (!fits || (bias && bias->elements != m))
        return bs_refuse(q, "weights or bias do not fit the channels");
    return true;
}

bool bs_support_gemm(const bs_support_question *q)
{
    if (!bs_support_inputs(q, 2, 1))
        return false;
    const bs_shape *x = &bs_asked_input(q, 0)->shape, *w = &bs_asked_input(q, 1)->shape;
    const bs_shape *y = &bs_asked_output(q)->shape;
    if (x->rank < 1 || x->rank > 2 || y->rank != x->rank || w->rank != 2)
        return bs_refuse(q, "only (K) or (rows, K) by a matrix is supported");
    bool t = q->n->attr.trans_b;
    int64_t k = x->dim[x->rank - 1], n = y->dim[y->rank - 1];
    if (w->dim[t ? 1 : 0] != k || w->dim[t ? 0 : 1] != n || (x->rank == 2 && x->dim[0] != y->dim[0]))
        return bs_refuse(q, "weights do not fit the input");
    const bs_tensor *bias = bs_asked_input(q, 2);
    if (bias && bias->elements != 1 && bias->elements != n)
        return bs_refuse(q, "bias must have 1 or %lld elements", (long long)n);
    return true;
}

/* A vector (K) may be multiplied by a weight matrix. */
bool bs_support_matmul(const bs_support_question *q)
{
    const bs_tensor *a = bs_asked_input(q, 0), *b = bs_asked_input(q, 1);
    const bs_shape *y = &bs_asked_output(q)->shape;
    if (q->n->n_in != 2 || !a || !b || (a->constant && b->constant))
        return bs_refuse(q, "two operands are needed, one of them computed by the network");
    bool weight = bs_matmul_by_weights(q->g, q->n);
    int ra = a->shape.rank, rb = b->shape.rank;
    if (ra < (weight ? 1 : 2) || rb < 2 || y->rank != (ra > rb || weight ? ra : rb))
        return bs_refuse(q, "operands of %d and %d dimensions", ra, rb);
    bool fits = a->shape.dim[ra - 1] == b->shape.dim[rb - 2] && y->dim[y->rank - 1] == b->shape.dim[rb - 1] &&
                (ra < 2 || y->dim[y->rank - 2] == a->shape.dim[ra - 2]);
    for (int k = 3; k <= y->rank && fits; k++) {
        int64_t da = k <= ra ? a->shape.dim[ra - k] : 1, db = k <= rb ? b->shape.dim[rb - k] : 1;
        fits = (da == db || da == 1 || db == 1) && y->dim[y->rank - k] == (da == 1 ? db : da);
    }
    return fits || bs_refuse(q, "the shapes of its operands and its output do not fit");
}

static bool check_same_shape(const bs_support_question *q)
{
    const bs_shape *x = &bs_asked_input(q, 0)->shape, *y = &bs_asked_output(q)->shape;
    return (x->rank == y->rank && !memcmp(x->dim, y->dim, (size_t)x->rank * sizeof x->dim[0])) ||
           bs_refuse(q, "output shape differs from input shape");
}

bool bs_support_batch_norm(const bs_support_question *q)
{
    if (!bs_support_inputs(q, 4, 0))
        return false;
    const bs_shape *x = &bs_asked_input(q, 0)->shape;
    if (x->rank < 1)
        return bs_refuse(q, "a scalar has no channels");
    int axis = q->n->attr.axis;
    if (axis != 0 && (axis != 1 || x->rank != 2))
        return bs_refuse(q, "channels must be the first axis, or the columns of a matrix");
    for (int k = 1; k <= 4; k++)
        if (bs_asked_input(q, k)->elements != x->dim[axis])
            return bs_refuse(q, "input %d must have one element a channel", k);
    return check_same_shape(q);
}

bool bs_support_unary(const bs_support_question *q)
{
    return bs_support_inputs(q, 0, 0) && check_same_shape(q);
}

bool bs_support_clip(const bs_support_question *q)
{
    if (!bs_support_inputs(q, 2, 2))
        return false;
    for (int k = 1; k <= 2; k++)
        if (bs_asked_input(q, k) && bs_asked_input(q, k)->elements != 1)
            return bs_refuse(q, "bounds must be scalars");
    return check_same_shape(q);
}

bool bs_support_layer_norm(const bs_support_question *q)
{
    if (!bs_support_inputs(q, 2, 1))
        return false;
    const bs_shape *x = &bs_asked_input(q, 0)->shape;
    int64_t line = 1;
    if (q->n->attr.axis < 0 || q->n->attr.axis >= x->rank)
        return bs_refuse(q, "axis out of range");
    for (int a = q->n->attr.axis; a < x->rank; a++)
        line *= x->dim[a];
    for (int k = 1; k <= 2; k++)
        if (bs_asked_input(q, k) && bs_asked_input(q, k)->elements != line)
            return bs_refuse(q, "input %d must have %lld elements", k, (long long)line);
    return check_same_shape(q);
}

bool bs_support_instance_norm(const bs_support_question *q)
{
    if (!bs_support_inputs(q, 2, 0))
        return false;
    const bs_shape *x = &bs_asked_input(q, 0)->shape;
    if (x->rank < 1)
        return bs_refuse(q, "a scalar has no channels");
    for (int k = 1; k <= 2; k++)
        if (bs_asked_input(q, k)->elements != x->dim[0])
            return bs_refuse(q, "input %d must have one element a channel", k);
    return check_same_shape(q);
}

static bool broadcasts_to(const bs_shape *in, const bs_shape *out)
{
    if (in->rank > out->rank)
        return false;
    for (int a = 0; a < in->rank; a++) {
        int64_t d = in->dim[a];
        if (d != 1 && d != out->dim[a + out->rank - in->rank])
            return false;
    }
    return true;
}

bool bs_support_broadcast(const bs_support_question *q)
{
    const bs_op_info *op = bs_op_describe(q->n->op);
    if (q->n->n_in < op->least || q->n->n_in > op->most)
        return bs_refuse(q, "wrong number of inputs");
    for (int k = 0; k < q->n->n_in; k++)
        if (!bs_asked_input(q, k) || !broadcasts_to(&bs_asked_input(q, k)->shape, &bs_asked_output(q)->shape))
            return bs_refuse(q, "the shape of input %d does not broadcast to the output's", k);
    return true;
}

bool bs_support_where(const bs_support_question *q)
{
    return bs_support_broadcast(q);
}

bool bs_support_pool(const bs_support_question *q)
{
    return bs_support_inputs(q, 0, 0) && check_window(q, true) &&
           (bs_asked_input(q, 0)->shape.dim[0] == bs_asked_output(q)->shape.dim[0] ||
            bs_refuse(q, "channels change"));
}

bool bs_support_reduce(const bs_support_question *q)
{
    if (!bs_support_inputs(q, 0, 0))
        return false;
    const bs_shape *in = &bs_asked_input(q, 0)->shape, *out = &bs_asked_output(q)->shape;
    bool global = q->n->op == BS_OP_GLOBAL_AVERAGE_POOL;
    int64_t kept[BS_MAX_RANK];
    int n = 0;
    bool keep_dims = in->rank == out->rank, fits = true;
    for (int a = 0; a < in->rank; a++) {
        bool reduced = global ? a > 0 : q->n->attr.reduce[a];
        if (keep_dims)
            fits &= out->dim[a] == (reduced ? 1 : in->dim[a]);
        else if (!reduced)
            kept[n++] = in->dim[a];
    }
    if (!keep_dims)
        fits = n == out->rank && !memcmp(kept, out->dim, (size_t)n * sizeof kept[0]);
    return fits || bs_refuse(q, "output shape does not follow from the axes");
}

bool bs_support_softmax(const bs_support_question *q)
{
    int axis = q->n->attr.axis;
    if (!bs_support_unary(q))
        return false;
    return (axis >= 0 && axis < bs_asked_output(q)->shape.rank) || bs_refuse(q, "axis out of range");
}

bool bs_support_lrn(const bs_support_question *q)
{
    if (!bs_support_unary(q))
        return false;
    return (bs_asked_output(q)->shape.rank == 3 && q->n->attr.size >= 1) ||
           bs_refuse(q, "needs (C, H, W) and a size");
}
