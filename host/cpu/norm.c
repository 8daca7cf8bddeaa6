/* Normalisations: every sum has one fixed order. */
#include "cpu/cpu.h"
#include "cpu/loops.h"
#include "lines.h"

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
        BS_TRY(bs_cpu_plain_input(j, 0, i, &x));
        BS_TRY(bs_cpu_plain_output(j, i, &y));
        for (int64_t at = 0; at < l->elements; at += line) {
            double mean, variance;
            bs_loop_moments(line, x + at, 1, &mean, &variance);
            bs_loop_layer_norm(line, y + at, x + at, (float)mean,
                               bs_deviation_factor(variance, j->node->attr.epsilon), scale, bias);
        }
        bs_cpu_plain_done(j, i, y);
    }
    return BS_OK;
}

bs_status bs_cpu_run_instance_norm(const bs_cpu_job *j)
{
    const bs_cpu_layout *l = bs_cpu_layout_out(j);
    const float *scale = j->param[1], *bias = j->param[2];
    int64_t channels = l->dim[j->node->attr.axis], plane = l->elements / channels;
    int64_t step = l->channels_last ? channels : 1, channel = l->channels_last ? 1 : plane;
    for (int i = 0; i < j->n; i++)
        for (int64_t c = 0; c < channels; c++) {
            const float *x = bs_cpu_input(j, 0, i) + c * channel;
            float *y = bs_cpu_output(j, i) + c * channel;
            double mean, variance;
            bs_loop_moments(plane, x, step, &mean, &variance);
            float factor = bs_deviation_factor(variance, j->node->attr.epsilon);
            for (int64_t e = 0; e < plane; e++)
                y[e * step] = bs_normalize(x[e * step], (float)mean, factor, scale[c], bias[c]);
        }
    return BS_OK;
}
