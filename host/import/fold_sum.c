/* Parameters that the file computes from others: bounded, summed, standardised. */
#include "import/fold.h"
#include "ops.h"

#include <math.h>

/* Multiplies rows, of any number of axes, by a matrix; sums in double. */
bs_status bs_fold_matmul(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0], *w = bs_raw_input(r, 1);
    if (!w || x->kind != BS_VALUE_FLOATS || w->kind != BS_VALUE_FLOATS || x->shape.rank < 1 ||
        w->shape.rank != 2 || x->shape.dim[x->shape.rank - 1] != w->shape.dim[0])
        return bs_fold_by_running(r);
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

/* The upper bound is stronger. Only floats may have bounds in attributes. */
bs_status bs_fold_clip(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    float low, high;
    int64_t least = INT64_MIN, most = INT64_MAX;
    BS_TRY(bs_attr_float(r, "min", -INFINITY, &low));
    BS_TRY(bs_attr_float(r, "max", INFINITY, &high));
    for (int k = 1; k < 3; k++) {
        const bs_value *bound = bs_raw_input(r, k);
        if (!bound)
            continue;
        if (bound->kind != x->kind || bound->elements != 1)
            return bs_raw_fail(r, "its bounds are not scalars of its input's type");
        if (x->kind == BS_VALUE_FLOATS)
            *(k == 1 ? &low : &high) = bound->f[0];
        else
            *(k == 1 ? &least : &most) = bound->i[0];
    }
    BS_TRY(bs_value_alloc_like(r, out, x, &x->shape));
    for (int64_t e = 0; e < out->elements; e++) {
        if (x->kind == BS_VALUE_FLOATS) {
            out->f[e] = bs_clip(x->f[e], low, high);
        } else {
            int64_t i = x->i[e] < least ? least : x->i[e];
            out->i[e] = i > most ? most : i;
        }
    }
    return BS_OK;
}

bs_status bs_read_cumulate(const bs_raw *r, const bs_shape *x, int *axis, bool *exclusive, bool *reverse)
{
    const int64_t *given;
    size_t n;
    bool present;
    int64_t without, backwards;
    BS_TRY(bs_raw_ints(r, 1, "axis", &given, &n, &present));
    BS_TRY(bs_attr_int(r, "exclusive", 0, &without));
    BS_TRY(bs_attr_int(r, "reverse", 0, &backwards));
    *exclusive = without != 0;
    *reverse = backwards != 0;
    return n == 1 ? bs_normal_axis(r, given[0], x->rank, axis) : bs_raw_fail(r, "%zu axes", n);
}

/* Sums along one axis: each element becomes the sum of those up to it, or of those before it. */
bs_status bs_fold_cumulate(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bool exclusive, reverse;
    int64_t inner = 1;
    int axis;
    BS_TRY(bs_read_cumulate(r, &x->shape, &axis, &exclusive, &reverse));
    BS_TRY(bs_value_alloc_like(r, out, x, &x->shape));
    for (int k = axis + 1; k < x->shape.rank; k++)
        inner *= x->shape.dim[k];
    int64_t n = x->shape.dim[axis], back = reverse ? -inner : inner;
    for (int64_t k = 0; k < out->elements; k++) {
        int64_t e = reverse ? out->elements - 1 - k : k, add = exclusive ? e - back : e;
        bool first = e / inner % n == (reverse ? n - 1 : 0), nothing = first && exclusive;
        if (x->kind == BS_VALUE_FLOATS)
            out->f[e] = (nothing ? 0 : x->f[add]) + (first ? 0 : out->f[e - back]);
        else if (__builtin_add_overflow(nothing ? 0 : x->i[add], first ? 0 : out->i[e - back], &out->i[e]))
            return bs_raw_fail(r, "integer overflow");
    }
    return BS_OK;
}
