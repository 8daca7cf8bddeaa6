/* Operators the naive way, in double and in logical order: what a backend's results are held against. */
#ifndef BS_TESTS_NAIVE_OPS_H
#define BS_TESTS_NAIVE_OPS_H

#include "model/graph.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static inline void naive_index(const bs_shape *s, int64_t element, int64_t *index)
{
    for (int a = s->rank - 1; a >= 0; a--) {
        index[a] = element % s->dim[a];
        element /= s->dim[a];
    }
}

static inline int64_t naive_at(const bs_shape *s, const int64_t *index)
{
    int64_t e = 0;
    for (int a = 0; a < s->rank; a++)
        e = e * s->dim[a] + index[a];
    return e;
}

static inline double naive_max(double a, double b)
{
    return isnan(a) || isnan(b) ? (double)NAN : a > b ? a : b;
}

static inline double naive_min(double a, double b)
{
    return -naive_max(-a, -b);
}

/* Value of input k where it is broadcast to the output's index. */
static inline double naive_broadcast(const bs_shape *in, const bs_shape *out, const float *x,
                                     const int64_t *index)
{
    int64_t at[BS_MAX_RANK];
    for (int a = 0; a < in->rank; a++)
        at[a] = in->dim[a] == 1 ? 0 : index[a + out->rank - in->rank];
    return (double)x[naive_at(in, at)];
}

static inline double naive_conv(const bs_node *n, const bs_shape *in, const float *const *x, const int64_t *o,
                                int64_t filters)
{
    const bs_window *w = &n->attr.window;
    int64_t per = in->dim[0] / w->group, first = o[0] / (filters / w->group) * per;
    double sum = x[2] ? (double)x[2][o[0]] : 0.0;
    for (int64_t c = 0; c < per; c++)
        for (int64_t i = 0; i < w->kernel[0]; i++)
            for (int64_t k = 0; k < w->kernel[1]; k++) {
                int64_t at[] = {first + c, o[1] * w->stride[0] - w->pad[0] + i * w->dilation[0],
                                o[2] * w->stride[1] - w->pad[1] + k * w->dilation[1]};
                if (at[1] < 0 || at[1] >= in->dim[1] || at[2] < 0 || at[2] >= in->dim[2])
                    continue;
                double weight = (double)x[1][((o[0] * per + c) * w->kernel[0] + i) * w->kernel[1] + k];
                sum += weight * (double)x[0][naive_at(in, at)];
            }
    return sum;
}

static inline double naive_pool(const bs_node *n, const bs_shape *in, const float *x, const int64_t *o)
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

/* Mean of the inputs that fall on output element e. */
static inline double naive_mean(const bs_node *n, const bs_shape *in, const bs_shape *out, const float *x,
                                int64_t elements, int64_t e)
{
    double sum = 0.0;
    int64_t count = 0;
    for (int64_t k = 0; k < elements; k++) {
        int64_t index[BS_MAX_RANK], to[BS_MAX_RANK];
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
        count++;
    }
    return sum / (double)count;
}

static inline double naive_softmax(const bs_node *n, const bs_shape *s, const float *x, const int64_t *o)
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
    return exp((double)x[naive_at(s, o)] - max) / sum;
}

static inline double naive_lrn(const bs_node *n, const bs_shape *s, const float *x, const int64_t *o)
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

static inline double naive_gemm(const bs_node *n, const bs_shape *x_shape, const bs_shape *w,
                                const float *const *x, int64_t bias_elements, const int64_t *o)
{
    bool gemm = n->op == BS_OP_GEMM, t = gemm && n->attr.trans_b;
    int64_t depth = x_shape->dim[x_shape->rank - 1], column = o[x_shape->rank - 1];
    int64_t row = x_shape->rank == 2 ? o[0] : 0;
    double sum = 0.0;
    for (int64_t k = 0; k < depth; k++)
        sum += (double)x[0][row * depth + k] * (double)x[1][t ? column * depth + k : k * w->dim[1] + column];
    double bias = gemm && bias_elements ? (double)x[2][bias_elements == 1 ? 0 : column] : 0.0;
    return gemm ? (double)n->attr.alpha * sum + (double)n->attr.beta * bias : sum;
}

