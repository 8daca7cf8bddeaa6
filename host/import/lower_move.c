#include "import/import.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

bs_status bs_lower_concat(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *first = NULL;
    int64_t given, total = 0;
    int axis;
    for (int k = 0; k < r->n_in && !first; k++)
        if (r->in[k] && r->in[k]->kind == BS_VALUE_ACTIVATION)
            first = r->in[k];
    if (!first)
        return bs_raw_fail(r, "all its inputs are constant, and it cannot be folded");
    *out = first->shape;
    if (!bs_attr_find(r, "axis"))
        return bs_raw_fail(r, "its axis is missing");
    BS_TRY(bs_attr_int(r, "axis", 1, &given));
    BS_TRY(bs_normal_axis(r, given, out->rank, &axis));
    BS_TRY(bs_place_axis(r, first, axis, "concatenates along", &n->attr.axis));
    BS_TRY(bs_lower_inputs(n, r->n_in));
    for (int k = 0; k < r->n_in; k++) {
        bs_value *v;
        bs_shape whole;
        BS_TRY(bs_place_align(r, k, &v));
        bs_place_whole(v, &whole);
        if (whole.rank != out->rank)
            return bs_raw_fail(r, "input %d differs from the others in its number of dimensions", k);
        for (int a = 0; a < out->rank; a++)
            if (a != axis && whole.dim[a] != out->dim[a] && !(v->dropped && a == r->place.axis))
                return bs_raw_fail(r, "input %d differs from the others in axis %d", k, a);
        total += whole.dim[axis];
        n->in[k] = bs_value_index(v);
    }
    out->dim[axis] = total;
    return BS_OK;
}

bs_status bs_lower_slice(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int64_t begin[BS_MAX_RANK], step[BS_MAX_RANK];
    bool whole[BS_MAX_RANK];
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_read_slice(r, &x->shape, out, begin, step, whole));
    for (int k = 0; k < BS_MAX_RANK; k++)
        n->attr.step[k] = 1;
    for (int k = 0; k < out->rank; k++) {
        int axis = 0;
        bool keeps = begin[k] == 0 && step[k] == 1 && out->dim[k] == x->shape.dim[k];
        /* If the batch is open, only a slice without an end keeps all images. */
        if (whole[k] || (keeps && (k != x->place.axis || r->im->batch_fixed)))
            continue;
        BS_TRY(bs_place_axis(r, x, k, "slices", &axis));
        n->attr.begin[axis] = begin[k];
        n->attr.step[axis] = step[k];
    }
    return BS_OK;
}

/* Picks elements along one axis by constant indices, whose shape replaces the axis. */
bs_status bs_lower_gather(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *index = bs_raw_input(r, 1);
    int64_t given, dim;
    int axis;
    BS_TRY(bs_lower_one(r, n, &x));
    if (!index || index->kind != BS_VALUE_INTS) {
        bs_raw_fail(r, "its indices are computed from the image");
        return bs_hint("only constant indices are supported");
    }
    BS_TRY(bs_attr_int(r, "axis", 0, &given));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    BS_TRY(bs_place_axis(r, x, axis, "gathers along", &n->attr.axis));
    if (x->shape.rank - 1 + index->shape.rank > BS_MAX_RANK || index->elements > BS_MAX_GEOMETRY)
        return bs_raw_fail(r, "%lld indices of %d dimensions are not supported", (long long)index->elements,
                           index->shape.rank);
    for (int k = 0; k < axis; k++)
        out->dim[out->rank++] = x->shape.dim[k];
    for (int k = 0; k < index->shape.rank; k++)
        out->dim[out->rank++] = index->shape.dim[k];
    for (int k = axis + 1; k < x->shape.rank; k++)
        out->dim[out->rank++] = x->shape.dim[k];
    if (r->place.axis > axis)
        r->place.axis += index->shape.rank - 1;
    BS_TRY(bs_calloc(&n->index, (size_t)index->elements, sizeof *n->index, "indices"));
    n->n_index = (int)index->elements;
    dim = x->shape.dim[axis];
    for (int k = 0; k < n->n_index; k++) {
        int64_t i;
        BS_TRY(bs_normal_index(r, index->i[k], dim, &i));
        n->index[k] = (int32_t)i;
    }
    return BS_OK;
}

