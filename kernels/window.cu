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

/* Returns the maximum or mean of the window whose first tap is at row y0, column x0. */
BS_HD_INLINE float pool_window(const bs_pool_args *a, bs_cells x, int y0, int x0)
{
    const bs_window *w = &a->window;
    int inside = 0;
    float sum = a->average ? 0.0f : -INFINITY;
    for (int r = 0; r < w->kernel[0]; r++)
        for (int c = 0; c < w->kernel[1]; c++) {
            int at_y = y0 + r * w->dilation[0], at_x = x0 + c * w->dilation[1];
            if (at_y < 0 || at_x < 0 || at_y >= a->in_h || at_x >= a->in_w)
                continue;
            float v = bs_cell_value(x, (int64_t)at_y * a->in_w + at_x);
            sum = a->average ? bs_add(sum, v) : bs_max_nan(sum, v);
            inside++;
        }
    if (!a->average)
        return sum;
    int count =
        w->count_include_pad ? padded_taps(w, 0, y0, a->in_h) * padded_taps(w, 1, x0, a->in_w) : inside;
    return bs_div(sum, (float)count);
}

BS_KERNEL(pool)
{
    BS_EACH(i, k, a.n, a.channels * (uint32_t)(a.out_h * a.out_w))
    {
        const bs_window *w = &a.window;
        int column = (int)(k % (uint32_t)a.out_w), row = (int)(k / (uint32_t)a.out_w % (uint32_t)a.out_h);
        int64_t channel = k / (uint32_t)(a.out_h * a.out_w);
        bs_cells x = bs_cells_from(bs_operand_row(&a.in, i), channel * a.in_h * a.in_w);
        int y0 = row * w->stride[0] - w->pad[0], x0 = column * w->stride[1] - w->pad[1];
        float sum;
        BS_BY_SIZE(x.type, sum = pool_window(&a, x, y0, x0));
        bs_put(&a.out, (int64_t)i * a.channels * a.out_h * a.out_w + k, sum);
    }
}

/* Sums an output; w: its filter; x: its first channel; y0, x0: the row and column of its first tap. */
BS_HD_INLINE float direct_sum(const bs_conv_geometry *g, bs_cells x, const float *w, int y0, int x0)
{
    float sum = 0.0f;
    for (int c = 0; c < g->channels; c++)
        for (int r = 0; r < g->kernel[0]; r++)
            for (int s = 0; s < g->kernel[1]; s++) {
                int at_y = y0 + r * g->dilation[0], at_x = x0 + s * g->dilation[1];
                float weight = w[(c * g->kernel[0] + r) * g->kernel[1] + s];
                if (at_y >= 0 && at_x >= 0 && at_y < g->in_h && at_x < g->in_w)
                    sum = fmaf(bs_cell_value(x, ((int64_t)c * g->in_h + at_y) * g->in_w + at_x), weight, sum);
            }
    return sum;
}

BS_KERNEL(direct)
{
    BS_EACH(i, k, a.n, a.filters * (uint32_t)(a.g.out_h * a.g.out_w))
    {
        const bs_conv_geometry *g = &a.g;
        int column = (int)(k % (uint32_t)g->out_w), row = (int)(k / (uint32_t)g->out_w % (uint32_t)g->out_h);
        uint32_t f = k / (uint32_t)(g->out_h * g->out_w);
        int64_t first = a.first ? a.first[f] : (int64_t)(f / a.per_group) * g->channels;
        bs_cells x = bs_cells_from(bs_operand_row(&a.in, i), first * g->in_h * g->in_w);
        const float *w = a.weights + (int64_t)f * g->channels * g->kernel[0] * g->kernel[1];
        int y0 = row * g->stride[0] - g->pad[0], x0 = column * g->stride[1] - g->pad[1];
        float sum;
        BS_BY_SIZE(x.type, sum = direct_sum(g, x, w, y0, x0));
        bs_put(&a.out, (int64_t)i * a.filters * g->out_h * g->out_w + k,
               bs_quiet(a.bias ? sum + a.bias[f] : sum));
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
            v = bs_cell_value(bs_operand_row(&a.in, i), ((int64_t)(e / taps) * g->in_h + y) * g->in_w + x);
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
        bs_put(&a.out, ((int64_t)i * a.filters + f) * a.plane + (uint32_t)a.first_pixel + p,
               bs_quiet(a.bias ? v + a.bias[f] : v));
    }
}

/* Sums a product from first to last, fused. */
BS_HD_INLINE float dot(bs_cells row, bs_cells column, uint32_t depth, uint32_t columns)
{
    float sum = 0.0f;
    for (uint32_t d = 0; d < depth; d++)
        sum = fmaf(bs_cell_value(row, d), bs_cell_value(column, (int64_t)d * columns), sum);
    return sum;
}

BS_KERNEL(matmul)
{
    BS_EACH(i, k, a.n, a.batch.items * a.rows * a.columns)
    {
        int64_t at[BS_ND_ARRAYS];
        uint32_t column = k % a.columns, row = k / a.columns % a.rows;
        bs_nd_space_at(&a.batch, 3, k / a.columns / a.rows, at);
        bs_cells x = bs_cells_from(bs_operand_row(&a.a_in, i), at[1] + (int64_t)row * a.depth);
        bs_cells y = bs_cells_from(bs_operand_row(&a.b_in, i), at[2] + column);
        float sum;
        BS_BY_TYPE(x.type, y.type, sum = dot(x, y, a.depth, a.columns));
        bs_put(&a.out, i * a.out_elements + at[0] + (int64_t)row * a.columns + column, bs_quiet(sum));
    }
}
