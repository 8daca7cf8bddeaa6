/* Element functions of the operators, shared by CPU and GPU, so that both agree and NaN propagates: a NaN
 * input gives a NaN output everywhere. Comparisons are written so that they hold for NaN without a test.
 *
 * Where two NaNs could meet (arithmetic), the result is one fixed NaN: which payload survives an addition
 * depends on the order of the operands in the machine instruction, which compilers are free to swap.
 * Multiplications and additions are never contracted here (-ffp-contract=off, nvcc --fmad=false). */
#ifndef BS_KERNELS_OPS_H
#define BS_KERNELS_OPS_H

#include "elementary.h"

/* Turns any NaN into the quiet NaN 0x7fc00000. */
BS_HD float bs_quiet(float x)
{
    return x == x ? x : bs_bits_float(0x7fc00000u);
}

/* Maximum and minimum; NaN if either is NaN (with the bits of the first one). */
BS_HD float bs_max_nan(float a, float b)
{
    return bs_select((a > b) | (a != a), a, b);
}

BS_HD float bs_min_nan(float a, float b)
{
    return bs_select((a < b) | (a != a), a, b);
}

/* -0 gives +0. */
BS_HD float bs_relu(float x)
{
    return !(x <= 0.0f) ? x : 0.0f;
}

BS_HD float bs_leaky_relu(float x, float slope)
{
    return x < 0.0f ? bs_quiet(x * slope) : x;
}

/* As in ONNX: min(max(x, lo), hi), even if lo > hi. */
BS_HD float bs_clip(float x, float lo, float hi)
{
    return bs_min_nan(bs_max_nan(x, lo), hi);
}

BS_HD float bs_sigmoid(float x)
{
    return bs_quiet(1.0f / (1.0f + bs_expf(-x)));
}

BS_HD float bs_tanh(float x)
{
    return bs_quiet(bs_tanhf(x));
}

BS_HD float bs_abs(float x)
{
    return fabsf(x);
}

BS_HD float bs_neg(float x)
{
    return bs_quiet(-x);
}

BS_HD float bs_exp(float x)
{
    return bs_quiet(bs_expf(x));
}

BS_HD float bs_log(float x)
{
    return bs_quiet(bs_logf(x));
}

BS_HD float bs_sqrt(float x)
{
    return bs_quiet(sqrtf(x));
}

BS_HD float bs_floor(float x)
{
    return bs_quiet(floorf(x));
}

BS_HD float bs_ceil(float x)
{
    return bs_quiet(ceilf(x));
}

/* To the nearest integer, halves to the even one. */
BS_HD float bs_round(float x)
{
    return bs_quiet(rintf(x));
}

BS_HD float bs_sign(float x)
{
    return bs_select(x == x, (float)((x > 0.0f) - (x < 0.0f)), bs_quiet(x));
}

/* Without its fraction, or 0 or 1. */
BS_HD float bs_cast(float x, float truth)
{
    return truth != 0.0f ? (float)(x != 0.0f) : bs_quiet(truncf(x));
}

BS_HD float bs_test_inf(float x, float negative, float positive)
{
    return (float)((x == INFINITY && positive != 0.0f) || (x == -INFINITY && negative != 0.0f));
}

BS_HD float bs_sin(float x)
{
    return bs_quiet(sinf(x));
}

BS_HD float bs_cos(float x)
{
    return bs_quiet(cosf(x));
}

BS_HD float bs_erf(float x)
{
    return bs_quiet(bs_erff(x));
}

BS_HD float bs_add(float a, float b)
{
    return bs_quiet(a + b);
}

BS_HD float bs_sub(float a, float b)
{
    return bs_quiet(a - b);
}

BS_HD float bs_mul(float a, float b)
{
    return bs_quiet(a * b);
}

BS_HD float bs_div(float a, float b)
{
    return bs_quiet(a / b);
}

/* The square, which normalisations use, is one rounding on every device. */
BS_HD_INLINE float bs_pow(float a, float b)
{
    return bs_quiet(b == 2.0f ? a * a : bs_powf(a, b));
}