bs_status bs_lower_expand(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    const int64_t *dims;
    size_t count;
    bool present;
    bs_shape want = {0};
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_raw_ints(r, 1, "shape", &dims, &count, &present));
    if (count > BS_MAX_RANK)
        return bs_raw_fail(r, "a result of %zu dimensions", count);
    for (size_t k = 0; k < count; k++)
        want.dim[want.rank++] = dims[k];
    *out = x->shape;
    BS_TRY(bs_broadcast(r, out, &want));
    if (r->place.axis < 0)
        return BS_OK;
    r->place.axis += out->rank - x->shape.rank;
    if (out->dim[r->place.axis] != x->shape.dim[x->place.axis])
        return bs_raw_mixes(r, "it repeats the images");
    return BS_OK;
}

bs_status bs_lower_tile(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    const int64_t *repeats;
    size_t count;
    bool present;
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_raw_ints(r, 1, "repeats", &repeats, &count, &present));
    if (count != (size_t)x->shape.rank)
        return bs_raw_fail(r, "%zu repeats for %d dimensions", count, x->shape.rank);
    *out = x->shape;
    for (int k = 0; k < out->rank; k++) {
        int axis = 0;
        if (repeats[k] == 1)
            continue;
        BS_TRY(bs_place_axis(r, x, k, "repeats", &axis));
        if (__builtin_mul_overflow(out->dim[k], repeats[k], &out->dim[k]))
            return bs_raw_fail(r, "%lld repeats", (long long)repeats[k]);
    }
    return BS_OK;
}

bs_status bs_lower_pad(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *value = bs_raw_input(r, 2);
    int64_t before[BS_MAX_RANK], after[BS_MAX_RANK];
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(bs_read_pad(r, &x->shape, out, before, after, &n->attr.pad_mode));
    BS_TRY(bs_attr_float(r, "value", 0, &n->attr.value));
    if (value) {
        BS_TRY(bs_raw_constant(r, 2, "padding value", &value));
        if (value->elements != 1)
            return bs_raw_fail(r, "a padding value of %lld elements", (long long)value->elements);
        n->attr.value = value->f[0];
    }
    for (int k = 0; k < out->rank; k++) {
        int axis = 0;
        if (before[k] == 0 && after[k] == 0)
            continue;
        BS_TRY(bs_place_axis(r, x, k, "pads", &axis));
        n->attr.begin[axis] = before[k];
        n->attr.end[axis] = after[k];
    }
    return BS_OK;
}

bs_status bs_lower_split(bs_raw *r)
{
    bs_value *x;
    int64_t given, at = 0, size = 0;
    int axis, sample;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_int(r, "axis", 0, &given));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    BS_TRY(bs_place_axis(r, x, axis, "splits", &sample));
    for (int part = 0; part < r->n_out; part++, at += size) {
        BS_TRY(bs_read_split(r, x->shape.dim[axis], part, &size));
        if (at + size > x->shape.dim[axis])
            return bs_raw_fail(r, "its parts are larger than its input");
        if (!r->out[part])
            continue;
        bs_node n = {.op = BS_OP_SLICE, .out = -1};
        bs_shape shape = x->shape;
        shape.dim[axis] = size;
        for (int k = 0; k < BS_MAX_RANK; k++)
            n.attr.step[k] = 1;
        n.attr.begin[sample] = at;
        bs_status st = bs_lower_one(r, &n, &x);
        if (st == BS_OK)
            st = bs_lower_emit(r, &n, &shape, part);
        free(n.in);
        BS_TRY(st);
    }
    return at == x->shape.dim[axis] ? BS_OK : bs_raw_fail(r, "its parts are smaller than its input");
}
