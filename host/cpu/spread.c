/* Operators that repeat, pick or interpolate elements. */
#include "cpu/cpu.h"
#include "ops.h"
#include "resize.h"

#include <string.h>

bs_status bs_cpu_run_expand(const bs_cpu_job *j)
{
    const bs_cpu_layout *out = bs_cpu_layout_out(j);
    bs_cpu_nest nest = bs_cpu_broadcast(out, bs_cpu_layout_in(j, 0), out);
    for (int i = 0; i < j->n; i++)
        bs_cpu_nest_copy(&nest, bs_cpu_output(j, i), bs_cpu_input(j, 0, i));
    return BS_OK;
}

/* One copy of the input for each repetition. */
bs_status bs_cpu_run_tile(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    bs_cpu_nest nest = {0};
    for (int k = 0; k < out->rank; k++) {
        int axis = out->order[k];
        bs_cpu_nest_add(&nest, in->dim[axis], out->stride[axis], in->stride[axis], 0);
    }
    bs_cpu_nest_finish(&nest);
    int64_t copies = out->elements / in->elements;
    for (int64_t c = 0; c < copies; c++) {
        int64_t at = 0, left = c;
        for (int a = 0; a < out->rank; a++) {
            int64_t times = out->dim[a] / in->dim[a];
            at += left % times * in->dim[a] * out->stride[a];
            left /= times;
        }
        for (int i = 0; i < j->n; i++)
            bs_cpu_nest_copy(&nest, bs_cpu_output(j, i) + at, bs_cpu_input(j, 0, i));
    }
    return BS_OK;
}

bs_status bs_cpu_run_gather(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0);
    const bs_node *n = j->node;
    int64_t inner = 1, dim = in->dim[n->attr.axis];
    for (int a = n->attr.axis + 1; a < in->rank; a++)
        inner *= in->dim[a];
    for (int i = 0; i < j->n; i++) {
        const float *x;
        float *y, *to;
        BS_TRY(bs_cpu_plain_input(j, 0, i, &x));
        BS_TRY(bs_cpu_plain_output(j, i, &y));
        to = y;
        for (int64_t at = 0; at < in->elements; at += dim * inner)
            for (int k = 0; k < n->n_index; k++, to += inner)
                memcpy(to, x + at + n->index[k] * inner, (size_t)inner * sizeof *to);
        bs_cpu_plain_done(j, i, y);
    }
    return BS_OK;
}

/* One output pixel, all channels: the corners a, b above, c, d below. */
static void mix_pixel(int64_t channels, const float *x, const int64_t *corner, float right, float down,
                      float *y)
{
    for (int64_t k = 0; k < channels; k++)
        y[k] = bs_mix(bs_mix(x[corner[0] + k], x[corner[1] + k], right),
                      bs_mix(x[corner[2] + k], x[corner[3] + k], right), down);
}

static void cubic_pixel(int64_t channels, const float *x, const bs_cpu_layout *in, const bs_resize_taps *r,
                        const bs_resize_taps *c, float *y)
{
    for (int64_t k = 0; k < channels; k++) {
        float line[4], down[4];
        for (int i = 0; i < 4; i++) {
            for (int m = 0; m < 4; m++)
                line[m] = x[r->at[i] * in->stride[1] + c->at[m] * in->stride[2] + k];
            down[i] = bs_mix_four(line, c->weight);
        }
        y[k] = bs_mix_four(down, r->weight);
    }
}

static bs_status resize_cubic(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    const bs_resize *z = &j->node->attr.resize;
    int in_h = (int)in->dim[1], in_w = (int)in->dim[2], out_h = (int)out->dim[1], out_w = (int)out->dim[2];
    for (int h = 0; h < out_h; h++) {
        bs_resize_taps r = bs_resize_cubic(z, 0, h, in_h, out_h);
        for (int w = 0; w < out_w; w++) {
            bs_resize_taps c = bs_resize_cubic(z, 1, w, in_w, out_w);
            int64_t at = h * out->stride[1] + w * out->stride[2];
            for (int i = 0; i < j->n; i++)
                cubic_pixel(in->dim[0], bs_cpu_input(j, 0, i), in, &r, &c, bs_cpu_output(j, i) + at);
        }
    }
    return BS_OK;
}

bs_status bs_cpu_run_resize(const bs_cpu_job *j)
{
    if (j->node->attr.resize.mode == BS_RESIZE_CUBIC)
        return resize_cubic(j);
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    const bs_resize *z = &j->node->attr.resize;
    int64_t channels = in->dim[0], row = in->stride[1], column = in->stride[2];
    int in_h = (int)in->dim[1], in_w = (int)in->dim[2], out_h = (int)out->dim[1], out_w = (int)out->dim[2];
    for (int h = 0; h < out_h; h++)
        for (int w = 0; w < out_w; w++) {
            bs_resize_tap r = bs_resize_at(z, 0, h, in_h, out_h), c = bs_resize_at(z, 1, w, in_w, out_w);
            const int64_t corner[] = {r.first * row + c.first * column, r.first * row + c.second * column,
                                      r.second * row + c.first * column, r.second * row + c.second * column};
            int64_t at = h * out->stride[1] + w * out->stride[2];
            for (int i = 0; i < j->n; i++) {
                const float *x = bs_cpu_input(j, 0, i);
                float *y = bs_cpu_output(j, i) + at;
                if (z->mode == BS_RESIZE_NEAREST)
                    memcpy(y, x + corner[0], (size_t)channels * sizeof *y);
                else
                    mix_pixel(channels, x, corner, c.weight, r.weight, y);
            }
        }
    return BS_OK;
}
