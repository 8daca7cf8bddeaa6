/* Operators that move, repeat, pick or interpolate elements. */
#include "cpu/cpu.h"
#include "ops.h"
#include "pad.h"
#include "resize.h"

#include <string.h>

/* Copies the elements in logical order to another shape; memory order differs only where one side is channels
 * last. */
bs_status bs_cpu_run_reshape(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    bool same = bs_cpu_layout_same_order(in, out);
    bool plain_in = bs_cpu_layout_is_plain(in), plain_out = bs_cpu_layout_is_plain(out);
    for (int i = 0; i < j->n; i++) {
        const float *x = bs_cpu_input(j, 0, i);
        float *y = bs_cpu_output(j, i);
        if (same)
            memcpy(y, x, (size_t)out->elements * sizeof *y);
        else if (plain_out)
            bs_cpu_layout_load(in, x, y);
        else if (plain_in)
            bs_cpu_layout_store(out, x, y);
        else
            for (int64_t e = 0; e < out->elements; e++)
                y[bs_cpu_layout_offset(out, e)] = x[bs_cpu_layout_offset(in, e)];
    }
    return BS_OK;
}

bs_status bs_cpu_run_identity(const bs_cpu_job *j)
{
    return bs_cpu_run_reshape(j);
}

/* Returns the loop space of a copy in the memory order of `out`; stride[a] belongs to the input and axis a of
 * the output. */
static bs_cpu_nd_space copy_space(const bs_cpu_layout *out, const int64_t *dim, const int64_t *stride)
{
    bs_cpu_nd_space n = {0};
    for (int k = 0; k < out->rank; k++) {
        int axis = out->order[k];
        bs_cpu_nd_space_add(&n, dim[axis], out->stride[axis], stride[axis], 0);
    }
    bs_cpu_nd_space_finish(&n);
    return n;
}

bs_status bs_cpu_run_transpose(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    int64_t stride[BS_MAX_RANK];
    for (int a = 0; a < out->rank; a++)
        stride[a] = in->stride[j->node->attr.perm[a]];
    bs_cpu_nd_space space = copy_space(out, out->dim, stride);
    for (int i = 0; i < j->n; i++)
        bs_cpu_nd_space_copy(&space, bs_cpu_output(j, i), bs_cpu_input(j, 0, i));
    return BS_OK;
}

/* An input that is absent has no part in a patch. */
bs_status bs_cpu_run_concat(const bs_cpu_job *j)
{
    const bs_cpu_layout *out = bs_cpu_layout_out(j);
    int axis = j->node->attr.axis;
    int64_t at = 0;
    for (int k = 0; k < j->node->n_in; k++) {
        if (!bs_node_has_input(j->node, k))
            continue;
        const bs_cpu_layout *in = bs_cpu_layout_in(j, k);
        bs_cpu_nd_space space = copy_space(out, in->dim, in->stride);
        for (int i = 0; i < j->n; i++)
            bs_cpu_nd_space_copy(&space, bs_cpu_output(j, i) + at, bs_cpu_input(j, k, i));
        at += in->dim[axis] * out->stride[axis];
    }
    return BS_OK;
}

bs_status bs_cpu_run_slice(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    const bs_attr *a = &j->node->attr;
    int64_t stride[BS_MAX_RANK], start = 0;
    for (int k = 0; k < out->rank; k++) {
        start += a->begin[k] * in->stride[k];
        stride[k] = a->step[k] * in->stride[k];
    }
    bs_cpu_nd_space space = copy_space(out, out->dim, stride);
    for (int i = 0; i < j->n; i++)
        bs_cpu_nd_space_copy(&space, bs_cpu_output(j, i), bs_cpu_input(j, 0, i) + start);
    return BS_OK;
}

