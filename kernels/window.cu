/* Pools, and convolutions: directly, or by im2col, a matrix product and col2im. */
#include "kernels.h"
#include "launch.h"
#include "ops.h"

/* Returns the number of a window's taps within the padded extent: see bs_window. */
BS_HD int padded_taps(const bs_window *w, int axis, int start, int in)
{
    int n = 0;
    for (int k = 0; k < w->kernel[axis]; k++)
        n += start + k * w->dilation[axis] < in + w->pad[axis + 2];
    return n;
}

BS_KERNEL(pool)
{
    BS_EACH(i, k, a.n, a.channels * (uint32_t)(a.out_h * a.out_w))
    {
        const bs_window *w = &a.window;
        int column = (int)(k % (uint32_t)a.out_w), row = (int)(k / (uint32_t)a.out_w % (uint32_t)a.out_h);
        int64_t channel = k / (uint32_t)(a.out_h * a.out_w);
        const float *x = bs_operand_row(&a.in, i) + channel * a.in_h * a.in_w;
        int y0 = row * w->stride[0] - w->pad[0], x0 = column * w->stride[1] - w->pad[1], inside = 0;
        float sum = a.average ? 0.0f : -INFINITY;
        for (int r = 0; r < w->kernel[0]; r++)
            for (int c = 0; c < w->kernel[1]; c++) {
                int at_y = y0 + r * w->dilation[0], at_x = x0 + c * w->dilation[1];
                if (at_y < 0 || at_x < 0 || at_y >= a.in_h || at_x >= a.in_w)
                    continue;
                float v = x[(int64_t)at_y * a.in_w + at_x];
                sum = a.average ? bs_add(sum, v) : bs_max_nan(sum, v);
                inside++;
            }
        if (a.average) {
            int count =
                w->count_include_pad ? padded_taps(w, 0, y0, a.in_h) * padded_taps(w, 1, x0, a.in_w) : inside;
            sum = bs_div(sum, (float)count);
        }
        a.out[(int64_t)i * a.channels * a.out_h * a.out_w + k] = sum;
    }
}

BS_KERNEL(direct)
{
    BS_EACH(i, k, a.n, a.filters * (uint32_t)(a.g.out_h * a.g.out_w))
    {
        const bs_conv_geometry *g = &a.g;
        int column = (int)(k % (uint32_t)g->out_w), row = (int)(k / (uint32_t)g->out_w % (uint32_t)g->out_h);
        uint32_t f = k / (uint32_t)(g->out_h * g->out_w);
        int64_t first = a.first ? a.first[f] : (int64_t)(f / a.per_group) * g->channels;
        const float *x = bs_operand_row(&a.in, i) + first * g->in_h * g->in_w;
        const float *w = a.weights + (int64_t)f * g->channels * g->kernel[0] * g->kernel[1];
        int y0 = row * g->stride[0] - g->pad[0], x0 = column * g->stride[1] - g->pad[1];
        float sum = 0.0f;
        for (int c = 0; c < g->channels; c++)
            for (int r = 0; r < g->kernel[0]; r++)
                for (int s = 0; s < g->kernel[1]; s++) {
                    int at_y = y0 + r * g->dilation[0], at_x = x0 + s * g->dilation[1];
                    float weight = w[(c * g->kernel[0] + r) * g->kernel[1] + s];
                    if (at_y >= 0 && at_x >= 0 && at_y < g->in_h && at_x < g->in_w)
                        sum = fmaf(x[((int64_t)c * g->in_h + at_y) * g->in_w + at_x], weight, sum);
                }
        a.out[(int64_t)i * a.filters * g->out_h * g->out_w + k] = bs_quiet(a.bias ? sum + a.bias[f] : sum);
    }
}

/* An item is an element of a row of the product's left operand; neighbours belong to one pixel. */
BS_KERNEL(im2col)
{
    uint32_t taps = (uint32_t)(a.g.kernel[0] * a.g.kernel[1]), length = (uint32_t)a.g.channels * taps;
    BS_EACH(i, k, a.n, a.pixels * length)
    {
        const bs_conv_geometry *g = &a.g;
        uint32_t pixel = k / length, e = k % length, tap = e % taps;
        int at = a.first_pixel + (int)pixel, row = at / g->out_w, column = at % g->out_w;
        int y = row * g->stride[0] - g->pad[0] + (int)(tap / (uint32_t)g->kernel[1]) * g->dilation[0];
        int x = column * g->stride[1] - g->pad[1] + (int)(tap % (uint32_t)g->kernel[1]) * g->dilation[1];
        float v = 0.0f;
        if (y >= 0 && x >= 0 && y < g->in_h && x < g->in_w)
            v = bs_operand_row(&a.in, i)[((int64_t)(e / taps) * g->in_h + y) * g->in_w + x];
        a.out[((int64_t)i * a.pixels + pixel) * length + e] = v;
    }
}

/* A warp takes 8 pixels of 4 filters, so that it reads and writes whole sectors of memory. */
BS_KERNEL(col2im)
{
    uint32_t blocks = (a.pixels + 7) / 8;
    BS_EACH(i, k, a.n, blocks * ((a.filters + 3) / 4) * 32)
    {
        uint32_t p = k / 32 % blocks * 8 + k % 8, f = k / 32 / blocks * 4 + k / 8 % 4;
        if (p >= a.pixels || f >= a.filters)
            continue;
        float v = a.products[((int64_t)i * a.pixels + p) * a.width + f];
        a.out[((int64_t)i * a.filters + f) * a.plane + (uint32_t)a.first_pixel + p] =
            bs_quiet(a.bias ? v + a.bias[f] : v);
    }
}

/* Sums each output from first to last, fused. */
BS_KERNEL(matmul)
{
    BS_EACH(i, k, a.n, a.batch.items * a.rows * a.columns)
    {
        int64_t at[BS_ND_ARRAYS];
        uint32_t column = k % a.columns, row = k / a.columns % a.rows;
        bs_nd_space_at(&a.batch, 3, k / a.columns / a.rows, at);
        const float *x = bs_operand_row(&a.a_in, i) + at[1] + (int64_t)row * a.depth;
        const float *y = bs_operand_row(&a.b_in, i) + at[2] + column;
        float sum = 0.0f;
        for (uint32_t d = 0; d < a.depth; d++)
            sum = fmaf(x[d], y[(int64_t)d * a.columns], sum);
        a.out[i * a.out_elements + at[0] + (int64_t)row * a.columns + column] = bs_quiet(sum);
    }
}
