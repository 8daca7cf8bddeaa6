/* Nodes with a faulty parameter. Dense: the whole node with a copy of the parameter in which the sites are
 * changed, once for each group of samples with the same sites. By channels: the faulty filters of many groups
 * become one convolution over the inputs that their samples read; all else comes from the golden output. */
#include "cuda/cuda.h"

#include "backend/groups.h"
#include "base/buf.h"

#include <stdlib.h>

typedef struct query {
    bs_lane *lane;
    int node, slot, n;
    const bs_view *in;
    bs_view golden;
    const bs_faults *f;
    CUdeviceptr out;
    bs_groups groups;
} query;

static const bs_cuda_plan *plan_of(const query *q)
{
    return &q->lane->network->plan[q->node];
}

/* Writes the prepared values of sites into rows of a buffer: site k into row owner[k]. Those of one element
 * have one value, so it does not matter which of them is written last. */
static bs_status poke(bs_lane *l, CUdeviceptr rows, int64_t elements, uint32_t n, const bs_site *site,
                      const int32_t *owner)
{
    CUdeviceptr sites, owners;
    if (n == 0)
        return BS_OK;
    BS_TRY(bs_cuda_stage(l, &sites, site, n * sizeof *site));
    BS_TRY(bs_cuda_stage(l, &owners, owner, n * sizeof *owner));
    bs_inject_args a = {.n_sites = n,
                        .distinct = true,
                        .site = bs_cuda_pointer(sites),
                        .owner = bs_cuda_pointer(owners),
                        .rows = bs_cuda_pointer(rows),
                        .channels = (int32_t)elements,
                        .height = 1,
                        .width = 1,
                        .at = {.size = {1, 1}}};
    return bs_cuda_launch(l, BS_KERNEL_inject, 1, n, &a);
}

/* Sites of a sample as prepared ones, several on one element one after the other. */
static bs_status prepare_sites(const query *q, int sample, bs_site *site)
{
    const bs_network *net = q->lane->network;
    const bs_tensor *t = &net->graph->tensors[net->graph->nodes[q->node].in[q->slot]];
    uint32_t from = q->f->first[sample], n = q->f->first[sample + 1] - from;
    for (uint32_t k = 0; k < n; k++) {
        bs_site s = q->f->sites[from + k];
        uint32_t bits = bs_float_bits(t->data[s.element]);
        for (uint32_t e = 0; e <= k; e++)
            if (q->f->sites[from + e].element == s.element)
                bits = bs_site_apply(q->f->sites[from + e], bits);
        site[k] = bs_cuda_param_site(net, q->node, q->slot, (bs_site){s.element, 0, bits});
    }
    return BS_OK;
}

/* Samples first .. first + n - 1, which share their sites, by running the whole node. */
static bs_status run_dense(const query *q, int first, int n)
{
    bs_lane *l = q->lane;
    const bs_network *net = l->network;
    const bs_node *nd = &net->graph->nodes[q->node];
    const bs_cuda_plan *p = plan_of(q);
    int64_t elements = net->graph->tensors[nd->in[q->slot]].elements;
    if (p->filters && q->slot == 2)
        elements = p->filters;
    uint32_t sites = q->f->first[first + 1] - q->f->first[first];
    bs_site *site = NULL;
    int32_t *owner = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&site, sites + 1, sizeof *site, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&owner, sites + 1, sizeof *owner, "faults"), out);
    BS_TRY_GOTO(prepare_sites(q, first, site), out);
    BS_TRY_GOTO(bs_cuda_reserve(l, &l->filters, (size_t)elements * sizeof(float)), out);
    BS_TRY_GOTO(bs_cuda_copy(l, bs_cuda_pointer(l->filters.ptr), bs_cuda_pointer(p->param[q->slot]),
                             (size_t)elements * sizeof(float)),
                out);
    BS_TRY_GOTO(poke(l, l->filters.ptr, elements, sites, site, owner), out);
    for (int k = 0; k < nd->n_in; k++) {
        l->param[k] = k == q->slot ? l->filters.ptr : p->param[k];
        l->view[k] = (bs_view){0};
        if (nd->in[k] < 0 || l->param[k])
            continue;
        l->view[k] = q->in[k];
        if (q->in[k].rows)
            l->view[k].rows += first;
        else
            l->view[k].base = (const char *)q->in[k].base + (size_t)first * bs_cuda_row_bytes(net, nd->in[k]);
    }
    st = bs_cuda_run_with(l, q->node, l->param, n, l->view,
                          q->out + (size_t)first * bs_cuda_row_bytes(net, nd->out));
out:
    free(owner);
    free(site);
    return st;
}

