/* Finds the activations of an entry that share memory on a device that works in place. */
#include "base/log.h"
#include "fault/plan.h"

/* Returns the only activation that the node reads, if it has as many values as the output; else -1. */
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

static bool has_one_reader(const bs_graph *g, int tensor)
{
    int readers = tensor == g->output;
    for (int i = 0; i < g->n_nodes; i++)
        for (int k = 0; k < g->nodes[i].n_in; k++)
            readers += g->nodes[i].in[k] == tensor;
    return readers == 1;
}

int bs_plan_lies_in(const bs_plan *plan, const bs_stratum *s)
{
    const bs_graph *g = plan->graph;
    if (s->target == BS_NETWORK_TARGET)
        return -1;
    const bs_target *t = &g->targets[s->target];
    if (t->kind != BS_TARGET_ACTIVATION || t->node < 0 ||
        bs_op_describe_family(g->nodes[t->node].op)->memory != BS_MEMORY_IN_PLACE)
        return -1;
    int tensor = only_activation(g, &g->nodes[t->node]);
    if (tensor < 0 || g->tensors[tensor].target < 0 || !has_one_reader(g, tensor))
        return -1;
    bs_trial_coords of = {.entry = (uint32_t)plan->job->entries[s->entry].id,
                          .target = (uint32_t)g->tensors[tensor].target};
    return bs_plan_stratum(plan, of) ? (int)of.target : -1;
}

void bs_plan_note_storage(const bs_plan *plan)
{
    const bs_graph *g = plan->graph;
    for (int first = 0, end; first < plan->n_strata; first = end) {
        const bs_entry *e = &plan->job->entries[plan->strata[first].entry];
        int n = 0, one = -1, other = -1;
        for (end = first; end < plan->n_strata && plan->strata[end].entry == plan->strata[first].entry;
             end++) {
            int in = e->n_storage > 0 || e->fault.ber > 0 ? -1 : bs_plan_lies_in(plan, &plan->strata[end]);
            if (in >= 0 && n++ == 0) {
                one = plan->strata[end].target;
                other = in;
            }
        }
        if (n == 0)
            continue;
        bs_info("note: entry %d: on a device that works in place %d of its %d targets lie in the memory of "
                "another, such as '%.64s' in '%.64s', and sums over bits (FIT, exposure) count it twice; the "
                "key 'storage' of an entry says which targets are memory",
                e->id, n, end - first, bs_graph_label(g, one), bs_graph_label(g, other));
        return; /* one note is enough for all entries */
    }
}
