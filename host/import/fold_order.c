/* Parts of constants, and their largest and smallest elements. */
#include "import/fold.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* The elements of one line: element k is at first + k * step. */
typedef struct line {
    const bs_value *x;
    int64_t first, step, n;
} line;

/* Returns true if element a comes before b: NaN first, then the larger one. */
static bool is_before(const line *l, int64_t a, int64_t b, bool largest)
{
    a = l->first + a * l->step;
    b = l->first + b * l->step;
    if (l->x->kind == BS_VALUE_INTS)
        return largest ? l->x->i[a] > l->x->i[b] : l->x->i[a] < l->x->i[b];
    float fa = l->x->f[a], fb = l->x->f[b];
    return (fa != fa && fb == fb) || (largest ? fa > fb : fa < fb);
}

static line line_of(const bs_value *x, int axis, int64_t number)
{
    int64_t inner = 1;
    for (int k = axis + 1; k < x->shape.rank; k++)
        inner *= x->shape.dim[k];
    int64_t n = x->shape.dim[axis];
    return (line){x, number / inner * inner * n + number % inner, inner, n};
}

/* Writes the indices of the first `count` elements in order; of equal ones the first is first, or the last.
 */
static void pick(const line *l, bool largest, bool last, int64_t count, bool *used, int64_t *index)
{
    memset(used, 0, (size_t)l->n * sizeof *used);
    for (int64_t k = 0; k < count; k++) {
        int64_t best = -1;
        for (int64_t e = 0; e < l->n; e++)
            if (!used[e] &&
                (best < 0 || is_before(l, e, best, largest) || (last && !is_before(l, best, e, largest))))
                best = e;
        index[k] = best;
        used[best] = true;
    }
}

/* Makes indices, and if values is not NULL, the elements there. */
static bs_status fold_picks(bs_raw *r, int axis, bool largest, bool last, int64_t count,
                            const bs_shape *shape, bs_value *values, bs_value *indices)
{
    const bs_value *x = r->in[0];
    bool *used = NULL;
    int64_t *index = NULL, n = x->shape.dim[axis];
    bs_status st = BS_OK;
    if (count < 0 || count > n || x->elements == 0)
        return bs_raw_fail(r, "%lld of %lld elements", (long long)count, (long long)n);
    if (count > BS_FOLD_WORK / x->elements)
        return bs_raw_fail(r, "it is too much work for a constant");
    BS_TRY_GOTO(bs_calloc(&used, (size_t)n, sizeof *used, "constant"), out);
    BS_TRY_GOTO(bs_calloc(&index, (size_t)count + 1, sizeof *index, "constant"), out);
    if (values)
        BS_TRY_GOTO(bs_value_alloc_like(r, values, x, shape), out);
    if (indices)
        BS_TRY_GOTO(bs_value_alloc(r, indices, BS_VALUE_INTS, shape), out);
    for (int64_t o = 0; o < x->elements / n; o++) {
        line l = line_of(x, axis, o);
        int64_t to = o / l.step * l.step * count + o % l.step;
        pick(&l, largest, last, count, used, index);
        for (int64_t k = 0; k < count; k++, to += l.step) {
            if (values)
                bs_value_copy(values, to, x, l.first + index[k] * l.step, 1);
            if (indices)
                indices->i[to] = index[k];
        }
    }
out:
    free(used);
    free(index);
    return st;
}

/* Outputs: values, indices. */
bs_status bs_fold_top_k(bs_raw *r, bs_value *out)
{
    bs_shape shape = r->in[0]->shape;
    int64_t given, largest;
    const int64_t *k;
    size_t n;
    bool present;
    int axis;
    (void)out;
    BS_TRY(bs_attr_int(r, "axis", -1, &given));
    BS_TRY(bs_attr_int(r, "largest", 1, &largest));
    BS_TRY(bs_normal_axis(r, given, shape.rank, &axis));
    if (r->n_in < 2)
        return bs_raw_fail(r, "its K is not an input, as since opset 10");
    BS_TRY(bs_raw_ints(r, 1, "k", &k, &n, &present));
    if (n != 1)
        return bs_raw_fail(r, "%zu numbers of elements", n);
    shape.dim[axis] = *k;
    return fold_picks(r, axis, largest != 0, false, *k, &shape, r->out[0], r->n_out > 1 ? r->out[1] : NULL);
}

bs_status bs_fold_arg(bs_raw *r, bs_value *out)
{
    bs_shape in = r->in[0]->shape, shape = {0};
    int64_t given, keep, last;
    int axis;
    BS_TRY(bs_attr_int(r, "axis", 0, &given));
    BS_TRY(bs_attr_int(r, "keepdims", 1, &keep));
    BS_TRY(bs_attr_int(r, "select_last_index", 0, &last));
    BS_TRY(bs_normal_axis(r, given, in.rank, &axis));
    for (int k = 0; k < in.rank; k++)
        if (k != axis || keep)
            shape.dim[shape.rank++] = k == axis ? 1 : in.dim[k];
    return fold_picks(r, axis, strcmp(r->op, "ArgMax") == 0, last != 0, 1, &shape, NULL, out);
}

/* Outputs: parts along an axis, one after the other. */
bs_status bs_fold_split(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    int64_t given, at = 0, size = 0, outer = 1, inner = 1;
    int axis;
    (void)out;
    BS_TRY(bs_attr_int(r, "axis", 0, &given));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    for (int k = 0; k < x->shape.rank; k++)
        *(k < axis ? &outer : &inner) *= k == axis ? 1 : x->shape.dim[k];
    int64_t dim = x->shape.dim[axis];
    for (int part = 0; part < r->n_out; part++, at += size) {
        bs_shape shape = x->shape;
        BS_TRY(bs_read_split(r, dim, part, &size));
        if (at + size > dim)
            return bs_raw_fail(r, "its parts are larger than its input");
        if (!r->out[part])
            continue;
        shape.dim[axis] = size;
        BS_TRY(bs_value_alloc_like(r, r->out[part], x, &shape));
        for (int64_t o = 0; o < outer && x->elements; o++)
            bs_value_copy(r->out[part], o * size * inner, x, (o * dim + at) * inner, size * inner);
    }
    return at == dim ? BS_OK : bs_raw_fail(r, "its parts are smaller than its input");
}
