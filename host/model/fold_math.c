#include "model/import.h"
#include "ops.h"

#include <math.h>
#include <string.h>

typedef float (*float_binary)(float a, float b);
typedef float (*float_unary)(float x, float a, float b);

#define X(suffix, name, result)                                                                              \
    static float fold_##suffix(float a, float b)                                                             \
    {                                                                                                        \
        return result;                                                                                       \
    }
BS_BINARY_OPS(X)
BS_VARIADIC_OPS(X)
#undef X

#define X(suffix, name, result, ...)                                                                         \
    static float fold_##suffix(float x, float a, float b)                                                    \
    {                                                                                                        \
        (void)a;                                                                                             \
        (void)b;                                                                                             \
        return result;                                                                                       \
    }
BS_UNARY_OPS(X)
#undef X

static float_binary find_binary(const char *op)
{
#define X(suffix, name, result)                                                                              \
    if (strcmp(op, name) == 0)                                                                               \
        return fold_##suffix;
    BS_BINARY_OPS(X)
    BS_VARIADIC_OPS(X)
#undef X
    return NULL;
}

/* X(ONNX operator, code): operators on integers. */
#define INT_OPS(X)                                                                                           \
    X("Add", '+')                                                                                            \
    X("Sub", '-')                                                                                            \
    X("Mul", '*')                                                                                            \
    X("Div", '/')                                                                                            \
    X("Mod", '%')                                                                                            \
    X("Min", 'm')                                                                                            \
    X("Max", 'M')                                                                                            \
    X("And", '&')                                                                                            \
    X("Or", '|')                                                                                             \
    X("Equal", '=')                                                                                          \
    X("Less", '<')                                                                                           \
    X("Greater", '>')

static char find_int_op(const char *op)
{
#define X(name, code)                                                                                        \
    if (strcmp(op, name) == 0)                                                                               \
        return code;
    INT_OPS(X)
#undef X
    return '\0';
}

/* Evaluates an integer operator. A result that does not fit is an error, never a wrap-around. */
static bs_status int_result(const bs_raw *r, char op, int64_t a, int64_t b, int64_t *out)
{
    bool bad = false, divides = op == '/' || op == '%' || op == 'r';
    if (divides && (b == 0 || (a == INT64_MIN && b == -1)))
        return bs_raw_fail(r, "integer overflow or division by zero");
    switch (op) {
    case '+':
        bad = __builtin_add_overflow(a, b, out);
        break;
    case '-':
        bad = __builtin_sub_overflow(a, b, out);
        break;
    case '*':
        bad = __builtin_mul_overflow(a, b, out);
        break;
    case '/':
        *out = a / b;
        break;
    case '%': /* with the divisor's sign */
        *out = a % b && (a % b < 0) != (b < 0) ? a % b + b : a % b;
        break;
    case 'r': /* with the dividend's sign */
        *out = a % b;
        break;
    case 'm':
    case 'M':
        *out = (a < b) == (op == 'm') ? a : b;
        break;
    case '&':
    case '|':
        *out = op == '&' ? a && b : a || b;
        break;
    default:
        *out = op == '=' ? a == b : op == '<' ? a < b : a > b;
    }
    return bad ? bs_raw_fail(r, "integer overflow or division by zero") : BS_OK;
}

