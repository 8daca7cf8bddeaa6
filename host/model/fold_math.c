#include "model/import.h"

#include <math.h>
#include <string.h>

/* Integers whose value the file's arithmetic cannot represent are errors, never wrap-around. */
static bs_status int_result(const bs_raw *r, char op, int64_t a, int64_t b, int64_t *out)
{
    bool bad = false;
    switch (op) {
    case 'A':
        bad = __builtin_add_overflow(a, b, out);
        break;
    case 'S':
        bad = __builtin_sub_overflow(a, b, out);
        break;
    case 'M':
        bad = __builtin_mul_overflow(a, b, out);
        break;
    case 'D':
        bad = b == 0 || (a == INT64_MIN && b == -1);
        *out = bad ? 0 : a / b;
        break;
    default:
        *out = a == b;
    }
    return bad ? bs_raw_fail(r, "integer overflow or division by zero") : BS_OK;
}

static float float_result(char op, float a, float b)
{
    switch (op) {
    case 'A':
        return a + b;
    case 'S':
        return a - b;
    case 'M':
        return a * b;
    default:
        return a / b;
    }
}

bs_status bs_fold_arithmetic(bs_raw *r, bs_value *out)
{
    const bs_value *a = r->in[0], *b = bs_raw_input(r, 1);
    bs_walk w = {.shape = a->shape};
    if (!b || a->kind != b->kind)
        return bs_raw_fail(r, "its inputs differ in type");
    BS_TRY(bs_broadcast(r, &w.shape, &b->shape));
    char op = r->op[0]; /* Add, Sub, Mul, Div, Equal */
    BS_TRY(bs_value_alloc(r, out, op == 'E' ? BS_VALUE_INTS : a->kind, &w.shape));
    bs_walk_broadcast(&w, 0, &a->shape);
    bs_walk_broadcast(&w, 1, &b->shape);
    for (int64_t e = 0; e < out->elements; e++, bs_walk_next(&w)) {
        if (a->kind == BS_VALUE_INTS)
            BS_TRY(int_result(r, op, a->i[w.at[0]], b->i[w.at[1]], &out->i[e]));
        else if (op == 'E')
            out->i[e] = a->f[w.at[0]] == b->f[w.at[1]];
        else
            out->f[e] = float_result(op, a->f[w.at[0]], b->f[w.at[1]]);
    }
    return BS_OK;
}

bs_status bs_fold_unary(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    char op = r->op[0]; /* Neg, Sqrt, Floor, Ceil, Abs */
    if (x->kind == BS_VALUE_INTS && op != 'N' && op != 'A')
        return bs_raw_fail(r, "its input has integers");
    BS_TRY(bs_value_alloc(r, out, x->kind, &x->shape));
    for (int64_t e = 0; e < out->elements; e++) {
        if (x->kind == BS_VALUE_FLOATS) {
            float v = x->f[e];
            out->f[e] = op == 'N'   ? -v
                        : op == 'S' ? sqrtf(v)
                        : op == 'F' ? floorf(v)
                        : op == 'C' ? ceilf(v)
                                    : fabsf(v);
        } else if (op == 'A' && x->i[e] >= 0) {
            out->i[e] = x->i[e];
        } else {
            BS_TRY(int_result(r, 'S', 0, x->i[e], &out->i[e]));
        }
    }
    return BS_OK;
}

