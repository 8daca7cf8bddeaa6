/* Floating-point numbers of 8 or 16 bits: a float rounded to one, as the word of one, and back. A word is a
 * sign, an exponent and a fraction, as in IEEE 754; words of exponent 0 have no hidden bit. C11 and CUDA C++;
 * without branches, so that loops become vectors. */
#ifndef BS_KERNELS_MINIFLOAT_H
#define BS_KERNELS_MINIFLOAT_H

#include "bits.h"

/* bits: of a word. fraction: bits of the fraction. least: the exponent of the smallest number with a hidden
 * bit (fp16: -14). most: the largest finite number.
 * infinity: 1: words whose exponent is all ones are infinities and NaNs, as in IEEE 754; 0: there are no
 *   infinities, and the only NaNs are the words of ones but for the sign.
 * saturates: 1: finite numbers that are too large become the largest one, and so do infinities that the type
 *   does not have; 0: they become infinite. */
typedef struct bs_minifloat {
    uint32_t bits, fraction;
    int32_t least;
    float most;
    int32_t infinity, saturates;
} bs_minifloat;

/* Returns the words of the largest exponent with fraction 0, and of ones but for the sign. */
BS_HD uint32_t bs_minifloat_top(bs_minifloat f)
{
    return (1u << (f.bits - 1)) - (1u << f.fraction);
}

BS_HD uint32_t bs_minifloat_ones(bs_minifloat f)
{
    return (1u << (f.bits - 1)) - 1;
}

/* Returns a number so large that a sum with one below 2^least is rounded to the type: in such sums the last
 * bit counts the words from 0 on. */
BS_HD float bs_minifloat_anchor(bs_minifloat f)
{
    return bs_bits_float((uint32_t)(150 + f.least - (int32_t)f.fraction) << 23 | 0x400000u);
}

/* Returns 2^least as a float's bits: those of smaller numbers are less. */
BS_HD uint32_t bs_minifloat_small(bs_minifloat f)
{
    return (uint32_t)(127 + f.least) << 23;
}

/* Returns yes where the condition is 1, no where it is 0. */
BS_HD uint32_t bs_select_bits(int condition, uint32_t yes, uint32_t no)
{
    uint32_t mask = 0u - (uint32_t)condition;
    return (yes & mask) | (no & ~mask);
}

/* Returns the NaN of the type for one: what its upper bits are, or if none of them says NaN, the quiet one.
 */
BS_HD uint32_t bs_minifloat_nan(bs_minifloat f, uint32_t size)
{
    uint32_t rest = 23 - f.fraction, upper = size >> rest << rest;
    return bs_select_bits(f.infinity && upper > BS_EXPONENT_MASK, upper, 0x7fc00000u);
}

/* Returns the nearest number of the type; of two, the one whose word is even. */
BS_HD float bs_minifloat_round(bs_minifloat f, float x)
{
    uint32_t sign = bs_float_bits(x) & BS_SIGN_MASK, size = bs_float_bits(x) ^ sign, rest = 23 - f.fraction;
    int is_small = size < bs_minifloat_small(f);
    float small = bs_bits_float(bs_select_bits(is_small, size, 0)), anchor = bs_minifloat_anchor(f);
    uint32_t near = (size + (1u << (rest - 1)) - 1 + (size >> rest & 1)) >> rest << rest;
    uint32_t y = bs_select_bits(is_small, bs_float_bits(small + anchor - anchor), near);
    int keeps = !f.saturates || (f.infinity && size == BS_EXPONENT_MASK);
    uint32_t over = bs_select_bits(keeps, BS_EXPONENT_MASK, bs_float_bits(f.most));
    y = bs_select_bits(y > bs_float_bits(f.most), over, y);
    y = bs_select_bits(size > BS_EXPONENT_MASK, bs_minifloat_nan(f, size), y);
    return bs_bits_float(sign | y);
}

/* Returns the word of the nearest number. */
BS_HD uint32_t bs_minifloat_encode(bs_minifloat f, float x)
{
    uint32_t y = bs_float_bits(bs_minifloat_round(f, x)), sign = y >> 31, size = y & ~BS_SIGN_MASK;
    uint32_t rest = 23 - f.fraction, unit = bs_minifloat_small(f),
             anchor = bs_float_bits(bs_minifloat_anchor(f));
    int is_small = size < unit;
    uint32_t small = bs_float_bits(bs_bits_float(bs_select_bits(is_small, size, 0)) + bs_minifloat_anchor(f));
    uint32_t word = bs_select_bits(is_small, small - anchor, ((size - unit) >> rest) + (1u << f.fraction));
    uint32_t special =
        f.infinity ? bs_minifloat_top(f) | (size & BS_MANTISSA_MASK) >> rest : bs_minifloat_ones(f);
    return sign << (f.bits - 1) | bs_select_bits(size >= BS_EXPONENT_MASK, special, word);
}

/* Returns the number of a word. */
BS_HD float bs_minifloat_decode(bs_minifloat f, uint32_t word)
{
    uint32_t size = word & bs_minifloat_ones(f), sign = (word >> (f.bits - 1) & 1) << 31;
    uint32_t rest = 23 - f.fraction, one = 1u << f.fraction, anchor = bs_float_bits(bs_minifloat_anchor(f));
    uint32_t small = bs_select_bits(size < one, size, 0);
    uint32_t y = bs_float_bits(bs_bits_float(anchor + small) - bs_bits_float(anchor));
    y = bs_select_bits(size < one, y, ((size - one) << rest) + bs_minifloat_small(f));
    uint32_t special = f.infinity ? BS_EXPONENT_MASK | (size - bs_minifloat_top(f)) << rest : 0x7fc00000u;
    int is_special = f.infinity ? size >= bs_minifloat_top(f) : size == bs_minifloat_ones(f);
    return bs_bits_float(sign | bs_select_bits(is_special, special, y));
}

#endif
