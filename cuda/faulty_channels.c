#include "cuda/faulty.h"

#include "cuda/stream.h"

#include "base/buf.h"

#include <stdlib.h>

/* Faulty filters of some groups, put together. */
typedef struct batch {
    int first, end; /* groups */
    int filters;
    int32_t *from;       /* filter -> the filter it is a copy of */
    int32_t *copy;       /* the filter it is a copy of -> filter, in the group being added */
    int32_t *channel;    /* filter -> first channel that it reads */
    int *start;          /* group - first -> its first filter; one more at the end */
    bs_site *site;       /* changes in the copies: element of the filter */
    int32_t *owner;      /* site -> filter */
    uint32_t sites, cap; /* used and there */
    int32_t *row;        /* distinct input rows, ascending */
    int rows;
} batch;

static void clear_batch(batch *b)
{
    free(b->from);
    free(b->copy);
    free(b->channel);
    free(b->start);
    free(b->site);
    free(b->owner);
    free(b->row);
}

/* Adds the filters of a group. */
static bs_status add_group(const bs_cuda_query *q, batch *b, int group)
{
    const bs_cuda_plan *p = bs_cuda_query_plan(q);
    int head = q->groups.head[group], first = b->filters;
    uint32_t from = q->f->first[head], n = q->f->first[head + 1] - from;
    int64_t length = q->slot == 1 ? p->length : 1;
    BS_TRY(bs_cuda_prepare_sites(q, head, b->site + b->sites));
    for (uint32_t k = 0; k < n; k++) {
        bs_site *s = &b->site[b->sites + k];
        int32_t filter = (int32_t)(s->element / length);
        int32_t *at = &b->copy[filter];
        if (*at < first || *at >= b->filters || b->from[*at] != filter) {
            *at = b->filters;
            b->from[b->filters++] = filter;
        }
        b->owner[b->sites + k] = *at;
        s->element = (uint32_t)(s->element % length);
    }
    b->sites += n;
    return BS_OK;
}

static bool is_whole(const bs_cuda_query *q, int group)
{
    return q->whole && q->whole[group];
}

/* Groups from number `first` on, as many as fit; more than one only while they are small. */
static bs_status make_batch(const bs_cuda_query *q, batch *b, int first)
{
    uint32_t sites = 0;
    *b = (batch){.first = first, .end = first};
    while (b->end < q->groups.n) {
        int head = q->groups.head[b->end];
        uint32_t more = q->f->first[head + 1] - q->f->first[head];
        if (b->end > first && (is_whole(q, b->end) || sites + more > BS_CUDA_MOST_FILTERS))
            break;
        sites += more;
        b->end++;
    }
    BS_TRY(bs_calloc(&b->from, 2 * (size_t)sites + 1, sizeof *b->from, "faults"));
    BS_TRY(bs_calloc(&b->copy, (size_t)bs_cuda_query_plan(q)->filters, sizeof *b->copy, "faults"));
    BS_TRY(bs_calloc(&b->channel, 2 * (size_t)sites + 1, sizeof *b->channel, "faults"));
    BS_TRY(bs_calloc(&b->start, (size_t)(b->end - first) + 1, sizeof *b->start, "faults"));
    BS_TRY(bs_calloc(&b->site, sites + 1, sizeof *b->site, "faults"));
    BS_TRY(bs_calloc(&b->owner, sites + 1, sizeof *b->owner, "faults"));
    for (int k = first; k < b->end; k++) {
        b->start[k - first] = b->filters;
        BS_TRY(add_group(q, b, k));
    }
    b->start[b->end - first] = b->filters;
    /* Few different numbers, as each may need a plan of its own: the rest are copies of filter 0. */
    int round = 1;
    while (round < b->filters)
        round *= 2;
    b->filters = b->filters ? round : 0;
    return BS_OK;
}