bs_status bs_fold_arithmetic(bs_raw *r, bs_value *out)
{
    const bs_value *a = r->in[0], *b = bs_raw_input(r, 1);
    bs_nd_iterator w = {.shape = a->shape};
    if (!b || r->n_in != 2 || a->kind != b->kind)
        return bs_raw_fail(r, "its constant inputs differ in type, or are not two");
    BS_TRY(bs_broadcast(r, &w.shape, &b->shape));
    char op = find_int_op(r->op);
    int64_t truncates = 0;
    BS_TRY(bs_attr_int(r, "fmod", 0, &truncates));
    if (op == '%' && truncates)
        op = 'r';
    float_binary f = find_binary(r->op);
    if (a->kind == BS_VALUE_FLOATS ? !f : !op)
        return bs_raw_fail(r, "it is not supported on constants of this type");
    bool compares = op == '=' || op == '<' || op == '>';
    BS_TRY(bs_value_alloc(r, out, compares ? BS_VALUE_INTS : a->kind, &w.shape));
    bs_nd_iterator_broadcast(&w, 0, &a->shape);
    bs_nd_iterator_broadcast(&w, 1, &b->shape);
    for (int64_t e = 0; e < out->elements; e++, bs_nd_iterator_next(&w)) {
        if (a->kind == BS_VALUE_INTS)
            BS_TRY(int_result(r, op, a->i[w.at[0]], b->i[w.at[1]], &out->i[e]));
        else if (compares)
            out->i[e] = f(a->f[w.at[0]], b->f[w.at[1]]) != 0.0f;
        else
            out->f[e] = f(a->f[w.at[0]], b->f[w.at[1]]);
    }
    return BS_OK;
}

static bs_status fold_int_unary(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bool neg = strcmp(r->op, "Neg") == 0, inverts = strcmp(r->op, "Not") == 0;
    if (!neg && !inverts && strcmp(r->op, "Abs") != 0)
        return bs_raw_fail(r, "its input has integers");
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_INTS, &x->shape));
    for (int64_t e = 0; e < out->elements; e++) {
        if (inverts)
            out->i[e] = !x->i[e];
        else if (neg || x->i[e] < 0)
            BS_TRY(int_result(r, '-', 0, x->i[e], &out->i[e]));
        else
            out->i[e] = x->i[e];
    }
    return BS_OK;
}

bs_status bs_fold_unary(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    float_unary f = NULL;
    float a = 0, b = 0;
    if (x->kind == BS_VALUE_INTS)
        return fold_int_unary(r, out);
#define X(suffix, name, result, a_name, a_default, b_name, b_default)                                        \
    if (strcmp(r->op, name) == 0) {                                                                          \
        f = fold_##suffix;                                                                                   \
        BS_TRY(bs_attr_float(r, a_name ? a_name : "", a_default, &a));                                       \
        BS_TRY(bs_attr_float(r, b_name ? b_name : "", b_default, &b));                                       \
    }
    BS_UNARY_OPS(X)
#undef X
    if (strcmp(r->op, "Gelu") == 0)
        BS_TRY(bs_read_gelu(r, &a));
    if (!f)
        return bs_raw_fail(r, "its input has no truth values");
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_FLOATS, &x->shape));
    for (int64_t e = 0; e < out->elements; e++)
        out->f[e] = f(x->f[e], a, b);
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
            return bs_raw_fail(r, "%g is not an integer", (double)x->f[e]);
        else
            out->i[e] = from_float ? (int64_t)x->f[e] : x->i[e];
    }
    return BS_OK;
}

bs_status bs_fold_where(bs_raw *r, bs_value *out)
{
    const bs_value *c = r->in[0], *a = bs_raw_input(r, 1), *b = bs_raw_input(r, 2);
    bs_nd_iterator w = {.shape = c->shape};
    if (!a || !b || c->kind != BS_VALUE_INTS || a->kind != b->kind)
        return bs_raw_fail(r, "its inputs are of the wrong type");
    BS_TRY(bs_broadcast(r, &w.shape, &a->shape));
    BS_TRY(bs_broadcast(r, &w.shape, &b->shape));
    BS_TRY(bs_value_alloc(r, out, a->kind, &w.shape));
    bs_nd_iterator_broadcast(&w, 0, &c->shape);
    bs_nd_iterator_broadcast(&w, 1, &a->shape);
    bs_nd_iterator_broadcast(&w, 2, &b->shape);
    for (int64_t e = 0; e < out->elements; e++, bs_nd_iterator_next(&w)) {
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
        BS_TRY(int_result(r, '*', out->i[0], x->i[e], &out->i[0]));
    return BS_OK;
}