BS_HD float bs_mod(float a, float b)
{
    return bs_quiet(fmodf(a, b));
}

BS_HD float bs_elu(float x, float alpha)
{
    return x < 0.0f ? bs_quiet(alpha * bs_expm1f(x)) : x;
}

BS_HD float bs_celu(float x, float alpha)
{
    return x < 0.0f ? bs_quiet(alpha * bs_expm1f(x / alpha)) : x;
}

BS_HD float bs_selu(float x, float alpha, float gamma)
{
    return bs_quiet(gamma * bs_elu(x, alpha));
}

BS_HD float bs_swish(float x, float alpha)
{
    return bs_quiet(x * bs_sigmoid(alpha * x));
}

BS_HD float bs_thresholded_relu(float x, float alpha)
{
    return !(x <= alpha) ? x : 0.0f;
}

/* Towards 0 by `bias`, and 0 within the limits. */
BS_HD float bs_shrink(float x, float limit, float bias)
{
    float outside = bs_select(x < -limit, bs_quiet(x + bias), bs_quiet(x - bias));
    return bs_select((x >= -limit) & (x <= limit), 0.0f, outside);
}

BS_HD float bs_hard_sigmoid(float x, float alpha, float beta)
{
    return bs_clip(bs_quiet(alpha * x + beta), 0.0f, 1.0f);
}

BS_HD float bs_hard_swish(float x)
{
    return bs_quiet(x * bs_hard_sigmoid(x, 1.0f / 6.0f, 0.5f));
}

/* 0.5 x (1 + erf(x / sqrt 2)), or its approximation by tanh. */
BS_HD float bs_gelu(float x, float approximate)
{
    float inner = 0.797884561f * (x + 0.044715f * x * x * x);
    float t = approximate != 0.0f ? bs_tanhf(inner) : bs_erff(x * 0.707106781f);
    return bs_quiet(0.5f * x * (1.0f + t));
}

/* ln(1 + e^x); above 20 that is x. */
BS_HD float bs_softplus(float x)
{
    return bs_select(x > 20.0f, x, bs_quiet(bs_log1pf(bs_expf(x))));
}

BS_HD float bs_softsign(float x)
{
    return bs_quiet(x / (1.0f + fabsf(x)));
}

/* x tanh(ln(1 + e^x)) = x ((1 + e^x)^2 - 1) / ((1 + e^x)^2 + 1); above 20 that is x. */
BS_HD float bs_mish(float x)
{
    float e = bs_expf(bs_select(x > 20.0f, 20.0f, x)), n = e * (e + 2.0f);
    return bs_quiet(x * (n / (n + 2.0f)));
}

/* Batch normalisation in two steps; the factor is the same for a whole channel. */
BS_HD float bs_batch_norm_factor(float scale, float var, float epsilon)
{
    return bs_quiet(scale / sqrtf(var + epsilon));
}

BS_HD float bs_batch_norm(float x, float factor, float bias, float mean)
{
    return bs_quiet((x - mean) * factor + bias);
}

BS_HD float bs_normalize(float x, float mean, float factor, float scale, float bias)
{
    return bs_quiet((x - mean) * factor * scale + bias);
}

/* Interpolates between a and b; w: the weight of b. */
BS_HD float bs_mix(float a, float b, float w)
{
    return bs_quiet((1.0f - w) * a + w * b);
}

/* Sums four elements by their weights, from first to last. */
BS_HD float bs_mix_four(const float x[4], const float weight[4])
{
    return bs_quiet(x[0] * weight[0] + x[1] * weight[1] + x[2] * weight[2] + x[3] * weight[3]);
}

/* x / s^beta; the usual beta needs only two square roots, which round the same everywhere. */
BS_HD float bs_lrn(float x, float s, float beta)
{
    return bs_quiet(x / (beta == 0.75f ? sqrtf(s) * sqrtf(sqrtf(s)) : bs_powf(s, beta)));
}

#endif