/* Fills the axes from `depth` (of memory order) on; elements of the input stand in for those it lacks. */
static void pad_from_input(const bs_cpu_job *j, int depth, float *y, const float *x)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    const bs_attr *a = &j->node->attr;
    int axis = out->order[depth];
    bool last = depth + 1 == out->rank;
    if (last && in->dim[axis] == out->dim[axis] && in->stride[axis] == 1) {
        memcpy(y, x, (size_t)out->dim[axis] * sizeof *y);
        return;
    }
    for (int64_t o = 0; o < out->dim[axis]; o++, y += out->stride[axis]) {
        const float *from =
            x + bs_pad_source(a->pad_mode, o - a->begin[axis], in->dim[axis]) * in->stride[axis];
        if (last)
            *y = *from;
        else
            pad_from_input(j, depth + 1, y, from);
    }
}

bs_status bs_cpu_run_pad(const bs_cpu_job *j)
{
    if (j->node->attr.pad_mode != BS_PAD_CONSTANT) {
        for (int i = 0; i < j->n; i++)
            pad_from_input(j, 0, bs_cpu_output(j, i), bs_cpu_input(j, 0, i));
        return BS_OK;
    }
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    const bs_attr *a = &j->node->attr;
    int64_t dim[BS_MAX_RANK], to = 0, from = 0;
    bool empty = false;
    for (int k = 0; k < out->rank; k++) {
        int64_t skip = a->begin[k] < 0 ? -a->begin[k] : 0, put = a->begin[k] > 0 ? a->begin[k] : 0;
        int64_t left = in->dim[k] - skip, room = out->dim[k] - put;
        dim[k] = left < room ? left : room;
        empty |= dim[k] <= 0;
        from += skip * in->stride[k];
        to += put * out->stride[k];
    }
    bs_cpu_nd_space space = {0};
    if (!empty)
        space = copy_space(out, dim, in->stride);
    for (int i = 0; i < j->n; i++) {
        float *y = bs_cpu_output(j, i);
        for (int64_t e = 0; e < out->elements; e++)
            y[e] = a->value;
        if (!empty)
            bs_cpu_nd_space_copy(&space, y + to, bs_cpu_input(j, 0, i) + from);
    }
    return BS_OK;
}

bs_status bs_cpu_run_expand(const bs_cpu_job *j)
{
    const bs_cpu_layout *out = bs_cpu_layout_out(j);
    bs_cpu_nd_space space = bs_cpu_broadcast(out, bs_cpu_layout_in(j, 0), out);
    for (int i = 0; i < j->n; i++)
        bs_cpu_nd_space_copy(&space, bs_cpu_output(j, i), bs_cpu_input(j, 0, i));
    return BS_OK;
}

/* Copies the input once for each repetition. */
bs_status bs_cpu_run_tile(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    bs_cpu_nd_space space = {0};
    for (int k = 0; k < out->rank; k++) {
        int axis = out->order[k];
        bs_cpu_nd_space_add(&space, in->dim[axis], out->stride[axis], in->stride[axis], 0);
    }
    bs_cpu_nd_space_finish(&space);
    int64_t copies = out->elements / in->elements;
    for (int64_t c = 0; c < copies; c++) {
        int64_t at = 0, left = c;
        for (int a = 0; a < out->rank; a++) {
            int64_t times = out->dim[a] / in->dim[a];
            at += left % times * in->dim[a] * out->stride[a];
            left /= times;
        }
        for (int i = 0; i < j->n; i++)
            bs_cpu_nd_space_copy(&space, bs_cpu_output(j, i) + at, bs_cpu_input(j, 0, i));
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
        BS_TRY(bs_cpu_plain_input(j, i, &x));
        BS_TRY(bs_cpu_plain_output(j, i, &y));
        to = y;
        for (int64_t at = 0; at < in->elements; at += dim * inner)
            for (int k = 0; k < n->n_index; k++, to += inner)
                memcpy(to, x + at + n->index[k] * inner, (size_t)inner * sizeof *to);
        bs_cpu_plain_done(j, i, y);
    }
    return BS_OK;
}

/* Computes one output pixel, all channels, from corners 0 and 1 above and 2 and 3 below. */
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
