/* Data movement. */
#include "kernels.h"
#include "launch.h"
#include "ops.h"
#include "pad.h"
#include "resize.h"

BS_KERNEL(fill)
{
    BS_EACH(i, k, a.n, a.elements)
    bs_put(&a.out, (int64_t)i * a.elements + k, a.value);
}

BS_KERNEL(move)
{
    BS_EACH(i, k, a.n, a.space.items)
    {
        int64_t at[BS_ND_ARRAYS];
        bs_nd_space_at(&a.space, 2, k, at);
        bs_put_cell(&a.out, i * a.out_elements + a.to + at[0], bs_operand_row(&a.in, i), a.from + at[1]);
    }
}

BS_KERNEL(pad)
{
    BS_EACH(i, k, a.n, a.elements)
    {
        int64_t left = k, from = 0, stride = 1;
        for (int axis = a.rank - 1; axis >= 0; axis--) {
            int64_t at = left % a.out_dim[axis] - a.begin[axis];
            from += bs_pad_source(a.mode, at, a.in_dim[axis]) * stride;
            left /= a.out_dim[axis];
            stride *= a.in_dim[axis];
        }
        bs_put_cell(&a.out, (int64_t)i * a.elements + k, bs_operand_row(&a.in, i), from);
    }
}

BS_KERNEL(copy_rows)
{
    BS_EACH(i, k, a.n, a.elements)
    bs_put_cell(&a.out, (int64_t)i * a.elements + k, bs_operand_row(&a.in, i), k);
}

BS_KERNEL(move_rows)
{
    BS_EACH(i, k, a.n, a.elements)
    {
        bs_cells rows = {a.rows.base, a.rows.format.type};
        bs_put_word(&a.rows, (int64_t)a.to[i] * a.elements + k,
                    bs_cell_word(rows, (int64_t)a.from[i] * a.elements + k));
    }
}

BS_KERNEL(pick)
{
    BS_EACH(i, k, a.n, a.elements)
    {
        uint32_t inner = k % a.inner, which = k / a.inner % a.n_index, outer = k / a.inner / a.n_index;
        bs_put_cell(&a.out, (int64_t)i * a.elements + k, bs_operand_row(&a.in, i),
                    ((int64_t)outer * a.dim + (uint32_t)a.index[which]) * a.inner + inner);
    }
}

BS_HD float resize_linear(const bs_resize_args *a, bs_cells x, int row, int column)
{
    bs_resize_tap r = bs_resize_at(&a->resize, 0, row, a->in_h, a->out_h);
    bs_resize_tap c = bs_resize_at(&a->resize, 1, column, a->in_w, a->out_w);
    bs_cells above = bs_cells_from(x, (int64_t)r.first * a->in_w),
             below = bs_cells_from(x, (int64_t)r.second * a->in_w);
    if (a->resize.mode == BS_RESIZE_NEAREST)
        return bs_cell_value(above, c.first);
    return bs_mix(bs_mix(bs_cell_value(above, c.first), bs_cell_value(above, c.second), c.weight),
                  bs_mix(bs_cell_value(below, c.first), bs_cell_value(below, c.second), c.weight), r.weight);
}

BS_HD float resize_cubic(const bs_resize_args *a, bs_cells x, int row, int column)
{
    bs_resize_taps r = bs_resize_cubic(&a->resize, 0, row, a->in_h, a->out_h);
    bs_resize_taps c = bs_resize_cubic(&a->resize, 1, column, a->in_w, a->out_w);
    float line[4], down[4];
    for (int i = 0; i < 4; i++) {
        for (int m = 0; m < 4; m++)
            line[m] = bs_cell_value(x, (int64_t)r.at[i] * a->in_w + c.at[m]);
        down[i] = bs_mix_four(line, c.weight);
    }
    return bs_mix_four(down, r.weight);
}

BS_KERNEL(resize)
{
    BS_EACH(i, k, a.n, a.channels * (uint32_t)(a.out_h * a.out_w))
    {
        int column = (int)(k % (uint32_t)a.out_w), row = (int)(k / (uint32_t)a.out_w % (uint32_t)a.out_h);
        int64_t channel = k / (uint32_t)(a.out_h * a.out_w);
        bs_cells x = bs_cells_from(bs_operand_row(&a.in, i), channel * a.in_h * a.in_w);
        float v = a.resize.mode == BS_RESIZE_CUBIC ? resize_cubic(&a, x, row, column)
                                                   : resize_linear(&a, x, row, column);
        bs_put(&a.out, (int64_t)i * a.channels * a.out_h * a.out_w + k, v);
    }
}
