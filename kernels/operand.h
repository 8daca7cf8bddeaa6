/* The rows that a kernel reads and writes. Those of a tensor whose type has 16 bits are its words, all others
 * are floats. Reading decodes, writing rounds. The type is one for a whole launch, so that no two threads of
 * a warp branch apart. */
#ifndef BS_KERNELS_OPERAND_H
#define BS_KERNELS_OPERAND_H

#include "dtype.h"

/* Input rows: sample i reads row rows[i], or row i if rows is NULL. `elements` is the size of a row; 0 for a
 * parameter, which all samples share. type: of the tensor; parameters are floats, FP32. */
typedef struct bs_operand {
    const void *base;
    const int32_t *rows;
    int64_t elements;
    bs_dtype type;
} bs_operand;

/* The elements of an operand from one on. */
typedef struct bs_cells {
    const void *at;
    bs_dtype type;
} bs_cells;

/* Output rows. format: to which values are rounded; FP32 where they need not be and are floats. */
typedef struct bs_out {
    void *base;
    bs_format format;
} bs_out;

/* Returns true if rows of the type are words of 16 bits. */
BS_HD int bs_is_half(bs_dtype type)
{
    return type == BS_DTYPE_FP16 || type == BS_DTYPE_BF16;
}

/* Returns the bytes of `elements` elements in a row. */
BS_HD int64_t bs_row_size(bs_dtype type, int64_t elements)
{
    return elements * (bs_is_half(type) ? 2 : 4);
}

BS_HD bs_cells bs_cells_from(bs_cells c, int64_t first)
{
    bs_cells from = {(const char *)c.at + bs_row_size(c.type, first), c.type};
    return from;
}

BS_HD bs_cells bs_operand_row(const bs_operand *o, uint32_t sample)
{
    int64_t row = o->rows ? o->rows[sample] : (int64_t)sample;
    bs_cells all = {o->base, o->type};
    return bs_cells_from(all, row * o->elements);
}

/* Returns the word of element k; of a float its bits. */
BS_HD uint32_t bs_cell_word(bs_cells c, int64_t k)
{
    return bs_is_half(c.type) ? ((const uint16_t *)c.at)[k] : bs_float_bits(((const float *)c.at)[k]);
}

/* These give the bits of bs_fp16_decode() and bs_fp16_encode(). A GPU converts by one instruction; only of
 * NaNs it makes others. */
BS_HD float bs_fp16_value(uint32_t word)
{
#ifdef __CUDA_ARCH__
    float near;
    asm("cvt.f32.f16 %0, %1;" : "=f"(near) : "h"((uint16_t)word));
    uint32_t nan = (word & 0x8000) << 16 | BS_EXPONENT_MASK | (word & 0x3ff) << 13;
    return bs_select((word & 0x7fff) > 0x7c00, bs_bits_float(nan), near);
#else
    return bs_fp16_decode(word);
#endif
}

BS_HD uint32_t bs_fp16_word(float x)
{
#ifdef __CUDA_ARCH__
    uint16_t near;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(near) : "f"(x));
    uint32_t bits = bs_float_bits(x), fraction = bits >> 13 & 0x3ff, sign = bits >> 16 & 0x8000;
    uint32_t nan = sign | 0x7c00 | bs_select_bits(fraction != 0, fraction, 0x200);
    return bs_select_bits((bits & ~BS_SIGN_MASK) > BS_EXPONENT_MASK, nan, near);
#else
    return bs_fp16_encode(x);
#endif
}

/* Returns the value of an element whose word was read. */
BS_HD float bs_word_value(bs_dtype type, uint32_t word)
{
    if (type == BS_DTYPE_FP16)
        return bs_fp16_value(word);
    return type == BS_DTYPE_BF16 ? bs_bf16_decode(word) : bs_bits_float(word);
}

BS_HD float bs_cell_value(bs_cells c, int64_t k)
{
    return bs_word_value(c.type, bs_cell_word(c, k));
}

/* Returns the word that is written for a value. */
BS_HD uint32_t bs_out_word(bs_format f, float value)
{
    if (f.type == BS_DTYPE_FP32)
        return bs_float_bits(value);
    if (f.type == BS_DTYPE_FP16)
        return bs_fp16_word(value);
    return f.type == BS_DTYPE_BF16 ? bs_bf16_encode(value) : bs_float_bits(bs_format_round(f, value));
}

BS_HD void bs_put_word(const bs_out *o, int64_t at, uint32_t word)
{
    if (bs_is_half(o->format.type))
        ((uint16_t *)o->base)[at] = (uint16_t)word;
    else
        ((float *)o->base)[at] = bs_bits_float(word);
}

BS_HD void bs_put(const bs_out *o, int64_t at, float value)
{
    bs_put_word(o, at, bs_out_word(o->format, value));
}

/* Returns the rows from element `first` on. */
BS_HD bs_out bs_out_from(bs_out o, int64_t first)
{
    bs_out from = {(char *)o.base + bs_row_size(o.format.type, first), o.format};
    return from;
}

/* Copies element k; words of one type are not decoded. */
BS_HD void bs_put_cell(const bs_out *o, int64_t at, bs_cells c, int64_t k)
{
    if (c.type == o->format.type && bs_is_half(c.type))
        bs_put_word(o, at, bs_cell_word(c, k));
    else
        bs_put(o, at, bs_cell_value(c, k));
}

/* Evaluates `call`, which uses the type, and where that is FP32 with a constant: what `call` inlines then has
 * loops without branches, and several loads under way at once. */
#define BS_BY_SIZE(type, call)                                                                               \
    do {                                                                                                     \
        if ((type) == BS_DTYPE_FP32) {                                                                       \
            (type) = BS_DTYPE_FP32;                                                                          \
            call;                                                                                            \
        } else {                                                                                             \
            call;                                                                                            \
        }                                                                                                    \
    } while (0)

/* Evaluates `call`, which uses both types; where they are one type that has rows of its own, it is a
 * constant: what `call` inlines then has loops without branches, and several loads under way at once. */
#define BS_BY_TYPE(one, other, call)                                                                         \
    do {                                                                                                     \
        if ((one) == BS_DTYPE_FP32 && (other) == BS_DTYPE_FP32) {                                            \
            (one) = BS_DTYPE_FP32;                                                                           \
            (other) = BS_DTYPE_FP32;                                                                         \
            call;                                                                                            \
        } else if ((one) == BS_DTYPE_FP16 && (other) == BS_DTYPE_FP16) {                                     \
            (one) = BS_DTYPE_FP16;                                                                           \
            (other) = BS_DTYPE_FP16;                                                                         \
            call;                                                                                            \
        } else if ((one) == BS_DTYPE_BF16 && (other) == BS_DTYPE_BF16) {                                     \
            (one) = BS_DTYPE_BF16;                                                                           \
            (other) = BS_DTYPE_BF16;                                                                         \
            call;                                                                                            \
        } else {                                                                                             \
            call;                                                                                            \
        }                                                                                                    \
    } while (0)

#endif
