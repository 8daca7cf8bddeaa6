/* Evaluates the faulty filters of a batch of groups as a convolution of their own, over the rows that their
 * samples read. */
#include "cuda/cuda_faulty.h"

#include "cuda/network.h"
#include "cuda/enqueue.h"

#include "base/buf.h"

#include <stdlib.h>

/* The faulty filters of a batch, padded with copies of filter 0 to a power of two: few different numbers,
 * since each may need a plan of its own. */
typedef struct filter_list {
    int n;
    int32_t *from;    /* the filter that it copies */
    int32_t *channel; /* the first channel that it reads */
} filter_list;

static bs_status list_filters(filter_list *out, const bs_faulty_batch *b, const bs_cuda_job *j)
{
    const bs_cuda_plan *p = &j->stream->network->plan[j->index];
    int n = 1, group = j->attr.window.group;
    while (n < b->filter_groups)
        n *= 2;
    out->n = n;
    BS_TRY(bs_calloc(&out->from, (size_t)n, sizeof *out->from, "faults"));
    BS_TRY(bs_calloc(&out->channel, (size_t)n, sizeof *out->channel, "faults"));
    for (int f = 0; f < b->filter_groups; f++)
        out->from[f] = b->filter_group[f];
    for (int f = 0; f < n && j->node->op == BS_OP_CONV; f++)
        out->channel[f] =
            (int32_t)(out->from[f] / (p->filters / group)) * ((int)j->in_shape[0].dim[0] / group);
    return BS_OK;
}

/* Applies the batch's sites to the copies of the filters that they change. */
static bs_status change_filters(const bs_faulty_plan *plan, const bs_faulty_batch *b)
{
    const bs_faulty_call *c = plan->call;
    bs_stream *stream = c->stream;
    bs_site *site = NULL;
    int32_t *owner = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&site, b->changes, sizeof *site, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&owner, b->changes, sizeof *owner, "faults"), out);
    for (int k = b->first, at = 0; k < b->end; k++) {
        int head = c->groups.head[plan->group[k]];
        bs_cuda_prepare_sites(c, c->faulty, head, site + at);
        at += (int)(c->f->first[head + 1] - c->f->first[head]);
    }
    for (uint32_t k = 0; k < b->changes; k++) {
        site[k].element = (uint32_t)b->change[k].at;
        owner[k] = b->change[k].filter;
    }
    st = bs_cuda_write_sites(stream, c->input == 1 ? stream->filters.ptr : stream->bias.ptr,
                             plan->filters.length, b->changes, site, owner);
out:
    free(owner);
    free(site);
    return st;
}

/* Builds the faulty weights and biases in stream->filters and stream->bias. */
static bs_status build_filters(const bs_faulty_plan *plan, const bs_faulty_batch *b, const filter_list *f,
                               bool has_bias)
{
    bs_stream *stream = plan->call->stream;
    const bs_cuda_plan *p = bs_cuda_faulty_plan(plan->call);
    CUdeviceptr from;
    BS_TRY(bs_cuda_stage(stream, &from, f->from, (size_t)f->n * sizeof *f->from));
    BS_TRY(bs_cuda_copy_filters(stream, f->n, from, p->param[1], p->length, BS_DTYPE_FP32, &stream->filters));
    if (has_bias)
        BS_TRY(bs_cuda_copy_filters(stream, f->n, from, p->param[2], 1, BS_DTYPE_FP32, &stream->bias));
    return change_filters(plan, b);
}

/* Computes all filters on all rows into stream->computed: rows of (filters, pixels) or (repeat, filters) of
 * the output's type. */
static bs_status compute(const bs_faulty_call *c, const bs_faulty_batch *b, const filter_list *f,
                         const bs_cuda_job *j, bool has_bias)
{
    bs_stream *stream = c->stream;
    bs_view in = {c->in[0].base, b->row};
    CUdeviceptr bias = has_bias ? stream->bias.ptr : 0, first = 0;
    int64_t pixels = bs_cuda_elements(&j->out_shape) / bs_cuda_faulty_plan(c)->filters;
    BS_TRY(bs_cuda_reserve(stream, &stream->computed,
                           (size_t)bs_row_size(j->out.format.type, b->rows * f->n * pixels)));
    bs_out out = {bs_cuda_pointer(stream->computed.ptr), j->out.format};
    if (j->node->op != BS_OP_CONV)
        return bs_cuda_matrix(j, b->rows, in, f->n, stream->filters.ptr, bias, out);
    BS_TRY(bs_cuda_stage(stream, &first, f->channel, (size_t)f->n * sizeof *f->channel));
    return bs_cuda_conv(j, b->rows, in, f->n, stream->filters.ptr, bias, first, out);
}

/* Destinations of computed channels, in arrays of PLACES each. */
enum { PLACES = 1 << 14 };
typedef struct places {
    int32_t *sample, *channel, *row, *column;
    uint32_t n;
} places;

