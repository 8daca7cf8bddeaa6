/* Types of constants, and integers that stand for real numbers. */
#include "import/fold.h"

#include <math.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

/* X(ONNX type, C type): integers, which wrap around. */
#define INT_TYPES(X)                                                                                         \
    X(INT8, int8_t)                                                                                          \
    X(INT16, int16_t)                                                                                        \
    X(INT32, int32_t)                                                                                        \
    X(UINT8, uint8_t)                                                                                        \
    X(UINT16, uint16_t)                                                                                      \
    X(UINT32, uint32_t)

static int64_t wrap(int64_t x, int64_t type)
{
    switch (type) {
#define X(name, ctype)                                                                                       \
    case TYPE(name):                                                                                         \
        return (ctype)x;
        INT_TYPES(X)
#undef X
    default:
        return x;
    }
}

bool bs_type_holds(int type, int64_t x)
{
    return wrap(x, type) == x;
}

static bs_status to_integer(const bs_raw *r, float x, int64_t *out)
{
    if (!(fabsf(x) < 0x1p62f))
        return bs_raw_fail(r, "%g is not an integer", (double)x);
    *out = (int64_t)x;
    return BS_OK;
}

bs_status bs_fold_cast(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    int64_t to;
    bs_number number;
    BS_TRY(bs_attr_int(r, "to", 0, &to));
    if (!bs_type_number(to, &number))
        return bs_raw_fail(r, "a cast to %s is not supported", bs_type_name(to));
    bool from_float = x->kind == BS_VALUE_FLOATS, real = number == BS_NUMBER_REAL;
    BS_TRY(bs_value_alloc(r, out, real ? BS_VALUE_FLOATS : BS_VALUE_INTS, &x->shape));
    out->type = (int)to;
    for (int64_t e = 0; e < out->elements; e++) {
        if (real) {
            out->f[e] = from_float ? x->f[e] : (float)x->i[e];
        } else if (number == BS_NUMBER_TRUTH) {
            out->i[e] = from_float ? x->f[e] != 0 : x->i[e] != 0;
        } else {
            int64_t i = 0;
            if (from_float)
                BS_TRY(to_integer(r, x->f[e], &i));
            out->i[e] = wrap(from_float ? i : x->i[e], to);
        }
    }
    return BS_OK;
}
