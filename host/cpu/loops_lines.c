/* Lines whose sums have the order of lines.h. Of lines side by side, BESIDE are a vector. */
#include "cpu/loops.h"
#include "lines.h"

enum { BESIDE = 16 };

/* One level of the tree. */
BS_HD_INLINE void partial_fold(double *partial, int half)
{
    for (int k = 0; k < half; k++)
        partial[k] += partial[k + half];
}

/* Adds the partial sums, which are overwritten. */
BS_HD_INLINE double partial_total(double *partial)
{
    partial_fold(partial, 16);
    partial_fold(partial, 8);
    partial_fold(partial, 4);
    partial_fold(partial, 2);
    return partial[0] + partial[1];
}

/* Adds x[k * stride] - centre, or its square, to partial sum k, for the first `count` of them. */
BS_HD_INLINE void partial_add(double *partial, int64_t count, const float *x, int64_t stride, double centre,
                              bool square)
{
    for (int64_t k = 0; k < count; k++) {
        double d = (double)x[k * stride] - centre;
        partial[k] += square ? d * d : d;
    }
}

/* Sums x[i * stride] - centre, or the squares of that, in double. */
BS_HD_INLINE double line_sum(int64_t n, const float *x, int64_t stride, double centre, bool square)
{
    double partial[BS_PARTIAL_SUMS] = {0};
    int64_t i = 0;
    for (; i + BS_PARTIAL_SUMS <= n; i += BS_PARTIAL_SUMS)
        partial_add(partial, BS_PARTIAL_SUMS, x + i * stride, stride, centre, square);
    partial_add(partial, n - i, x + i * stride, stride, centre, square);
    return partial_total(partial);
}

/* Computes mean and variance of x[i * stride], in double. */
BS_HD_INLINE void moments(int64_t n, const float *x, int64_t stride, double *mean, double *variance)
{
    *mean = line_sum(n, x, stride, 0.0, false) / (double)n;
    *variance = line_sum(n, x, stride, *mean, true) / (double)n;
}

BS_CLONES void bs_loop_moments(int64_t n, const float *x, float epsilon, float *mean, float *factor)
{
    double m, variance;
    moments(n, x, 1, &m, &variance);
    *mean = (float)m;
    *factor = bs_deviation_factor(variance, epsilon);
}

/* Like line_sum(), for BESIDE lines. */
BS_HD_INLINE void sums_beside(int64_t n, const float *x, int64_t stride, const double *centre, bool square,
                              double *sum)
{
    double partial[BS_PARTIAL_SUMS][BESIDE] = {{0}};
    for (int64_t i = 0; i < n; i++)
        for (int l = 0; l < BESIDE; l++) {
            double d = (double)x[i * stride + l] - centre[l];
            partial[i % BS_PARTIAL_SUMS][l] += square ? d * d : d;
        }
    for (int half = BS_PARTIAL_SUMS / 2; half > 0; half /= 2)
        for (int k = 0; k < half; k++)
            for (int l = 0; l < BESIDE; l++)
                partial[k][l] += partial[k + half][l];
    for (int l = 0; l < BESIDE; l++)
        sum[l] = partial[0][l];
}

BS_CLONES void bs_loop_moments_beside(int64_t n, int64_t lines, const float *x, int64_t stride, float epsilon,
                                      float *mean, float *factor)
{
    const double zero[BESIDE] = {0};
    int64_t at = 0;
    for (; at + BESIDE <= lines; at += BESIDE) {
        double m[BESIDE], square[BESIDE];
        sums_beside(n, x + at, stride, zero, false, m);
        for (int l = 0; l < BESIDE; l++)
            m[l] /= (double)n;
        sums_beside(n, x + at, stride, m, true, square);
        for (int l = 0; l < BESIDE; l++) {
            mean[at + l] = (float)m[l];
            factor[at + l] = bs_deviation_factor(square[l] / (double)n, epsilon);
        }
    }
    for (; at < lines; at++) {
        double m, variance;
        moments(n, x + at, stride, &m, &variance);
        mean[at] = (float)m;
        factor[at] = bs_deviation_factor(variance, epsilon);
    }
}

BS_CLONES void bs_loop_layer_norm(int64_t n, float *restrict y, const float *restrict x, float mean,
                                  float factor, const float *restrict scale, const float *restrict bias)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_normalize(x[i], mean, factor, scale[i], bias ? bias[i] : 0.0f);
}

