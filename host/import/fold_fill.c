#include "import/fold.h"
#include "pad.h"

#include <string.h>

bs_status bs_fold_tile(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    const int64_t *repeats;
    size_t n;
    bool present;
    bs_nd_iterator w = {.shape = x->shape};
    BS_TRY(bs_raw_ints(r, 1, "repeats", &repeats, &n, &present));
    if (n != (size_t)x->shape.rank)
        return bs_raw_fail(r, "%zu repeats for %d dimensions", n, x->shape.rank);
    for (int k = 0; k < w.shape.rank; k++)
        if (__builtin_mul_overflow(w.shape.dim[k], repeats[k], &w.shape.dim[k]))
            return bs_raw_fail(r, "%lld repeats", (long long)repeats[k]);
    BS_TRY(bs_value_alloc_like(r, out, x, &w.shape));
    for (int64_t e = 0; e < out->elements; e++, bs_nd_iterator_next(&w)) {
        int64_t from = 0;
        for (int k = 0; k < w.shape.rank; k++)
            from = from * x->shape.dim[k] + w.pos[k] % x->shape.dim[k];
        bs_value_copy(out, e, x, from, 1);
    }
    return BS_OK;
}

static bs_status pad_value(const bs_raw *r, const bs_value *x, bs_value *out, int64_t e)
{
    const bs_value *value = bs_raw_input(r, 2);
    float f = 0;
    BS_TRY(bs_attr_float(r, "value", 0, &f));
    if (value && (value->kind != x->kind || value->elements != 1))
        return bs_raw_fail(r, "its padding value is not a scalar of its input's type");
    if (value)
        bs_value_copy(out, e, value, 0, 1);
    else if (out->kind == BS_VALUE_FLOATS)
        out->f[e] = f;
    return BS_OK;
}

bs_status bs_fold_pad(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    int64_t before[BS_MAX_RANK], after[BS_MAX_RANK];
    int mode;
    bs_nd_iterator w = {0};
    BS_TRY(bs_read_pad(r, &x->shape, &w.shape, before, after, &mode));
    BS_TRY(bs_value_alloc_like(r, out, x, &w.shape));
    for (int64_t e = 0; e < out->elements; e++, bs_nd_iterator_next(&w)) {
        int64_t from = 0;
        for (int k = 0; k < w.shape.rank && from >= 0; k++) {
            int64_t at = bs_pad_source(mode, w.pos[k] - before[k], x->shape.dim[k]);
            from = at < 0 ? -1 : from * x->shape.dim[k] + at;
        }
        if (from >= 0)
            bs_value_copy(out, e, x, from, 1);
        else
            BS_TRY(pad_value(r, x, out, e));
    }
    return BS_OK;
}

/* Replaces the parts of the data that the last axis of `indices` selects by blocks of `updates`. */
bs_status bs_fold_scatter(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0], *index = bs_raw_input(r, 1), *update = bs_raw_input(r, 2);
    char reduction[32];
    BS_TRY(bs_attr_string(r, "reduction", "none", reduction));
    if (!index || !update || index->kind != BS_VALUE_INTS || update->kind != x->kind ||
        index->shape.rank < 1 || strcmp(reduction, "none") != 0)
        return bs_raw_fail(r, "only plain replacement by integer indices is supported");
    int64_t depth = index->shape.dim[index->shape.rank - 1], block = 1;
    if (depth < 1 || depth > x->shape.rank)
        return bs_raw_fail(r, "indices of %lld entries for %d dimensions", (long long)depth, x->shape.rank);
    for (int k = (int)depth; k < x->shape.rank; k++)
        block *= x->shape.dim[k];
    int64_t blocks = index->elements / depth;
    if (block && (update->elements % block || update->elements / block != blocks))
        return bs_raw_fail(r, "its indices and updates differ in shape");
    BS_TRY(bs_value_alloc_like(r, out, x, &x->shape));
    bs_value_copy(out, 0, x, 0, x->elements);
    for (int64_t k = 0; block && k < blocks; k++) {
        int64_t at = 0;
        for (int d = 0; d < depth; d++) {
            int64_t dim = x->shape.dim[d], i;
            BS_TRY(bs_normal_index(r, index->i[k * depth + d], dim, &i));
            at = at * dim + i;
        }
        for (int64_t e = 0; e < block; e++)
            bs_value_copy(out, at * block + e, update, k * block + e, 1);
    }
    return BS_OK;
}
