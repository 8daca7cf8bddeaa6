/* Nodes with a faulty parameter. Samples with the same sites form a *group*: one faulty parameter, evaluated
 * once. Dense: the whole node with a modified parameter. By channels: the faulty filters of several groups
 * are put together as one convolution of the pinned implementation; what a fault cannot change comes from the
 * golden output. Groups that this does not suit are evaluated densely. */
#include "base/buf.h"
#include "cpu/cpu.h"
#include "cpu/faulty.h"

#include <stdlib.h>
#include <string.h>

void bs_cpu_faulty_apply(const bs_cpu_faulty *q, float *at, bs_site s)
{
    const bs_graph *g = q->lane->network->graph;
    *at = bs_inject_value(g->tensors[g->nodes[q->node].in[q->slot]].type, s, *at, NULL);
}

/* Samples first .. first + n - 1, which share their sites, by running the whole node. */
static bs_status run_dense(const bs_cpu_faulty *q, int first, int n)
{
    bs_lane *l = q->lane;
    const bs_network *net = l->network;
    const bs_node *nd = &net->graph->nodes[q->node];
    const bs_tensor *t = &net->graph->tensors[nd->in[q->slot]];
    BS_TRY(bs_cpu_reserve(&l->file, (size_t)t->elements * sizeof(float)));
    BS_TRY(bs_cpu_reserve(&l->packed, bs_cpu_param_bytes(net, q->node, q->slot)));
    memcpy(l->file.ptr, t->data, (size_t)t->elements * sizeof(float));
    for (uint32_t k = q->f->first[first]; k < q->f->first[first + 1]; k++)
        bs_cpu_faulty_apply(q, (float *)l->file.ptr + q->f->sites[k].element, q->f->sites[k]);
    BS_TRY(bs_cpu_param_prepare(net, q->node, q->slot, l->file.ptr, &l->scaled, l->packed.ptr));
    for (int k = 0; k < nd->n_in; k++) {
        l->param[k] = k == q->slot ? l->packed.ptr : net->plan[q->node].param[k];
        l->view[k] = (bs_view){0};
        if (nd->in[k] < 0 || l->param[k])
            continue;
        l->view[k] = q->in[k];
        if (q->in[k].rows)
            l->view[k].rows += first;
        else
            l->view[k].base = (const float *)q->in[k].base + first * net->layout[nd->in[k]].elements;
    }
    return bs_cpu_run_node(l, q->node, l->param, n, l->view, q->out + first * net->layout[nd->out].elements);
}

static bs_status run_dense_groups(const bs_cpu_faulty *q)
{
    for (int i = 0, end; i < q->n; i = end) {
        const bs_cpu_group *g = &q->groups[q->samples.of[i]];
        for (end = i + 1; end < q->n && q->samples.of[end] == q->samples.of[i];)
            end++;
        if (g->dense)
            BS_TRY(run_dense(q, i, end - i));
    }
    return BS_OK;
}

bs_status bs_cpu_run_faulty(bs_lane *l, int node, int slot, int n, const bs_view *in, bs_view golden_out,
                            const bs_faults *f, bs_faulty_mode mode, void *out)
{
    const bs_graph *g = l->network->graph;
    const bs_node *nd = &g->nodes[node];
    if (slot < 0 || !bs_node_has_input(nd, slot) || !g->tensors[nd->in[slot]].constant)
        return bs_fail(BS_ERR, "input %d of node '%s' is no parameter", slot, nd->name);
    if (n <= 0)
        return BS_OK;
    BS_TRY(bs_groups_check_sites(&g->tensors[nd->in[slot]], n, f));
    bs_cpu_faulty q = {
        .lane = l, .node = node, .slot = slot, .n = n, .in = in, .golden = golden_out, .f = f, .out = out};
    bs_status st;
    BS_TRY(bs_groups_find(&q.samples, n, f));
    BS_TRY_GOTO(bs_calloc(&q.groups, (size_t)q.samples.n, sizeof *q.groups, "faults"), out);
    for (int k = 0; k < q.samples.n; k++)
        q.groups[k] = (bs_cpu_group){.head = q.samples.head[k], .dense = true};
    if (mode == BS_FAULTY_CHANNELS)
        BS_TRY_GOTO(bs_cpu_faulty_channels(&q), out);
    BS_TRY_GOTO(run_dense_groups(&q), out);
    if (mode == BS_FAULTY_CHANNELS)
        bs_cpu_finish_node(l, node, n * l->network->layout[nd->out].elements, q.out);
out:
    for (int k = 0; q.groups && k < q.samples.n; k++)
        free(q.groups[k].unit);
    free(q.groups);
    bs_groups_clear(&q.samples);
    return st;
}
