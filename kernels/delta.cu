/* Faults, patches, comparison with the golden run, ranking. */
#include "kernels.h"
#include "launch.h"

/* Returns true if elements differ, of n, `step` apart from `first` on. y is of x's type. */
BS_HD_INLINE int cells_differ(bs_cells x, int64_t x_step, bs_cells y, int64_t y_step, uint32_t first,
                              uint32_t n, uint32_t step)
{
    int differs = 0;
    y.type = x.type;
    for (uint32_t c = first; c < n; c += step)
        differs |= bs_cell_word(x, c * x_step) != bs_cell_word(y, c * y_step);
    return differs;
}

BS_KERNEL(compare)
{
    BS_SAMPLES(i, a.n)
    {
        bs_cells row = bs_operand_row(&a.rows, i), golden = bs_operand_row(&a.golden, i);
        int differs = 0;
        BS_ITEMS(k, a.elements)
        {
            uint32_t at = a.first + (a.line == a.elements ? k : k / a.line * a.skip + k % a.line);
            differs |= bs_cell_word(row, at) != bs_cell_word(golden, at);
        }
        if (bs_warp_any(differs) && bs_warp_leads())
            a.equal[i] = 0;
    }
}

/* Returns true if a patch has row y and column x. */
BS_HD int in_patch(const bs_patch_boxes *p, int y, int x)
{
    return y >= 0 && x >= 0 && y < p->size[0] && x < p->size[1];
}

BS_KERNEL(overlay)
{
    uint32_t width = (uint32_t)a.want.size[1], cells = width * (uint32_t)a.want.size[0];
    uint32_t fill = bs_out_word(a.out.format, a.fill);
    BS_EACH(i, k, a.n, a.step * cells)
    {
        uint32_t cell = k % cells;
        int y = bs_patch_box_origin(&a.want, 0, i) + (int)(cell / width);
        int x = bs_patch_box_origin(&a.want, 1, i) + (int)(cell % width);
        const bs_patch_boxes *p = &a.live_at;
        int dy = a.live ? y - bs_patch_box_origin(p, 0, i) : -1;
        int dx = a.live ? x - bs_patch_box_origin(p, 1, i) : -1;
        bs_cells from = {NULL, a.golden.type}, live = {a.live, a.golden.type};
        int64_t plane = 0;
        if (in_patch(p, dy, dx)) {
            plane = (int64_t)p->size[0] * p->size[1];
            from = bs_cells_from(live, (int64_t)i * a.channels * plane + dy * p->size[1] + dx);
        } else if (y >= 0 && x >= 0 && y < a.height && x < a.width) {
            plane = (int64_t)a.height * a.width;
            from = bs_cells_from(bs_operand_row(&a.golden, i), y * a.width + x);
        }
        int64_t out = (int64_t)i * a.channels * cells + cell;
        for (uint32_t c = k / cells; c < a.channels; c += a.step)
            bs_put_word(&a.out, out + (int64_t)c * cells, from.at ? bs_cell_word(from, c * plane) : fill);
    }
}

/* Returns true if the sample of site k has an earlier site at the same element. */
BS_HD int has_earlier(const bs_inject_args *a, uint32_t k)
{
    for (uint32_t e = k; e > 0 && a->owner[e - 1] == a->owner[k]; e--)
        if (a->site[e - 1].element == a->site[k].element)
            return 1;
    return 0;
}

/* The first site of an element applies all sites that its sample has there, in their order: threads that
 * changed one element together would lose changes. */
BS_KERNEL(inject)
{
    BS_EACH(one, k, 1, a.n_sites)
    {
        int32_t i = a.owner[k];
        uint32_t element = a.site[k].element, end = a.distinct ? k + 1 : a.n_sites;
        if (!a.distinct && has_earlier(&a, k))
            continue;
        int32_t x = (int32_t)(element % (uint32_t)a.width);
        int32_t y = (int32_t)(element / (uint32_t)a.width % (uint32_t)a.height);
        int64_t c = element / ((uint32_t)a.width * (uint32_t)a.height);
        int32_t top = bs_patch_box_origin(&a.at, 0, (uint32_t)i);
        int32_t left = bs_patch_box_origin(&a.at, 1, (uint32_t)i);
        int64_t row = ((int64_t)i * a.channels + c) * a.at.size[0] + y - top;
        int64_t cell = row * a.at.size[1] + x - left;
        bs_cells rows = {a.rows.base, a.rows.format.type};
        float value = bs_cell_value(rows, cell);
        for (uint32_t m = k; m < end && a.owner[m] == i; m++) {
            if (a.site[m].element != element)
                continue;
            value = bs_inject_value(a.format, a.site[m], value, a.before ? &a.before[m] : NULL);
        }
        bs_put(&a.rows, cell, value);
    }
}