bs_status bs_fold_cast(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    int64_t to;
    BS_TRY(bs_attr_int(r, "to", 0, &to));
    bool truth = to == ONNX__TENSOR_PROTO__DATA_TYPE__BOOL;
    bool is_float =
        to == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT || to == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE ||
        to == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 || to == ONNX__TENSOR_PROTO__DATA_TYPE__BFLOAT16;
    if (!is_float && !truth && to != ONNX__TENSOR_PROTO__DATA_TYPE__INT64 &&
        to != ONNX__TENSOR_PROTO__DATA_TYPE__INT32)
        return bs_raw_fail(r, "a cast to %s is not supported", bs_type_name(to));
    BS_TRY(bs_value_alloc(r, out, is_float ? BS_VALUE_FLOATS : BS_VALUE_INTS, &x->shape));
    for (int64_t e = 0; e < out->elements; e++) {
        bool from_float = x->kind == BS_VALUE_FLOATS;
        if (is_float)
            out->f[e] = from_float ? x->f[e] : (float)x->i[e];
        else if (truth)
            out->i[e] = from_float ? x->f[e] != 0 : x->i[e] != 0;
        else if (from_float && !(fabsf(x->f[e]) < 0x1p62f))
            return bs_raw_fail(r, "%g is no integer", (double)x->f[e]);
        else
            out->i[e] = from_float ? (int64_t)x->f[e] : x->i[e];
    }
    return BS_OK;
}

bs_status bs_fold_where(bs_raw *r, bs_value *out)
{
    const bs_value *c = r->in[0], *a = bs_raw_input(r, 1), *b = bs_raw_input(r, 2);
    bs_walk w = {.shape = c->shape};
    if (!a || !b || c->kind != BS_VALUE_INTS || a->kind != b->kind)
        return bs_raw_fail(r, "its inputs are of the wrong type");
    BS_TRY(bs_broadcast(r, &w.shape, &a->shape));
    BS_TRY(bs_broadcast(r, &w.shape, &b->shape));
    BS_TRY(bs_value_alloc(r, out, a->kind, &w.shape));
    bs_walk_broadcast(&w, 0, &c->shape);
    bs_walk_broadcast(&w, 1, &a->shape);
    bs_walk_broadcast(&w, 2, &b->shape);
    for (int64_t e = 0; e < out->elements; e++, bs_walk_next(&w)) {
        const bs_value *from = c->i[w.at[0]] ? a : b;
        int64_t at = c->i[w.at[0]] ? w.at[1] : w.at[2];
        if (out->kind == BS_VALUE_FLOATS)
            out->f[e] = from->f[at];
        else
            out->i[e] = from->i[at];
    }
    return BS_OK;
}

bs_status bs_fold_range(bs_raw *r, bs_value *out)
{
    int64_t v[3];
    for (int k = 0; k < 3; k++) {
        const bs_value *in = bs_raw_input(r, k);
        if (!in || in->kind != BS_VALUE_INTS || in->elements != 1)
            return bs_raw_fail(r, "only ranges of integers are supported");
        v[k] = in->i[0];
        if (v[k] > BS_DIM_LIMIT || v[k] < -BS_DIM_LIMIT)
            return bs_raw_fail(r, "the range is too large");
    }
    if (v[2] == 0)
        return bs_raw_fail(r, "a step of 0");
    int64_t span = v[2] > 0 ? v[1] - v[0] : v[0] - v[1], step = v[2] > 0 ? v[2] : -v[2];
    int64_t n = span > 0 ? (span - 1) / step + 1 : 0;
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_INTS, &(bs_shape){1, {n}}));
    for (int64_t k = 0; k < n; k++)
        out->i[k] = v[0] + k * v[2];
    return BS_OK;
}

bs_status bs_fold_reduce_prod(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bool mask[BS_MAX_RANK], present;
    int64_t keep;
    bs_shape shape = {0};
    BS_TRY(bs_read_axes(r, 1, x->shape.rank, mask, &present));
    BS_TRY(bs_attr_int(r, "keepdims", 1, &keep));
    if (x->shape.rank > 1 || x->kind != BS_VALUE_INTS)
        return bs_raw_fail(r, "only the product of a list of integers is supported");
    if (keep)
        shape = (bs_shape){x->shape.rank, {1}};
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_INTS, &shape));
    out->i[0] = 1;
    for (int64_t e = 0; e < x->elements; e++)
        BS_TRY(int_result(r, 'M', out->i[0], x->i[e], &out->i[0]));
    return BS_OK;
}
