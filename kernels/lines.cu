/* Normalisations and reductions of lines, in the order of lines.h: a warp works a line, each of its lanes one
 * partial sum. Neighbouring lanes read neighbours of the line, neighbouring warps neighbouring lines; so
 * memory is read in whole sectors wherever either are side by side. */
#include "kernels.h"
#include "launch.h"
#include "lines.h"

/* Finds what normalises the n elements of x; all lanes get it. Later reads of x come from a cache. */
BS_DEVICE_INLINE void normalisation(uint32_t lane, uint32_t n, bs_cells x, float epsilon, float *mean,
                                    float *factor)
{
    double sum = 0.0, square = 0.0;
    BS_LANE_ITEMS(e, lane, n)
    sum += (double)bs_cell_value(x, e);
    double middle = bs_warp_sum(sum) / (double)n;
    BS_LANE_ITEMS(e, lane, n)
    {
        double d = (double)bs_cell_value(x, e) - middle;
        square += d * d;
    }
    *mean = (float)middle;
    *factor = bs_deviation_factor(bs_warp_sum(square) / (double)n, epsilon);
}

BS_DEVICE_INLINE void layer_norm_line(const bs_layer_norm_args *a, uint32_t lane, bs_cells x, bs_out y,
                                      int64_t to)
{
    float mean, factor;
    normalisation(lane, a->length, x, a->epsilon, &mean, &factor);
    BS_LANE_ITEMS(e, lane, a->length)
    bs_put(&y, to + e,
           bs_normalize(bs_cell_value(x, e), mean, factor, a->scale[e], a->bias ? a->bias[e] : 0.0f));
}

BS_KERNEL(layer_norm)
{
    BS_WARP_LINES(i, k, a.n, a.lines)
    {
        bs_cells x = bs_cells_from(bs_operand_row(&a.in, i), (int64_t)k * a.length);
        bs_out y = a.out;
        BS_BY_TYPE(x.type, y.format.type,
                   layer_norm_line(&a, BS_LANE, x, y, ((int64_t)i * a.lines + k) * a.length));
    }
}

BS_DEVICE_INLINE void instance_norm_line(const bs_instance_norm_args *a, uint32_t lane, bs_cells x, bs_out y,
                                         uint32_t i, uint32_t k)
{
    int64_t to = ((int64_t)i * a->channels + k) * a->plane;
    float mean, factor;
    normalisation(lane, a->plane, x, a->epsilon, &mean, &factor);
    BS_LANE_ITEMS(e, lane, a->plane)
    bs_put(&y, to + e, bs_normalize(bs_cell_value(x, e), mean, factor, a->scale[k], a->bias[k]));
}

BS_KERNEL(instance_norm)
{
    BS_WARP_LINES(i, k, a.n, a.channels)
    {
        bs_cells x = bs_cells_from(bs_operand_row(&a.in, i), (int64_t)k * a.plane);
        bs_out y = a.out;
        BS_BY_TYPE(x.type, y.format.type, instance_norm_line(&a, BS_LANE, x, y, i, k));
    }
}

/* Computes exponentials twice rather than keep them: they cost less than a way to memory and back. */
BS_DEVICE_INLINE void softmax_line(const bs_softmax_args *a, uint32_t lane, bs_cells x, bs_out y, int64_t to)
{
    float max = -INFINITY;
    double partial = 0.0;
    BS_LANE_ITEMS(e, lane, a->length)
    max = bs_max_nan(max, bs_cell_value(x, (int64_t)e * a->inner));
    max = bs_warp_max_nan(max);
    BS_LANE_ITEMS(e, lane, a->length)
    partial += (double)bs_expf(bs_cell_value(x, (int64_t)e * a->inner) - max);
    float sum = (float)bs_warp_sum(partial), log_sum = bs_logf(sum);
    BS_LANE_ITEMS(e, lane, a->length)
    {
        float v = bs_cell_value(x, (int64_t)e * a->inner) - max;
        bs_put(&y, to + (int64_t)e * a->inner,
               a->logarithm ? bs_sub(bs_quiet(v), log_sum) : bs_div(bs_expf(v), sum));
    }
}

BS_KERNEL(softmax)
{
    BS_WARP_LINES(i, k, a.n, a.lines)
    {
        int64_t at = (int64_t)(k / a.inner) * a.length * a.inner + k % a.inner;
        bs_cells x = bs_cells_from(bs_operand_row(&a.in, i), at);
        bs_out y = a.out;
        BS_BY_TYPE(x.type, y.format.type,
                   softmax_line(&a, BS_LANE, x, y, (int64_t)i * a.lines * a.length + at));
    }
}

/* Adds the elements of a line up, as the operator does. Each case is a loop of its own, so that several loads
 * are under way at once where `over` has one axis, as it nearly always has. */
BS_DEVICE_INLINE float reduce_line(const bs_reduce_args *a, uint32_t lane, bs_cells line)
{
    float n = (float)a->over.items;
    (void)n;
    switch (a->op) {
#define X(suffix, name, start, add, term, result)                                                            \
    case BS_OP_##suffix: {                                                                                   \
        float s = start;                                                                                     \
        BS_LANE_ITEMS(e, lane, a->over.items)                                                                \
        {                                                                                                    \
            int64_t at[BS_ND_ARRAYS];                                                                        \
            bs_nd_space_at(&a->over, 1, e, at);                                                              \
            float x = bs_cell_value(line, at[0]);                                                            \
            s = bs_##add(s, term);                                                                           \
        }                                                                                                    \
        s = bs_warp_##add(s);                                                                                \
        return result;                                                                                       \
    }
        BS_REDUCE_OPS(X)
#undef X
    default:
        return 0.0f;
    }
}

BS_KERNEL(reduce)
{
    BS_WARP_LINES(i, k, a.n, a.at.items)
    {
        int64_t at[BS_ND_ARRAYS];
        bs_nd_space_at(&a.at, 1, k, at);
        bs_cells line = bs_cells_from(bs_operand_row(&a.in, i), at[0]);
        float v;
        BS_BY_SIZE(line.type, v = reduce_line(&a, BS_LANE, line));
        if (bs_warp_leads())
            bs_put(&a.out, (int64_t)i * a.at.items + k, v);
    }
}
