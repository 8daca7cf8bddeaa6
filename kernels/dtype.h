/* Types of values. A tensor's values are stored in a type and computed in fp32: rows are float, and every
 * element is a value of its tensor's type. A fault hits the word in which the type encodes an element. One
 * line of BS_DTYPES makes a type known to the planner, the backends and the result file. */
#ifndef BS_KERNELS_DTYPE_H
#define BS_KERNELS_DTYPE_H

#include "bits.h"

/* X(enum suffix, name, bits of a word, mask of its exponent, mask of its fraction, 1 if every float is a
 * value of the type, float to word, word to float). The sign is the bits outside both masks. Encoding rounds.
 * Decoding is exact, and the result encodes to the same word, except for NaNs if the type distinguishes fewer
 * of them. */
#define BS_DTYPES(X) X(FP32, "fp32", 32, BS_EXPONENT_MASK, BS_MANTISSA_MASK, 1, bs_float_bits, bs_bits_float)

typedef enum bs_dtype {
#define X(suffix, name, bits, exponent, fraction, exact, encode, decode) BS_DTYPE_##suffix,
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
} bs_dtype_word;

BS_HD bs_dtype_word bs_dtype_word_of(bs_dtype type)
{
    bs_dtype_word none = {0, 0, 0, 1};
    switch (type) {
#define X(suffix, name, bits, exponent, fraction, exact, encode, decode)                                     \
    case BS_DTYPE_##suffix: {                                                                                \
        bs_dtype_word word = {bits, exponent, fraction, exact};                                              \
        return word;                                                                                         \
    }
        BS_DTYPES(X)
#undef X
    case BS_DTYPE_COUNT:
        break;
    }
    return none;
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

BS_HD uint32_t bs_dtype_encode(bs_dtype type, float value)
{
    switch (type) {
#define X(suffix, name, bits, exponent, fraction, exact, encode, decode)                                     \
    case BS_DTYPE_##suffix:                                                                                  \
        return encode(value);
        BS_DTYPES(X)
#undef X
    case BS_DTYPE_COUNT:
        break;
    }
    return 0;
}

BS_HD float bs_dtype_decode(bs_dtype type, uint32_t word)
{
    switch (type) {
#define X(suffix, name, bits, exponent, fraction, exact, encode, decode)                                     \
    case BS_DTYPE_##suffix:                                                                                  \
        return decode(word);
        BS_DTYPES(X)
#undef X
    case BS_DTYPE_COUNT:
        break;
    }
    return 0;
}

/* Returns the value of the type that represents a float. */
BS_HD float bs_dtype_round(bs_dtype type, float value)
{
    return bs_dtype_decode(type, bs_dtype_encode(type, value));
}

/* Returns the value after a fault. before: if not NULL, receives the word that was hit. */
BS_HD float bs_inject_value(bs_dtype type, bs_site s, float value, uint32_t *before)
{
    uint32_t word = bs_dtype_encode(type, value);
    if (before)
        *before = word;
    return bs_dtype_decode(type, bs_site_apply(s, word));
}

#ifndef __CUDACC__

/* Returns the name in the result file: "fp32". */
static inline const char *bs_dtype_name(bs_dtype type)
{
    static const char *const names[] = {
#define X(suffix, name, bits, exponent, fraction, exact, encode, decode) name,
        BS_DTYPES(X)
#undef X
    };
    return names[type];
}

#endif

#endif
