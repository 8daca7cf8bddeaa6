/* Normalisations: every sum has one fixed order. */
#include "cpu/cpu.h"
#include "cpu/loops.h"
#include "ops.h"

bs_status bs_cpu_run_batch_norm(const bs_cpu_job *j)
{
    const bs_cpu_layout *l = bs_cpu_layout_in(j, 0);
    int64_t channels = l->dim[j->node->attr.axis], plane = l->elements / channels;
    bool planar = !l->channels_last && plane > 1 && j->node->attr.axis == 0;
    const float *scale = bs_cpu_input(j, 1, 0), *bias = bs_cpu_input(j, 2, 0), *mean = bs_cpu_input(j, 3, 0),
                *var = bs_cpu_input(j, 4, 0);
    BS_TRY(bs_cpu_reserve(&j->stream->work, (size_t)channels * sizeof(float)));
    float *factor = j->stream->work.ptr;
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

bs_status bs_cpu_run_layer_norm(const bs_cpu_job *j)
{
    const bs_cpu_layout *l = bs_cpu_layout_out(j);
    const float *scale = j->param[1], *bias = bs_node_has_input(j->node, 2) ? j->param[2] : NULL;
    int64_t line = 1;
    for (int a = j->node->attr.axis; a < l->rank; a++)
        line *= l->dim[a];
    for (int i = 0; i < j->n; i++) {
        const float *x;
        float *y;
        BS_TRY(bs_cpu_plain_input(j, i, &x));
        BS_TRY(bs_cpu_plain_output(j, i, &y));
        for (int64_t at = 0; at < l->elements; at += line) {
            float mean, factor;
            bs_loop_moments(line, x + at, j->node->attr.epsilon, &mean, &factor);
            bs_loop_layer_norm(line, y + at, x + at, mean, factor, scale, bias);
        }
        bs_cpu_plain_done(j, i, y);
    }
    return BS_OK;
}

/* Channels last: the lines are side by side. */
static bs_status instance_norm_beside(const bs_cpu_job *j, int64_t channels, int64_t plane)
{
    BS_TRY(bs_cpu_reserve(&j->stream->work, 2 * (size_t)channels * sizeof(float)));
    float *mean = j->stream->work.ptr, *factor = mean + channels;
    for (int i = 0; i < j->n; i++) {
        const float *x = bs_cpu_input(j, 0, i);
        float *y = bs_cpu_output(j, i);
        bs_loop_moments_beside(plane, channels, x, channels, j->node->attr.epsilon, mean, factor);
        for (int64_t e = 0; e < plane * channels; e += channels)
            bs_loop_normalize(channels, y + e, x + e, mean, factor, j->param[1], j->param[2]);
    }
    return BS_OK;
}

bs_status bs_cpu_run_instance_norm(const bs_cpu_job *j)
{
    const bs_cpu_layout *l = bs_cpu_layout_in(j, 0);
    const float *scale = j->param[1], *bias = j->param[2];
    int64_t channels = l->dim[j->node->attr.axis], plane = l->elements / channels;
    if (l->channels_last)
        return instance_norm_beside(j, channels, plane);
    for (int i = 0; i < j->n; i++)
        for (int64_t c = 0; c < channels; c++) {
            const float *x = bs_cpu_input(j, 0, i) + c * plane;
            float mean, factor;
            bs_loop_moments(plane, x, j->node->attr.epsilon, &mean, &factor);
            bs_loop_normalize_line(plane, bs_cpu_output(j, i) + c * plane, x, mean, factor, scale[c],
                                   bias[c]);
        }
    return BS_OK;
}
