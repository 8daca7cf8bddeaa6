/* Constants of a pattern: masks, ones, and parts of a triangle. */
#include "import/fold.h"

/* The shape is that of the input, which need not be known. */
bs_status bs_fold_eye_like(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    int64_t shift, type;
    bs_number number = x->kind == BS_VALUE_INTS ? BS_NUMBER_WHOLE : x->number;
    BS_TRY(bs_attr_int(r, "k", 0, &shift));
    BS_TRY(bs_attr_int(r, "dtype", 0, &type));
    if (type != 0 && !bs_type_number(type, &number))
        return bs_raw_fail(r, "type %s is not supported", bs_type_name(type));
    if (x->shape.rank != 2)
        return bs_raw_fail(r, "its input has %d dimensions instead of 2", x->shape.rank);
    BS_TRY(bs_value_alloc(r, out, number == BS_NUMBER_REAL ? BS_VALUE_FLOATS : BS_VALUE_INTS, &x->shape));
    out->type = type ? (int)type : x->type;
    int64_t columns = x->shape.dim[1];
    for (int64_t e = 0; e < out->elements; e++) {
        bool one = e % columns - e / columns == shift;
        if (out->kind == BS_VALUE_FLOATS)
            out->f[e] = (float)one;
        else
            out->i[e] = one;
    }
    return BS_OK;
}

bs_status bs_read_triangle(const bs_raw *r, bool *upper, int64_t *shift)
{
    const bs_value *k = bs_raw_input(r, 1);
    int64_t given;
    BS_TRY(bs_attr_int(r, "upper", 1, &given));
    if (r->in[0]->shape.rank < 2)
        return bs_raw_fail(r, "its input has less than 2 dimensions");
    if (k && (k->kind != BS_VALUE_INTS || k->elements != 1))
        return bs_raw_fail(r, "its k is not a constant integer");
    *upper = given != 0;
    *shift = k ? k->i[0] : 0;
    return BS_OK;
}

bool bs_in_triangle(bool upper, int64_t shift, int64_t row, int64_t column)
{
    return upper ? column - row >= shift : column - row <= shift;
}

bs_status bs_fold_trilu(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bool upper;
    int64_t shift;
    BS_TRY(bs_read_triangle(r, &upper, &shift));
    BS_TRY(bs_value_alloc_like(r, out, x, &x->shape));
    int64_t columns = x->shape.dim[x->shape.rank - 1], rows = x->shape.dim[x->shape.rank - 2];
    for (int64_t e = 0; e < out->elements; e++)
        if (bs_in_triangle(upper, shift, e / columns % rows, e % columns))
            bs_value_copy(out, e, x, e, 1);
    return BS_OK;
}

/* A new axis, along which the indexed element has the second value and all others the first. */
bs_status bs_fold_one_hot(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0], *depth = bs_raw_input(r, 1), *values = bs_raw_input(r, 2);
    int64_t given, inner = 1;
    int axis;
    bs_shape shape = {0};
    BS_TRY(bs_attr_int(r, "axis", -1, &given));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank + 1, &axis));
    if (!depth || depth->elements != 1 || depth->kind != BS_VALUE_INTS || !values || values->elements != 2 ||
        x->kind != BS_VALUE_INTS || x->shape.rank == BS_MAX_RANK)
        return bs_raw_fail(r, "only integer indices, one depth and two values are supported");
    for (int k = 0; k <= x->shape.rank; k++)
        shape.dim[shape.rank++] = k == axis ? depth->i[0] : x->shape.dim[k - (k > axis)];
    for (int k = axis; k < x->shape.rank; k++)
        inner *= x->shape.dim[k];
    BS_TRY(bs_value_alloc_like(r, out, values, &shape));
    for (int64_t e = 0; e < out->elements; e++) {
        int64_t n = depth->i[0], i = x->i[e / inner / n * inner + e % inner];
        bs_value_copy(out, e, values, e / inner % n == (i < 0 ? i + n : i), 1);
    }
    return BS_OK;
}
