#include "model/import.h"

#include <stdlib.h>
#include <string.h>

static bs_status one_input(bs_raw *r, bs_node *n, bs_value **x)
{
    BS_TRY(bs_raw_activation(r, 0, x));
    BS_TRY(bs_lower_inputs(n, 1));
    n->in[0] = bs_value_index(r, *x);
    return BS_OK;
}

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
    if (axis == 0)
        return bs_raw_mixes(r, "it concatenates along axis 0");
    BS_TRY(bs_lower_inputs(n, r->n_in));
    for (int k = 0; k < r->n_in; k++) {
        bs_value *v = r->in[k];
        int skip = v && v->kind != BS_VALUE_ACTIVATION;
        if (skip) {
            BS_TRY(bs_raw_constant(r, k, "input", &v));
            BS_TRY(bs_lower_drop_batch(r, v, out->rank));
        }
        if (!v || v->shape.rank != out->rank - skip || (skip && !v->batch_dropped))
            return bs_raw_fail(r, "input %d differs from the others in its number of dimensions", k);
        for (int a = 1; a < out->rank; a++)
            if (a != axis && v->shape.dim[a - skip] != out->dim[a])
                return bs_raw_fail(r, "input %d differs from the others in axis %d", k, a);
        total += v->shape.dim[axis - skip];
        n->in[k] = bs_value_index(r, v);
    }
    out->dim[axis] = total;
    n->attr.axis = axis - 1;
    return BS_OK;
}

bs_status bs_lower_slice(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int64_t begin[BS_MAX_RANK], step[BS_MAX_RANK];
    bool whole[BS_MAX_RANK];
    BS_TRY(one_input(r, n, &x));
    BS_TRY(bs_read_slice(r, &x->shape, out, begin, step, whole));
    /* Where the batch is open, only a slice without an end keeps all images. */
    bool keeps = r->im->batch_fixed && begin[0] == 0 && step[0] == 1 && out->dim[0] == x->shape.dim[0];
    if (!whole[0] && !keeps)
        return bs_raw_mixes(r, "it slices axis 0");
    for (int k = 1; k < BS_MAX_RANK; k++) {
        n->attr.begin[k - 1] = begin[k];
        n->attr.step[k - 1] = step[k];
    }
    n->attr.step[BS_MAX_RANK - 1] = 1;
    return BS_OK;
}

/* pads[k], pads[n + k]: before and after axis axes[k]. */
static bs_status read_pads(bs_raw *r, const bs_shape *in, int64_t before[BS_MAX_RANK],
                           int64_t after[BS_MAX_RANK])
{
    const int64_t *pads, *axes;
    size_t n, n_axes;
    bool present, has_axes, seen[BS_MAX_RANK] = {false};
    BS_TRY(bs_raw_ints(r, 1, "pads", &pads, &n, &present));
    BS_TRY(bs_raw_ints(r, 3, "axes", &axes, &n_axes, &has_axes));
    size_t count = has_axes ? n_axes : (size_t)in->rank;
    if (!present || n != 2 * count)
        return bs_raw_fail(r, "%zu pads for %zu axes", n, count);
    memset(before, 0, BS_MAX_RANK * sizeof *before);
    memset(after, 0, BS_MAX_RANK * sizeof *after);
    for (size_t k = 0; k < count; k++) {
        int axis = 0;
        BS_TRY(bs_normal_axis(r, has_axes ? axes[k] : (int64_t)k, in->rank, &axis));
        if (seen[axis])
            return bs_raw_fail(r, "axis %d is listed twice", axis);
        seen[axis] = true;
        before[axis] = pads[k];
        after[axis] = pads[count + k];
        if (llabs(pads[k] + 1) > BS_MAX_GEOMETRY || llabs(pads[count + k] + 1) > BS_MAX_GEOMETRY)
            return bs_raw_fail(r, "a padding of %lld, %lld is not supported", (long long)before[axis],
                               (long long)after[axis]);
    }
    return BS_OK;
}

bs_status bs_lower_pad(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *value = bs_raw_input(r, 2);
    char mode[32];
    int64_t before[BS_MAX_RANK], after[BS_MAX_RANK];
    BS_TRY(one_input(r, n, &x));
    BS_TRY(bs_attr_string(r, "mode", "constant", mode));
    if (strcmp(mode, "constant") != 0) {
        bs_raw_fail(r, "padding mode '%s' is not supported", mode);
        return bs_hint("only constant padding can be replayed; rewrite the layer with zero padding");
    }
    BS_TRY(read_pads(r, &x->shape, before, after));
    if (before[0] || after[0])
        return bs_raw_mixes(r, "it pads axis 0");
    BS_TRY(bs_attr_float(r, "value", 0, &n->attr.value));
    if (value) {
        BS_TRY(bs_raw_constant(r, 2, "padding value", &value));
        if (value->elements != 1)
            return bs_raw_fail(r, "a padding value of %lld elements", (long long)value->elements);
        n->attr.value = value->f[0];
    }
    *out = x->shape;
    for (int k = 1; k < out->rank; k++) {
        n->attr.begin[k - 1] = before[k];
        n->attr.end[k - 1] = after[k];
        /* Cropping from one side may not reach into the other side's padding. */
        if (before[k] + out->dim[k] < 0 || after[k] + out->dim[k] < 0)
            return bs_raw_fail(r, "it crops more than there is");
        out->dim[k] += before[k] + after[k];
    }
    return BS_OK;
}

