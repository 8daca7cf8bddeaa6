/* Sums along a line in one fixed order, shared by CPU and GPU: the results depend on the elements of the line
 * alone. Element i is added to partial sum i % 32, in order of i; then the partial sums s are added as a
 * tree: s[k] + s[k + 16] for k < 16, of these s[k] + s[k + 8] for k < 8, and so on. So a CPU adds whole
 * vectors, and a GPU keeps one partial sum in each lane of a warp. */
#ifndef BS_KERNELS_LINES_H
#define BS_KERNELS_LINES_H

#include "ops.h"

enum { BS_PARTIAL_SUMS = 32 };

/* Adds the partial sums, which are overwritten. */
BS_HD double bs_partial_total(double *partial)
{
    for (int half = BS_PARTIAL_SUMS / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            partial[k] += partial[k + half];
    return partial[0];
}

/* Computes mean and variance of x[i * stride], in double. */
BS_HD void bs_moments(int64_t n, const float *x, int64_t stride, double *mean, double *variance)
{
    double sum[BS_PARTIAL_SUMS] = {0}, square[BS_PARTIAL_SUMS] = {0};
    for (int64_t i = 0; i < n; i += BS_PARTIAL_SUMS)
        for (int k = 0; k < BS_PARTIAL_SUMS && i + k < n; k++)
            sum[k] += (double)x[(i + k) * stride];
    *mean = bs_partial_total(sum) / (double)n;
    for (int64_t i = 0; i < n; i += BS_PARTIAL_SUMS)
        for (int k = 0; k < BS_PARTIAL_SUMS && i + k < n; k++) {
            double d = (double)x[(i + k) * stride] - *mean;
            square[k] += d * d;
        }
    *variance = bs_partial_total(square) / (double)n;
}

BS_HD float bs_deviation_factor(double variance, float epsilon)
{
    return (float)(1.0 / sqrt(variance + (double)epsilon));
}

/* Writes the softmax of x[i * stride], or its logarithm, to y[i * stride]. */
BS_HD void bs_softmax_line(int64_t n, int64_t stride, const float *x, float *y, int logarithm)
{
    float max = -INFINITY;
    double partial[BS_PARTIAL_SUMS] = {0};
    for (int64_t i = 0; i < n; i++)
        max = bs_max_nan(max, x[i * stride]);
    for (int64_t i = 0; i < n; i++) {
        y[i * stride] = expf(x[i * stride] - max);
        partial[i % BS_PARTIAL_SUMS] += (double)y[i * stride];
    }
    float sum = (float)bs_partial_total(partial), log_sum = logf(sum);
    for (int64_t i = 0; i < n; i++)
        y[i * stride] = logarithm ? bs_sub(bs_sub(x[i * stride], max), log_sum) : bs_div(y[i * stride], sum);
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
