/* Sums, logarithms and norms along axes, and triangles. */
#include "import/fold.h"
#include "import/steps.h"

#include <float.h>
#include <string.h>

/* The axes of a reduction: all, if none are named. */
typedef struct reduced {
    int64_t axes[BS_MAX_RANK];
    int n;
    bool keep;
} reduced;

static bs_status read_reduced(bs_raw *r, reduced *out)
{
    bool mask[BS_MAX_RANK], present, any = false;
    int64_t keep, noop;
    int rank = r->in[0]->shape.rank;
    BS_TRY(bs_read_axes(r, 1, rank, mask, &present));
    BS_TRY(bs_attr_int(r, "keepdims", 1, &keep));
    BS_TRY(bs_attr_int(r, "noop_with_empty_axes", 0, &noop));
    *out = (reduced){.keep = keep != 0};
    for (int k = 0; k < rank; k++)
        any |= mask[k];
    for (int k = 0; k < rank; k++)
        if (mask[k] || (!any && !noop))
            out->axes[out->n++] = k;
    return BS_OK;
}

/* The last step: y = a OP b, or OP a, without the axes unless they are kept. */
static bs_status finish(bs_raw *r, const reduced *d, const char *op, bs_value *a, bs_value *b)
{
    bs_value *kept = NULL, *list, **y = d->keep ? &r->out[0] : &kept;
    BS_TRY(b ? bs_step_2(r, y, op, a, b) : bs_step_1(r, y, op, a));
    if (d->keep)
        return BS_OK;
    BS_TRY(bs_step_ints(r, &list, d->axes, d->n));
    return bs_step_2(r, &r->out[0], "Squeeze", kept, list);
}

/* Without axes, a norm is still that of each element. */
bs_status bs_expand_reduced_norm(bs_raw *r, bool *done)
{
    reduced d;
    BS_TRY(read_reduced(r, &d));
    *done = d.n == 0;
    if (d.n > 0)
        return BS_OK;
    if (strcmp(r->op, "ReduceSumSquare") == 0)
        return bs_step_2(r, &r->out[0], "Mul", r->in[0], r->in[0]);
    return bs_step_1(r, &r->out[0], "Abs", r->in[0]);
}

bs_status bs_expand_log_sum(bs_raw *r, bool *done)
{
    bs_value *sum = NULL;
    reduced d;
    (void)done;
    BS_TRY(read_reduced(r, &d));
    if (d.n == 0)
        return bs_step_1(r, &r->out[0], "Log", r->in[0]);
    BS_TRY(bs_step_reduce(r, &sum, "ReduceSum", r->in[0], d.axes, d.n));
    return finish(r, &d, "Log", sum, NULL);
}

/* max + log(sum(exp(x - max))). An infinite maximum is clipped, so that it is not subtracted from itself. */
bs_status bs_expand_log_sum_exp(bs_raw *r, bool *done)
{
    bs_value *max = NULL, *bounded = NULL, *shifted = NULL, *exp = NULL, *sum = NULL, *log = NULL;
    bs_step_attr bounds[] = {bs_attr_of_float("min", -FLT_MAX), bs_attr_of_float("max", FLT_MAX)};
    reduced d;
    (void)done;
    BS_TRY(read_reduced(r, &d));
    if (d.n == 0)
        return bs_step_1(r, &r->out[0], "Identity", r->in[0]);
    BS_TRY(bs_step_reduce(r, &max, "ReduceMax", r->in[0], d.axes, d.n));
    BS_TRY(bs_step(r, &bounded, "Clip", &max, 1, bounds, 2));
    BS_TRY(bs_step_2(r, &shifted, "Sub", r->in[0], bounded));
    BS_TRY(bs_step_1(r, &exp, "Exp", shifted));
    BS_TRY(bs_step_reduce(r, &sum, "ReduceSum", exp, d.axes, d.n));
    BS_TRY(bs_step_1(r, &log, "Log", sum));
    return finish(r, &d, "Add", log, bounded);
}