bs_status bs_lower_reshape(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    BS_TRY(one_input(r, n, &x));
    return bs_read_reshape(r, x, out);
}

bs_status bs_lower_flatten(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int64_t axis, lead = 1;
    BS_TRY(one_input(r, n, &x));
    BS_TRY(bs_attr_int(r, "axis", 1, &axis));
    axis = axis < 0 ? axis + x->shape.rank : axis;
    if (axis < 0 || axis > x->shape.rank)
        return bs_raw_fail(r, "axis %lld does not exist", (long long)axis);
    for (int k = 1; k < axis; k++)
        lead *= x->shape.dim[k];
    if (axis == 0 || lead != 1)
        return bs_raw_mixes(r, "it merges axis 0 with others");
    *out = (bs_shape){2, {x->shape.dim[0], x->elements / x->shape.dim[0]}};
    return BS_OK;
}

bs_status bs_lower_squeeze(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    bool mask[BS_MAX_RANK], present;
    BS_TRY(one_input(r, n, &x));
    BS_TRY(bs_read_axes(r, 1, x->shape.rank, mask, &present));
    if (mask[0])
        return bs_raw_mixes(r, "it squeezes axis 0");
    for (int k = 0; k < x->shape.rank; k++) {
        bool drop = present ? mask[k] : k > 0 && x->shape.dim[k] == 1;
        if (drop && x->shape.dim[k] != 1)
            return bs_raw_fail(r, "axis %d has %lld elements and cannot be squeezed", k,
                               (long long)x->shape.dim[k]);
        if (!drop)
            out->dim[out->rank++] = x->shape.dim[k];
    }
    return BS_OK;
}

bs_status bs_lower_unsqueeze(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    bool mask[BS_MAX_RANK];
    BS_TRY(one_input(r, n, &x));
    BS_TRY(bs_read_unsqueeze(r, &x->shape, out, mask));
    return mask[0] ? bs_raw_mixes(r, "it adds an axis before the batch") : BS_OK;
}

bs_status bs_lower_transpose(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    int perm[BS_MAX_RANK];
    BS_TRY(one_input(r, n, &x));
    BS_TRY(bs_read_perm(r, &x->shape, out, perm));
    if (perm[0] != 0)
        return bs_raw_mixes(r, "it moves axis 0");
    for (int k = 1; k < out->rank; k++)
        n->attr.perm[k - 1] = perm[k] - 1;
    return BS_OK;
}

/* The parts' sizes: input 1, attribute `split`, or equal parts (the last one may be smaller). */
static bs_status split_size(const bs_raw *r, int64_t dim, int part, int64_t *size)
{
    const int64_t *sizes;
    size_t n;
    bool present;
    BS_TRY(bs_raw_ints(r, 1, "split", &sizes, &n, &present));
    if (present && n != (size_t)r->n_out)
        return bs_raw_fail(r, "%zu sizes for %d outputs", n, r->n_out);
    int64_t even = (dim + r->n_out - 1) / r->n_out;
    *size = present ? sizes[part] : dim - part * even < even ? dim - part * even : even;
    return *size < 0 || *size > dim ? bs_raw_fail(r, "a part of %lld elements", (long long)*size) : BS_OK;
}

bs_status bs_lower_split(bs_raw *r)
{
    bs_value *x;
    int64_t given, at = 0, size = 0;
    int axis;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_attr_int(r, "axis", 0, &given));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    if (axis == 0)
        return bs_raw_mixes(r, "it splits axis 0");
    for (int part = 0; part < r->n_out; part++, at += size) {
        BS_TRY(split_size(r, x->shape.dim[axis], part, &size));
        if (at + size > x->shape.dim[axis])
            return bs_raw_fail(r, "its parts are larger than its input");
        if (!r->out[part])
            continue;
        bs_node n = {.op = BS_OP_SLICE, .out = -1};
        bs_shape shape = x->shape;
        shape.dim[axis] = size;
        for (int k = 0; k < BS_MAX_RANK; k++)
            n.attr.step[k] = 1;
        n.attr.begin[axis - 1] = at;
        bs_status st = one_input(r, &n, &x);
        if (st == BS_OK)
            st = bs_lower_emit(r, &n, &shape, part);
        free(n.in);
        BS_TRY(st);
    }
    return at == x->shape.dim[axis] ? BS_OK : bs_raw_fail(r, "its parts are smaller than its input");
}
