/* The reference of every operator: computed the naive way, in double and in logical order, for a backend's
 * results to be compared with. No operator has one by default, see naive_scalar.h; and as its functions are
 * not inline, one that nothing uses does not compile. */
#ifndef BS_TESTS_NAIVE_OPS_H
#define BS_TESTS_NAIVE_OPS_H

#include "model/graph.h"
#include "support/naive_conv.h"
#include "support/naive_index.h"
#include "support/naive_resize.h"
#include "support/naive_scalar.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Over the axes from `axis` on, or all but the first. */
static double naive_norm(const bs_node *n, const bs_tensor *in, const float *const *x, int64_t e)
{
    bool layer = n->op == BS_OP_LAYER_NORM;
    int64_t line = in->elements, first;
    for (int a = 0; a < (layer ? n->attr.axis : 1); a++)
        line /= in->shape.dim[a];
    first = e / line * line;
    double mean = 0, variance = 0;
    for (int64_t k = 0; k < line; k++)
        mean += (double)x[0][first + k] / (double)line;
    for (int64_t k = 0; k < line; k++)
        variance += pow((double)x[0][first + k] - mean, 2) / (double)line;
    int64_t p = layer ? e - first : e / line;
    double y = ((double)x[0][e] - mean) / sqrt(variance + (double)n->attr.epsilon) * (double)x[1][p];
    return y + (n->n_in > 2 ? (double)x[2][p] : 0.0);
}

/* Both operands with matrices in their last two axes. */
static double naive_matmul(const bs_shape *sa, const bs_shape *sb, const bs_shape *out, const float *const *x,
                           const int64_t *o)
{
    const bs_shape *s[] = {sa, sb};
    int64_t at[2][BS_MAX_RANK];
    double sum = 0;
    for (int64_t k = 0; k < sa->dim[sa->rank - 1]; k++) {
        for (int i = 0; i < 2; i++) {
            for (int d = 3; d <= s[i]->rank; d++)
                at[i][s[i]->rank - d] = s[i]->dim[s[i]->rank - d] == 1 ? 0 : o[out->rank - d];
            at[i][s[i]->rank - 2] = i ? k : o[out->rank - 2];
            at[i][s[i]->rank - 1] = i ? o[out->rank - 1] : k;
        }
        sum += (double)x[0][naive_at(sa, at[0])] * (double)x[1][naive_at(sb, at[1])];
    }
    return sum;
}

/* Gather in (before, axis, after). */
static double naive_gather(const bs_node *n, const bs_tensor *in, const float *x, int64_t e)
{
    int64_t after = 1, dim = in->shape.dim[n->attr.axis];
    for (int a = n->attr.axis + 1; a < in->shape.rank; a++)
        after *= in->shape.dim[a];
    int64_t before = e / after / n->n_index, k = e / after % n->n_index;
    return (double)x[(before * dim + n->index[k]) * after + e % after];
}

static double naive_pool(const bs_node *n, const bs_shape *in, const float *x, const int64_t *o)
{
    const bs_window *w = &n->attr.window;
    bool average = n->op == BS_OP_AVERAGE_POOL;
    double sum = 0.0, max = -HUGE_VAL;
    int inside = 0, padded = 0;
    for (int64_t i = 0; i < w->kernel[0]; i++)
        for (int64_t k = 0; k < w->kernel[1]; k++) {
            int64_t at[] = {o[0], o[1] * w->stride[0] - w->pad[0] + i * w->dilation[0],
                            o[2] * w->stride[1] - w->pad[1] + k * w->dilation[1]};
            padded += at[1] < in->dim[1] + w->pad[2] && at[2] < in->dim[2] + w->pad[3];
            if (at[1] < 0 || at[1] >= in->dim[1] || at[2] < 0 || at[2] >= in->dim[2])
                continue;
            inside++;
            sum += (double)x[naive_at(in, at)];
            max = naive_max(max, (double)x[naive_at(in, at)]);
        }
    return average ? sum / (w->count_include_pad ? padded : inside) : max;
}