/* A norm of 0 divides nothing. */
bs_status bs_expand_lp_norm(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *norm = NULL, *zero, *one, *is_zero = NULL, *divisor = NULL;
    int64_t given, p, axis;
    int at;
    (void)done;
    BS_TRY(bs_attr_int(r, "axis", -1, &given));
    BS_TRY(bs_attr_int(r, "p", 2, &p));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &at));
    axis = at;
    if (p != 1 && p != 2)
        return bs_raw_fail(r, "p of %lld is not supported, only 1 and 2", (long long)p);
    BS_TRY(bs_step_reduce(r, &norm, p == 1 ? "ReduceL1" : "ReduceL2", x, &axis, 1));
    BS_TRY(bs_step_scalar(r, &zero, 0));
    BS_TRY(bs_step_scalar(r, &one, 1));
    BS_TRY(bs_step_2(r, &is_zero, "Equal", norm, zero));
    BS_TRY(bs_step(r, &divisor, "Where", (bs_value *[]){is_zero, one, norm}, 3, NULL, 0));
    return bs_step_2(r, &r->out[0], "Div", x, divisor);
}

/* (x - mean) / (deviation + 1e-9), of the population. */
bs_status bs_expand_mvn(bs_raw *r, bool *done)
{
    static const int64_t usual[] = {0, 2, 3};
    bs_value *root = NULL, *tiny, *deviation = NULL;
    bs_step_moments m;
    const int64_t *axes;
    size_t n;
    bool present;
    (void)done;
    BS_TRY(bs_attr_ints(r, "axes", &axes, &n, &present));
    if (n > BS_MAX_RANK)
        return bs_raw_fail(r, "%zu axes", n);
    axes = present ? axes : usual;
    n = present ? n : 3;
    BS_TRY(bs_step_variance(r, r->in[0], axes, (int)n, &m));
    BS_TRY(bs_step_1(r, &root, "Sqrt", m.variance));
    BS_TRY(bs_step_scalar(r, &tiny, 1e-9f));
    BS_TRY(bs_step_2(r, &deviation, "Add", root, tiny));
    return bs_step_2(r, &r->out[0], "Div", m.centred, deviation);
}

/* A choice, since a product would turn infinity beside the triangle into NaN. */
bs_status bs_expand_trilu(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *mask, *zero;
    bool upper;
    int64_t shift;
    (void)done;
    BS_TRY(bs_read_triangle(r, &upper, &shift));
    int64_t rows = x->shape.dim[x->shape.rank - 2], columns = x->shape.dim[x->shape.rank - 1];
    BS_TRY(bs_step_floats(r, &mask, &(bs_shape){2, {rows, columns}}, 0));
    for (int64_t e = 0; e < mask->elements; e++)
        mask->f[e] = bs_in_triangle(upper, shift, e / columns, e % columns);
    BS_TRY(bs_step_scalar(r, &zero, 0));
    return bs_step(r, &r->out[0], "Where", (bs_value *[]){mask, x, zero}, 3, NULL, 0);
}

/* Moves the elements of an axis by k places, backwards if it is negative; zeros come in. */
static bs_status shift(bs_raw *r, bs_value **y, bs_value *x, int axis, int64_t k)
{
    int64_t pads[2 * BS_MAX_RANK] = {0};
    bs_value *list;
    pads[axis] = k;
    pads[x->shape.rank + axis] = -k;
    BS_TRY(bs_step_ints(r, &list, pads, 2 * x->shape.rank));
    return bs_step_2(r, y, "Pad", x, list);
}

/* Adds each element to that 1, 2, 4, ... places on. A product with a triangle of ones would turn infinity
 * into NaN in the whole line, also in sums that do not have it. */
bs_status bs_expand_cumulate(bs_raw *r, bool *done)
{
    bs_value *sum = r->in[0], *moved;
    bool exclusive, reverse;
    int axis, own;
    (void)done;
    BS_TRY(bs_read_cumulate(r, &sum->shape, &axis, &exclusive, &reverse));
    BS_TRY(bs_place_axis(r, sum, axis, "sums along", &own));
    int64_t n = sum->shape.dim[axis], on = reverse ? -1 : 1;
    if (exclusive) {
        moved = n > 1 ? NULL : r->out[0];
        BS_TRY(shift(r, &moved, sum, axis, on));
        sum = moved;
    } else if (n <= 1) {
        return bs_step_1(r, &r->out[0], "Identity", sum);
    }
    for (int64_t k = 1; k < n; k *= 2) {
        bs_value *next = k >= n - k ? r->out[0] : NULL;
        moved = NULL;
        BS_TRY(shift(r, &moved, sum, axis, on * k));
        BS_TRY(bs_step_2(r, &next, "Add", sum, moved));
        sum = next;
    }
    return BS_OK;
}
