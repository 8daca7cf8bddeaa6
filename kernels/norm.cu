/* Normalisations, and sums along lines. */
#include "kernels.h"
#include "launch.h"
#include "lines.h"

BS_KERNEL(batch_norm)
{
    BS_EACH(i, k, a.n, a.elements)
    {
        uint32_t c = k / a.plane % a.channels;
        float factor = bs_batch_norm_factor(a.scale[c], a.var[c], a.epsilon);
        a.out[(int64_t)i * a.elements + k] =
            bs_batch_norm(bs_operand_row(&a.in, i)[k], factor, a.bias[c], a.mean[c]);
    }
}

BS_KERNEL(layer_norm)
{
    BS_EACH(i, k, a.n, a.lines)
    {
        const float *x = bs_operand_row(&a.in, i) + (int64_t)k * a.length;
        float *y = a.out + ((int64_t)i * a.lines + k) * a.length;
        double mean, variance;
        bs_moments(a.length, x, 1, &mean, &variance);
        float factor = bs_deviation_factor(variance, a.epsilon);
        for (uint32_t e = 0; e < a.length; e++)
            y[e] = bs_normalize(x[e], (float)mean, factor, a.scale[e], a.bias ? a.bias[e] : 0.0f);
    }
}

BS_KERNEL(instance_norm)
{
    BS_EACH(i, k, a.n, a.channels)
    {
        const float *x = bs_operand_row(&a.in, i) + (int64_t)k * a.plane;
        float *y = a.out + ((int64_t)i * a.channels + k) * a.plane;
        double mean, variance;
        bs_moments(a.plane, x, 1, &mean, &variance);
        float factor = bs_deviation_factor(variance, a.epsilon);
        for (uint32_t e = 0; e < a.plane; e++)
            y[e] = bs_normalize(x[e], (float)mean, factor, a.scale[k], a.bias[k]);
    }
}

BS_KERNEL(softmax)
{
    BS_EACH(i, k, a.n, a.lines)
    {
        int64_t at = (int64_t)(k / a.inner) * a.length * a.inner + k % a.inner;
        bs_softmax_line(a.length, a.inner, bs_operand_row(&a.in, i) + at,
                        a.out + (int64_t)i * a.lines * a.length + at, a.logarithm);
    }
}

BS_KERNEL(lrn)
{
    BS_EACH(i, k, a.n, a.channels * a.plane)
    {
        const float *x = bs_operand_row(&a.in, i) + k % a.plane;
        a.out[(int64_t)i * a.channels * a.plane + k] =
            bs_lrn_element(x, a.plane, a.channels, k / a.plane, a.size, a.epsilon, a.alpha, a.beta);
    }
}
