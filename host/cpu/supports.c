/* What the CPU backend can run, and that a node's attributes fit the shapes of its tensors: after this, no
 * runner checks anything. */
#include "cpu/cpu.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

typedef struct question {
    const bs_graph *g;
    const bs_node *n;
    char *why;
    size_t len;
} question;

__attribute__((format(printf, 2, 3))) static bool no(const question *q, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (q->why && q->len)
        vsnprintf(q->why, q->len, fmt, ap);
    va_end(ap);
    return false;
}

static const bs_tensor *input(const question *q, int k)
{
    return bs_cpu_has_input(q->n, k) ? &q->g->tensors[q->n->in[k]] : NULL;
}

static const bs_tensor *output(const question *q)
{
    return &q->g->tensors[q->n->out];
}

static bool same_shape(const bs_shape *a, const bs_shape *b)
{
    return a->rank == b->rank && !memcmp(a->dim, b->dim, (size_t)a->rank * sizeof a->dim[0]);
}

static bool sane_tensor(const bs_tensor *t)
{
    int64_t n = 1;
    if (t->shape.rank < 0 || t->shape.rank > BS_MAX_RANK)
        return false;
    for (int a = 0; a < t->shape.rank; a++) {
        if (t->shape.dim[a] < 1 || t->shape.dim[a] > INT32_MAX / n)
            return false;
        n *= t->shape.dim[a];
    }
    return n == t->elements && (!t->constant || t->data);
}

/* One activation in, the given number of constant inputs after it. */
static bool check_inputs(const question *q, int parameters, int optional)
{
    if (!input(q, 0) || input(q, 0)->constant)
        return no(q, "input 0 must be computed by the network");
    for (int k = 1; k <= parameters; k++) {
        const bs_tensor *t = input(q, k);
        if (!t && k > parameters - optional)
            continue;
        if (!t || !t->constant)
            return no(q, "input %d must be a constant of the file", k);
    }
    return true;
}

static bool check_window(const question *q, bool pool)
{
    const bs_window *w = &q->n->attr.window;
    const bs_shape *in = &input(q, 0)->shape, *out = &output(q)->shape;
    if (in->rank != 3 || out->rank != 3)
        return no(q, "only two spatial dimensions are supported");
    for (int i = 0; i < 2; i++) {
        int k = w->kernel[i], s = w->stride[i], d = w->dilation[i], before = w->pad[i], after = w->pad[i + 2];
        if (k < 1 || s < 1 || d < 1 || before < 0 || after < 0 || k > 4096 || s > 4096 || d > 4096 ||
            before > 65536 || after > 65536)
            return no(q, "kernel, stride, dilation or padding out of range");
        int64_t extent = (int64_t)d * (k - 1) + 1, room = in->dim[i + 1] + before + after - extent;
        int64_t n = room < 0 ? 0 : room / s + 1, ceil = room < 0 ? 1 : (room + s - 1) / s + 1;
        if (out->dim[i + 1] != n &&
            !(pool && w->ceil_mode && out->dim[i + 1] <= ceil && out->dim[i + 1] >= n))
            return no(q, "output shape does not follow from kernel, stride and padding");
    }
    return true;
}

static bool check_conv(const question *q)
{
    if (!check_inputs(q, 2, 1) || !check_window(q, false))
        return false;
    const bs_window *w = &q->n->attr.window;
    const bs_tensor *bias = input(q, 2);
    const bs_shape *weights = &input(q, 1)->shape;
    int64_t c = input(q, 0)->shape.dim[0], m = output(q)->shape.dim[0];
    if (w->group < 1 || c % w->group || m % w->group)
        return no(q, "channels are not a multiple of the group count");
    bool fits = weights->rank == 4 && weights->dim[0] == m && weights->dim[1] == c / w->group &&
                weights->dim[2] == w->kernel[0] && weights->dim[3] == w->kernel[1];
    if (!fits || (bias && bias->elements != m))
        return no(q, "weights or bias do not fit the channels");
    return true;
}

