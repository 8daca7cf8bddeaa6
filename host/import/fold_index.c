/* Constants that are picked out of others, or put into them, by indices. */
#include "import/fold.h"

#include <string.h>

static bs_status read_indices(const bs_raw *r, int input, const bs_value **out)
{
    *out = bs_raw_input(r, input);
    if (!*out || (*out)->kind != BS_VALUE_INTS)
        return bs_raw_fail(r, "its indices are not integers");
    return BS_OK;
}

/* Returns the elements of axes first to end - 1. */
static int64_t product(const bs_shape *s, int first, int end)
{
    int64_t n = 1;
    for (int k = first; k < end; k++)
        n *= s->dim[k];
    return n;
}

bs_status bs_read_gather_nd(const bs_raw *r, const bs_shape *x, bs_shape *out, int *lead, int *depth)
{
    const bs_value *index;
    int64_t batch;
    BS_TRY(read_indices(r, 1, &index));
    BS_TRY(bs_attr_int(r, "batch_dims", 0, &batch));
    int rank = index->shape.rank;
    if (rank < 1 || batch < 0 || batch >= rank || index->shape.dim[rank - 1] < 1 ||
        index->shape.dim[rank - 1] > x->rank - batch)
        return bs_raw_fail(r, "its indices do not fit its input");
    *lead = (int)batch;
    *depth = (int)index->shape.dim[rank - 1];
    if (rank - 1 + x->rank - *lead - *depth > BS_MAX_RANK)
        return bs_raw_fail(r, "a result of more than %d dimensions", BS_MAX_RANK);
    *out = index->shape;
    out->rank--;
    for (int k = 0; k < *lead; k++)
        if (x->dim[k] != index->shape.dim[k])
            return bs_raw_fail(r, "its indices do not fit its input");
    for (int k = *lead + *depth; k < x->rank; k++)
        out->dim[out->rank++] = x->dim[k];
    return BS_OK;
}

bs_status bs_read_gather_nd_entry(const bs_raw *r, const bs_shape *x, int lead, int depth, int64_t entry,
                                  int64_t *at)
{
    const bs_value *index = r->in[1];
    *at = 0;
    for (int d = 0; d < depth; d++) {
        int64_t i;
        BS_TRY(bs_normal_index(r, index->i[entry * depth + d], x->dim[lead + d], &i));
        *at = *at * x->dim[lead + d] + i;
    }
    return BS_OK;
}

bs_status bs_fold_gather_nd(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bs_shape shape;
    int lead, depth;
    BS_TRY(bs_read_gather_nd(r, &x->shape, &shape, &lead, &depth));
    BS_TRY(bs_value_alloc_like(r, out, x, &shape));
    if (out->elements == 0)
        return BS_OK;
    int64_t block = product(&x->shape, lead + depth, x->shape.rank);
    int64_t entries = r->in[1]->elements / depth, each = entries / product(&x->shape, 0, lead);
    int64_t inside = product(&x->shape, lead, lead + depth);
    for (int64_t k = 0; k < entries; k++) {
        int64_t at;
        BS_TRY(bs_read_gather_nd_entry(r, &x->shape, lead, depth, k, &at));
        bs_value_copy(out, k * block, x, (k / each * inside + at) * block, block);
    }
    return BS_OK;
}

bs_status bs_read_element_along(const bs_raw *r, const bs_shape *x, int axis, const bs_value *index,
                                const bs_nd_iterator *w, int64_t e, int64_t *at)
{
    int64_t i;
    *at = 0;
    BS_TRY(bs_normal_index(r, index->i[e], x->dim[axis], &i));
    for (int k = 0; k < x->rank; k++)
        *at = *at * x->dim[k] + (k == axis ? i : w->pos[k]);
    return BS_OK;
}

bs_status bs_read_along_axis(const bs_raw *r, const bs_shape *x, const bs_value **index, int *axis)
{
    int64_t given;
    BS_TRY(read_indices(r, 1, index));
    BS_TRY(bs_attr_int(r, "axis", 0, &given));
    BS_TRY(bs_normal_axis(r, given, x->rank, axis));
    if ((*index)->shape.rank != x->rank)
        return bs_raw_fail(r, "indices of %d dimensions for %d", (*index)->shape.rank, x->rank);
    for (int k = 0; k < x->rank; k++)
        if (k != *axis && (*index)->shape.dim[k] > x->dim[k])
            return bs_raw_fail(r, "its indices are larger than its input in axis %d", k);
    return BS_OK;
}