/* Runs of samples of the same group. */
static bs_status run_all_dense(const query *q)
{
    for (int i = 0, end; i < q->n; i = end) {
        for (end = i + 1; end < q->n && q->groups.of[end] == q->groups.of[i];)
            end++;
        BS_TRY(run_dense(q, i, end - i));
    }
    return BS_OK;
}

/* Faulty filters of some groups, put together. */
typedef struct batch {
    int first, end; /* groups */
    int filters;
    int32_t *from;       /* filter -> the filter it is a copy of */
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
    free(b->channel);
    free(b->start);
    free(b->site);
    free(b->owner);
    free(b->row);
}

/* Adds the filters of a group. */
static bs_status add_group(const query *q, batch *b, int group)
{
    const bs_cuda_plan *p = plan_of(q);
    int head = q->groups.head[group], first = b->filters;
    uint32_t from = q->f->first[head], n = q->f->first[head + 1] - from;
    int64_t length = q->slot == 1 ? p->length : 1;
    BS_TRY(prepare_sites(q, head, b->site + b->sites));
    for (uint32_t k = 0; k < n; k++) {
        bs_site *s = &b->site[b->sites + k];
        int32_t filter = (int32_t)(s->element / length);
        int at = first;
        while (at < b->filters && b->from[at] != filter)
            at++;
        if (at == b->filters)
            b->from[b->filters++] = filter;
        b->owner[b->sites + k] = at;
        s->element = (uint32_t)(s->element % length);
    }
    b->sites += n;
    return BS_OK;
}