/* Concat: which input, and where in it. */
static inline double naive_concat(const bs_graph *g, const bs_node *n, const float *const *x, int64_t *o)
{
    for (int k = 0; k < n->n_in; k++) {
        const bs_shape *s = &g->tensors[n->in[k]].shape;
        if (o[n->attr.axis] < s->dim[n->attr.axis])
            return (double)x[k][naive_at(s, o)];
        o[n->attr.axis] -= s->dim[n->attr.axis];
    }
    return (double)NAN;
}

static inline double naive_move(const bs_node *n, const bs_shape *in, const float *x, const int64_t *o)
{
    int64_t at[BS_MAX_RANK];
    for (int a = 0; a < in->rank; a++) {
        if (n->op == BS_OP_SLICE)
            at[a] = n->attr.begin[a] + o[a] * n->attr.step[a];
        else if (n->op == BS_OP_PAD)
            at[a] = o[a] - n->attr.begin[a];
        else
            at[n->attr.perm[a]] = o[a];
    }
    for (int a = 0; a < in->rank; a++)
        if (at[a] < 0 || at[a] >= in->dim[a])
            return (double)n->attr.value;
    return (double)x[naive_at(in, at)];
}

/* Element e of a node's output for one sample; x[k]: input k in logical order, parameters too. */
static inline double naive_element(const bs_graph *g, const bs_node *n, const float *const *x, int64_t e)
{
    const bs_tensor *in = &g->tensors[n->in[0]], *out = &g->tensors[n->out];
    int64_t o[BS_MAX_RANK];
    double v = (double)x[0][in->elements == out->elements ? e : 0], sum;
    naive_index(&out->shape, e, o);
    int64_t c = o[0];
    switch (n->op) {
    case BS_OP_CONV:
        return naive_conv(n, &in->shape, x, o, out->shape.dim[0]);
    case BS_OP_GEMM:
    case BS_OP_MATMUL:
        return naive_gemm(n, &in->shape, &g->tensors[n->in[1]].shape, x,
                          n->n_in > 2 && n->in[2] >= 0 ? g->tensors[n->in[2]].elements : 0, o);
    case BS_OP_BATCH_NORM:
        return (v - (double)x[3][c]) * (double)x[1][c] / sqrt((double)x[4][c] + (double)n->attr.epsilon) +
               (double)x[2][c];
    case BS_OP_RELU:
        return naive_max(v, 0.0);
    case BS_OP_LEAKY_RELU:
        return v < 0.0 ? v * (double)n->attr.alpha : v;
    case BS_OP_CLIP:
        return naive_min(naive_max(v, (double)(n->n_in > 1 ? *x[1] : n->attr.low)),
                         (double)(n->n_in > 2 ? *x[2] : n->attr.high));
    case BS_OP_SIGMOID:
        return 1.0 / (1.0 + exp(-v));
    case BS_OP_TANH:
        return tanh(v);
    case BS_OP_ADD:
    case BS_OP_SUB:
    case BS_OP_MUL:
    case BS_OP_DIV: {
        double a = naive_broadcast(&in->shape, &out->shape, x[0], o);
        double b = naive_broadcast(&g->tensors[n->in[1]].shape, &out->shape, x[1], o);
        return n->op == BS_OP_ADD ? a + b : n->op == BS_OP_SUB ? a - b : n->op == BS_OP_MUL ? a * b : a / b;
    }
    case BS_OP_SUM:
        sum = 0.0;
        for (int k = 0; k < n->n_in; k++)
            sum += naive_broadcast(&g->tensors[n->in[k]].shape, &out->shape, x[k], o);
        return sum;
    case BS_OP_MAX_POOL:
    case BS_OP_AVERAGE_POOL:
        return naive_pool(n, &in->shape, x[0], o);
    case BS_OP_GLOBAL_AVERAGE_POOL:
    case BS_OP_REDUCE_MEAN:
        return naive_mean(n, &in->shape, &out->shape, x[0], in->elements, e);
    case BS_OP_CONCAT:
        return naive_concat(g, n, x, o);
    case BS_OP_SLICE:
    case BS_OP_PAD:
    case BS_OP_TRANSPOSE:
        return naive_move(n, &in->shape, x[0], o);
    case BS_OP_SOFTMAX:
        return naive_softmax(n, &in->shape, x[0], o);
    case BS_OP_LRN:
        return naive_lrn(n, &in->shape, x[0], o);
    default:
        return v; /* Reshape and its like */
    }
}

#endif
