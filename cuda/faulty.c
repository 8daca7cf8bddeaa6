#include "cuda/faulty.h"

#include "base/buf.h"

#include <stdlib.h>

/* Sites on their way to the device at once. */
enum { PIECE = 1 << 17 };

bs_status bs_cuda_poke(bs_lane *l, CUdeviceptr rows, int64_t elements, uint32_t n, const bs_site *site,
                       const int32_t *owner)
{
    for (uint32_t at = 0; at < n; at += PIECE) {
        uint32_t here = n - at < PIECE ? n - at : PIECE;
        CUdeviceptr sites, owners;
        BS_TRY(bs_cuda_stage(l, &sites, site + at, here * sizeof *site));
        BS_TRY(bs_cuda_stage(l, &owners, owner + at, here * sizeof *owner));
        bs_inject_args a = {.n_sites = here,
                            .type = BS_DTYPE_FP32, /* prepared parameters are what is multiplied with */
                            .distinct = true,
                            .site = bs_cuda_pointer(sites),
                            .owner = bs_cuda_pointer(owners),
                            .rows = bs_cuda_pointer(rows),
                            .channels = (int32_t)elements,
                            .height = 1,
                            .width = 1,
                            .at = {.size = {1, 1}}};
        BS_TRY(bs_cuda_launch(l, BS_KERNEL_inject, 1, here, &a));
    }
    return BS_OK;
}

static bool ascend(const bs_site *site, uint32_t n)
{
    for (uint32_t k = 1; k < n; k++)
        if (site[k].element <= site[k - 1].element)
            return false;
    return true;
}

bs_status bs_cuda_prepare_sites(const bs_cuda_query *q, int sample, bs_site *site)
{
    const bs_network *net = q->lane->network;
    const bs_tensor *t = &net->graph->tensors[net->graph->nodes[q->node].in[q->slot]];
    uint32_t n = q->f->first[sample + 1] - q->f->first[sample];
    const bs_site *given = q->f->sites + q->f->first[sample];
    bool distinct = ascend(given, n);
    for (uint32_t k = 0; k < n; k++) {
        bs_site s = given[k];
        float value = t->data[s.element];
        /* All sites of the element, also those after this one: which of them is written last, nobody knows.
         */
        for (uint32_t e = distinct ? k : 0; e < (distinct ? k + 1 : n); e++)
            if (given[e].element == s.element)
                value = bs_inject_value(t->type, given[e], value, NULL);
        uint32_t word = bs_dtype_encode(t->type, value);
        site[k] = bs_cuda_param_site(net, q->node, q->slot, (bs_site){s.element, 0, word});
    }
    return BS_OK;
}

/* Samples first .. first + n - 1, which share their sites, by running the whole node. */
static bs_status run_dense(const bs_cuda_query *q, int first, int n)
{
    bs_lane *l = q->lane;
    const bs_network *net = l->network;
    const bs_node *nd = &net->graph->nodes[q->node];
    const bs_cuda_plan *p = bs_cuda_query_plan(q);
    int64_t elements = net->graph->tensors[nd->in[q->slot]].elements;
    if (p->filters && q->slot == 2)
        elements = p->filters;
    uint32_t sites = q->f->first[first + 1] - q->f->first[first];
    bs_site *site = NULL;
    int32_t *owner = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&site, sites + 1, sizeof *site, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&owner, sites + 1, sizeof *owner, "faults"), out);
    BS_TRY_GOTO(bs_cuda_prepare_sites(q, first, site), out);
    BS_TRY_GOTO(bs_cuda_reserve(l, &l->filters, (size_t)elements * sizeof(float)), out);
    BS_TRY_GOTO(bs_cuda_copy(l, bs_cuda_pointer(l->filters.ptr), bs_cuda_pointer(p->param[q->slot]),
                             (size_t)elements * sizeof(float)),
                out);
    BS_TRY_GOTO(bs_cuda_poke(l, l->filters.ptr, elements, sites, site, owner), out);
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