static bool check_gemm(const question *q)
{
    bool gemm = q->n->op == BS_OP_GEMM;
    if (!check_inputs(q, gemm ? 2 : 1, gemm ? 1 : 0))
        return false;
    const bs_shape *x = &input(q, 0)->shape, *w = &input(q, 1)->shape, *y = &output(q)->shape;
    if (x->rank < 1 || x->rank > (gemm ? 1 : 2) || y->rank != x->rank || w->rank != 2)
        return no(q, "only (K) %sby a matrix is supported", gemm ? "" : "or (T, K) ");
    bool t = gemm && q->n->attr.trans_b;
    int64_t k = x->dim[x->rank - 1], n = y->dim[y->rank - 1];
    if (w->dim[t ? 1 : 0] != k || w->dim[t ? 0 : 1] != n || (x->rank == 2 && x->dim[0] != y->dim[0]))
        return no(q, "weights do not fit the input");
    const bs_tensor *bias = input(q, 2);
    if (bias && bias->elements != 1 && bias->elements != n)
        return no(q, "bias must have 1 or %lld elements", (long long)n);
    return true;
}

static bool check_batch_norm(const question *q)
{
    if (!check_inputs(q, 4, 0))
        return false;
    const bs_shape *x = &input(q, 0)->shape;
    if (x->rank < 1)
        return no(q, "a scalar has no channels");
    for (int k = 1; k <= 4; k++)
        if (input(q, k)->elements != x->dim[0])
            return no(q, "input %d must have one element a channel", k);
    return same_shape(x, &output(q)->shape) || no(q, "output shape differs from input shape");
}

