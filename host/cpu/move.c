/* Operators that only move elements. */
#include "cpu/cpu.h"
#include "pad.h"

#include <string.h>

/* Same elements in logical order, another shape; dense memory order differs only where one side is channels
 * last. */
bs_status bs_cpu_run_reshape(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    bool same = in->rank == out->rank && !memcmp(in->dim, out->dim, sizeof in->dim) &&
                in->channels_last == out->channels_last;
    bool plain_in = bs_cpu_layout_is_plain(in), plain_out = bs_cpu_layout_is_plain(out);
    for (int i = 0; i < j->n; i++) {
        const float *x = bs_cpu_input(j, 0, i);
        float *y = bs_cpu_output(j, i);
        if (same || (plain_in && plain_out))
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

/* A copy in the memory order of `out`; stride[a] belongs to the input and axis a of the output. */
static bs_cpu_nest copy_nest(const bs_cpu_layout *out, const int64_t *dim, const int64_t *stride)
{
    bs_cpu_nest n = {0};
    for (int k = 0; k < out->rank; k++) {
        int axis = out->order[k];
        bs_cpu_nest_add(&n, dim[axis], out->stride[axis], stride[axis], 0);
    }
    bs_cpu_nest_finish(&n);
    return n;
}

bs_status bs_cpu_run_transpose(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    int64_t stride[BS_MAX_RANK];
    for (int a = 0; a < out->rank; a++)
        stride[a] = in->stride[j->node->attr.perm[a]];
    bs_cpu_nest nest = copy_nest(out, out->dim, stride);
    for (int i = 0; i < j->n; i++)
        bs_cpu_nest_copy(&nest, bs_cpu_output(j, i), bs_cpu_input(j, 0, i));
    return BS_OK;
}

bs_status bs_cpu_run_concat(const bs_cpu_job *j)
{
    const bs_cpu_layout *out = bs_cpu_layout_out(j);
    int axis = j->node->attr.axis;
    int64_t at = 0;
    for (int k = 0; k < j->node->n_in; k++) {
        const bs_cpu_layout *in = bs_cpu_layout_in(j, k);
        bs_cpu_nest nest = copy_nest(out, in->dim, in->stride);
        for (int i = 0; i < j->n; i++)
            bs_cpu_nest_copy(&nest, bs_cpu_output(j, i) + at, bs_cpu_input(j, k, i));
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
    bs_cpu_nest nest = copy_nest(out, out->dim, stride);
    for (int i = 0; i < j->n; i++)
        bs_cpu_nest_copy(&nest, bs_cpu_output(j, i), bs_cpu_input(j, 0, i) + start);
    return BS_OK;
}

/* The axes from the given depth of memory order on, elements of the input standing in for what it lacks. */
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
    bs_cpu_nest nest = {0};
    if (!empty)
        nest = copy_nest(out, dim, in->stride);
    for (int i = 0; i < j->n; i++) {
        float *y = bs_cpu_output(j, i);
        for (int64_t e = 0; e < out->elements; e++)
            y[e] = a->value;
        if (!empty)
            bs_cpu_nest_copy(&nest, y + to, bs_cpu_input(j, 0, i) + from);
    }
    return BS_OK;
}
