/* Operators that pick elements by constant indices, or put elements in their places: made of Gather. */
#include "import/fold.h"
#include "import/steps.h"

#include "base/buf.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool known_indices(const bs_raw *r)
{
    return r->in[1]->kind == BS_VALUE_INTS;
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
    BS_TRY(bs_step_indices(r, &list, &picks));
    BS_TRY(list_entries(r, x, lead, depth, 1, list));
    return bs_step_gather(r, &r->out[0], flat, list, lead);
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
    if ((lead == 0 && x->place.axis >= depth) || (lead == 1 && x->place.axis == 0 && x->shape.dim[0] == 1))
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
    BS_TRY(bs_step_indices(r, &list, &(bs_shape){1, {n}}));
    BS_TRY(list_entries(r, x, lead, depth, block, list));
    BS_TRY(bs_step_gather(r, &picked, row, list, 1));
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
    BS_TRY(bs_step_indices(r, &list, &(bs_shape){1, {index->elements}}));
    bs_nd_iterator w = {.shape = index->shape};
    for (int64_t e = 0; e < index->elements; e++, bs_nd_iterator_next(&w))
        BS_TRY(bs_read_element_along(r, &x->shape, axis, index, &w, e, &list->i[e]));
    BS_TRY(bs_step_gather(r, &picked, row, list, 1));
    return bs_step_reshape(r, &r->out[0], picked, &index->shape);
}

/* Rows of `update` that go to rows of x, along an axis: row u to row target[u]. */
typedef struct scatter {
    bs_value *x, *update;
    int axis;
    int64_t *target, rows, n;
} scatter;

static bs_status pick_rows(bs_raw *r, bs_value **y, const scatter *s, bs_value *before, bs_value *list)
{
    bs_value *both = NULL;
    bs_step_attr axis = bs_attr_of_int("axis", s->axis);
    BS_TRY(bs_step(r, &both, "Concat", (bs_value *[]){before, s->update}, 2, &axis, 1));
    return bs_step_gather(r, y, both, list, s->axis);
}

/* The last one counts. */
static bs_status replace(bs_raw *r, bs_value **y, const scatter *s)
{
    bs_value *list;
    BS_TRY(bs_step_indices(r, &list, &(bs_shape){1, {s->rows}}));
    for (int64_t k = 0; k < s->rows; k++)
        list->i[k] = k;
    for (int64_t u = 0; u < s->n; u++)
        list->i[s->target[u]] = s->rows + u;
    return pick_rows(r, y, s, s->x, list);
}

/* Rows that are combined; each round takes one update for each of them. Other rows meet one row of `neutral`
 * values. */
static bs_status combine(bs_raw *r, bs_value **y, const scatter *s, const char *op, float neutral)
{
    enum { MOST_ROUNDS = 16 };
    bs_value *other, *list, *picked;
    bs_shape shape = s->x->shape;
    int64_t left = s->n;
    *y = s->x;
    shape.dim[s->axis] = 1;
    if (s->x->kind == BS_VALUE_ACTIVATION && s->x->place.axis >= 0)
        shape.dim[s->x->place.axis] = 1;
    BS_TRY(bs_step_floats(r, &other, &shape, neutral));
    for (int round = 0; left > 0; round++) {
        if (round == MOST_ROUNDS)
            return bs_raw_fail(r, "more than %d updates of one place", MOST_ROUNDS);
        BS_TRY(bs_step_indices(r, &list, &(bs_shape){1, {s->rows}}));
        for (int64_t u = 0; u < s->n; u++) {
            if (s->target[u] < 0 || list->i[s->target[u]] != 0)
                continue;
            list->i[s->target[u]] = 1 + u;
            s->target[u] = -1;
            left--;
        }
        bs_value *x = *y;
        picked = *y = NULL;
        BS_TRY(pick_rows(r, &picked, s, other, list));
        BS_TRY(bs_step_2(r, y, op, x, picked));
    }
    return BS_OK;
}

static bs_status put(bs_raw *r, const scatter *s)
{
    static const char *const reductions[] = {"none", "add", "mul", "max", "min"};
    static const char *const ops[] = {"", "Add", "Mul", "Max", "Min"};
    static const float neutral[] = {0, 0, 1, -INFINITY, INFINITY};
    bs_value *y = NULL;
    int k;
    BS_TRY(bs_raw_choice(r, "reduction", "none", reductions, 5, &k));
    BS_TRY(k == 0 ? replace(r, &y, s) : combine(r, &y, s, ops[k], neutral[k]));
    return bs_step_reshape(r, &r->out[0], y, &r->in[0]->shape);
}