BS_KERNEL(compare_patch)
{
    uint32_t width = (uint32_t)a.at.size[1], cells = width * (uint32_t)a.at.size[0];
    int64_t plane = (int64_t)a.height * a.width;
    BS_SAMPLES(i, a.n)
    {
        bs_cells rows = {a.rows, a.golden.type}, golden = bs_operand_row(&a.golden, i);
        int differs = 0;
        BS_ITEMS(k, a.step * cells)
        {
            uint32_t cell = k % cells;
            int y = bs_patch_box_origin(&a.at, 0, i) + (int)(cell / width);
            int x = bs_patch_box_origin(&a.at, 1, i) + (int)(cell % width);
            if (y < a.needed[0] || y >= a.needed[1])
                continue;
            bs_cells mine = bs_cells_from(rows, (int64_t)i * a.channels * cells + cell),
                     other = bs_cells_from(golden, y * a.width + x);
            BS_BY_SIZE(mine.type,
                       differs |= cells_differ(mine, cells, other, plane, k / cells, a.channels, a.step));
        }
        if (bs_warp_any(differs) && bs_warp_leads())
            a.equal[i] = 0;
    }
}

BS_KERNEL(bounds)
{
    uint32_t cells = (uint32_t)(a.height * a.width);
    const int32_t none = (int32_t)(BS_NO_CORNER * 0x01010101u);
    BS_SAMPLES(i, a.n)
    {
        bs_cells row = bs_operand_row(&a.rows, i), golden = bs_operand_row(&a.golden, i);
        int32_t corner[4] = {none, none, none, none};
        BS_ITEMS(k, a.step * cells)
        {
            uint32_t cell = k % cells;
            bs_cells mine = bs_cells_from(row, cell), other = bs_cells_from(golden, cell);
            int differs = 0;
            BS_BY_SIZE(mine.type,
                       differs = cells_differ(mine, cells, other, cells, k / cells, a.channels, a.step));
            if (!differs)
                continue;
            int32_t y = (int32_t)cell / a.width, x = (int32_t)cell % a.width;
            corner[0] = bs_most(corner[0], -y);
            corner[1] = bs_most(corner[1], -x);
            corner[2] = bs_most(corner[2], y);
            corner[3] = bs_most(corner[3], x);
        }
        for (int e = 0; e < 4; e++) {
            int32_t all = bs_warp_max(corner[e]);
            if (bs_warp_leads())
                bs_atomic_max(&a.corner[4 * (int64_t)i + e], all);
        }
    }
}

BS_KERNEL(filters)
{
    BS_EACH(f, k, a.filters, a.length)
    bs_put_cell(&a.out, (int64_t)f * a.length + k, a.weights, (int64_t)a.from[f] * a.length + k);
}

BS_KERNEL(scatter)
{
    BS_EACH(i, p, a.n, a.pixels)
    bs_put_cell(&a.out,
                a.sample[i] * a.out_elements + a.channel[i] * a.out_channel_step + p * a.out_pixel_step,
                a.computed, a.row[i] * a.row_step + a.column[i] * a.column_step + p * a.pixel_step);
}

/* Gives the same answers as bs_rank(). */
BS_KERNEL(rank)
{
    BS_WARP(i, a.n)
    {
        bs_cells scores = bs_operand_row(&a.rows, i);
        bs_answer *out = &a.out[i];
        int32_t golden = a.golden ? a.golden[i] : -1;
        uint64_t last = UINT64_MAX;
        float first = 0.0f;
        int nan = 0, inf = 0;
        BS_WARP_ITEMS(k, a.classes)
        {
            nan |= bs_is_nan(bs_cell_value(scores, k));
            inf |= bs_is_inf(bs_cell_value(scores, k));
        }
        uint32_t flags = (bs_warp_any(nan) ? BS_ANSWER_NAN : 0) | (bs_warp_any(inf) ? BS_ANSWER_INF : 0);
        for (int r = 0; r < BS_TOP; r++) {
            uint64_t best = 0;
            BS_WARP_ITEMS(k, a.classes)
            {
                uint64_t key = bs_rank_key(bs_cell_value(scores, k), k);
                if (key < last && key > best)
                    best = key;
            }
            last = bs_warp_max64(best);
            int32_t top = last ? (int32_t)(0xffffffffu - (uint32_t)last) : -1;
            float s = last ? bs_cell_value(scores, top) : 0.0f;
            if (r == 0) {
                first = s;
                golden = golden < 0 ? top : golden;
            }
            if (r == 1 && top >= 0 && s == first)
                flags |= BS_ANSWER_TIE;
            if (bs_warp_leads()) {
                out->top[r] = top;
                out->score[r] = s;
            }
        }
        float p = 0.0f;
        if (golden >= 0 && !(flags & (BS_ANSWER_NAN | BS_ANSWER_INF))) {
            double unit = bs_exp_unit(a.classes);
            uint64_t sum = 0;
            BS_WARP_ITEMS(k, a.is_probability ? 0 : a.classes)
            sum += bs_exp_share(bs_cell_value(scores, k), first, unit);
            sum = bs_warp_sum64(sum);
            p = bs_cell_value(scores, golden);
            p = a.is_probability ? p : bs_probability(p, first, unit, sum);
        }
        if (bs_warp_leads()) {
            out->p_golden = p;
            out->flags = flags;
        }
    }
}
