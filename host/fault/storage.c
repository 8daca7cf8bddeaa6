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

/* How many strata of first..end-1 can lie in the memory of another, and which the first of them is. */
static int count_shared(const bs_plan *p, int first, int end, const int *readers, int *one, int *other)
{
    int n = 0;
    for (int i = first; i < end; i++) {
        int with = shared_with(p, first, end, p->strata[i].target, readers);
        if (with >= 0 && n++ == 0) {
            *one = p->strata[i].target;
            *other = with;
        }
    }
    return n;
}

void bs_plan_note_storage(const bs_plan *plan)
{
    const bs_graph *g = plan->graph;
    int *readers = count_readers(g);
    for (int first = 0, end; readers && first < plan->n_strata; first = end) {
        const bs_entry *e = &plan->job->entries[plan->strata[first].entry];
        int one = -1, other = -1;
        for (end = first; end < plan->n_strata && plan->strata[end].entry == plan->strata[first].entry; end++)
            ;
        if (e->n_storage > 0 || e->fault.ber > 0)
            continue;
        int n = count_shared(plan, first, end, readers, &one, &other);
        if (n == 0)
            continue;
        bs_info("note: entry %d: on a device that works in place %d of its %d targets lie in the memory of "
                "another, such "
                "as '%.64s' in '%.64s', and sums over bits (FIT, exposure) count it twice; the key 'storage' "
                "of an entry "
                "says which targets are memory",
                e->id, n, end - first, g->tensors[g->targets[one].tensor].name,
                g->tensors[g->targets[other].tensor].name);
        break; /* once says it for all entries */
    }
    free(readers);
}