/* Data and updates as one row each. */
static bs_status begin_flat(bs_raw *r, scatter *s)
{
    for (int k = 0; k < 3; k += 2)
        if (k == 0 || r->in[k]->kind == BS_VALUE_ACTIVATION)
            BS_TRY(need_one_image(r, r->in[k]));
    *s = (scatter){.axis = 1, .rows = r->in[0]->elements, .n = r->in[2]->elements};
    BS_TRY(flatten(r, &s->x, r->in[0]));
    BS_TRY(flatten(r, &s->update, r->in[2]));
    return bs_calloc(&s->target, (size_t)s->n, sizeof *s->target, "updates");
}

bs_status bs_expand_scatter_elements(bs_raw *r, bool *done)
{
    const bs_shape *shape = &r->in[0]->shape;
    const bs_value *index;
    scatter s = {0};
    bs_status st = BS_OK;
    int axis;
    *done = known_indices(r);
    if (!*done)
        return BS_OK;
    BS_TRY(bs_read_along_axis(r, shape, &index, &axis));
    if (index->elements != r->in[2]->elements)
        return bs_raw_fail(r, "its indices and updates differ in shape");
    BS_TRY_GOTO(begin_flat(r, &s), out);
    bs_nd_iterator w = {.shape = index->shape};
    for (int64_t e = 0; e < s.n; e++, bs_nd_iterator_next(&w))
        BS_TRY_GOTO(bs_read_element_along(r, shape, axis, index, &w, e, &s.target[e]), out);
    st = put(r, &s);
out:
    free(s.target);
    return st;
}

/* The images' axis is not indexed, so the indexed axes become one. */
static bs_status begin_beside_images(bs_raw *r, scatter *s, int depth, int64_t entries)
{
    const bs_shape *x = &r->in[0]->shape;
    bs_shape shape = {1, {1}};
    for (int k = 0; k < x->rank; k++)
        if (k < depth)
            shape.dim[0] *= x->dim[k];
        else
            shape.dim[shape.rank++] = x->dim[k];
    *s = (scatter){.axis = 0, .rows = shape.dim[0], .n = entries};
    BS_TRY(bs_step_reshape(r, &s->x, r->in[0], &shape));
    shape.dim[0] = entries;
    BS_TRY(bs_step_reshape(r, &s->update, r->in[2], &shape));
    return bs_calloc(&s->target, (size_t)entries, sizeof *s->target, "updates");
}

static bool beside_images(const bs_raw *r, int64_t depth)
{
    bool beside = true;
    int rows = r->in[1]->shape.rank - 1;
    for (int k = 0; k < 3; k += 2)
        beside &= r->in[k]->kind != BS_VALUE_ACTIVATION || r->in[k]->place.axis >= (k == 0 ? depth : rows);
    return beside;
}

bs_status bs_expand_scatter_nd(bs_raw *r, bool *done)
{
    const bs_value *x = r->in[0], *index = r->in[1];
    scatter s = {0};
    int64_t block = 1, at = 0;
    bs_status st = BS_OK;
    *done = known_indices(r);
    if (!*done)
        return BS_OK;
    int64_t depth = index->shape.rank > 0 ? index->shape.dim[index->shape.rank - 1] : 0;
    if (depth < 1 || depth > x->shape.rank)
        return bs_raw_fail(r, "indices of %lld entries for %d dimensions", (long long)depth, x->shape.rank);
    for (int k = (int)depth; k < x->shape.rank; k++)
        block *= x->shape.dim[k];
    int64_t entries = index->elements / depth;
    if (entries * block != r->in[2]->elements)
        return bs_raw_fail(r, "its indices and updates differ in shape");
    bool beside = beside_images(r, depth);
    BS_TRY_GOTO(beside ? begin_beside_images(r, &s, (int)depth, entries) : begin_flat(r, &s), out);
    for (int64_t u = 0; u < s.n; u++) {
        int64_t run = beside ? 1 : block;
        BS_TRY_GOTO(bs_read_gather_nd_entry(r, &x->shape, 0, (int)depth, u / run, &at), out);
        s.target[u] = at * run + u % run;
    }
    st = put(r, &s);
out:
    free(s.target);
    return st;
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
    BS_TRY(bs_step_indices(r, &list, &(bs_shape){1, {dim + before + after}}));
    for (int64_t k = 0; k < list->elements; k++)
        list->i[k] = ((k - before) % dim + dim) % dim;
    return bs_step_gather(r, y, x, list, axis);
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
