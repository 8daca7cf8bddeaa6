/* Elementary functions in plain C, shared by CPU and GPU: multiplications, additions, divisions and
 * selections in one fixed order, without tables, branches or fused multiply-add. So compilers make vector
 * code of whatever width of loops over them, and every lane, tail, instruction set and device has the same
 * bits. No library does all of that: results of libm and of most vector libraries depend on the CPU, and
 * SLEEF's deterministic functions took, on 8 lanes with fused multiply-add, 1.3 (exp) to 4 times (erf) as
 * long. All are in single precision but pow, whose logarithm needs more bits. Sines, cosines, tangents,
 * hyperbolic functions other than tanh, and the inverses of all these are still libm's, or CUDA's: one call
 * for each element (op_list.h).
 *
 * Largest errors in units in the last place: exp 1.0, expm1 1.7, tanh 2.6, log 0.8, log1p 1.2, erf 2.1, pow
 * 0.54. Special values are as in C: a NaN gives a NaN of some payload, overflow an infinity, and results may
 * be denormal. The polynomials are minimax approximations of the relative error, written so that terms do not
 * wait for each other. */
#ifndef BS_KERNELS_ELEMENTARY_H
#define BS_KERNELS_ELEMENTARY_H

#include "bits.h"

#include <math.h>

/* Returns e^r - 1 for x = n ln 2 + r with |r| <= ln 2 / 2, and n in *power. |x| < 2^15. The product of n and
 * the first part of ln 2 is exact. Adding 1.5 * 2^23 rounds to an integer, in the last bits of the sum. */
BS_HD_INLINE float bs_exp_reduced(float x, uint32_t *power)
{
    const float shift = 12582912.0f;
    float shifted = x * 1.44269504f + shift, n = shifted - shift;
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    float r2 = r * r;
    float q = (0.5f + r * 0.166665129f) + r2 * ((0.0416661864f + r * 0.00836959801f) + r2 * 0.00139517733f);
    *power = bs_float_bits(shifted) - bs_float_bits(shift);
    return r + r2 * q;
}

/* Returns 2^n, -127 < n < 128. */
BS_HD_INLINE float bs_power_of_two(uint32_t n)
{
    return bs_bits_float((n + 127u) << 23);
}

/* e^x. Two factors, since 2^n alone may be out of range. */
BS_HD_INLINE float bs_expf(float x)
{
    uint32_t n;
    float low = x < -104.0f ? -104.0f : x, in = low > 89.0f ? 89.0f : low;
    float e = bs_exp_reduced(in, &n);
    uint32_t half = ((n + 256u) >> 1) - 128u;
    return (1.0f + e) * bs_power_of_two(half) * bs_power_of_two(n - half);
}

/* e^x - 1. */
BS_HD_INLINE float bs_expm1f(float x)
{
    uint32_t n;
    float low = x < -25.0f ? -25.0f : x, in = low > 89.0f ? 89.0f : low;
    float e = bs_exp_reduced(in, &n), half = bs_power_of_two(n - 1u);
    return 2.0f * (e * half + (half - 0.5f));
}

BS_HD_INLINE float bs_tanhf(float x)
{
    float a = fabsf(x), t = bs_expm1f(2.0f * (a > 10.0f ? 10.0f : a));
    return copysignf(t / (t + 2.0f), x);
}

/* ln(2^offset x) for a normal number x = 2^n m, with m from sqrt(1/2) to sqrt(2). */
BS_HD_INLINE float bs_log_reduced(float x, float offset)
{
    const uint32_t sqrt_half = 0x3f3504f3u;
    uint32_t bits = bs_float_bits(x) - sqrt_half;
    float n = (float)((int32_t)bits >> 23) + offset;
    float f = bs_bits_float((bits & 0x7fffffu) + sqrt_half) - 1.0f, square = f * f;
    float low = (0.333333126f + f * -0.250000095f) + square * (0.200021184f + f * -0.166679989f);
    float high = (0.142195614f + f * -0.124055384f) + square * (0.1188804f + f * -0.116759131f);
    float p = low + square * square * (high + square * square * 0.0674724224f);
    float y = f * square * p - n * 2.12194440e-4f - 0.5f * square;
    return (f + y) + n * 0.693359375f;
}

/* ln x; denormal numbers are scaled first. */
BS_HD_INLINE float bs_logf(float x)
{
    float normal = x < 1.17549435e-38f ? x * 8388608.0f : x, offset = x < 1.17549435e-38f ? -23.0f : 0.0f;
    float special = bs_select(x == 0.0f, -INFINITY, bs_select(x < 0.0f, bs_bits_float(0x7fc00000u), x));
    return bs_select((x > 0.0f) & (x < INFINITY), bs_log_reduced(normal, offset), special);
}

