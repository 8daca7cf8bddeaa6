/* Reductions of constants: floats in double, integers without a wrap-around. */
#include "import/fold.h"
#include "ops.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* X(enum suffix, ONNX operator, start) */
#define REDUCTIONS(X)                                                                                        \
    X(SUM, "ReduceSum", 0)                                                                                   \
    X(MEAN, "ReduceMean", 0)                                                                                 \
    X(PROD, "ReduceProd", 1)                                                                                 \
    X(MAX, "ReduceMax", -INFINITY)                                                                           \
    X(MIN, "ReduceMin", INFINITY)                                                                            \
    X(L1, "ReduceL1", 0)                                                                                     \
    X(L2, "ReduceL2", 0)                                                                                     \
    X(SQUARES, "ReduceSumSquare", 0)

typedef enum reduction {
#define X(suffix, name, start) REDUCE_##suffix,
    REDUCTIONS(X)
#undef X
} reduction;

static bs_status find(const bs_raw *r, reduction *out, double *start)
{
#define X(suffix, name, first)                                                                               \
    if (strcmp(r->op, name) == 0) {                                                                          \
        *out = REDUCE_##suffix;                                                                              \
        *start = first;                                                                                      \
        return BS_OK;                                                                                        \
    }
    REDUCTIONS(X)
#undef X
    return bs_raw_fail(r, "it is not a reduction");
}

static double add_float(reduction op, double s, double x)
{
    switch (op) {
    case REDUCE_PROD:
        return s * x;
    case REDUCE_MAX:
        return x > s || x != x ? x : s;
    case REDUCE_MIN:
        return x < s || x != x ? x : s;
    case REDUCE_L1:
        return s + fabs(x);
    case REDUCE_L2:
    case REDUCE_SQUARES:
        return s + x * x;
    case REDUCE_SUM:
    case REDUCE_MEAN:
        break;
    }
    return s + x;
}

/* Returns false if the result does not fit. */
static bool add_int(reduction op, bool first, int64_t x, int64_t *s)
{
    if ((op == REDUCE_L1 && x == INT64_MIN) || (op == REDUCE_SQUARES && __builtin_mul_overflow(x, x, &x)))
        return false;
    if (op == REDUCE_L1 && x < 0)
        x = -x;
    if (first)
        *s = x;
    else if (op == REDUCE_PROD)
        return !__builtin_mul_overflow(*s, x, s);
    else if (op == REDUCE_MAX || op == REDUCE_MIN)
        *s = (op == REDUCE_MAX) == (x > *s) ? x : *s;
    else
        return !__builtin_add_overflow(*s, x, s);
    return true;
}

static bs_status reduce_floats(reduction op, double start, bs_nd_iterator *w, const bs_value *x,
                               bs_value *out)
{
    double *sum = malloc((size_t)(out->elements ? out->elements : 1) * sizeof *sum);
    if (!sum)
        return bs_oom("constant");
    for (int64_t e = 0; e < out->elements; e++)
        sum[e] = start;
    for (int64_t e = 0; e < x->elements; e++, bs_nd_iterator_next(w))
        sum[w->at[0]] = add_float(op, sum[w->at[0]], (double)x->f[e]);
    for (int64_t e = 0; e < out->elements; e++) {
        double v = op == REDUCE_L2     ? sqrt(sum[e])
                   : op == REDUCE_MEAN ? sum[e] * (double)out->elements / (double)x->elements
                                       : sum[e];
        out->f[e] = bs_quiet((float)v);
    }
    free(sum);
    return BS_OK;
}

static bs_status reduce_ints(bs_raw *r, reduction op, bs_nd_iterator *w, const bs_value *x, bs_value *out)
{
    int64_t each = out->elements ? x->elements / out->elements : 0;
    if (op == REDUCE_L2 || (each == 0 && (op == REDUCE_MAX || op == REDUCE_MIN || op == REDUCE_MEAN)))
        return bs_raw_fail(r, "it is not supported on constants of this type");
    for (int64_t e = 0; each == 0 && e < out->elements; e++)
        out->i[e] = op == REDUCE_PROD;
    for (int64_t e = 0; e < x->elements; e++, bs_nd_iterator_next(w)) {
        bool first = true;
        for (int k = 0; k < w->shape.rank; k++)
            first &= w->stride[0][k] != 0 || w->pos[k] == 0;
        if (!add_int(op, first, x->i[e], &out->i[w->at[0]]))
            return bs_raw_fail(r, "integer overflow");
    }
    for (int64_t e = 0; e < out->elements; e++) {
        out->i[e] /= op == REDUCE_MEAN ? each : 1;
        if (!bs_type_holds(out->type, out->i[e]))
            return bs_raw_fail(r, "integer overflow");
    }
    return BS_OK;
}

bs_status bs_fold_reduce(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bool mask[BS_MAX_RANK], present, any = false;
    int64_t keep, noop;
    bs_nd_iterator w = {.shape = x->shape};
    bs_shape shape = {0}, kept = x->shape;
    reduction op = REDUCE_SUM;
    double start = 0;
    BS_TRY(find(r, &op, &start));
    BS_TRY(bs_read_axes(r, 1, x->shape.rank, mask, &present));
    BS_TRY(bs_attr_int(r, "keepdims", 1, &keep));
    BS_TRY(bs_attr_int(r, "noop_with_empty_axes", 0, &noop));
    for (int k = 0; k < x->shape.rank; k++)
        any |= mask[k];
    for (int k = 0; k < x->shape.rank; k++) {
        bool reduced = mask[k] || (!any && !noop);
        kept.dim[k] = reduced ? 1 : x->shape.dim[k];
        if (!reduced || keep)
            shape.dim[shape.rank++] = kept.dim[k];
    }
    BS_TRY(bs_value_alloc_like(r, out, x, &shape));
    bs_nd_iterator_broadcast(&w, 0, &kept);
    return x->kind == BS_VALUE_FLOATS ? reduce_floats(op, start, &w, x, out) : reduce_ints(r, op, &w, x, out);
}
