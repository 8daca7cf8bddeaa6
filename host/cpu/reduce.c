/* Pooling, reductions, softmax and local response normalisation: every sum has one fixed order. */
#include "cpu/cpu.h"
#include "cpu/loops.h"
#include "lines.h"

#include <math.h>
#include <string.h>

/* The geometry of a pool. */
typedef struct pool {
    const bs_window *w;
    int channels, in_h, in_w, out_h, out_w;
    bool average;
} pool;

/* The input rows (or columns) that a window reads: the first, the number of taps within [0, in), and the
 * number within the padded extent. */
typedef struct taps {
    int first, inside, padded;
} taps;

static taps clip_taps(int out, int in, const bs_window *w, int axis)
{
    int d = w->dilation[axis], start = out * w->stride[axis] - w->pad[axis];
    taps t = {start, 0, 0};
    bool seen = false;
    for (int k = 0; k < w->kernel[axis]; k++) {
        int at = start + k * d;
        t.padded += at < in + w->pad[axis + 2];
        if (at < 0 || at >= in)
            continue;
        if (!seen)
            t.first = at;
        seen = true;
        t.inside++;
    }
    return t;
}

/* Computes one output pixel, all channels at once: by rows, then by columns. */
static void pool_pixel(const pool *p, const float *x, taps r, taps c, float *y)
{
    float start = p->average ? 0.0f : -INFINITY;
    for (int k = 0; k < p->channels; k++)
        y[k] = start;
    for (int i = 0; i < r.inside; i++)
        for (int k = 0; k < c.inside; k++) {
            int row = r.first + i * p->w->dilation[0], column = c.first + k * p->w->dilation[1];
            const float *at = x + ((int64_t)row * p->in_w + column) * p->channels;
            if (p->average)
                bs_loop_accumulate(p->channels, y, at);
            else
                bs_loop_max(p->channels, y, at);
        }
    if (p->average) {
        int count = p->w->count_include_pad ? r.padded * c.padded : r.inside * c.inside;
        bs_loop_divide(p->channels, y, (float)count);
    }
}

bs_status bs_cpu_run_pool(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    pool p = {&j->node->attr.window,
              (int)in->dim[0],
              (int)in->dim[1],
              (int)in->dim[2],
              (int)out->dim[1],
              (int)out->dim[2],
              j->node->op == BS_OP_AVERAGE_POOL};
    for (int i = 0; i < j->n; i++) {
        const float *x = bs_cpu_input(j, 0, i);
        float *y = bs_cpu_output(j, i);
        for (int r = 0; r < p.out_h; r++)
            for (int c = 0; c < p.out_w; c++, y += p.channels)
                pool_pixel(&p, x, clip_taps(r, p.in_h, p.w, 0), clip_taps(c, p.in_w, p.w, 1), y);
    }
    return BS_OK;
}

static bool is_reduced(const bs_node *n, int axis)
{
    return n->op == BS_OP_GLOBAL_AVERAGE_POOL ? axis > 0 : n->attr.reduce[axis];
}

/* Returns the length of the lines that are reduced: the product of the last reduced axes in memory order. It
 * depends on nothing else, so that a patch has the lines of the whole. */
static int64_t reduced_line(const bs_node *node, const bs_cpu_layout *in)
{
    int64_t line = 1;
    for (int k = in->rank - 1; k >= 0 && is_reduced(node, in->order[k]); k--)
        line *= in->dim[in->order[k]];
    return line;
}

/* Returns the loop space of all but the lines: array 0 is the output, with stride 0 along reduced axes; array
 * 1 is the input, in memory order. */
static bs_cpu_nd_space reduce_space(const bs_node *node, const bs_cpu_layout *in, const bs_cpu_layout *out,
                                    int64_t line)
{
    int64_t stride[BS_MAX_RANK];
    int next = 0;
    for (int a = 0; a < in->rank; a++) {
        bool keeps_dim = out->rank == in->rank;
        stride[a] = is_reduced(node, a) ? 0 : out->stride[keeps_dim ? a : next];
        next += !is_reduced(node, a);
    }
    bs_cpu_nd_space n = {0};
    for (int k = 0; k < in->rank && in->stride[in->order[k]] >= line; k++) {
        int axis = in->order[k];
        bs_cpu_nd_space_add(&n, in->dim[axis], stride[axis], in->stride[axis], 0);
    }
    bs_cpu_nd_space_finish(&n);
    return n;
}

