/* Sums along a line in one fixed order, shared by CPU and GPU: the results depend on the elements of the line
 * alone. Element i is added to partial sum i % 32, in order of i; then the partial sums s are added as a
 * tree: s[k] + s[k + 16] for k < 16, of these s[k] + s[k + 8] for k < 8, and so on. So a CPU adds whole
 * vectors (host/cpu/loops_lines.c), and a GPU keeps one partial sum in each lane of a warp (lines.cu). */
#ifndef BS_KERNELS_LINES_H
#define BS_KERNELS_LINES_H

#include "operand.h"
#include "ops.h"

enum { BS_PARTIAL_SUMS = 32 };

BS_HD float bs_deviation_factor(double variance, float epsilon)
{
    return (float)(1.0 / sqrt(variance + (double)epsilon));
}

/* Returns element c of the local response normalisation over `channels` elements, `stride` apart. */
BS_HD float bs_lrn_element(bs_cells x, int64_t stride, int64_t channels, int64_t c, int size, float epsilon,
                           float alpha, float beta)
{
    int64_t from = c - (size - 1) / 2, to = c + size / 2;
    float sum = 0.0f;
    for (int64_t k = from < 0 ? 0 : from; k <= to && k < channels; k++) {
        float v = bs_cell_value(x, k * stride);
        sum += v * v;
    }
    return bs_lrn(bs_cell_value(x, c * stride), epsilon + alpha / (float)size * sum, beta);
}

#endif
