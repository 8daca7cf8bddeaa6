/* Sums along a line in one fixed order, shared by CPU and GPU: the results depend on the elements of the line
 * alone. Element i is added to partial sum i % 32, in order of i; then the partial sums s are added as a
 * tree: s[k] + s[k + 16] for k < 16, of these s[k] + s[k + 8] for k < 8, and so on. So a CPU adds whole
 * vectors, and a GPU keeps one partial sum in each lane of a warp. */
#ifndef BS_KERNELS_LINES_H
#define BS_KERNELS_LINES_H

#include "ops.h"

#include <stdbool.h>

enum { BS_PARTIAL_SUMS = 32 };

/* One level of the tree. */
BS_HD_INLINE void bs_partial_fold(double *partial, int half)
{
    for (int k = 0; k < half; k++)
        partial[k] += partial[k + half];
}

/* Adds the partial sums, which are overwritten. */
BS_HD_INLINE double bs_partial_total(double *partial)
{
    bs_partial_fold(partial, 16);
    bs_partial_fold(partial, 8);
    bs_partial_fold(partial, 4);
    bs_partial_fold(partial, 2);
    return partial[0] + partial[1];
}

/* Adds x[k * stride] - centre, or its square, to partial sum k, for the first `count` of them. */
BS_HD_INLINE void bs_partial_add(double *partial, int64_t count, const float *x, int64_t stride,
                                 double centre, bool square)
{
    for (int64_t k = 0; k < count; k++) {
        double d = (double)x[k * stride] - centre;
        partial[k] += square ? d * d : d;
    }
}

/* Sums x[i * stride] - centre, or the squares of that, in double. */
BS_HD_INLINE double bs_line_sum(int64_t n, const float *x, int64_t stride, double centre, bool square)
{
    double partial[BS_PARTIAL_SUMS] = {0};
    int64_t i = 0;
    for (; i + BS_PARTIAL_SUMS <= n; i += BS_PARTIAL_SUMS)
        bs_partial_add(partial, BS_PARTIAL_SUMS, x + i * stride, stride, centre, square);
    bs_partial_add(partial, n - i, x + i * stride, stride, centre, square);
    return bs_partial_total(partial);
}

/* Computes mean and variance of x[i * stride], in double. */
BS_HD_INLINE void bs_moments(int64_t n, const float *x, int64_t stride, double *mean, double *variance)
{
    *mean = bs_line_sum(n, x, stride, 0.0, false) / (double)n;
    *variance = bs_line_sum(n, x, stride, *mean, true) / (double)n;
}

BS_HD float bs_deviation_factor(double variance, float epsilon)
{
    return (float)(1.0 / sqrt(variance + (double)epsilon));
}

BS_HD_INLINE void bs_max_into(float *max, int64_t count, const float *x, int64_t stride)
{
    for (int64_t k = 0; k < count; k++)
        max[k] = bs_max_nan(max[k], x[k * stride]);
}

/* Returns the maximum of x[i * stride], NaN if there is one. Its order changes no bit of a softmax. */
BS_HD_INLINE float bs_line_max(int64_t n, const float *x, int64_t stride)
{
    float partial[BS_PARTIAL_SUMS];
    for (int k = 0; k < BS_PARTIAL_SUMS; k++)
        partial[k] = -INFINITY;
    int64_t i = 0;
    for (; i + BS_PARTIAL_SUMS <= n; i += BS_PARTIAL_SUMS)
        bs_max_into(partial, BS_PARTIAL_SUMS, x + i * stride, stride);
    bs_max_into(partial, n - i, x + i * stride, stride);
    bs_max_into(partial, 16, partial + 16, 1);
    bs_max_into(partial, 8, partial + 8, 1);
    bs_max_into(partial, 4, partial + 4, 1);
    bs_max_into(partial, 2, partial + 2, 1);
    return bs_max_nan(partial[0], partial[1]);
}

/* Writes the softmax of x[i * stride], or its logarithm, to y[i * stride]. */
BS_HD_INLINE void bs_softmax_line(int64_t n, int64_t stride, const float *x, float *y, bool logarithm)
{
    float max = bs_line_max(n, x, stride);
    for (int64_t i = 0; i < n; i++)
        y[i * stride] = bs_expf(x[i * stride] - max);
    float sum = (float)bs_line_sum(n, y, stride, 0.0, false), log_sum = bs_logf(sum);
    if (logarithm)
        for (int64_t i = 0; i < n; i++)
            y[i * stride] = bs_sub(bs_sub(x[i * stride], max), log_sum);
    else
        for (int64_t i = 0; i < n; i++)
            y[i * stride] = bs_div(y[i * stride], sum);
}

/* Returns element c of the local response normalisation over `channels` elements, `stride` apart. */
BS_HD float bs_lrn_element(const float *x, int64_t stride, int64_t channels, int64_t c, int size,
                           float epsilon, float alpha, float beta)
{
    int64_t from = c - (size - 1) / 2, to = c + size / 2;
    float sum = 0.0f;
    for (int64_t k = from < 0 ? 0 : from; k <= to && k < channels; k++)
        sum += x[k * stride] * x[k * stride];
    return bs_lrn(x[c * stride], epsilon + alpha / (float)size * sum, beta);
}

#endif