static void reduce_row(const bs_loop_reduce *loop, const bs_cpu_nd_space *space, int64_t line, const float *x,
                       float *y)
{
    int last = space->rank - 1;
    int64_t sy = space->stride[0][last], sx = space->stride[1][last];
    bs_cpu_nd_iterator w = {0};
    do
        if (line > 1)
            for (int64_t e = 0; e < space->dim[last]; e++)
                loop->line(line, y + w.at[0] + e * sy, x + w.at[1] + e * sx);
        else
            loop->add(space->dim[last], y + w.at[0], sy, x + w.at[1], sx);
    while (bs_cpu_nd_iterator_next(&w, space));
}

/* Each output element takes in its inputs, or the totals of its lines, in the memory order of the input. */
bs_status bs_cpu_run_reduce(const bs_cpu_job *j)
{
    const bs_cpu_layout *in = bs_cpu_layout_in(j, 0), *out = bs_cpu_layout_out(j);
    const bs_loop_reduce *loop = bs_loop_reduce_find(j->node->op);
    int64_t line = reduced_line(j->node, in);
    bs_cpu_nd_space space = reduce_space(j->node, in, out, line);
    for (int i = 0; i < j->n; i++) {
        float *y = bs_cpu_output(j, i);
        for (int64_t e = 0; e < out->elements; e++)
            y[e] = loop->start;
        reduce_row(loop, &space, line, bs_cpu_input(j, 0, i), y);
        loop->finish(out->elements, y, (float)(in->elements / out->elements));
    }
    return BS_OK;
}

bs_status bs_cpu_run_softmax(const bs_cpu_job *j)
{
    const bs_cpu_layout *l = bs_cpu_layout_out(j);
    int axis = j->node->attr.axis;
    bool logarithm = j->node->op == BS_OP_LOG_SOFTMAX;
    int64_t n = l->dim[axis], stride = l->stride[axis];
    bs_cpu_nd_space space = {0};
    for (int k = 0; k < l->rank; k++)
        if (l->order[k] != axis)
            bs_cpu_nd_space_add(&space, l->dim[l->order[k]], l->stride[l->order[k]], 0, 0);
    bs_cpu_nd_space_finish(&space);
    int64_t lines = space.dim[space.rank - 1], apart = space.stride[0][space.rank - 1];
    for (int i = 0; i < j->n; i++) {
        const float *x = bs_cpu_input(j, 0, i);
        float *y = bs_cpu_output(j, i);
        bs_cpu_nd_iterator w = {0};
        do
            if (stride > 1)
                bs_loop_softmax_beside(n, lines, y + w.at[0], x + w.at[0], stride, logarithm);
            else
                for (int64_t e = 0; e < lines; e++)
                    bs_loop_softmax(n, y + w.at[0] + e * apart, x + w.at[0] + e * apart, logarithm);
        while (bs_cpu_nd_iterator_next(&w, &space));
    }
    return BS_OK;
}

bs_status bs_cpu_run_lrn(const bs_cpu_job *j)
{
    const bs_cpu_layout *l = bs_cpu_layout_out(j);
    int64_t channels = l->dim[0];
    const bs_attr *a = &j->node->attr;
    for (int i = 0; i < j->n; i++)
        for (int64_t at = 0; at < l->elements; at += channels)
            for (int64_t c = 0; c < channels; c++)
                bs_cpu_output(j, i)[at + c] =
                    bs_lrn_element((bs_cells){bs_cpu_input(j, 0, i) + at, BS_DTYPE_FP32}, 1, channels, c,
                                   a->size, a->epsilon, a->alpha, a->beta);
    return BS_OK;
}
