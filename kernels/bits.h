/* Bits of IEEE-754 single precision, and the one operation that every fault reduces to (on a word of any
 * type: dtype.h). */
#ifndef BS_KERNELS_BITS_H
#define BS_KERNELS_BITS_H

#include "hd.h"

#define BS_SIGN_MASK     0x80000000u
#define BS_EXPONENT_MASK 0x7f800000u
#define BS_MANTISSA_MASK 0x007fffffu

/* Width of the masks of a site. */
enum { BS_WORD_BITS = 32 };

BS_HD uint32_t bs_float_bits(float f)
{
    union {
        float f;
        uint32_t u;
    } v;
    v.f = f;
    return v.u;
}

BS_HD float bs_bits_float(uint32_t u)
{
    union {
        float f;
        uint32_t u;
    } v;
    v.u = u;
    return v.f;
}

BS_HD uint64_t bs_double_bits(double d)
{
    union {
        double d;
        uint64_t u;
    } v;
    v.d = d;
    return v.u;
}

BS_HD double bs_bits_double(uint64_t u)
{
    union {
        double d;
        uint64_t u;
    } v;
    v.u = u;
    return v.d;
}

/* Returns yes where the condition is 1, no where it is 0. A compiler makes branches of ?: that depend on each
 * other, and no vectors of loops with branches. */
BS_HD float bs_select(int condition, float yes, float no)
{
    uint32_t mask = 0u - (uint32_t)condition;
    return bs_bits_float((bs_float_bits(yes) & mask) | (bs_float_bits(no) & ~mask));
}

BS_HD double bs_select_double(int condition, double yes, double no)
{
    uint64_t mask = 0u - (uint64_t)condition;
    return bs_bits_double((bs_double_bits(yes) & mask) | (bs_double_bits(no) & ~mask));
}

/* These test the bits, so that -ffast-math or flush-to-zero modes cannot change the answer. */
BS_HD int bs_is_nan(float f)
{
    return (bs_float_bits(f) & 0x7fffffffu) > BS_EXPONENT_MASK;
}

BS_HD int bs_is_inf(float f)
{
    return (bs_float_bits(f) & 0x7fffffffu) == BS_EXPONENT_MASK;
}

/* One faulty element: after = (before & keep) ^ toggle.
 *   flip m: keep ~0, toggle m    stuck-at-0 m: keep ~m, toggle 0    stuck-at-1 m: keep ~m, toggle m
 *   set to value v (zero, random value): keep 0, toggle bits(v)
 * `element` is the logical index: (C, H, W) of one sample for activations, file order for parameters. */
typedef struct bs_site {
    uint32_t element;
    uint32_t keep;
    uint32_t toggle;
} bs_site;

BS_HD uint32_t bs_site_apply(bs_site s, uint32_t before)
{
    return (before & s.keep) ^ s.toggle;
}

#endif