/* Runs of samples of the same group. whole: only of the groups that it marks; NULL: of all. */
static bs_status run_all_dense(const bs_cuda_query *q, const bool *whole)
{
    for (int i = 0, end; i < q->n; i = end) {
        for (end = i + 1; end < q->n && q->groups.of[end] == q->groups.of[i];)
            end++;
        if (!whole || whole[q->groups.of[i]])
            BS_TRY(run_dense(q, i, end - i));
    }
    return BS_OK;
}

static uint32_t sites_of(const bs_cuda_query *q, int group)
{
    int head = q->groups.head[group];
    return q->f->first[head + 1] - q->f->first[head];
}

/* Different filters that the sites of a group are in. last: by filter, the last group that changed it,
 * counted from 1. */
static int count_filters(const bs_cuda_query *q, int group, int *last)
{
    const bs_network *net = q->lane->network;
    int64_t length = q->slot == 1 ? bs_cuda_query_plan(q)->length : 1;
    const bs_site *site = q->f->sites + q->f->first[q->groups.head[group]];
    int n = 0;
    for (uint32_t k = 0; k < sites_of(q, group); k++) {
        int *at = &last[bs_cuda_param_site(net, q->node, q->slot, site[k]).element / length];
        n += *at != group + 1;
        *at = group + 1;
    }
    return n;
}

/* Marks the groups with too many faulty filters; most calls have none, and cost nothing. */
static bs_status mark_whole(bs_cuda_query *q)
{
    int64_t filters = bs_cuda_query_plan(q)->filters;
    int *last = NULL;
    bs_status st = BS_OK;
    for (int k = 0; k < q->groups.n && filters > BS_CUDA_MOST_FILTERS; k++) {
        if (sites_of(q, k) <= BS_CUDA_MOST_FILTERS)
            continue;
        if (!last) {
            BS_TRY_GOTO(bs_calloc(&last, (size_t)filters, sizeof *last, "faults"), out);
            BS_TRY_GOTO(bs_calloc(&q->whole, (size_t)q->groups.n, sizeof *q->whole, "faults"), out);
        }
        q->whole[k] = count_filters(q, k, last) > BS_CUDA_MOST_FILTERS;
    }
out:
    free(last);
    return st;
}

/* Only filters and their biases change channels of their own. */
static bool by_channels(const bs_cuda_query *q)
{
    const bs_network *net = q->lane->network;
    const bs_node *nd = &net->graph->nodes[q->node];
    const bs_cuda_plan *p = bs_cuda_query_plan(q);
    return p->filters &&
           (q->slot == 1 || (q->slot == 2 && net->graph->tensors[nd->in[2]].elements == p->filters));
}

static bs_status run_by_channels(bs_cuda_query *q)
{
    const bs_graph *g = q->lane->network->graph;
    bs_status st;
    BS_TRY_GOTO(mark_whole(q), out);
    BS_TRY_GOTO(bs_cuda_run_channels(q), out);
    BS_TRY_GOTO(
        bs_cuda_finish_node(q->lane, q->node, q->n, g->tensors[g->nodes[q->node].out].elements, q->out), out);
    if (q->whole)
        st = run_all_dense(q, q->whole);
out:
    free(q->whole);
    q->whole = NULL;
    return st;
}

bs_status bs_cuda_run_faulty(bs_lane *l, int node, int slot, int n, const bs_view *in, bs_view golden_out,
                             const bs_faults *f, bs_faulty_mode mode, void *out)
{
    const bs_graph *g = l->network->graph;
    const bs_node *nd = &g->nodes[node];
    bs_cuda_query q = {.lane = l,
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
    bs_status st =
        mode == BS_FAULTY_CHANNELS && by_channels(&q) ? run_by_channels(&q) : run_all_dense(&q, NULL);
    bs_groups_clear(&q.groups);
    return st;
}
