#include "import/fold.h"
#include "ops.h"

#include <math.h>
#include <string.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

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

/* *tests: results are truth values. */
static float_binary find_binary(const char *op, bool *tests)
{
    *tests = false;
#define X(suffix, name, result)                                                                              \
    if (strcmp(op, name) == 0) {                                                                             \
        *tests = bs_op_describe(BS_OP_##suffix)->type == BS_TYPE_RULE_BOOL;                                  \
        return fold_##suffix;                                                                                \
    }
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
    X("LessOrEqual", 'l')                                                                                    \
    X("Greater", '>')                                                                                        \
    X("GreaterOrEqual", 'g')                                                                                 \
    X("Xor", '^')                                                                                            \
    X("BitwiseAnd", 'a')                                                                                     \
    X("BitwiseOr", 'o')                                                                                      \
    X("BitwiseXor", 'x')                                                                                     \
    X("Pow", 'p')

static char find_int_op(const char *op)
{
#define X(name, code)                                                                                        \
    if (strcmp(op, name) == 0)                                                                               \
        return code;
    INT_OPS(X)
#undef X
    return '\0';
}

static bool int_test(char op, int64_t a, int64_t b)
{
    switch (op) {
    case '&':
        return a && b;
    case '|':
        return a || b;
    case '^':
        return !a != !b;
    case '<':
        return a < b;
    case 'l':
        return a <= b;
    case '>':
        return a > b;
    case 'g':
        return a >= b;
    default:
        return a == b;
    }
}

/* Returns false if the result does not fit. */
static bool int_power(int64_t a, int64_t b, int64_t *out)
{
    bool small = a >= -1 && a <= 1;
    if (b < 0 || (b > 62 && !small))
        return false;
    *out = 1;
    for (b = small ? b % 2 + (b > 1 ? 2 : 0) : b; b > 0; b--)
        if (__builtin_mul_overflow(*out, a, out))
            return false;
    return true;
}

/* Evaluates an integer operator. A result that does not fit into its type is an error, never a wrap-around.
 */
static bs_status int_result(const bs_raw *r, char op, int type, int64_t a, int64_t b, int64_t *out)
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
    case 'a':
        *out = a & b;
        break;
    case 'o':
        *out = a | b;
        break;
    case 'x':
        *out = a ^ b;
        break;
    case 'p':
        bad = !int_power(a, b, out);
        break;
    default:
        *out = int_test(op, a, b);
    }
    bad |= !bad && !bs_type_holds(type, *out);
    return bad ? bs_raw_fail(r, "integer overflow or division by zero") : BS_OK;
}

static float as_float(const bs_value *v, int64_t e)
{
    return v->kind == BS_VALUE_FLOATS ? v->f[e] : (float)v->i[e];
}

bs_status bs_fold_arithmetic(bs_raw *r, bs_value *out)
{
    const bs_value *a = r->in[0], *b = bs_raw_input(r, 1);
    bs_nd_iterator w = {.shape = a->shape};
    bool tests, power = strcmp(r->op, "Pow") == 0; /* the exponent may be of another type */
    if (r->n_in != 2 && a->kind == BS_VALUE_FLOATS)
        return bs_fold_by_running(r);
    if (!b || r->n_in != 2 || (a->kind != b->kind && !(power && a->kind == BS_VALUE_FLOATS)))
        return bs_raw_fail(r, "its constant inputs differ in type, or are not two");
    BS_TRY(bs_broadcast(r, &w.shape, &b->shape));
    char op = find_int_op(r->op);
    int64_t truncates = 0;
    BS_TRY(bs_attr_int(r, "fmod", 0, &truncates));
    if (op == '%' && truncates)
        op = 'r';
    float_binary f = find_binary(r->op, &tests);
    if (a->kind == BS_VALUE_FLOATS ? !f || op == '%' : !op)
        return bs_raw_fail(r, "it is not supported on constants of this type");
    BS_TRY(bs_value_alloc(r, out, tests ? BS_VALUE_INTS : a->kind, &w.shape));
    out->type = tests ? TYPE(BOOL) : a->type;
    bs_nd_iterator_broadcast(&w, 0, &a->shape);
    bs_nd_iterator_broadcast(&w, 1, &b->shape);
    for (int64_t e = 0; e < out->elements; e++, bs_nd_iterator_next(&w)) {
        if (a->kind == BS_VALUE_INTS)
            BS_TRY(int_result(r, op, out->type, a->i[w.at[0]], b->i[w.at[1]], &out->i[e]));
        else if (tests)
            out->i[e] = f(a->f[w.at[0]], as_float(b, w.at[1])) != 0.0f;
        else
            out->f[e] = f(a->f[w.at[0]], as_float(b, w.at[1]));
    }
    return BS_OK;
}