/* Reduction of the inputs that fall on output element e. */
static double naive_reduce(const bs_node *n, const bs_shape *in, const bs_shape *out, const float *x,
                           int64_t elements, int64_t e)
{
    double sum = 0.0, l1 = 0.0, squares = 0.0, product = 1.0, max = -HUGE_VAL, min = HUGE_VAL;
    int64_t count = 0;
    for (int64_t k = 0; k < elements; k++) {
        int64_t index[BS_MAX_RANK], to[BS_MAX_RANK] = {0};
        int rank = 0;
        naive_index(in, k, index);
        for (int a = 0; a < in->rank; a++) {
            bool reduced = n->op == BS_OP_GLOBAL_AVERAGE_POOL ? a > 0 : n->attr.reduce[a];
            if (!reduced)
                to[rank++] = index[a];
            else if (in->rank == out->rank)
                to[rank++] = 0;
        }
        if (naive_at(out, to) != e)
            continue;
        sum += (double)x[k];
        l1 += fabs((double)x[k]);
        product *= (double)x[k];
        squares += (double)x[k] * (double)x[k];
        max = naive_max(max, (double)x[k]);
        min = naive_min(min, (double)x[k]);
        count++;
    }
    switch ((naive_reduce_op)n->op) {
    case NAIVE_REDUCE_SUM:
        return sum;
    case NAIVE_REDUCE_PROD:
        return product;
    case NAIVE_REDUCE_MAX:
        return max;
    case NAIVE_REDUCE_MIN:
        return min;
    case NAIVE_REDUCE_L1:
        return l1;
    case NAIVE_REDUCE_L2:
        return sqrt(squares);
    case NAIVE_REDUCE_SUM_SQUARE:
        return squares;
    case NAIVE_REDUCE_MEAN:
    case NAIVE_GLOBAL_AVERAGE_POOL:
        return sum / (double)count;
    }
    naive_missing(n->op);
}

static double naive_softmax(const bs_node *n, const bs_shape *s, const float *x, const int64_t *o)
{
    int64_t at[BS_MAX_RANK];
    double max = -HUGE_VAL, sum = 0.0;
    memcpy(at, o, sizeof at);
    for (int pass = 0; pass < 2; pass++)
        for (int64_t k = 0; k < s->dim[n->attr.axis]; k++) {
            at[n->attr.axis] = k;
            double v = (double)x[naive_at(s, at)];
            max = pass ? max : naive_max(max, v);
            sum += pass ? exp(v - max) : 0.0;
        }
    double v = (double)x[naive_at(s, o)] - max;
    return n->op == BS_OP_LOG_SOFTMAX ? v - log(sum) : exp(v) / sum;
}

static double naive_lrn(const bs_node *n, const bs_shape *s, const float *x, const int64_t *o)
{
    const bs_attr *a = &n->attr;
    double sum = 0.0;
    for (int64_t c = o[0] - (a->size - 1) / 2; c <= o[0] + a->size / 2; c++) {
        int64_t at[] = {c, o[1], o[2]};
        if (c >= 0 && c < s->dim[0])
            sum += (double)x[naive_at(s, at)] * (double)x[naive_at(s, at)];
    }
    double base = (double)a->epsilon + (double)a->alpha / a->size * sum;
    return (double)x[naive_at(s, o)] / pow(base, (double)a->beta);
}

static double naive_gemm(const bs_node *n, const bs_shape *x_shape, const bs_shape *w, const float *const *x,
                         int64_t bias_elements, const int64_t *o)
{
    bool gemm = n->op == BS_OP_GEMM, t = gemm && n->attr.trans_b;
    int64_t depth = x_shape->dim[x_shape->rank - 1], column = o[x_shape->rank - 1];
    int64_t row = 0;
    for (int a = 0; a < x_shape->rank - 1; a++)
        row = row * x_shape->dim[a] + o[a];
    double sum = 0.0;
    for (int64_t k = 0; k < depth; k++)
        sum += (double)x[0][row * depth + k] * (double)x[1][t ? column * depth + k : k * w->dim[1] + column];
    double bias = gemm && bias_elements ? (double)x[2][bias_elements == 1 ? 0 : column] : 0.0;
    return gemm ? (double)n->attr.alpha * sum + (double)n->attr.beta * bias : sum;
}

/* Concat: which input, and where in it. */
static double naive_concat(const bs_graph *g, const bs_node *n, const float *const *x, int64_t *o)
{
    for (int k = 0; k < n->n_in; k++) {
        const bs_shape *s = &g->tensors[n->in[k]].shape;
        if (o[n->attr.axis] < s->dim[n->attr.axis])
            return (double)x[k][naive_at(s, o)];
        o[n->attr.axis] -= s->dim[n->attr.axis];
    }
    return (double)NAN;
}

/* The index that Pad reads along an axis of elements 0..last; outside of them: attr.value. */
static int64_t naive_pad(const bs_node *n, int64_t at, int64_t last)
{
    switch ((enum bs_pad_mode)n->attr.pad_mode) {
    case BS_PAD_CONSTANT:
        return at;
    case BS_PAD_EDGE:
        return at < 0 ? 0 : at > last ? last : at;
    case BS_PAD_REFLECT: /* one turn at a time, where the input ends */
        while (at < 0 || at > last)
            at = last == 0 ? 0 : at < 0 ? -at : 2 * last - at;
        return at;
    case BS_PAD_MODE_COUNT:
        break;
    }
    naive_missing(n->op);
}

