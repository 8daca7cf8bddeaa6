/* Conv, for naive_ops.h and the probe of a GPU. */
#ifndef BS_TESTS_NAIVE_CONV_H
#define BS_TESTS_NAIVE_CONV_H

#include "support/naive_index.h"

static inline double naive_conv(const bs_node *n, const bs_shape *in, const float *const *x, const int64_t *o,
                                int64_t filters)
{
    const bs_window *w = &n->attr.window;
    int64_t per = in->dim[0] / w->group, first = o[0] / (filters / w->group) * per;
    double sum = x[2] ? (double)x[2][o[0]] : 0.0;
    for (int64_t c = 0; c < per; c++)
        for (int64_t i = 0; i < w->kernel[0]; i++)
            for (int64_t k = 0; k < w->kernel[1]; k++) {
                int64_t at[] = {first + c, o[1] * w->stride[0] - w->pad[0] + i * w->dilation[0],
                                o[2] * w->stride[1] - w->pad[1] + k * w->dilation[1]};
                if (at[1] < 0 || at[1] >= in->dim[1] || at[2] < 0 || at[2] >= in->dim[2])
                    continue;
                double weight = (double)x[1][((o[0] * per + c) * w->kernel[0] + i) * w->kernel[1] + k];
                sum += weight * (double)x[0][naive_at(in, at)];
            }
    return sum;
}

#endif