static int compare_rows(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static int32_t input_row(const bs_cuda_query *q, int sample)
{
    return q->in[0].rows ? q->in[0].rows[sample] : sample;
}

static bs_status find_rows(const bs_cuda_query *q, batch *b)
{
    int n = 0, distinct = 0;
    BS_TRY(bs_calloc(&b->row, (size_t)q->n, sizeof *b->row, "faults"));
    for (int k = b->first; k < b->end; k++)
        for (int i = q->groups.head[k]; i >= 0; i = q->groups.next[i])
            b->row[n++] = input_row(q, i);
    qsort(b->row, (size_t)n, sizeof *b->row, compare_rows);
    for (int i = 0; i < n; i++)
        if (i == 0 || b->row[i] != b->row[i - 1])
            b->row[distinct++] = b->row[i];
    b->rows = distinct;
    return BS_OK;
}

/* Faulty weights and biases into lane->filters and lane->bias. */
static bs_status build_filters(const bs_cuda_query *q, const batch *b, bool has_bias)
{
    bs_lane *l = q->lane;
    const bs_cuda_plan *p = bs_cuda_query_plan(q);
    CUdeviceptr from;
    BS_TRY(bs_cuda_stage(l, &from, b->from, (size_t)b->filters * sizeof *b->from));
    BS_TRY(bs_cuda_copy_filters(l, b->filters, from, p->param[1], p->length, &l->filters));
    if (has_bias)
        BS_TRY(bs_cuda_copy_filters(l, b->filters, from, p->param[2], 1, &l->bias));
    if (q->slot == 1)
        return bs_cuda_poke(l, l->filters.ptr, p->length, b->sites, b->site, b->owner);
    return bs_cuda_poke(l, l->bias.ptr, 1, b->sites, b->site, b->owner);
}

/* All filters on all rows: into lane->computed, rows of (filters, pixels) or (repeat, filters). */
static bs_status compute(const bs_cuda_query *q, batch *b, const bs_cuda_job *j, bool has_bias)
{
    bs_lane *l = q->lane;
    const bs_cuda_plan *p = bs_cuda_query_plan(q);
    bs_view in = {q->in[0].base, b->row};
    CUdeviceptr bias = has_bias ? l->bias.ptr : 0, first = 0;
    int64_t pixels = bs_cuda_elements(&j->out_shape) / p->filters;
    BS_TRY(bs_cuda_reserve(l, &l->computed, (size_t)(b->rows * b->filters * pixels) * sizeof(float)));
    if (j->node->op != BS_OP_CONV)
        return bs_cuda_matrix(j, b->rows, in, b->filters, l->filters.ptr, bias, l->computed.ptr);
    int group = j->attr.window.group, channels = (int)j->in_shape[0].dim[0] / group;
    for (int f = 0; f < b->filters; f++)
        b->channel[f] = (int32_t)(b->from[f] / (p->filters / group)) * channels;
    BS_TRY(bs_cuda_stage(l, &first, b->channel, (size_t)b->filters * sizeof *b->channel));
    return bs_cuda_conv(j, b->rows, in, b->filters, l->filters.ptr, bias, first, l->computed.ptr);
}

/* Where computed channels go: arrays of PLACES each. */
enum { PLACES = 1 << 14 };
typedef struct places {
    int32_t *sample, *channel, *row, *column;
    uint32_t n;
} places;

/* Sends the places so far on their way, and the channels to them. */
static bs_status scatter(const bs_cuda_query *q, const batch *b, const bs_cuda_job *j, places *p)
{
    bs_lane *l = q->lane;
    int64_t filters = bs_cuda_query_plan(q)->filters, pixels = bs_cuda_elements(&j->out_shape) / filters;
    bool conv = j->node->op == BS_OP_CONV;
    const int32_t *const list[] = {p->sample, p->channel, p->row, p->column};
    CUdeviceptr there[4];
    for (int k = 0; k < 4; k++)
        BS_TRY(bs_cuda_stage(l, &there[k], list[k], p->n * sizeof *list[k]));
    bs_scatter_args a = {.n = p->n,
                         .pixels = (uint32_t)pixels,
                         .sample = bs_cuda_pointer(there[0]),
                         .channel = bs_cuda_pointer(there[1]),
                         .row = bs_cuda_pointer(there[2]),
                         .column = bs_cuda_pointer(there[3]),
                         .computed = bs_cuda_pointer(l->computed.ptr),
                         .row_step = b->filters * pixels,
                         .column_step = conv ? pixels : 1,
                         .pixel_step = conv ? 1 : b->filters,
                         .out = bs_cuda_pointer(q->out),
                         .out_elements = bs_cuda_elements(&j->out_shape),
                         .out_channel_step = conv ? pixels : 1,
                         .out_pixel_step = conv ? 1 : filters};
    p->n = 0;
    return bs_cuda_launch(l, BS_KERNEL_scatter, a.n, pixels, &a);
}

/* The filters of sample i, which is of a group. */
static bs_status add_places(const bs_cuda_query *q, const batch *b, const bs_cuda_job *j, int group, int i,
                            places *p)
{
    int32_t key = input_row(q, i);
    const int32_t *hit = bsearch(&key, b->row, (size_t)b->rows, sizeof key, compare_rows);
    for (int f = b->start[group - b->first]; f < b->start[group - b->first + 1]; f++) {
        if (p->n == PLACES)
            BS_TRY(scatter(q, b, j, p));
        p->sample[p->n] = i;
        p->channel[p->n] = b->from[f];
        p->row[p->n] = (int32_t)(hit - b->row);
        p->column[p->n++] = f;
    }
    return BS_OK;
}

/* The computed channels to the samples that have them. */
static bs_status hand_out(const bs_cuda_query *q, const batch *b, const bs_cuda_job *j)
{
    int32_t *list = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&list, 4 * (size_t)PLACES, sizeof *list, "faults"), out);
    places p = {list, list + PLACES, list + 2 * PLACES, list + 3 * PLACES, 0};
    for (int k = b->first; k < b->end; k++)
        for (int i = q->groups.head[k]; i >= 0; i = q->groups.next[i])
            BS_TRY_GOTO(add_places(q, b, j, k, i, &p), out);
    st = scatter(q, b, j, &p);
out:
    free(list);
    return st;
}

static bs_status run_batch(const bs_cuda_query *q, batch *b, const bs_cuda_job *j)
{
    bool has_bias = bs_node_has_input(j->node, 2);
    if (b->filters == 0)
        return BS_OK;
    BS_TRY(find_rows(q, b));
    BS_TRY(build_filters(q, b, has_bias));
    BS_TRY(compute(q, b, j, has_bias));
    return hand_out(q, b, j);
}

bs_status bs_cuda_run_channels(const bs_cuda_query *q)
{
    bs_lane *l = q->lane;
    bs_cuda_job j = bs_cuda_make_job(l, q->node, bs_cuda_query_plan(q)->param, q->n, q->in, q->out);
    BS_TRY(bs_cuda_copy_rows(l, j.node->out, q->n, q->golden, bs_cuda_pointer(q->out)));
    for (int first = 0; first < q->groups.n;) {
        batch b;
        if (is_whole(q, first)) {
            first++;
            continue;
        }
        bs_status st = make_batch(q, &b, first);
        if (st == BS_OK)
            st = run_batch(q, &b, &j);
        first = b.end;
        clear_batch(&b);
        BS_TRY(st);
    }
    return BS_OK;
}
