/* Operators that pick elements by constant indices, or put elements in their places: made of Gather. */
#include "model/fold.h"

#include <string.h>

static bool known_indices(const bs_raw *r)
{
    return r->in[1]->kind == BS_VALUE_INTS;
}

static bs_status gather(bs_raw *r, bs_value **y, bs_value *x, bs_value *index, int axis)
{
    bs_step_attr a = bs_attr_of_int("axis", axis);
    return bs_step(r, y, "Gather", (bs_value *[]){x, index}, 2, &a, 1);
}

static bs_status new_indices(bs_raw *r, bs_value **out, const bs_shape *shape)
{
    BS_TRY(bs_value_add_inner(r->im, out, r->name, "indices"));
    return bs_value_alloc(r, *out, BS_VALUE_INTS, shape);
}

/* Fails unless the file has one image, along axis 0. */
static bs_status need_one_image(bs_raw *r, const bs_value *x)
{
    if (x->kind == BS_VALUE_ACTIVATION)
        BS_TRY(bs_place_first(r, x));
    if (r->im->batch == 1 && x->shape.rank > 0 && x->shape.dim[0] == 1)
        return BS_OK;
    bs_raw_mixes(r, "its indices count the images");
    return bs_hint("export the model for one image, or with a dynamic batch");
}

/* All elements of one image as a row. */
static bs_status flatten(bs_raw *r, bs_value **y, bs_value *x)
{
    return bs_step_reshape(r, y, x, &(bs_shape){2, {1, x->elements}});
}

/* The places of GatherND's entries, among the elements of the indexed axes; or of all axes: then the blocks
 * that they select are listed element by element. */
static bs_status list_entries(bs_raw *r, const bs_value *x, int lead, int depth, int64_t block,
                              bs_value *list)
{
    for (int64_t k = 0; k < list->elements; k++) {
        int64_t at;
        BS_TRY(bs_read_gather_nd_entry(r, &x->shape, lead, depth, k / block, &at));
        list->i[k] = at * block + k % block;
    }
    return BS_OK;
}

/* The images' axis is not indexed, so the indexed axes become one. */
static bs_status gather_beside_images(bs_raw *r, int lead, int depth)
{
    bs_value *x = r->in[0], *flat = NULL, *list;
    const bs_shape *index = &r->in[1]->shape;
    bs_shape shape = {.rank = lead + 1}, picks = {0};
    memcpy(shape.dim, x->shape.dim, (size_t)lead * sizeof *shape.dim);
    shape.dim[lead] = 1;
    for (int k = lead; k < x->shape.rank; k++)
        if (k < lead + depth)
            shape.dim[lead] *= x->shape.dim[k];
        else
            shape.dim[shape.rank++] = x->shape.dim[k];
    for (int k = lead; k < index->rank - 1; k++)
        picks.dim[picks.rank++] = index->dim[k];
    BS_TRY(bs_step_reshape(r, &flat, x, &shape));
    BS_TRY(new_indices(r, &list, &picks));
    BS_TRY(list_entries(r, x, lead, depth, 1, list));
    return gather(r, &r->out[0], flat, list, lead);
}

bs_status bs_expand_gather_nd(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *row = NULL, *list, *picked = NULL;
    bs_shape out;
    int lead, depth;
    *done = x->kind == BS_VALUE_ACTIVATION && known_indices(r);
    if (!*done)
        return BS_OK;
    BS_TRY(bs_read_gather_nd(r, &x->shape, &out, &lead, &depth));
    if ((lead == 0 && x->place.axis >= depth) || (lead == 1 && x->place.axis == 0 && r->im->batch == 1))
        return gather_beside_images(r, lead, depth);
    BS_TRY(need_one_image(r, x));
    if (lead > 1)
        return bs_raw_fail(r, "batch_dims of %d is not supported", lead);
    int64_t block = 1, n;
    for (int k = lead + depth; k < x->shape.rank; k++)
        block *= x->shape.dim[k];
    if (!bs_shape_count(&out, &n))
        return bs_raw_fail(r, "its output is too large");
    BS_TRY(flatten(r, &row, x));
    BS_TRY(new_indices(r, &list, &(bs_shape){1, {n}}));
    BS_TRY(list_entries(r, x, lead, depth, block, list));
    BS_TRY(gather(r, &picked, row, list, 1));
    return bs_step_reshape(r, &r->out[0], picked, &out);
}

bs_status bs_expand_gather_elements(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *row = NULL, *list, *picked = NULL;
    const bs_value *index;
    int axis;
    *done = x->kind == BS_VALUE_ACTIVATION && known_indices(r);
    if (!*done)
        return BS_OK;
    BS_TRY(bs_read_along_axis(r, &x->shape, &index, &axis));
    BS_TRY(need_one_image(r, x));
    BS_TRY(flatten(r, &row, x));
    BS_TRY(new_indices(r, &list, &(bs_shape){1, {index->elements}}));
    bs_nd_iterator w = {.shape = index->shape};
    for (int64_t e = 0; e < index->elements; e++, bs_nd_iterator_next(&w))
        BS_TRY(bs_read_element_along(r, &x->shape, axis, index, &w, e, &list->i[e]));
    BS_TRY(gather(r, &picked, row, list, 1));
    return bs_step_reshape(r, &r->out[0], picked, &index->shape);
}

