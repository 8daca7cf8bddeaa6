/* Nodes with a faulty parameter. Samples with the same sites form a *group*: one faulty parameter, evaluated
 * once. Dense: the whole node with a modified parameter. By channels: the faulty filters of several groups
 * are put together as one convolution of the pinned implementation; what a fault cannot change comes from the
 * golden output. Groups that this does not suit are evaluated densely. */
#include "base/buf.h"
#include "cpu/cpu.h"
#include "cpu/faulty.h"

#include <stdlib.h>
#include <string.h>

static bool same_sites(const bs_faults *f, int a, int b)
{
    uint32_t n = f->first[a + 1] - f->first[a];
    if (n != f->first[b + 1] - f->first[b])
        return false;
    return n == 0 || !memcmp(&f->sites[f->first[a]], &f->sites[f->first[b]], n * sizeof *f->sites);
}

static bs_status check_sites(const bs_tensor *t, int n, const bs_faults *f)
{
    for (uint32_t k = f->first[0]; k < f->first[n]; k++) {
        if (f->sites[k].element >= t->elements)
            return bs_fail(BS_ERR, "tensor '%s' has no element %u", t->name, f->sites[k].element);
        if (f->before)
            f->before[k] = bs_float_bits(t->data[f->sites[k].element]);
    }
    return BS_OK;
}

void bs_cpu_faulty_apply(float *at, bs_site s)
{
    *at = bs_bits_float(bs_site_apply(s, bs_float_bits(*at)));
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
        bs_cpu_faulty_apply((float *)l->file.ptr + q->f->sites[k].element, q->f->sites[k]);
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
        const bs_cpu_group *g = &q->groups[q->group_of[i]];
        for (end = i + 1; end < q->n && q->group_of[end] == q->group_of[i];)
            end++;
        if (g->dense)
            BS_TRY(run_dense(q, i, end - i));
    }
    return BS_OK;
}

/* Fills group_of and groups. */
static void find_groups(bs_cpu_faulty *q)
{
    for (int i = 0; i < q->n; i++) {
        int k = 0;
        q->next[i] = -1;
        /* Neighbours are alike most often. */
        if (i > 0 && same_sites(q->f, i, i - 1))
            k = q->group_of[i - 1];
        else
            while (k < q->n_groups && !same_sites(q->f, i, q->groups[k].head))
                k++;
        if (k == q->n_groups)
            q->groups[q->n_groups++] = (bs_cpu_group){.head = i, .tail = i, .dense = true};
        else
            q->next[q->groups[k].tail] = i;
        q->groups[k].tail = i;
        q->group_of[i] = k;
    }
}

bs_status bs_cpu_run_faulty(bs_lane *l, int node, int slot, int n, const bs_view *in, bs_view golden_out,
                            const bs_faults *f, bs_faulty_mode mode, void *out)
{
    const bs_graph *g = l->network->graph;
    const bs_node *nd = &g->nodes[node];
    if (slot < 0 || !bs_cpu_has_input(nd, slot) || !g->tensors[nd->in[slot]].constant)
        return bs_fail(BS_ERR, "input %d of node '%s' is no parameter", slot, nd->name);
    if (n <= 0)
        return BS_OK;
    BS_TRY(check_sites(&g->tensors[nd->in[slot]], n, f));
    bs_cpu_faulty q = {l, node, slot, n, in, golden_out, f, out, NULL, NULL, NULL, 0};
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&q.group_of, (size_t)n, sizeof *q.group_of, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&q.next, (size_t)n, sizeof *q.next, "faults"), out);
    BS_TRY_GOTO(bs_calloc(&q.groups, (size_t)n, sizeof *q.groups, "faults"), out);
    find_groups(&q);
    if (mode == BS_FAULTY_CHANNELS)
        BS_TRY_GOTO(bs_cpu_faulty_channels(&q), out);
    BS_TRY_GOTO(run_dense_groups(&q), out);
out:
    for (int k = 0; q.groups && k < q.n_groups; k++)
        free(q.groups[k].unit);
    free(q.groups);
    free(q.next);
    free(q.group_of);
    return st;
}