/* Groups from number `first` on, as many as fit; more than one only while they are small. */
static bs_status make_batch(const query *q, batch *b, int first)
{
    uint32_t sites = 0;
    *b = (batch){.first = first, .end = first};
    while (b->end < q->groups.n) {
        int head = q->groups.head[b->end];
        uint32_t more = q->f->first[head + 1] - q->f->first[head];
        if (b->end > first && sites + more > BS_CUDA_MOST_FILTERS)
            break;
        sites += more;
        b->end++;
    }
    BS_TRY(bs_calloc(&b->from, 2 * (size_t)sites + 1, sizeof *b->from, "faults"));
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

static int32_t input_row(const query *q, int sample)
{
    return q->in[0].rows ? q->in[0].rows[sample] : sample;
}

static bs_status find_rows(const query *q, batch *b)
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

bs_status bs_cuda_copy_filters(bs_lane *l, int filters, CUdeviceptr from, CUdeviceptr param, int64_t length,
                               bs_cuda_buffer *to)
{
    BS_TRY(bs_cuda_reserve(l, to, (size_t)(filters * length) * sizeof(float)));
    bs_filters_args a = {.filters = (uint32_t)filters,
                         .length = (uint32_t)length,
                         .weights = bs_cuda_pointer(param),
                         .from = bs_cuda_pointer(from),
                         .out = bs_cuda_pointer(to->ptr)};
    return bs_cuda_launch(l, BS_KERNEL_filters, filters, length, &a);
}

/* Faulty weights and biases into lane->filters and lane->bias. */
static bs_status build_filters(const query *q, const batch *b, bool has_bias)
{
    bs_lane *l = q->lane;
    const bs_cuda_plan *p = plan_of(q);
    CUdeviceptr from;
    BS_TRY(bs_cuda_stage(l, &from, b->from, (size_t)b->filters * sizeof *b->from));
    BS_TRY(bs_cuda_copy_filters(l, b->filters, from, p->param[1], p->length, &l->filters));
    if (has_bias)
        BS_TRY(bs_cuda_copy_filters(l, b->filters, from, p->param[2], 1, &l->bias));
    if (q->slot == 1)
        return poke(l, l->filters.ptr, p->length, b->sites, b->site, b->owner);
    return poke(l, l->bias.ptr, 1, b->sites, b->site, b->owner);
}

/* All filters on all rows: into lane->computed, rows of (filters, pixels) or (repeat, filters). */
static bs_status compute(const query *q, batch *b, const bs_cuda_job *j, bool has_bias)
{
    bs_lane *l = q->lane;
    const bs_cuda_plan *p = plan_of(q);
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

/* The computed channels to the samples that have them. */
static bs_status hand_out(const query *q, const batch *b, const bs_cuda_job *j)
{
    bs_lane *l = q->lane;
    const bs_cuda_plan *p = plan_of(q);
    bool conv = j->node->op == BS_OP_CONV;
    int64_t pixels = bs_cuda_elements(&j->out_shape) / p->filters;
    int32_t *list = NULL;
    size_t most = 0, n = 0;
    bs_status st;
    for (int k = b->first; k < b->end; k++)
        for (int i = q->groups.head[k]; i >= 0; i = q->groups.next[i])
            most += (size_t)(b->start[k - b->first + 1] - b->start[k - b->first]);
    BS_TRY(bs_calloc(&list, 4 * most + 1, sizeof *list, "faults"));
    int32_t *sample = list, *channel = list + most, *row = list + 2 * most, *column = list + 3 * most;
    for (int k = b->first; k < b->end; k++)
        for (int i = q->groups.head[k]; i >= 0; i = q->groups.next[i])
            for (int f = b->start[k - b->first]; f < b->start[k - b->first + 1]; f++) {
                int32_t key = input_row(q, i);
                const int32_t *hit = bsearch(&key, b->row, (size_t)b->rows, sizeof key, compare_rows);
                sample[n] = i;
                channel[n] = b->from[f];
                row[n] = (int32_t)(hit - b->row);
                column[n++] = f;
            }
    CUdeviceptr at = 0;
    BS_TRY_GOTO(bs_cuda_stage(l, &at, list, (4 * most + 1) * sizeof *list), out);
    const int32_t *there = bs_cuda_pointer(at);
    bs_scatter_args a = {.n = (uint32_t)n,
                         .pixels = (uint32_t)pixels,
                         .sample = there,
                         .channel = there + most,
                         .row = there + 2 * most,
                         .column = there + 3 * most,
                         .computed = bs_cuda_pointer(l->computed.ptr),
                         .row_step = b->filters * pixels,
                         .column_step = conv ? pixels : 1,
                         .pixel_step = conv ? 1 : b->filters,
                         .out = bs_cuda_pointer(q->out),
                         .out_elements = bs_cuda_elements(&j->out_shape),
                         .out_channel_step = conv ? pixels : 1,
                         .out_pixel_step = conv ? 1 : p->filters};
    st = bs_cuda_launch(l, BS_KERNEL_scatter, (int64_t)n, pixels, &a);
out:
    free(list);
    return st;
}

static bs_status run_batch(const query *q, batch *b, const bs_cuda_job *j)
{
    bool has_bias = bs_node_has_input(j->node, 2);
    if (b->filters == 0)
        return BS_OK;
    BS_TRY(find_rows(q, b));
    BS_TRY(build_filters(q, b, has_bias));
    BS_TRY(compute(q, b, j, has_bias));
    return hand_out(q, b, j);
}

static bs_status run_channels(const query *q)
{
    bs_lane *l = q->lane;
    bs_cuda_job j = bs_cuda_make_job(l, q->node, plan_of(q)->param, q->n, q->in, q->out);
    BS_TRY(bs_cuda_copy_rows(l, j.node->out, q->n, q->golden, bs_cuda_pointer(q->out)));
    for (int first = 0; first < q->groups.n;) {
        batch b;
        bs_status st = make_batch(q, &b, first);
        if (st == BS_OK)
            st = run_batch(q, &b, &j);
        first = b.end;
        clear_batch(&b);
        BS_TRY(st);
    }
    return BS_OK;
}

/* Only filters and their biases change channels of their own. */
static bool by_channels(const query *q)
{
    const bs_network *net = q->lane->network;
    const bs_node *nd = &net->graph->nodes[q->node];
    const bs_cuda_plan *p = plan_of(q);
    return p->filters &&
           (q->slot == 1 || (q->slot == 2 && net->graph->tensors[nd->in[2]].elements == p->filters));
}

bs_status bs_cuda_run_faulty(bs_lane *l, int node, int slot, int n, const bs_view *in, bs_view golden_out,
                             const bs_faults *f, bs_faulty_mode mode, void *out)
{
    const bs_graph *g = l->network->graph;
    const bs_node *nd = &g->nodes[node];
    query q = {.lane = l,
               .node = node,
               .slot = slot,
               .n = n,
               .in = in,
               .golden = golden_out,
               .f = f,
               .out = bs_cuda_address(out)};
    if (slot < 0 || !bs_node_has_input(nd, slot) || !g->tensors[nd->in[slot]].constant)
        return bs_fail(BS_ERR, "input %d of node '%s' is no parameter", slot, nd->name);
    if (n <= 0)
        return BS_OK;
    BS_TRY(bs_cuda_enter(l->network->device));
    BS_TRY(bs_groups_check_sites(&g->tensors[nd->in[slot]], n, f));
    BS_TRY(bs_groups_find(&q.groups, n, f));
    bs_status st = mode == BS_FAULTY_CHANNELS && by_channels(&q) ? run_channels(&q) : run_all_dense(&q);
    bs_groups_clear(&q.groups);
    return st;
}
