/* Sums along a line in one fixed order, shared by CPU and GPU: the results depend on the elements of the line
 * alone. */
#ifndef BS_KERNELS_LINES_H
#define BS_KERNELS_LINES_H

#include "ops.h"

enum { BS_PARTIAL_SUMS = 8 };

BS_HD double bs_partial_total(const double *partial)
{
    double total = 0.0;
    for (int k = 0; k < BS_PARTIAL_SUMS; k++)
        total += partial[k];
    return total;
}

/* Computes mean and variance of x[i * stride], by sums over every eighth element, in double. The partial sums
 * are indexed by loops of fixed length, for the rest too, so that a device keeps them in registers. */
BS_HD void bs_moments(int64_t n, const float *x, int64_t stride, double *mean, double *variance)
{
    double sum[BS_PARTIAL_SUMS] = {0}, square[BS_PARTIAL_SUMS] = {0};
    int64_t i = 0;
    for (; i + BS_PARTIAL_SUMS <= n; i += BS_PARTIAL_SUMS)
        for (int k = 0; k < BS_PARTIAL_SUMS; k++)
            sum[k] += (double)x[(i + k) * stride];
    for (int k = 0; k < BS_PARTIAL_SUMS; k++)
        if (i + k < n)
            sum[k] += (double)x[(i + k) * stride];
    *mean = bs_partial_total(sum) / (double)n;
    for (i = 0; i + BS_PARTIAL_SUMS <= n; i += BS_PARTIAL_SUMS)
        for (int k = 0; k < BS_PARTIAL_SUMS; k++) {
            double d = (double)x[(i + k) * stride] - *mean;
            square[k] += d * d;
        }
    for (int k = 0; k < BS_PARTIAL_SUMS; k++)
        if (i + k < n) {
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
    double sum = 0.0;
    for (int64_t i = 0; i < n; i++)
        max = bs_max_nan(max, x[i * stride]);
    for (int64_t i = 0; i < n; i++) {
        y[i * stride] = expf(x[i * stride] - max);
        sum += (double)y[i * stride];
    }
    float log_sum = logf((float)sum);
    for (int64_t i = 0; i < n; i++)
        y[i * stride] =
            logarithm ? bs_sub(bs_sub(x[i * stride], max), log_sum) : bs_div(y[i * stride], (float)sum);
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
