/* Element-wise operators. */
#include "element.h"
#include "kernels.h"
#include "launch.h"

BS_KERNEL(unary)
{
    BS_EACH(i, k, a.n, a.elements)
    bs_put(&a.out, (int64_t)i * a.elements + k,
           bs_unary_element(a.op, bs_cell_value(bs_operand_row(&a.in, i), k), a.a, a.b));
}

BS_KERNEL(clip)
{
    BS_EACH(i, k, a.n, a.elements)
    {
        float low = a.low ? *a.low : a.low_value, high = a.high ? *a.high : a.high_value;
        bs_put(&a.out, (int64_t)i * a.elements + k,
               bs_clip(bs_cell_value(bs_operand_row(&a.in, i), k), low, high));
    }
}

BS_KERNEL(binary)
{
    BS_EACH(i, k, a.n, a.space.items)
    {
        int64_t at[BS_ND_ARRAYS];
        bs_nd_space_at(&a.space, 3, k, at);
        float x = bs_cell_value(bs_operand_row(&a.a_in, i), at[1]),
              y = bs_cell_value(bs_operand_row(&a.b_in, i), at[2]);
        bs_put(&a.out, i * a.out_elements + at[0], bs_binary_element(a.op, x, y));
    }
}

BS_HD float region_operand(const bs_region_args *a, const bs_region_operand *o, const float *made,
                           uint32_t sample, uint32_t k)
{
    if (o->step >= 0)
        return made[o->step];
    return o->input >= 0 ? bs_cell_value(bs_operand_row(&a->in[o->input], sample), k)
                         : o->constant[k / o->plane % o->period];
}

BS_KERNEL(region)
{
    BS_EACH(i, k, a.n, a.elements)
    {
        float made[BS_REGION_NODES];
        for (int s = 0; s < a.steps; s++) {
            float x = region_operand(&a, &a.step[s].operand[0], made, i, k);
            float y = a.step[s].operands == 1
                          ? bs_unary_element(a.step[s].op, x, a.step[s].a, a.step[s].b)
                          : bs_binary_element(a.step[s].op, x,
                                              region_operand(&a, &a.step[s].operand[1], made, i, k));
            made[s] = bs_format_round(a.step[s].format, y);
        }
        bs_put(&a.out, (int64_t)i * a.elements + k, made[a.steps - 1]);
    }
}

BS_KERNEL(where)
{
    BS_EACH(i, k, a.n, a.space.items)
    {
        int64_t at[BS_ND_ARRAYS];
        bs_nd_space_at(&a.space, 4, k, at);
        bool yes = bs_cell_value(bs_operand_row(&a.condition, i), at[1]) != 0.0f;
        bs_put_cell(&a.out, i * a.out_elements + at[0], bs_operand_row(yes ? &a.yes : &a.no, i),
                    yes ? at[2] : at[3]);
    }
}

BS_KERNEL(add_bias)
{
    BS_EACH(i, k, a.n, a.elements)
    {
        float v = bs_cell_value(a.in, i * a.in_elements + k);
        bs_put(&a.out, (int64_t)i * a.elements + k,
               bs_quiet(a.bias ? v + a.bias[k / a.plane % a.channels] : v));
    }
}
