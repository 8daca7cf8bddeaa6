/* Parameters that the file computes from others: bounded, summed, standardised. */
#include "model/import.h"
#include "ops.h"

#include <stdlib.h>
#include <string.h>

/* Multiplies rows, of any number of axes, by a matrix; sums in double. */
bs_status bs_fold_matmul(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0], *w = bs_raw_input(r, 1);
    if (!w || x->kind != BS_VALUE_FLOATS || w->kind != BS_VALUE_FLOATS || x->shape.rank < 1 ||
        w->shape.rank != 2 || x->shape.dim[x->shape.rank - 1] != w->shape.dim[0])
        return bs_raw_fail(r, "only rows by a matrix can be multiplied to a constant");
    bs_shape shape = x->shape;
    int64_t depth = w->shape.dim[0], columns = w->shape.dim[1];
    shape.dim[shape.rank - 1] = columns;
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_FLOATS, &shape));
    if (out->elements && depth > BS_FOLD_WORK / out->elements)
        return bs_raw_fail(r, "it is too much arithmetic for a constant");
    for (int64_t e = 0; e < out->elements; e++) {
        double sum = 0.0;
        for (int64_t k = 0; k < depth; k++)
            sum += (double)x->f[e / columns * depth + k] * (double)w->f[k * columns + e % columns];
        out->f[e] = (float)sum;
    }
    return BS_OK;
}

bs_status bs_fold_clip(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    float low, high;
    BS_TRY(bs_attr_float(r, "min", -INFINITY, &low));
    BS_TRY(bs_attr_float(r, "max", INFINITY, &high));
    for (int k = 1; k < 3; k++) {
        const bs_value *bound = bs_raw_input(r, k);
        if (!bound)
            continue;
        if (bound->kind != x->kind || bound->elements != 1)
            return bs_raw_fail(r, "its bounds are not scalars of its input's type");
        *(k == 1 ? &low : &high) = bound->f ? bound->f[0] : (float)bound->i[0];
    }
    BS_TRY(bs_value_alloc(r, out, x->kind, &x->shape));
    for (int64_t e = 0; e < out->elements; e++) {
        if (x->kind == BS_VALUE_FLOATS)
            out->f[e] = bs_clip(x->f[e], low, high);
        else
            out->i[e] = (float)x->i[e] < low ? (int64_t)low : (float)x->i[e] > high ? (int64_t)high : x->i[e];
    }
    return BS_OK;
}

/* Sums along one axis: each element becomes the sum of those up to it. */
bs_status bs_fold_cumulate(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    const int64_t *given;
    size_t n;
    bool present;
    int64_t exclusive, reverse, inner = 1;
    int axis;
    BS_TRY(bs_raw_ints(r, 1, "axis", &given, &n, &present));
    BS_TRY(bs_attr_int(r, "exclusive", 0, &exclusive));
    BS_TRY(bs_attr_int(r, "reverse", 0, &reverse));
    if (n != 1 || exclusive || reverse)
        return bs_raw_fail(r, "only plain sums along one axis are supported");
    BS_TRY(bs_normal_axis(r, given[0], x->shape.rank, &axis));
    BS_TRY(bs_value_alloc(r, out, x->kind, &x->shape));
    for (int k = axis + 1; k < x->shape.rank; k++)
        inner *= x->shape.dim[k];
    for (int64_t e = 0; e < out->elements; e++) {
        bool first = e / inner % x->shape.dim[axis] == 0;
        if (x->kind == BS_VALUE_FLOATS)
            out->f[e] = first ? x->f[e] : x->f[e] + out->f[e - inner];
        else if (first)
            out->i[e] = x->i[e];
        else if (__builtin_add_overflow(x->i[e], out->i[e - inner], &out->i[e]))
            return bs_raw_fail(r, "integer overflow");
    }
    return BS_OK;
}

/* Reduces floats to their mean, sum, or root of the sum of squares, in double. */
bs_status bs_fold_reduce(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bool mask[BS_MAX_RANK], present, any = false;
    int64_t keep;
    bs_nd_iterator w = {.shape = x->shape};
    bs_shape shape = {0}, kept = x->shape;
    BS_TRY(bs_read_axes(r, 1, x->shape.rank, mask, &present));
    BS_TRY(bs_attr_int(r, "keepdims", 1, &keep));
    for (int k = 0; k < x->shape.rank; k++)
        any |= mask[k];
    if (x->kind != BS_VALUE_FLOATS || x->elements == 0 || !any)
        return bs_raw_fail(r, "only floats along named axes can be reduced to a constant");
    for (int k = 0; k < x->shape.rank; k++) {
        kept.dim[k] = mask[k] ? 1 : x->shape.dim[k];
        if (!mask[k] || keep)
            shape.dim[shape.rank++] = kept.dim[k];
    }
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_FLOATS, &shape));
    double *sum = calloc((size_t)out->elements, sizeof *sum);
    if (!sum)
        return bs_oom("constant");
    bool root = strcmp(r->op, "ReduceL2") == 0, mean = strcmp(r->op, "ReduceMean") == 0;
    bs_nd_iterator_broadcast(&w, 0, &kept);
    for (int64_t e = 0; e < x->elements; e++, bs_nd_iterator_next(&w))
        sum[w.at[0]] += root ? (double)x->f[e] * (double)x->f[e] : (double)x->f[e];
    for (int64_t e = 0; e < out->elements; e++)
        out->f[e] = (float)(root   ? sqrt(sum[e])
                            : mean ? sum[e] * (double)out->elements / (double)x->elements
                                   : sum[e]);
    free(sum);
    return BS_OK;
}
