/* Types of values. A tensor's values are stored in a type and computed in fp32: rows are float, and every
 * element is a value of its tensor's type. A fault hits the word in which the type encodes an element. One
 * line of BS_DTYPES makes a type known to the planner, the backends, job files and the result file. */
#ifndef BS_KERNELS_DTYPE_H
#define BS_KERNELS_DTYPE_H

#include "minifloat.h"

#include <math.h>
#include <string.h>

/* X(name, bits of a word, bits of the fraction, least exponent, largest number, has infinities, saturates),
 * see minifloat.h. fp16: IEEE 754 binary16. e4m3: "FP8 Formats for Deep Learning", arXiv 2209.05433; like
 * ONNX's Cast and NVIDIA's conversions to 8 bits, it saturates. */
#define BS_MINIFLOATS(X)                                                                                     \
    X(fp16, 16, 10, -14, 65504.0f, 1, 0)                                                                     \
    X(e4m3, 8, 3, -6, 448.0f, 0, 1)                                                                          \
    X(e5m2, 8, 2, -14, 57344.0f, 1, 1)

#define X(name, ...)                                                                                         \
    BS_HD bs_minifloat bs_minifloat_##name(void)                                                             \
    {                                                                                                        \
        bs_minifloat f = {__VA_ARGS__};                                                                      \
        return f;                                                                                            \
    }                                                                                                        \
    BS_HD uint32_t bs_##name##_encode(float x)                                                               \
    {                                                                                                        \
        return bs_minifloat_encode(bs_minifloat_##name(), x);                                                \
    }                                                                                                        \
    BS_HD float bs_##name##_decode(uint32_t word)                                                            \
    {                                                                                                        \
        return bs_minifloat_decode(bs_minifloat_##name(), word);                                             \
    }                                                                                                        \
    BS_HD float bs_##name##_round(float x)                                                                   \
    {                                                                                                        \
        return bs_minifloat_round(bs_minifloat_##name(), x);                                                 \
    }
BS_MINIFLOATS(X)
#undef X

/* bf16 is the upper half of a float: as a bs_minifloat it would be {16, 7, -126, 0x1.fep127f, 1, 0}, and what
 * is left of its functions is this. */
BS_HD uint32_t bs_bf16_encode(float x)
{
    uint32_t bits = bs_float_bits(x), near = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    uint32_t none =
        bs_select_bits((bits & 0x7f0000) != 0, 0, 0x400000); /* no fraction would be left: the quiet NaN */
    return bs_select_bits((bits & ~BS_SIGN_MASK) > BS_EXPONENT_MASK, (bits | none) >> 16, near);
}

BS_HD float bs_bf16_decode(uint32_t word)
{
    return bs_bits_float(word << 16);
}

BS_HD float bs_bf16_round(float x)
{
    return bs_bf16_decode(bs_bf16_encode(x));
}

BS_HD float bs_fp32_round(float x)
{
    return x;
}

/* The nearest integer of -128 .. 127, halves to the even one; a NaN is 0, as in conversions on GPUs. */
BS_HD float bs_int8_round(float x)
{
    float near = rintf(bs_select(x == x, x, 0.0f));
    near = bs_select(near < 127.0f, near, 127.0f);
    return bs_select(near > -128.0f, near, -128.0f) + 0.0f;
}

BS_HD uint32_t bs_int8_encode(float x)
{
    return (uint32_t)(int32_t)bs_int8_round(x) & 0xffu;
}

BS_HD float bs_int8_decode(uint32_t word)
{
    return (float)(int32_t)((word & 0xffu) ^ 0x80u) - 128.0f;
}

/* X(enum suffix, name, bits of a word, mask of its exponent, mask of its fraction,
 *   exact: 1 if every float is a value of the type,
 *   limit: 0: words mean numbers; else they mean multiples of the tensor's scale, and `limit` is the largest
 *          multiple that the golden run shall use,
 *   float to word, word to float, float to the nearest value).
 * The sign is the bits outside both masks; an integer's is its highest bit. Encoding rounds. Decoding is
 * exact, and the result encodes to the same word, except for NaNs if the type distinguishes fewer of them. */
#define BS_DTYPES(X)                                                                                         \
    X(FP32, "fp32", 32, 0x7f800000, 0x007fffff, 1, 0.0f, bs_float_bits, bs_bits_float, bs_fp32_round)        \
    X(FP16, "fp16", 16, 0x7c00, 0x03ff, 0, 0.0f, bs_fp16_encode, bs_fp16_decode, bs_fp16_round)              \
    X(BF16, "bf16", 16, 0x7f80, 0x007f, 0, 0.0f, bs_bf16_encode, bs_bf16_decode, bs_bf16_round)              \
    X(FP8_E4M3, "fp8_e4m3", 8, 0x78, 0x07, 0, 448.0f, bs_e4m3_encode, bs_e4m3_decode, bs_e4m3_round)         \
    X(FP8_E5M2, "fp8_e5m2", 8, 0x7c, 0x03, 0, 57344.0f, bs_e5m2_encode, bs_e5m2_decode, bs_e5m2_round)       \
    X(INT8, "int8", 8, 0, 0x7f, 0, 127.0f, bs_int8_encode, bs_int8_decode, bs_int8_round)

typedef enum bs_dtype {
#define X(suffix, ...) BS_DTYPE_##suffix,
    BS_DTYPES(X)
#undef X
        BS_DTYPE_COUNT
} bs_dtype;

/* X(enum suffix, name in job files). The fields of a word that a job may name. */
#define BS_BIT_FIELDS(X)                                                                                     \
    X(ANY, "any")                                                                                            \
    X(SIGN, "sign")                                                                                          \
    X(EXPONENT, "exponent")                                                                                  \
    X(MANTISSA, "mantissa")

typedef enum bs_bit_field {
#define X(suffix, name) BS_BITS_##suffix,
    BS_BIT_FIELDS(X)
#undef X
        BS_BIT_FIELD_COUNT
} bs_bit_field;

typedef struct bs_dtype_word {
    uint32_t bits, exponent, fraction;
    int exact;
    float limit;
} bs_dtype_word;

BS_HD bs_dtype_word bs_dtype_word_of(bs_dtype type)
{
    bs_dtype_word none = {0, 0, 0, 1, 0.0f};
    switch (type) {
#define X(suffix, name, bits, exponent, fraction, exact, limit, ...)                                         \
    case BS_DTYPE_##suffix: {                                                                                \
        bs_dtype_word word = {bits, exponent, fraction, exact, limit};                                       \
        return word;                                                                                         \
    }
        BS_DTYPES(X)
#undef X
    case BS_DTYPE_COUNT:
        break;
    }
    return none;
}

/* How a value is stored: its type and, for types with a limit, its tensor's or channel's scale, above 0. */
typedef struct bs_format {
    bs_dtype type;
    float scale;
} bs_format;

/* The scales of a tensor, which owns them: element e has scale[e / run % n]. n: 0: its type has none. */
typedef struct bs_scales {
    const float *scale;
    uint32_t run, n;
} bs_scales;

BS_HD bs_format bs_format_at(bs_dtype type, bs_scales s, uint32_t element)
{
    bs_format f = {type, s.n ? s.scale[element / s.run % s.n] : 1.0f};
    return f;
}

/* Returns the bits of a field as a mask; 0 if the type has no such field. */
BS_HD uint32_t bs_dtype_field(bs_dtype type, bs_bit_field field)
{
    bs_dtype_word word = bs_dtype_word_of(type);
    uint32_t any = 0xffffffffu >> (BS_WORD_BITS - word.bits);
    switch (field) {
    case BS_BITS_SIGN:
        return any & ~(word.exponent | word.fraction);
    case BS_BITS_EXPONENT:
        return word.exponent;
    case BS_BITS_MANTISSA:
        return word.fraction;
    default:
        return any;
    }
}

/* Keep a NaN as it is: arithmetic gives another one on another device. */
BS_HD float bs_scale_down(float x, float scale)
{
    return bs_select(x == x, x / scale, x);
}

BS_HD float bs_scale_up(float x, float scale)
{
    return bs_select(x == x, x * scale, x);
}

BS_HD uint32_t bs_format_encode(bs_format f, float value)
{
    switch (f.type) {
#define X(suffix, name, bits, exponent, fraction, exact, limit, encode, ...)                                 \
    case BS_DTYPE_##suffix:                                                                                  \
        return encode(limit > 0.0f ? bs_scale_down(value, f.scale) : value);
        BS_DTYPES(X)
#undef X
    case BS_DTYPE_COUNT:
        break;
    }
    return 0;
}

BS_HD float bs_format_decode(bs_format f, uint32_t word)
{
    switch (f.type) {
#define X(suffix, name, bits, exponent, fraction, exact, limit, encode, decode, ...)                         \
    case BS_DTYPE_##suffix:                                                                                  \
        return limit > 0.0f ? bs_scale_up(decode(word), f.scale) : decode(word);
        BS_DTYPES(X)
#undef X
    case BS_DTYPE_COUNT:
        break;
    }
    return 0;
}

/* Returns the value that represents a float: what its word decodes to. */
BS_HD float bs_format_round(bs_format f, float value)
{
    switch (f.type) {
#define X(suffix, name, bits, exponent, fraction, exact, limit, encode, decode, round)                       \
    case BS_DTYPE_##suffix:                                                                                  \
        return limit > 0.0f ? bs_scale_up(round(bs_scale_down(value, f.scale)), f.scale) : round(value);
        BS_DTYPES(X)
#undef X
    case BS_DTYPE_COUNT:
        break;
    }
    return value;
}

/* Returns the value after a fault. before: if not NULL, receives the word that was hit. */
BS_HD float bs_inject_value(bs_format f, bs_site s, float value, uint32_t *before)
{
    uint32_t word = bs_format_encode(f, value);
    if (before)
        *before = word;
    return bs_format_decode(f, bs_site_apply(s, word));
}

#ifndef __CUDACC__

/* Returns the name in the result file: "fp32". */
static inline const char *bs_dtype_name(bs_dtype type)
{
    static const char *const names[] = {
#define X(suffix, name, ...) name,
        BS_DTYPES(X)
#undef X
    };
    return names[type];
}

/* Returns the type of that name, BS_DTYPE_COUNT if there is none. */
static inline bs_dtype bs_dtype_find(const char *name)
{
    int type = 0;
    while (type < BS_DTYPE_COUNT && strcmp(name, bs_dtype_name((bs_dtype)type)) != 0)
        type++;
    return (bs_dtype)type;
}

#endif

#endif