static double naive_move(const bs_node *n, const bs_shape *in, const float *x, const int64_t *o)
{
    int64_t at[BS_MAX_RANK];
    for (int a = 0; a < in->rank; a++) {
        if (n->op == BS_OP_SLICE)
            at[a] = n->attr.begin[a] + o[a] * n->attr.step[a];
        else if (n->op == BS_OP_PAD)
            at[a] = naive_pad(n, o[a] - n->attr.begin[a], in->dim[a] - 1);
        else
            at[n->attr.perm[a]] = o[a];
    }
    for (int a = 0; a < in->rank; a++)
        if (at[a] < 0 || at[a] >= in->dim[a])
            return (double)n->attr.value;
    return (double)x[naive_at(in, at)];
}

/* Element e of a node's output for one sample; x[k]: input k in logical order, parameters too. */
static double naive_element(const bs_graph *g, const bs_node *n, const float *const *x, int64_t e)
{
    const bs_tensor *in = &g->tensors[n->in[0]], *out = &g->tensors[n->out];
    int64_t o[BS_MAX_RANK];
    double v = (double)x[0][in->elements == out->elements ? e : 0], sum;
    naive_index(&out->shape, e, o);
    int64_t c = o[n->op == BS_OP_BATCH_NORM ? n->attr.axis : 0];
    switch (n->op) {
    case BS_OP_CONV:
        return naive_conv(n, &in->shape, x, o, out->shape.dim[0]);
    case BS_OP_MATMUL:
        if (in->constant || !g->tensors[n->in[1]].constant || g->tensors[n->in[1]].shape.rank != 2)
            return naive_matmul(&in->shape, &g->tensors[n->in[1]].shape, &out->shape, x, o);
        /* fall through */
    case BS_OP_GEMM:
        return naive_gemm(n, &in->shape, &g->tensors[n->in[1]].shape, x,
                          n->n_in > 2 && n->in[2] >= 0 ? g->tensors[n->in[2]].elements : 0, o);
    case BS_OP_LAYER_NORM:
    case BS_OP_INSTANCE_NORM:
        return naive_norm(n, in, x, e);
    case BS_OP_BATCH_NORM:
        return (v - (double)x[3][c]) * (double)x[1][c] / sqrt((double)x[4][c] + (double)n->attr.epsilon) +
               (double)x[2][c];
#define X(suffix, ...) case BS_OP_##suffix:
        BS_UNARY_OPS(X)
        return naive_unary(n->op, v, (double)n->attr.alpha, (double)n->attr.beta);
        BS_BINARY_OPS(X)
        BS_VARIADIC_OPS(X)
        sum = naive_broadcast(&in->shape, &out->shape, x[0], o);
        for (int k = 1; k < n->n_in; k++)
            sum =
                naive_binary(n->op, sum, naive_broadcast(&g->tensors[n->in[k]].shape, &out->shape, x[k], o));
        return sum;
        BS_REDUCE_OPS(X)
        return naive_reduce(n, &in->shape, &out->shape, x[0], in->elements, e);
#undef X
    case BS_OP_WHERE: {
        int k = naive_broadcast(&in->shape, &out->shape, x[0], o) != 0 ? 1 : 2;
        return naive_broadcast(&g->tensors[n->in[k]].shape, &out->shape, x[k], o);
    }
    case BS_OP_EXPAND:
        return naive_broadcast(&in->shape, &out->shape, x[0], o);
    case BS_OP_TILE:
        for (int a = 0; a < in->shape.rank; a++)
            o[a] %= in->shape.dim[a];
        return (double)x[0][naive_at(&in->shape, o)];
    case BS_OP_GATHER:
        return naive_gather(n, in, x[0], e);
    case BS_OP_RESIZE:
        return naive_resize(n, &in->shape, &out->shape, x[0], o);
    case BS_OP_CLIP:
        return naive_min(naive_max(v, (double)(n->n_in > 1 ? *x[1] : n->attr.low)),
                         (double)(n->n_in > 2 ? *x[2] : n->attr.high));
    case BS_OP_MAX_POOL:
    case BS_OP_AVERAGE_POOL:
        return naive_pool(n, &in->shape, x[0], o);
    case BS_OP_CONCAT:
        return naive_concat(g, n, x, o);
    case BS_OP_SLICE:
    case BS_OP_PAD:
    case BS_OP_TRANSPOSE:
        return naive_move(n, &in->shape, x[0], o);
    case BS_OP_SOFTMAX:
    case BS_OP_LOG_SOFTMAX:
        return naive_softmax(n, &in->shape, x[0], o);
    case BS_OP_RESHAPE:
    case BS_OP_FLATTEN:
    case BS_OP_SQUEEZE:
    case BS_OP_UNSQUEEZE:
    case BS_OP_DROPOUT:
    case BS_OP_IDENTITY:
        return v;
    case BS_OP_LRN:
        return naive_lrn(n, &in->shape, x[0], o);
    case BS_OP_COUNT:
        break;
    }
    naive_missing(n->op);
}

#endif
