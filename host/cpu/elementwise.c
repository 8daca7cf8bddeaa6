#include "cpu/cpu.h"
#include "cpu/loops.h"
#include "ops.h"

#include <math.h>
#include <string.h>

/* Clip's bound k: a parameter of the file, or the attribute. */
static float clip_bound(const bs_cpu_job *j, int k, float attr)
{
    return bs_cpu_has_input(j->node, k) ? *bs_cpu_input(j, k, 0) : attr;
}

bs_status bs_cpu_run_unary(const bs_cpu_job *j)
{
    int64_t n = bs_cpu_layout_out(j)->elements;
    const bs_attr *a = &j->node->attr;
    for (int i = 0; i < j->n; i++) {
        const float *x = bs_cpu_input(j, 0, i);
        float *y = bs_cpu_output(j, i);
        switch (j->node->op) {
        case BS_OP_RELU:
            bs_loop_relu(n, y, x);
            break;
        case BS_OP_LEAKY_RELU:
            bs_loop_leaky_relu(n, y, x, a->alpha);
            break;
        case BS_OP_CLIP:
            bs_loop_clip(n, y, x, clip_bound(j, 1, a->low), clip_bound(j, 2, a->high));
            break;
        case BS_OP_SIGMOID:
            bs_loop_sigmoid(n, y, x);
            break;
        default:
            bs_loop_tanh(n, y, x);
        }
    }
    return BS_OK;
}

bs_status bs_cpu_run_batch_norm(const bs_cpu_job *j)
{
    const bs_cpu_layout *l = bs_cpu_layout_in(j, 0);
    int64_t channels = l->dim[0], plane = l->elements / channels;
    bool planar = l->rank != 3 && plane > 1;
    const float *scale = bs_cpu_input(j, 1, 0), *bias = bs_cpu_input(j, 2, 0), *mean = bs_cpu_input(j, 3, 0),
                *var = bs_cpu_input(j, 4, 0);
    BS_TRY(bs_cpu_reserve(&j->lane->work, (size_t)channels * sizeof(float)));
    float *factor = j->lane->work.ptr;
    for (int64_t c = 0; c < channels; c++)
        factor[c] = bs_batch_norm_factor(scale[c], var[c], j->node->attr.epsilon);
    for (int i = 0; i < j->n; i++) {
        const float *x = bs_cpu_input(j, 0, i);
        float *y = bs_cpu_output(j, i);
        if (planar)
            for (int64_t c = 0; c < channels; c++)
                bs_loop_batch_norm_plane(plane, y + c * plane, x + c * plane, factor[c], bias[c], mean[c]);
        else
            for (int64_t p = 0; p < plane; p++)
                bs_loop_batch_norm(channels, y + p * channels, x + p * channels, factor, bias, mean);
    }
    return BS_OK;
}

/* Stride of `in` along axis `a` of `out`: shapes are aligned at their last axes, a dimension of 1 repeats. */
static int64_t broadcast_stride(const bs_cpu_layout *in, const bs_cpu_layout *out, int a)
{
    int k = a - (out->rank - in->rank);
    return k < 0 || in->dim[k] == 1 ? 0 : in->stride[k];
}

static bs_cpu_nest broadcast_nest(const bs_cpu_layout *out, const bs_cpu_layout *a, const bs_cpu_layout *b)
{
    bs_cpu_nest n = {0};
    for (int k = 0; k < out->rank; k++) {
        int axis = out->order[k];
        bs_cpu_nest_add(&n, out->dim[axis], out->stride[axis], broadcast_stride(a, out, axis),
                        broadcast_stride(b, out, axis));
    }
    bs_cpu_nest_finish(&n);
    return n;
}

static void apply_binary(bs_loop_binary loop, const bs_cpu_nest *nest, float *y, const float *a,
                         const float *b)
{
    bs_cpu_walk w = {0};
    int last = nest->rank - 1;
    do
        loop(nest->dim[last], y + w.at[0], a + w.at[1], nest->stride[1][last], b + w.at[2],
             nest->stride[2][last]);
    while (bs_cpu_walk_next(&w, nest));
}

bs_status bs_cpu_run_binary(const bs_cpu_job *j)
{
    bs_loop_binary loop = j->node->op == BS_OP_ADD   ? bs_loop_add
                          : j->node->op == BS_OP_SUB ? bs_loop_sub
                          : j->node->op == BS_OP_MUL ? bs_loop_mul
                                                     : bs_loop_div;
    bs_cpu_nest nest = broadcast_nest(bs_cpu_layout_out(j), bs_cpu_layout_in(j, 0), bs_cpu_layout_in(j, 1));
    for (int i = 0; i < j->n; i++)
        apply_binary(loop, &nest, bs_cpu_output(j, i), bs_cpu_input(j, 0, i), bs_cpu_input(j, 1, i));
    return BS_OK;
}

/* From left to right: ((a + b) + c) + d. */
bs_status bs_cpu_run_sum(const bs_cpu_job *j)
{
    const bs_cpu_layout *out = bs_cpu_layout_out(j);
    bs_cpu_nest first = broadcast_nest(out, bs_cpu_layout_in(j, 0), out);
    for (int i = 0; i < j->n; i++) {
        float *y = bs_cpu_output(j, i);
        bs_cpu_nest_copy(&first, y, bs_cpu_input(j, 0, i));
        for (int k = 1; k < j->node->n_in; k++) {
            bs_cpu_nest nest = broadcast_nest(out, bs_cpu_layout_in(j, k), out);
            bs_cpu_walk w = {0};
            int last = nest.rank - 1;
            const float *x = bs_cpu_input(j, k, i);
            do {
                if (nest.stride[1][last] == 1)
                    bs_loop_accumulate(nest.dim[last], y + w.at[0], x + w.at[1]);
                else
                    for (int64_t e = 0; e < nest.dim[last]; e++)
                        y[w.at[0] + e] = bs_add(y[w.at[0] + e], x[w.at[1] + e * nest.stride[1][last]]);
            } while (bs_cpu_walk_next(&w, &nest));
        }
    }
    return BS_OK;
}