static bool check_unary(const question *q)
{
    int bounds = q->n->op == BS_OP_CLIP ? 2 : 0;
    if (!check_inputs(q, bounds, bounds))
        return false;
    for (int k = 1; k <= bounds; k++)
        if (input(q, k) && input(q, k)->elements != 1)
            return no(q, "bounds must be scalars");
    return same_shape(&input(q, 0)->shape, &output(q)->shape) ||
           no(q, "output shape differs from input shape");
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

static bool check_broadcast(const question *q)
{
    if (q->n->n_in < 1 || (q->n->op != BS_OP_SUM && q->n->n_in != 2))
        return no(q, "wrong number of inputs");
    for (int k = 0; k < q->n->n_in; k++)
        if (!input(q, k) || !broadcasts_to(&input(q, k)->shape, &output(q)->shape))
            return no(q, "the shape of input %d does not broadcast to the output's", k);
    return true;
}

static bool check_pool(const question *q)
{
    return check_inputs(q, 0, 0) && check_window(q, true) &&
           (input(q, 0)->shape.dim[0] == output(q)->shape.dim[0] || no(q, "channels change"));
}

static bool check_mean(const question *q)
{
    if (!check_inputs(q, 0, 0))
        return false;
    const bs_shape *in = &input(q, 0)->shape, *out = &output(q)->shape;
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
    return fits || no(q, "output shape does not follow from the axes");
}

static bool check_concat(const question *q)
{
    const bs_shape *out = &output(q)->shape;
    int axis = q->n->attr.axis;
    int64_t sum = 0;
    if (q->n->n_in < 1 || axis < 0 || axis >= out->rank)
        return no(q, "axis out of range");
    for (int k = 0; k < q->n->n_in; k++) {
        if (!input(q, k) || input(q, k)->shape.rank != out->rank)
            return no(q, "input %d has another rank", k);
        for (int a = 0; a < out->rank; a++)
            if (a != axis && input(q, k)->shape.dim[a] != out->dim[a])
                return no(q, "input %d does not fit", k);
        sum += input(q, k)->shape.dim[axis];
    }
    return sum == out->dim[axis] || no(q, "output shape is not the sum of the inputs");
}

static bool check_slice(const question *q)
{
    if (!check_inputs(q, 0, 0))
        return false;
    const bs_shape *in = &input(q, 0)->shape, *out = &output(q)->shape;
    if (in->rank != out->rank)
        return no(q, "rank changes");
    for (int a = 0; a < in->rank; a++) {
        int64_t first = q->n->attr.begin[a], step = q->n->attr.step[a];
        if (step == 0 || step > INT32_MAX || step < -INT32_MAX || first < 0 || first >= in->dim[a])
            return no(q, "start or step of axis %d out of range", a);
        int64_t last = first + (out->dim[a] - 1) * step;
        if (last < 0 || last >= in->dim[a])
            return no(q, "axis %d reaches beyond the input", a);
    }
    return true;
}

static bool check_pad(const question *q)
{
    if (!check_inputs(q, 0, 0))
        return false;
    const bs_shape *in = &input(q, 0)->shape, *out = &output(q)->shape;
    if (in->rank != out->rank)
        return no(q, "rank changes");
    for (int a = 0; a < in->rank; a++) {
        int64_t before = q->n->attr.begin[a], after = q->n->attr.end[a];
        if (before > INT32_MAX || before < -INT32_MAX || after > INT32_MAX || after < -INT32_MAX ||
            in->dim[a] + before + after != out->dim[a])
            return no(q, "output shape does not follow from the padding of axis %d", a);
    }
    return true;
}

static bool check_transpose(const question *q)
{
    if (!check_inputs(q, 0, 0))
        return false;
    const bs_shape *in = &input(q, 0)->shape, *out = &output(q)->shape;
    unsigned seen = 0;
    if (in->rank != out->rank)
        return no(q, "rank changes");
    for (int a = 0; a < in->rank; a++) {
        int from = q->n->attr.perm[a];
        if (from < 0 || from >= in->rank || (seen >> from & 1) || in->dim[from] != out->dim[a])
            return no(q, "not a permutation of the axes that gives the output shape");
        seen |= 1u << from;
    }
    return true;
}

static bool check_softmax(const question *q)
{
    int axis = q->n->attr.axis;
    if (!check_unary(q))
        return false;
    return (axis >= 0 && axis < output(q)->shape.rank) || no(q, "axis out of range");
}

static bool check_lrn(const question *q)
{
    if (!check_unary(q))
        return false;
    return (output(q)->shape.rank == 3 && q->n->attr.size >= 1) || no(q, "needs (C, H, W) and a size");
}

static bool check_reshape(const question *q)
{
    return check_inputs(q, 0, 0) &&
           (input(q, 0)->elements == output(q)->elements || no(q, "number of elements changes"));
}

static bool check_op(const question *q)
{
    switch (q->n->op) {
    case BS_OP_CONV:
        return check_conv(q);
    case BS_OP_GEMM:
    case BS_OP_MATMUL:
        return check_gemm(q);
    case BS_OP_BATCH_NORM:
        return check_batch_norm(q);
    case BS_OP_RELU:
    case BS_OP_LEAKY_RELU:
    case BS_OP_CLIP:
    case BS_OP_SIGMOID:
    case BS_OP_TANH:
        return check_unary(q);
    case BS_OP_ADD:
    case BS_OP_SUB:
    case BS_OP_MUL:
    case BS_OP_DIV:
    case BS_OP_SUM:
        return check_broadcast(q);
    case BS_OP_MAX_POOL:
    case BS_OP_AVERAGE_POOL:
        return check_pool(q);
    case BS_OP_GLOBAL_AVERAGE_POOL:
    case BS_OP_REDUCE_MEAN:
        return check_mean(q);
    case BS_OP_CONCAT:
        return check_concat(q);
    case BS_OP_SLICE:
        return check_slice(q);
    case BS_OP_PAD:
        return check_pad(q);
    case BS_OP_RESHAPE:
    case BS_OP_FLATTEN:
    case BS_OP_SQUEEZE:
    case BS_OP_UNSQUEEZE:
    case BS_OP_DROPOUT:
    case BS_OP_IDENTITY:
        return check_reshape(q);
    case BS_OP_TRANSPOSE:
        return check_transpose(q);
    case BS_OP_SOFTMAX:
        return check_softmax(q);
    case BS_OP_LRN:
        return check_lrn(q);
    case BS_OP_COUNT:
        break;
    }
    return no(q, "unknown operator");
}

bool bs_cpu_supports(const bs_graph *g, int node, char *why, size_t len)
{
    question q = {g, &g->nodes[node], why, len};
    if (!sane_tensor(output(&q)))
        return no(&q, "the output has no elements, or too many");
    for (int k = 0; k < q.n->n_in; k++)
        if (input(&q, k) && !sane_tensor(input(&q, k)))
            return no(&q, "input %d has no elements, or too many", k);
    return check_op(&q);
}
