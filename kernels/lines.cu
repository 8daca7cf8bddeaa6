/* Normalisations and reductions of lines, in the order of lines.h: a warp works a line, each of its lanes one
 * partial sum. Neighbouring lanes read neighbours of the line, neighbouring warps neighbouring lines; so
 * memory is read in whole sectors wherever either are side by side. */
#include "kernels.h"
#include "launch.h"
#include "lines.h"

/* Finds what normalises the n elements of x; all lanes get it. Later reads of x come from a cache. */
BS_DEVICE void normalisation(uint32_t lane, uint32_t n, const float *x, float epsilon, float *mean,
                             float *factor)
{
    double sum = 0.0, square = 0.0;
    BS_LANE_ITEMS(e, lane, n)
    sum += (double)x[e];
    double middle = bs_warp_sum(sum) / (double)n;
    BS_LANE_ITEMS(e, lane, n)
    {
        double d = (double)x[e] - middle;
        square += d * d;
    }
    *mean = (float)middle;
    *factor = bs_deviation_factor(bs_warp_sum(square) / (double)n, epsilon);
}

BS_KERNEL(layer_norm)
{
    BS_WARP_LINES(i, k, a.n, a.lines)
    {
        const float *x = bs_operand_row(&a.in, i) + (int64_t)k * a.length;
        float *y = a.out + ((int64_t)i * a.lines + k) * a.length, mean, factor;
        normalisation(BS_LANE, a.length, x, a.epsilon, &mean, &factor);
        BS_WARP_ITEMS(e, a.length)
        y[e] = bs_normalize(x[e], mean, factor, a.scale[e], a.bias ? a.bias[e] : 0.0f);
    }
}

BS_KERNEL(instance_norm)
{
    BS_WARP_LINES(i, k, a.n, a.channels)
    {
        const float *x = bs_operand_row(&a.in, i) + (int64_t)k * a.plane;
        float *y = a.out + ((int64_t)i * a.channels + k) * a.plane, mean, factor;
        normalisation(BS_LANE, a.plane, x, a.epsilon, &mean, &factor);
        BS_WARP_ITEMS(e, a.plane)
        y[e] = bs_normalize(x[e], mean, factor, a.scale[k], a.bias[k]);
    }
}

/* Computes exponentials twice rather than keep them: they cost less than a way to memory and back. */
BS_KERNEL(softmax)
{
    BS_WARP_LINES(i, k, a.n, a.lines)
    {
        int64_t at = (int64_t)(k / a.inner) * a.length * a.inner + k % a.inner;
        const float *x = bs_operand_row(&a.in, i) + at;
        float *y = a.out + (int64_t)i * a.lines * a.length + at, max = -INFINITY;
        double partial = 0.0;
        BS_WARP_ITEMS(e, a.length)
        max = bs_max_nan(max, x[(int64_t)e * a.inner]);
        max = bs_warp_max_nan(max);
        BS_WARP_ITEMS(e, a.length)
        partial += (double)bs_expf(x[(int64_t)e * a.inner] - max);
        float sum = (float)bs_warp_sum(partial), log_sum = bs_logf(sum);
        BS_WARP_ITEMS(e, a.length)
        {
            float v = x[(int64_t)e * a.inner] - max;
            y[(int64_t)e * a.inner] = a.logarithm ? bs_sub(bs_quiet(v), log_sum) : bs_div(bs_expf(v), sum);
        }
    }
}

/* Adds the elements of a line up, as the operator does. Each case is a loop of its own, so that several loads
 * are under way at once where `over` has one axis, as it nearly always has. */
BS_DEVICE float reduce_line(const bs_reduce_args *a, uint32_t lane, const float *line)
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
            float x = line[at[0]];                                                                           \
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
        float v = reduce_line(&a, BS_LANE, bs_operand_row(&a.in, i) + at[0]);
        if (bs_warp_leads())
            a.out[(int64_t)i * a.at.items + k] = v;
    }
}
