/* Operators that keep the order of elements, and Transpose: they move the axis of the images. */
#include "import/import.h"

bs_status bs_lower_reshape(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_read_reshape(r, x, out));
    return bs_place_reshape(r, x, out);
}

bs_status bs_lower_flatten(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int64_t axis;
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_attr_int(r, "axis", 1, &axis));
    axis = axis < 0 ? axis + x->shape.rank : axis;
    if (axis < 0 || axis > x->shape.rank)
        return bs_raw_fail(r, "axis %lld does not exist", (long long)axis);
    /* The output is one row of everything: with one image it would look like one row for each. */
    if (axis == 0 && x->place.axis == 0 && !(r->im->batch_fixed && r->im->batch == 1))
        return bs_raw_mixes(r, "it merges axis 0 with others");
    *out = (bs_shape){2, {1, 1}};
    for (int k = 0; k < x->shape.rank; k++)
        out->dim[k >= axis] *= x->shape.dim[k];
    return bs_place_reshape(r, x, out);
}

bs_status bs_lower_squeeze(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    bool mask[BS_MAX_RANK], present;
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_read_axes(r, 1, x->shape.rank, mask, &present));
    for (int k = 0; k < x->shape.rank; k++) {
        bool images = k == x->place.axis,
             drop = present ? mask[k] : x->shape.dim[k] == 1 && !(images && !r->im->batch_fixed);
        if (drop && x->shape.dim[k] != 1)
            return bs_raw_fail(r, "axis %d has %lld elements and cannot be squeezed", k,
                               (long long)x->shape.dim[k]);
        if (drop && images && !r->im->batch_fixed)
            return bs_raw_mixes(r, "it squeezes the axis of the images");
        if (images)
            r->place.axis = drop ? -1 : out->rank;
        if (!drop)
            out->dim[out->rank++] = x->shape.dim[k];
    }
    return BS_OK;
}

bs_status bs_lower_unsqueeze(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    bool mask[BS_MAX_RANK];
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_read_unsqueeze(r, &x->shape, out, mask));
    for (int k = 0, from = 0; k < out->rank; k++)
        if (!mask[k] && from++ == x->place.axis)
            r->place.axis = k;
    return BS_OK;
}

bs_status bs_lower_transpose(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int perm[BS_MAX_RANK], next = 0;
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_read_perm(r, &x->shape, out, perm));
    bool pure = bs_place_is_pure(r->im, &x->shape, x->place);
    for (int k = 0; k < out->rank; k++) {
        bool images = perm[k] == x->place.axis;
        if (images)
            r->place.axis = k;
        if (!images || !pure)
            n->attr.perm[next++] = perm[k] - (pure && perm[k] > x->place.axis);
    }
    return BS_OK;
}