/* Sends the destinations collected so far, and the channels to them. `computed`: filters in a row. */
static bs_status scatter(const bs_faulty_call *c, int computed, const bs_cuda_job *j, places *p)
{
    bs_stream *stream = c->stream;
    int64_t filters = bs_cuda_faulty_plan(c)->filters, pixels = bs_cuda_elements(&j->out_shape) / filters;
    bool conv = j->node->op == BS_OP_CONV;
    const int32_t *const list[] = {p->sample, p->channel, p->row, p->column};
    CUdeviceptr there[4];
    for (int k = 0; k < 4; k++)
        BS_TRY(bs_cuda_stage(stream, &there[k], list[k], p->n * sizeof *list[k]));
    bs_scatter_args a = {.n = p->n,
                         .pixels = (uint32_t)pixels,
                         .sample = bs_cuda_pointer(there[0]),
                         .channel = bs_cuda_pointer(there[1]),
                         .row = bs_cuda_pointer(there[2]),
                         .column = bs_cuda_pointer(there[3]),
                         .computed = {bs_cuda_pointer(stream->computed.ptr), j->out.format.type},
                         .row_step = computed * pixels,
                         .column_step = conv ? pixels : 1,
                         .pixel_step = conv ? 1 : computed,
                         .out = bs_cuda_out(stream->network, j->node->out, c->out),
                         .out_elements = bs_cuda_elements(&j->out_shape),
                         .out_channel_step = conv ? pixels : 1,
                         .out_pixel_step = conv ? 1 : filters};
    p->n = 0;
    return bs_cuda_launch(stream, BS_KERNEL_scatter, a.n, pixels, &a);
}

/* Copies the computed channels to the samples that have them. */
static bs_status hand_out(const bs_faulty_call *c, const bs_faulty_batch *b, int computed,
                          const bs_cuda_job *j)
{
    int32_t *list = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&list, 4 * (size_t)PLACES, sizeof *list, "faults"), out);
    places p = {list, list + PLACES, list + 2 * PLACES, list + 3 * PLACES, 0};
    for (int i = 0; i < b->samples; i++) {
        const bs_faulty_sample *s = &b->sample[i];
        for (int f = s->place; f < s->place + s->filter_groups; f++) {
            if (p.n == PLACES)
                BS_TRY_GOTO(scatter(c, computed, j, &p), out);
            p.sample[p.n] = s->sample;
            p.channel[p.n] = b->filter_group[f];
            p.row[p.n] = s->row;
            p.column[p.n++] = f;
        }
    }
    st = scatter(c, computed, j, &p);
out:
    free(list);
    return st;
}

static bs_status run_batch(const bs_faulty_plan *plan, bs_faulty_batch *b, const bs_cuda_job *j)
{
    bool has_bias = bs_node_has_input(j->node, 2);
    filter_list f = {0};
    bs_status st = BS_OK;
    if (b->filter_groups == 0)
        goto out;
    BS_TRY_GOTO(list_filters(&f, b, j), out);
    BS_TRY_GOTO(bs_faulty_batch_list(b, plan), out);
    BS_TRY_GOTO(build_filters(plan, b, &f, has_bias), out);
    BS_TRY_GOTO(compute(plan->call, b, &f, j, has_bias), out);
    BS_TRY_GOTO(hand_out(plan->call, b, f.n, j), out);
out:
    free(f.from);
    free(f.channel);
    if (st == BS_OK)
        bs_faulty_batch_done(b, plan);
    return st;
}

static bs_status run_batches(const bs_faulty_plan *plan, const bs_cuda_job *j)
{
    for (int at = 0; at < plan->n;) {
        bs_faulty_batch b = bs_faulty_batch_from(plan, at, BS_CUDA_MOST_FILTERS, BS_CUDA_MOST_FILTERS);
        bs_status st = run_batch(plan, &b, j);
        bs_faulty_batch_clear(&b);
        BS_TRY(st);
        at = b.end;
    }
    return BS_OK;
}

bs_status bs_cuda_run_channels(bs_faulty_call *c)
{
    const bs_cuda_plan *p = bs_cuda_faulty_plan(c);
    const bs_faulty_limits limits = {.most = BS_CUDA_MOST_FILTERS, .by_sites = true, .neighbours = true};
    const bs_filters filters = bs_cuda_filters(p, c->input);
    bs_faulty_plan plan;
    if (!p->filters || !bs_faulty_has_channels(c, (int)p->filters))
        return BS_OK;
    const bs_node *nd = &c->graph->nodes[c->node];
    if (nd->op == BS_OP_CONV && nd->attr.window.group > 1 && p->engine == BS_CUDA_DNN)
        return BS_OK; /* cuDNN cannot be told which channels a filter reads: the whole node is computed */
    bs_cuda_job j = bs_cuda_make_job(c->stream, c->node, p->param, c->n, c->in, bs_cuda_address(c->out));
    BS_TRY(bs_cuda_copy_rows(c->stream, j.node->out, c->n, c->golden, c->out));
    bs_status st = bs_faulty_plan_make(&plan, c, &filters, &limits);
    if (st == BS_OK)
        st = run_batches(&plan, &j);
    bs_faulty_plan_clear(&plan);
    return st;
}