/* ln(1 + x) for 0 <= x < 2^30: the logarithm of the rounded sum, and what the rounding took away. */
BS_HD_INLINE float bs_log1pf(float x)
{
    float sum = 1.0f + x;
    return bs_log_reduced(sum, 0.0f) + (x - (sum - 1.0f)) / sum;
}

/* 1 - e^-(t + t q(t)), t = |x|, which is 1 from t = 4 on: as e^-... = 2^n (1 + e), nothing cancels for small
 * t. */
BS_HD_INLINE float bs_erff(float x)
{
    float a = fabsf(x), t = a > 4.0f ? 4.0f : a, t2 = t * t, t4 = t2 * t2;
    float low = (0.12837917f + t * 0.636619381f) + t2 * (0.102777837f + t * -0.0191530904f);
    float high = (-0.000160346704f + t * 0.00166697851f) + t2 * (-0.000632810527f + t * 0.000117634049f);
    uint32_t n;
    float e = bs_exp_reduced(-(t + t * (low + t4 * (high + t4 * -9.25547676e-06f))), &n);
    float power = bs_power_of_two(n);
    return copysignf((1.0f - power) - power * e, x);
}

/* log2 x for a float 0 < x < infinity, which is never denormal in double precision: x = 2^n m with m from
 * sqrt(1/2) to sqrt(2), and log2 m = 2 / ln 2 atanh((m - 1) / (m + 1)). The last bits of 2^52 + n are n. */
BS_HD_INLINE double bs_log2_double(double x)
{
    const uint64_t sqrt_half = 0x3fe6a09e667f3bcdu, one = 0x3ff0000000000000u, two_52 = 0x4330000000000000u;
    uint64_t bits = bs_double_bits(x) + (one - sqrt_half);
    double n = bs_bits_double((bits >> 52) | two_52) - (4503599627370496.0 + 1023.0);
    double f = bs_bits_double((bits & 0xfffffffffffffu) + sqrt_half) - 1.0;
    double s = f / (f + 2.0), z = s * s;
    double low = 2.8853900817920798 + z * 0.96179667334984922;
    double high = 0.57708358333176051 + z * 0.41167282298884695;
    return n + s * (low + z * z * (high + z * z * 0.34072807840828334));
}

/* 2^x, |x| < 1000. Adding 1.5 * 2^52 rounds to an integer, in the last bits of the sum. */
BS_HD_INLINE double bs_exp2_double(double x)
{
    const double shift = 6755399441055744.0;
    double shifted = x + shift, r = x - (shifted - shift), r2 = r * r;
    double low = 0.69314720285458668 + r * 0.24022647915707025;
    double middle = 0.055503324717138702 + r * 0.0096184370806600168;
    double high = 0.0013398874371413492 + r * 0.00015353440234678316;
    double q = (low + r2 * middle) + r2 * r2 * high;
    return (1.0 + r * q) * bs_bits_double((bs_double_bits(shifted) + 1023u) << 52);
}

/* x >= 0. */
BS_HD_INLINE int bs_is_whole(float x)
{
    return ((x + 8388608.0f) - 8388608.0f == x) | (x > 8388608.0f);
}

/* a^b = 2^(b log2 |a|), negative if a is and b is odd, rounded once. Zeros, ones, infinities and NaNs are as
 * in C: a^0 and 1^b are 1 even of a NaN. */
BS_HD_INLINE float bs_powf(float a, float b)
{
    float base = fabsf(a), size = fabsf(b);
    double power = (double)b * bs_log2_double((double)base),
           low = bs_select_double(power < -200.0, -200.0, power);
    float ordinary = (float)bs_exp2_double(bs_select_double(low > 200.0, 200.0, low));
    float end = bs_select((b > 0.0f) == (base > 1.0f), INFINITY, 0.0f);
    float result = bs_select((base == 0.0f) | (base == INFINITY), end, ordinary);
    int whole = bs_is_whole(size), odd = whole & !bs_is_whole(0.5f * size);
    int none = (a != a) | (b != b) | ((a < 0.0f) & (a > -INFINITY) & !whole);
    int one = (a == 1.0f) | (b == 0.0f) | ((base == 1.0f) & (size == INFINITY));
    float some = bs_select(none, bs_bits_float(0x7fc00000u), copysignf(result, bs_select(odd, a, 0.0f)));
    return bs_select(one, 1.0f, some);
}

#endif
