/* Attention of opset 23 and 24, as its definition states it: softmax(softcap(scale * Q K') + mask) V. */
#include "import/steps.h"

#include <math.h>
#include <string.h>

typedef struct heads {
    int64_t queries, keys; /* numbers of heads */
    bool packed;           /* the heads lie in the last axis of (N, tokens, heads * size) */
} heads;

/* Sets *y to (N, heads, tokens, size). */
static bs_status unpack(bs_raw *r, bs_value **y, bs_value *x, int64_t n, const heads *h)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    const int64_t *dim = x->shape.dim;
    bs_value *apart = NULL;
    *y = NULL;
    if (!h->packed) {
        *y = x;
        return BS_OK;
    }
    if (n < 1 || dim[2] % n)
        return bs_raw_fail(r, "%lld heads for %lld values of a token", (long long)n, (long long)dim[2]);
    BS_TRY(bs_step_reshape(r, &apart, x, &(bs_shape){4, {dim[0], dim[1], n, dim[2] / n}}));
    return bs_step_transpose(r, y, apart, perm);
}

/* Repeats each head of keys or values for the heads of queries that share it. */
static bs_status repeat(bs_raw *r, bs_value **x, int64_t times)
{
    const bs_shape s = (*x)->shape;
    bs_value *apart = NULL, *wide = NULL, *to, *y = NULL;
    if (times == 1)
        return BS_OK;
    BS_TRY(bs_step_reshape(r, &apart, *x, &(bs_shape){5, {s.dim[0], s.dim[1], 1, s.dim[2], s.dim[3]}}));
    BS_TRY(bs_step_ints(r, &to, (int64_t[]){1, 1, times, 1, 1}, 5));
    BS_TRY(bs_step_2(r, &wide, "Expand", apart, to));
    BS_TRY(bs_step_reshape(r, &y, wide, &(bs_shape){4, {s.dim[0], s.dim[1] * times, s.dim[2], s.dim[3]}}));
    *x = y;
    return BS_OK;
}

static bs_status read_heads(bs_raw *r, heads *h)
{
    const bs_shape *q = &r->in[0]->shape, *k = &r->in[1]->shape, *v = &r->in[2]->shape;
    if ((q->rank != 3 && q->rank != 4) || k->rank != q->rank || v->rank != q->rank)
        return bs_raw_fail(r, "operands of %d, %d and %d dimensions", q->rank, k->rank, v->rank);
    *h = (heads){.queries = q->dim[1], .keys = k->dim[1], .packed = q->rank == 3};
    if (h->packed) {
        BS_TRY(bs_attr_int(r, "q_num_heads", 0, &h->queries));
        BS_TRY(bs_attr_int(r, "kv_num_heads", 0, &h->keys));
    }
    if (h->queries < 1 || h->keys < 1 || h->queries % h->keys)
        return bs_raw_fail(r, "%lld heads of queries and %lld of keys", (long long)h->queries,
                           (long long)h->keys);
    for (int i = 4; i < r->n_in; i++)
        if (r->in[i])
            return bs_raw_fail(r, "a cache of keys and values is not supported");
    for (int i = 1; i < r->n_out; i++)
        if (r->out[i] && r->out[i]->wanted)
            return bs_raw_fail(r, "its output %d is used, only the first is supported", i);
    return BS_OK;
}

static bs_status scaled(bs_raw *r, bs_value **x, float by)
{
    bs_value *f, *y = NULL;
    BS_TRY(bs_step_scalar(r, &f, by));
    BS_TRY(bs_step_2(r, &y, "Mul", *x, f));
    *x = y;
    return BS_OK;
}

static bs_status soft_cap(bs_raw *r, bs_value **x)
{
    float cap;
    bs_value *f, *part = NULL, *bound = NULL;
    BS_TRY(bs_attr_float(r, "softcap", 0.0f, &cap));
    if (!(cap > 0.0f))
        return BS_OK;
    BS_TRY(bs_step_scalar(r, &f, cap));
    BS_TRY(bs_step_2(r, &part, "Div", *x, f));
    BS_TRY(bs_step_1(r, &bound, "Tanh", part));
    *x = bound;
    return scaled(r, x, cap);
}

/* Sets *y to a constant mask of truth values as one that is added: -infinity where it is false. */
static bs_status mask_to_add(bs_raw *r, bs_value **y, const bs_value *mask)
{
    BS_TRY(bs_step_floats(r, y, &mask->shape, 0.0f));
    for (int64_t e = 0; e < mask->elements; e++)
        if (!mask->i[e])
            (*y)->f[e] = -INFINITY;
    return BS_OK;
}

/* Sets *y to the mask by which each token sees itself and those before it, added to `mask` if that is not
 * NULL. */
