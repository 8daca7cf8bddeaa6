#include "cpu/loops.h"
#include "lines.h"

BS_CLONES void bs_loop_moments(int64_t n, const float *x, int64_t stride, double *mean, double *variance)
{
    bs_moments(n, x, stride, mean, variance);
}

BS_CLONES void bs_loop_layer_norm(int64_t n, float *restrict y, const float *restrict x, float mean,
                                  float factor, const float *restrict scale, const float *restrict bias)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = bs_normalize(x[i], mean, factor, scale[i], bias ? bias[i] : 0.0f);
}