BS_CLONES void bs_loop_normalize_line(int64_t n, float *restrict y, const float *restrict x, float mean,
                                      float factor, float scale, float bias)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_normalize(x[i], mean, factor, scale, bias);
}

BS_CLONES void bs_loop_normalize(int64_t n, float *restrict y, const float *restrict x,
                                 const float *restrict mean, const float *restrict factor,
                                 const float *restrict scale, const float *restrict bias)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_normalize(x[i], mean[i], factor[i], scale[i], bias[i]);
}

BS_HD_INLINE void max_into(float *max, int64_t count, const float *x, int64_t stride)
{
    for (int64_t k = 0; k < count; k++)
        max[k] = bs_max_nan(max[k], x[k * stride]);
}

/* Returns the maximum of x[i * stride], NaN if there is one. Its order changes no bit of a softmax. */
BS_HD_INLINE float line_max(int64_t n, const float *x, int64_t stride)
{
    float partial[BS_PARTIAL_SUMS];
    for (int k = 0; k < BS_PARTIAL_SUMS; k++)
        partial[k] = -INFINITY;
    int64_t i = 0;
    for (; i + BS_PARTIAL_SUMS <= n; i += BS_PARTIAL_SUMS)
        max_into(partial, BS_PARTIAL_SUMS, x + i * stride, stride);
    max_into(partial, n - i, x + i * stride, stride);
    max_into(partial, 16, partial + 16, 1);
    max_into(partial, 8, partial + 8, 1);
    max_into(partial, 4, partial + 4, 1);
    max_into(partial, 2, partial + 2, 1);
    return bs_max_nan(partial[0], partial[1]);
}

/* Writes the softmax of x[i * stride], or its logarithm, to y[i * stride]. */
BS_HD_INLINE void softmax_line(int64_t n, int64_t stride, const float *x, float *y, bool logarithm)
{
    float max = line_max(n, x, stride);
    for (int64_t i = 0; i < n; i++)
        y[i * stride] = bs_expf(x[i * stride] - max);
    float sum = (float)line_sum(n, y, stride, 0.0, false), log_sum = bs_logf(sum);
    if (logarithm)
        for (int64_t i = 0; i < n; i++)
            y[i * stride] = bs_sub(bs_sub(x[i * stride], max), log_sum);
    else
        for (int64_t i = 0; i < n; i++)
            y[i * stride] = bs_div(y[i * stride], sum);
}

BS_CLONES void bs_loop_softmax(int64_t n, float *restrict y, const float *restrict x, bool logarithm)
{
    softmax_line(n, 1, x, y, logarithm);
}

/* Like softmax_line(), for BESIDE lines. */
BS_HD_INLINE void softmax_beside(int64_t n, float *restrict y, const float *restrict x, int64_t stride,
                                 bool logarithm)
{
    const double zero[BESIDE] = {0};
    double sum[BESIDE];
    float max[BESIDE], total[BESIDE], log_sum[BESIDE];
    for (int l = 0; l < BESIDE; l++)
        max[l] = -INFINITY;
    for (int64_t i = 0; i < n; i++)
        for (int l = 0; l < BESIDE; l++)
            max[l] = bs_max_nan(max[l], x[i * stride + l]);
    for (int64_t i = 0; i < n; i++)
        for (int l = 0; l < BESIDE; l++)
            y[i * stride + l] = bs_expf(x[i * stride + l] - max[l]);
    sums_beside(n, y, stride, zero, false, sum);
    for (int l = 0; l < BESIDE; l++) {
        total[l] = (float)sum[l];
        log_sum[l] = bs_logf(total[l]);
    }
    for (int64_t i = 0; i < n && logarithm; i++)
        for (int l = 0; l < BESIDE; l++)
            y[i * stride + l] = bs_sub(bs_sub(x[i * stride + l], max[l]), log_sum[l]);
    for (int64_t i = 0; i < n && !logarithm; i++)
        for (int l = 0; l < BESIDE; l++)
            y[i * stride + l] = bs_div(y[i * stride + l], total[l]);
}

BS_CLONES void bs_loop_softmax_beside(int64_t n, int64_t lines, float *restrict y, const float *restrict x,
                                      int64_t stride, bool logarithm)
{
    int64_t at = 0;
    for (; at + BESIDE <= lines; at += BESIDE)
        softmax_beside(n, y + at, x + at, stride, logarithm);
    for (; at < lines; at++)
        softmax_line(n, stride, x + at, y + at, logarithm);
}