static bs_status fold_int_unary(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bool neg = strcmp(r->op, "Neg") == 0, inverts = strcmp(r->op, "Not") == 0;
    bool sign = strcmp(r->op, "Sign") == 0;
    if (!neg && !inverts && !sign && strcmp(r->op, "Abs") != 0)
        return bs_raw_fail(r, "its input has integers");
    BS_TRY(bs_value_alloc_like(r, out, x, &x->shape));
    for (int64_t e = 0; e < out->elements; e++) {
        if (inverts)
            out->i[e] = !x->i[e];
        else if (sign)
            out->i[e] = (x->i[e] > 0) - (x->i[e] < 0);
        else if (neg || x->i[e] < 0)
            BS_TRY(int_result(r, '-', x->type, 0, x->i[e], &out->i[e]));
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
    bool tests = false;
    if (x->kind == BS_VALUE_INTS)
        return fold_int_unary(r, out);
    BS_TRY(bs_unary_attributes(r, &a, &b));
#define X(suffix, name, ...)                                                                                 \
    if (strcmp(r->op, name) == 0) {                                                                          \
        f = fold_##suffix;                                                                                   \
        tests = bs_op_describe(BS_OP_##suffix)->type == BS_TYPE_RULE_BOOL;                                   \
    }
    BS_UNARY_OPS(X)
#undef X
    BS_TRY(bs_value_alloc(r, out, tests ? BS_VALUE_INTS : BS_VALUE_FLOATS, &x->shape));
    out->type = tests ? TYPE(BOOL) : x->type;
    for (int64_t e = 0; e < out->elements; e++)
        if (tests)
            out->i[e] = f(x->f[e], a, b) != 0.0f;
        else
            out->f[e] = f(x->f[e], a, b);
    return BS_OK;
}

bs_status bs_fold_where(bs_raw *r, bs_value *out)
{
    const bs_value *c = r->in[0], *a = bs_raw_input(r, 1), *b = bs_raw_input(r, 2);
    bs_nd_iterator w = {.shape = c->shape};
    if (!a || !b || a->kind != b->kind)
        return bs_raw_fail(r, "its inputs are of the wrong type");
    BS_TRY(bs_broadcast(r, &w.shape, &a->shape));
    BS_TRY(bs_broadcast(r, &w.shape, &b->shape));
    BS_TRY(bs_value_alloc_like(r, out, a, &w.shape));
    bs_nd_iterator_broadcast(&w, 0, &c->shape);
    bs_nd_iterator_broadcast(&w, 1, &a->shape);
    bs_nd_iterator_broadcast(&w, 2, &b->shape);
    for (int64_t e = 0; e < out->elements; e++, bs_nd_iterator_next(&w)) {
        bool first = as_float(c, w.at[0]) != 0;
        const bs_value *from = first ? a : b;
        int64_t at = first ? w.at[1] : w.at[2];
        if (out->kind == BS_VALUE_FLOATS)
            out->f[e] = from->f[at];
        else
            out->i[e] = from->i[at];
    }
    return BS_OK;
}

static bs_status range_of_floats(bs_raw *r, bs_value *out)
{
    double v[3];
    for (int k = 0; k < 3; k++) {
        const bs_value *in = bs_raw_input(r, k);
        if (!in || in->kind != BS_VALUE_FLOATS || in->elements != 1)
            return bs_raw_fail(r, "its inputs are not three numbers of one type");
        v[k] = (double)in->f[0];
    }
    double n = ceil((v[1] - v[0]) / v[2]);
    if (!(n < (double)BS_FOLD_LIMIT))
        return bs_raw_fail(r, "the range is too large");
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_FLOATS, &(bs_shape){1, {n > 0 ? (int64_t)n : 0}}));
    for (int64_t k = 0; k < out->elements; k++)
        out->f[k] = (float)(v[0] + (double)k * v[2]);
    return BS_OK;
}

bs_status bs_fold_range(bs_raw *r, bs_value *out)
{
    int64_t v[3];
    if (r->in[0]->kind == BS_VALUE_FLOATS)
        return range_of_floats(r, out);
    for (int k = 0; k < 3; k++) {
        const bs_value *in = bs_raw_input(r, k);
        if (!in || in->kind != BS_VALUE_INTS || in->elements != 1)
            return bs_raw_fail(r, "its inputs are not three numbers of one type");
        v[k] = in->i[0];
        if (v[k] > BS_DIM_LIMIT || v[k] < -BS_DIM_LIMIT)
            return bs_raw_fail(r, "the range is too large");
    }
    if (v[2] == 0)
        return bs_raw_fail(r, "a step of 0");
    int64_t span = v[2] > 0 ? v[1] - v[0] : v[0] - v[1], step = v[2] > 0 ? v[2] : -v[2];
    int64_t n = span > 0 ? (span - 1) / step + 1 : 0;
    BS_TRY(bs_value_alloc_like(r, out, r->in[0], &(bs_shape){1, {n}}));
    for (int64_t k = 0; k < n; k++)
        out->i[k] = v[0] + k * v[2];
    return BS_OK;
}
