/* Faults, patches, comparison with the golden run, ranking. */
#include "kernels.h"
#include "launch.h"

BS_KERNEL(compare)
{
    BS_EACH(i, k, a.n, a.elements)
    {
        uint32_t mine = bs_float_bits(a.rows[(int64_t)i * a.elements + k]);
        if (mine != bs_float_bits(bs_operand_row(&a.golden, i)[k]))
            a.equal[i] = 0;
    }
}

/* Is (y, x) in patch i? */
BS_HD int in_patch(const bs_patch_boxes *p, uint32_t i, int y, int x)
{
    int dy = y - p->origin[0][i], dx = x - p->origin[1][i];
    return dy >= 0 && dx >= 0 && dy < p->size[0] && dx < p->size[1];
}

BS_KERNEL(overlay)
{
    uint32_t width = (uint32_t)a.want.size[1], cells = width * (uint32_t)a.want.size[0];
    BS_EACH(i, k, a.n, a.channels * cells)
    {
        int64_t c = k / cells;
        int y = a.want.origin[0][i] + (int)(k % cells / width), x = a.want.origin[1][i] + (int)(k % width);
        float v = a.fill;
        if (a.live && in_patch(&a.live_at, i, y, x)) {
            const bs_patch_boxes *p = &a.live_at;
            int64_t row = ((int64_t)i * a.channels + c) * p->size[0] + y - p->origin[0][i];
            v = a.live[row * p->size[1] + x - p->origin[1][i]];
        } else if (y >= 0 && x >= 0 && y < a.height && x < a.width) {
            v = bs_operand_row(&a.golden, i)[(c * a.height + y) * a.width + x];
        }
        a.out[(int64_t)i * a.channels * cells + k] = v;
    }
}

/* The first site of an element does the work of all that its sample has there, in their order: threads that
 * changed one element together would lose changes. */
BS_KERNEL(inject)
{
    BS_EACH(one, k, 1, a.n_sites)
    {
        int32_t i = a.owner[k];
        uint32_t element = a.site[k].element, earlier = k;
        while (earlier > 0 && a.owner[earlier - 1] == i && a.site[earlier - 1].element != element)
            earlier--;
        if (earlier > 0 && a.owner[earlier - 1] == i)
            continue;
        int32_t x = (int32_t)(element % (uint32_t)a.width);
        int32_t y = (int32_t)(element / (uint32_t)a.width % (uint32_t)a.height);
        int64_t c = element / ((uint32_t)a.width * (uint32_t)a.height);
        int32_t top = a.at.origin[0] ? a.at.origin[0][i] : 0, left = a.at.origin[1] ? a.at.origin[1][i] : 0;
        int64_t row = ((int64_t)i * a.channels + c) * a.at.size[0] + y - top;
        float *cell = a.rows + row * a.at.size[1] + x - left;
        for (uint32_t m = k; m < a.n_sites && a.owner[m] == i; m++) {
            if (a.site[m].element != element)
                continue;
            uint32_t before = bs_float_bits(*cell);
            *cell = bs_bits_float(bs_site_apply(a.site[m], before));
            if (a.before)
                a.before[m] = before;
        }
    }
}

BS_KERNEL(compare_patch)
{
    uint32_t width = (uint32_t)a.at.size[1], cells = width * (uint32_t)a.at.size[0];
    BS_EACH(i, k, a.n, a.channels * cells)
    {
        int64_t c = k / cells;
        int y = a.at.origin[0][i] + (int)(k % cells / width), x = a.at.origin[1][i] + (int)(k % width);
        uint32_t mine = bs_float_bits(a.rows[(int64_t)i * a.channels * cells + k]);
        if (mine != bs_float_bits(bs_operand_row(&a.golden, i)[(c * a.height + y) * a.width + x]))
            a.equal[i] = 0;
    }
}

BS_KERNEL(filters)
{
    BS_EACH(f, k, a.filters, a.length)
        a.out[(int64_t)f * a.length + k] = a.weights[(int64_t)a.from[f] * a.length + k];
}

BS_KERNEL(scatter)
{
    BS_EACH(i, p, a.n, a.pixels)
        a.out[a.sample[i] * a.out_elements + a.channel[i] * a.out_channel_step + p * a.out_pixel_step] =
            a.computed[a.row[i] * a.row_step + a.column[i] * a.column_step + p * a.pixel_step];
}

BS_KERNEL(rank)
{
    BS_EACH(one, i, 1, a.n)
        a.out[i] = bs_rank(a.rows + (int64_t)i * a.classes, (int)a.classes, a.golden ? a.golden[i] : -1,
                           a.is_probability);
}