/* Each element of the output is one of the data, or of the updates behind them. `list` says which. */
static bs_status pick_updates(bs_raw *r, bs_value *list)
{
    bs_value *row[2] = {NULL, NULL}, *both = NULL, *picked = NULL;
    bs_step_attr axis = bs_attr_of_int("axis", 1);
    BS_TRY(flatten(r, &row[0], r->in[0]));
    BS_TRY(flatten(r, &row[1], r->in[2]));
    BS_TRY(bs_step(r, &both, "Concat", row, 2, &axis, 1));
    BS_TRY(gather(r, &picked, both, list, 1));
    return bs_step_reshape(r, &r->out[0], picked, &r->in[0]->shape);
}

static bs_status begin_scatter(bs_raw *r, bs_value **list, bool *done)
{
    bs_value *x = r->in[0], *update = r->in[2];
    char reduction[32];
    *done = known_indices(r);
    if (!*done)
        return BS_OK;
    BS_TRY(bs_attr_string(r, "reduction", "none", reduction));
    if (strcmp(reduction, "none") != 0)
        return bs_raw_fail(r, "only plain replacement is supported, not reduction '%s'", reduction);
    BS_TRY(need_one_image(r, x));
    if (update->kind == BS_VALUE_ACTIVATION)
        BS_TRY(need_one_image(r, update));
    BS_TRY(new_indices(r, list, &(bs_shape){1, {x->elements}}));
    for (int64_t e = 0; e < x->elements; e++)
        (*list)->i[e] = e;
    return BS_OK;
}

bs_status bs_expand_scatter_elements(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *list = NULL;
    const bs_value *index;
    int64_t at;
    int axis;
    BS_TRY(begin_scatter(r, &list, done));
    if (!*done)
        return BS_OK;
    BS_TRY(bs_read_along_axis(r, &x->shape, &index, &axis));
    if (index->elements != r->in[2]->elements)
        return bs_raw_fail(r, "its indices and updates differ in shape");
    bs_nd_iterator w = {.shape = index->shape};
    for (int64_t e = 0; e < index->elements; e++, bs_nd_iterator_next(&w)) {
        BS_TRY(bs_read_element_along(r, &x->shape, axis, index, &w, e, &at));
        list->i[at] = x->elements + e;
    }
    return pick_updates(r, list);
}

bs_status bs_expand_scatter_nd(bs_raw *r, bool *done)
{
    bs_value *x = r->in[0], *list = NULL;
    const bs_shape *index = &r->in[1]->shape;
    int64_t block = 1, at;
    BS_TRY(begin_scatter(r, &list, done));
    if (!*done)
        return BS_OK;
    int64_t depth = index->rank > 0 ? index->dim[index->rank - 1] : 0;
    if (depth < 1 || depth > x->shape.rank)
        return bs_raw_fail(r, "indices of %lld entries for %d dimensions", (long long)depth, x->shape.rank);
    for (int k = (int)depth; k < x->shape.rank; k++)
        block *= x->shape.dim[k];
    if (r->in[1]->elements / depth * block != r->in[2]->elements)
        return bs_raw_fail(r, "its indices and updates differ in shape");
    for (int64_t e = 0; e < r->in[2]->elements; e++) {
        BS_TRY(bs_read_gather_nd_entry(r, &x->shape, 0, (int)depth, e / block, &at));
        list->i[at * block + e % block] = x->elements + e;
    }
    return pick_updates(r, list);
}

/* Repeats the axis from its other end. */
static bs_status wrap_axis(bs_raw *r, bs_value **y, bs_value *x, int axis, int64_t before, int64_t after)
{
    bs_value *list;
    int64_t dim = x->shape.dim[axis];
    if (before < -dim || after < -dim || before > BS_MAX_GEOMETRY || after > BS_MAX_GEOMETRY || dim < 1 ||
        dim + before + after < 1)
        return bs_raw_fail(r, "a padding of %lld, %lld is not supported", (long long)before,
                           (long long)after);
    BS_TRY(new_indices(r, &list, &(bs_shape){1, {dim + before + after}}));
    for (int64_t k = 0; k < list->elements; k++)
        list->i[k] = ((k - before) % dim + dim) % dim;
    return gather(r, y, x, list, axis);
}

/* Mode "wrap", of opset 19. */
bs_status bs_expand_pad(bs_raw *r, bool *done)
{
    const int64_t *pads, *axes;
    size_t n, n_axes, last = 0;
    bool present, has_axes;
    char mode[32];
    bs_value *x = r->in[0];
    BS_TRY(bs_attr_string(r, "mode", "constant", mode));
    *done = strcmp(mode, "wrap") == 0;
    if (!*done)
        return BS_OK;
    BS_TRY(bs_raw_ints(r, 1, "pads", &pads, &n, &present));
    BS_TRY(bs_raw_ints(r, 3, "axes", &axes, &n_axes, &has_axes));
    size_t count = has_axes ? n_axes : (size_t)x->shape.rank;
    if (!present || n != 2 * count)
        return bs_raw_fail(r, "%zu pads for %zu axes", n, count);
    for (size_t k = 0; k < count; k++)
        if (pads[k] || pads[count + k])
            last = k + 1;
    if (last == 0)
        return bs_step_1(r, &r->out[0], "Identity", x);
    for (size_t k = 0; k < last; k++) {
        bs_value *y = k + 1 == last ? r->out[0] : NULL;
        int axis = 0;
        BS_TRY(bs_normal_axis(r, has_axes ? axes[k] : (int64_t)k, x->shape.rank, &axis));
        if (!pads[k] && !pads[count + k])
            continue;
        BS_TRY(wrap_axis(r, &y, x, axis, pads[k], pads[count + k]));
        x = y;
    }
    return BS_OK;
}