static bs_status causal(bs_raw *r, bs_value **y, const bs_value *scores, bs_value *mask)
{
    int64_t rows = scores->shape.dim[2], columns = scores->shape.dim[3];
    bs_value *before;
    BS_TRY(bs_step_floats(r, &before, &(bs_shape){2, {rows, columns}}, 0.0f));
    for (int64_t e = 0; e < before->elements; e++)
        if (e % columns > e / columns)
            before->f[e] = -INFINITY;
    *y = mask ? NULL : before;
    return mask ? bs_step_2(r, y, "Add", mask, before) : BS_OK;
}

/* Fails where a mask leaves a token nothing to look at, which implementations compute differently. */
static bs_status check_rows(bs_raw *r, const bs_value *mask)
{
    int64_t columns = mask->shape.rank ? mask->shape.dim[mask->shape.rank - 1] : 1;
    for (int64_t row = 0; mask->kind == BS_VALUE_FLOATS && columns && row < mask->elements / columns; row++) {
        bool sees = false;
        for (int64_t k = 0; k < columns; k++)
            sees |= mask->f[row * columns + k] > -INFINITY;
        if (!sees)
            return bs_raw_fail(r, "its mask leaves query %lld without any key", (long long)row);
    }
    return BS_OK;
}

static bs_status masked(bs_raw *r, bs_value **x)
{
    bs_value *mask = bs_raw_input(r, 3), *y = NULL, *none;
    int64_t on;
    if (mask && mask->kind == BS_VALUE_INTS)
        BS_TRY(mask_to_add(r, &mask, mask));
    if (mask && mask->kind == BS_VALUE_ACTIVATION && mask->number == BS_NUMBER_TRUTH) {
        BS_TRY(bs_step_scalar(r, &none, -INFINITY));
        BS_TRY(bs_step(r, &y, "Where", (bs_value *[]){mask, *x, none}, 3, NULL, 0));
        *x = y;
        y = mask = NULL;
    }
    BS_TRY(bs_attr_int(r, "is_causal", 0, &on));
    if (on)
        BS_TRY(causal(r, &mask, *x, mask));
    if (!mask)
        return BS_OK;
    BS_TRY(check_rows(r, mask));
    BS_TRY(bs_step_2(r, &y, "Add", *x, mask));
    *x = y;
    return BS_OK;
}

/* A later definition may give an attribute that changes the result. */
static bs_status check_attributes(const bs_raw *r)
{
    static const char *const known[] = {
        "is_causal", "kv_num_heads", "q_num_heads",      "qk_matmul_output_mode",
        "scale",     "softcap",      "softmax_precision"};
    for (size_t k = 0; k < r->proto->n_attribute; k++) {
        const char *name = r->proto->attribute[k]->name ? r->proto->attribute[k]->name : "";
        bool found = false;
        for (size_t i = 0; i < sizeof known / sizeof *known; i++)
            found |= strcmp(name, known[i]) == 0;
        if (!found)
            return bs_raw_fail(r, "attribute '%.60s' is not supported", name);
    }
    return BS_OK;
}

bs_status bs_expand_attention(bs_raw *r, bool *done)
{
    static const int64_t perm[] = {0, 2, 1, 3};
    bs_value *q, *k, *v, *turned = NULL, *scores = NULL, *weights = NULL, *y = NULL, *packed = NULL;
    heads h;
    float scale;
    (void)done;
    BS_TRY(check_attributes(r));
    BS_TRY(read_heads(r, &h));
    BS_TRY(unpack(r, &q, r->in[0], h.queries, &h));
    BS_TRY(unpack(r, &k, r->in[1], h.keys, &h));
    BS_TRY(unpack(r, &v, r->in[2], h.keys, &h));
    BS_TRY(repeat(r, &k, h.queries / h.keys));
    BS_TRY(repeat(r, &v, h.queries / h.keys));
    BS_TRY(bs_attr_float(r, "scale", 1.0f / sqrtf((float)q->shape.dim[3]), &scale));
    if (!(scale > 0.0f))
        return bs_raw_fail(r, "a scale of %g", (double)scale);
    /* Both operands are scaled, as the standard recommends it. */
    BS_TRY(scaled(r, &q, sqrtf(scale)));
    BS_TRY(scaled(r, &k, sqrtf(scale)));
    BS_TRY(bs_step_swap_last(r, &turned, k));
    BS_TRY(bs_step_2(r, &scores, "MatMul", q, turned));
    BS_TRY(soft_cap(r, &scores));
    BS_TRY(masked(r, &scores));
    BS_TRY(bs_step_softmax(r, &weights, scores));
    if (!h.packed)
        return bs_step_2(r, &r->out[0], "MatMul", weights, v);
    BS_TRY(bs_step_2(r, &y, "MatMul", weights, v));
    BS_TRY(bs_step_transpose(r, &packed, y, perm));
    const int64_t *dim = packed->shape.dim;
    return bs_step_reshape(r, &r->out[0], packed, &(bs_shape){3, {dim[0], dim[1], dim[2] * dim[3]}});
}