bs_status bs_fold_gather_elements(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0], *index;
    int axis;
    BS_TRY(bs_read_along_axis(r, &x->shape, &index, &axis));
    BS_TRY(bs_value_alloc_like(r, out, x, &index->shape));
    bs_nd_iterator w = {.shape = index->shape};
    for (int64_t e = 0; e < out->elements; e++, bs_nd_iterator_next(&w)) {
        int64_t at;
        BS_TRY(bs_read_element_along(r, &x->shape, axis, index, &w, e, &at));
        bs_value_copy(out, e, x, at, 1);
    }
    return BS_OK;
}

bs_status bs_fold_scatter_elements(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0], *index, *update = bs_raw_input(r, 2);
    char reduction[32];
    int axis;
    BS_TRY(bs_attr_string(r, "reduction", "none", reduction));
    BS_TRY(bs_read_along_axis(r, &x->shape, &index, &axis));
    if (strcmp(reduction, "none") != 0)
        return bs_raw_fail(r, "only plain replacement is supported, not reduction '%s'", reduction);
    if (!update || update->kind != x->kind || update->elements != index->elements)
        return bs_raw_fail(r, "its indices and updates differ in shape, or its data in type");
    BS_TRY(bs_value_alloc_like(r, out, x, &x->shape));
    bs_value_copy(out, 0, x, 0, x->elements);
    bs_nd_iterator w = {.shape = index->shape};
    for (int64_t e = 0; e < index->elements; e++, bs_nd_iterator_next(&w)) {
        int64_t at;
        BS_TRY(bs_read_element_along(r, &x->shape, axis, index, &w, e, &at));
        bs_value_copy(out, at, update, e, 1);
    }
    return BS_OK;
}

static bool is_set(const bs_value *v, int64_t e)
{
    return v->kind == BS_VALUE_FLOATS ? v->f[e] != 0 : v->i[e] != 0;
}

/* One column of indices for each element that is not 0. */
bs_status bs_fold_non_zero(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bs_nd_iterator w = {.shape = x->shape};
    int64_t n = 0, at = 0;
    for (int64_t e = 0; e < x->elements; e++)
        n += is_set(x, e);
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_INTS, &(bs_shape){2, {x->shape.rank, n}}));
    for (int64_t e = 0; e < x->elements; e++, bs_nd_iterator_next(&w)) {
        if (!is_set(x, e))
            continue;
        for (int k = 0; k < x->shape.rank; k++)
            out->i[k * n + at] = w.pos[k];
        at++;
    }
    return BS_OK;
}

/* Keeps the slices along an axis whose condition holds; without an axis, elements. */
bs_status bs_fold_compress(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0], *keep = bs_raw_input(r, 1);
    bs_shape in = {1, {x->elements}}, shape;
    int64_t given, n = 0, to = 0;
    int axis = 0;
    if (bs_attr_find(r, "axis")) {
        BS_TRY(bs_attr_int(r, "axis", 0, &given));
        BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
        in = x->shape;
    }
    if (!keep || keep->shape.rank != 1 || keep->elements > in.dim[axis])
        return bs_raw_fail(r, "its condition does not fit its input");
    for (int64_t k = 0; k < keep->elements; k++)
        n += is_set(keep, k);
    shape = in;
    shape.dim[axis] = n;
    BS_TRY(bs_value_alloc_like(r, out, x, &shape));
    int64_t run = product(&in, axis + 1, in.rank), lines = out->elements ? product(&in, 0, axis) : 0;
    for (int64_t o = 0; o < lines; o++)
        for (int64_t k = 0; k < keep->elements; k++)
            if (is_set(keep, k)) {
                bs_value_copy(out, to, x, (o * in.dim[axis] + k) * run, run);
                to += run;
            }
    return BS_OK;
}
