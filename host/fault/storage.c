/* Which activations of an entry share memory on a device that works in place. */
#include "base/buf.h"
#include "base/log.h"
#include "fault/plan.h"

#include <stdlib.h>

/* Does the operator make each value of its output of one value of its activation alone, or only move it? */
static bool keeps_values_apart(bs_op op)
{
    switch (op) {
#define X(suffix, ...) case BS_OP_##suffix:
        BS_UNARY_OPS(X)
        BS_BINARY_OPS(X)
        BS_VARIADIC_OPS(X)
#undef X
    case BS_OP_CLIP:
    case BS_OP_BATCH_NORM:
    case BS_OP_RESHAPE:
    case BS_OP_FLATTEN:
    case BS_OP_SQUEEZE:
    case BS_OP_UNSQUEEZE:
    case BS_OP_TRANSPOSE:
    case BS_OP_DROPOUT:
    case BS_OP_IDENTITY:
        return true;
    default:
        return false;
    }
}

/* The one activation that the node is made of, of as many values: -1 where there are several, or others. */
static int only_activation(const bs_graph *g, const bs_node *n)
{
    int tensor = -1;
    for (int k = 0; k < n->n_in; k++)
        if (bs_node_has_input(n, k) && !g->tensors[n->in[k]].constant) {
            if (tensor >= 0)
                return -1;
            tensor = n->in[k];
        }
    return tensor >= 0 && g->tensors[tensor].elements == g->tensors[n->out].elements ? tensor : -1;
}

static int *count_readers(const bs_graph *g)
{
    int *readers;
    if (bs_calloc(&readers, (size_t)g->n_tensors, sizeof *readers, "readers") != BS_OK)
        return NULL;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            if (bs_node_has_input(&g->nodes[i], k))
                readers[g->nodes[i].in[k]]++;
    readers[g->output]++;
    return readers;
}

/* The target of the entry (its strata are first..end-1) in whose memory this one can lie; -1: none. */
static int shared_with(const bs_plan *p, int first, int end, int target, const int *readers)
{
    const bs_graph *g = p->graph;
    const bs_target *t = &g->targets[target];
    if (t->kind != BS_TARGET_ACTIVATION || t->node < 0 || !keeps_values_apart(g->nodes[t->node].op))
        return -1;
    int tensor = only_activation(g, &g->nodes[t->node]);
    if (tensor < 0 || readers[tensor] != 1)
        return -1;
    for (int i = first; i < end; i++)
        if (p->strata[i].target == g->tensors[tensor].target)
            return p->strata[i].target;
    return -1;
}

void bs_plan_note_storage(const bs_plan *plan)
{
    const bs_graph *g = plan->graph;
    int *readers = count_readers(g);
    int entries = 0, id = 0, shared = 0, of = 0, one = -1, other = -1;
    for (int first = 0, end; readers && first < plan->n_strata; first = end) {
        const bs_entry *e = &plan->job->entries[plan->strata[first].entry];
        int n = 0, last = -1, with = -1;
        for (end = first; end < plan->n_strata && plan->strata[end].entry == plan->strata[first].entry; end++)
            ;
        for (int i = first; i < end && e->n_storage == 0 && !(e->fault.ber > 0); i++) {
            int t = shared_with(plan, first, end, plan->strata[i].target, readers);
            if (t >= 0 && n++ == 0) {
                last = plan->strata[i].target;
                with = t;
            }
        }
        if (n > 0 && entries++ == 0) {
            id = e->id;
            shared = n;
            of = end - first;
            one = last;
            other = with;
        }
    }
    free(readers);
    if (entries == 0)
        return;
    char more[48] = "";
    if (entries > 1)
        snprintf(more, sizeof more, " (and %d more entries in the same way)", entries - 1);
    bs_info("note: entry %d counts memory more than once where a device works in place%s: %d of its %d "
            "targets can lie "
            "in that of another, such as '%.64s' in '%.64s'; its key 'storage' says which targets are memory",
            id, more, shared, of, g->tensors[g->targets[one].tensor].name,
            g->tensors[g->targets[other].tensor].name);
}
