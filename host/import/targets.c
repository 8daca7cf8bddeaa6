/* Makes the targets of a graph: kinds, labels, and the order of listings. */
#include "import/import.h"
#include "model/label.h"

#include <stdlib.h>
#include <string.h>

static bs_target_kind parameter_kind(const bs_graph *g, const bs_node *n, int input)
{
    bs_op_parameters p = bs_op_describe_family(n->op)->parameters;
    if (p == BS_PARAMETERS_NORM)
        return BS_TARGET_NORM;
    if (p == BS_PARAMETERS_LINEAR && input > 0)
        return input == 1 ? BS_TARGET_WEIGHT : BS_TARGET_BIAS;
    if (g->tensors[n->in[input]].norm)
        return BS_TARGET_NORM;
    return bs_matmul_of_bias(g, n, input) ? BS_TARGET_BIAS : BS_TARGET_CONSTANT;
}

/* Returns what input k is to its node, NULL for the node's own output (k < 0). */
static const char *role_of(const bs_graph *g, const bs_target *t, int k)
{
    static const char *const norm[] = {"input", "scale", "bias", "mean", "var"};
    static const char *const clip[] = {"input", "min", "max"};
    if (k < 0)
        return NULL;
    if (t->kind == BS_TARGET_NORM && k < 5)
        return norm[k];
    return g->nodes[t->node].op == BS_OP_CLIP && k < 3 ? clip[k] : bs_target_kind_name(t->kind);
}

/* Appends a target to the listing, and labels it: input k of its node, or the node's output (k < 0). */
static bs_status list(bs_graph *g, int *n, int id, int k)
{
    const bs_target *t = &g->targets[id];
    bs_tensor *x = &g->tensors[t->tensor];
    bs_str label = {0};
    g->listed[(*n)++] = id;
    if (t->node < 0 || !bs_name_is_made_up(x->name))
        return BS_OK;
    bs_str_label(&label, x->name, g->nodes[t->node].name, role_of(g, t, k));
    bs_status st = bs_str_status(&label);
    int other = st == BS_OK ? bs_graph_find_target(g, label.ptr) : -1;
    if (st == BS_OK && (other < 0 || other == id)) { /* else not unique */
        x->label = label.ptr;
        label = (bs_str){0};
    }
    bs_str_clear(&label);
    return st;
}

bs_status bs_import_targets(bs_graph *g)
{
    int n = 0;
    BS_TRY(bs_calloc(&g->targets, (size_t)g->n_tensors, sizeof *g->targets, "targets"));
    BS_TRY(bs_calloc(&g->listed, (size_t)g->n_tensors, sizeof *g->listed, "targets"));
    for (int t = 0; t < g->n_tensors; t++)
        if (g->tensors[t].target >= 0) {
            g->tensors[t].target = g->n_targets;
            g->targets[g->n_targets++] =
                (bs_target){.tensor = t, .node = g->tensors[t].producer, .kind = BS_TARGET_ACTIVATION};
        }
    int image = g->tensors[g->input].target;
    g->targets[image].kind = BS_TARGET_INPUT;
    BS_TRY(list(g, &n, image, -1));
    for (int k = 0; k < g->n_nodes; k++) {
        for (int i = 0; i < g->nodes[k].n_in; i++) {
            int t = g->nodes[k].in[i], id = t < 0 ? -1 : g->tensors[t].target;
            if (id < 0 || !g->tensors[t].constant || g->targets[id].node >= 0)
                continue;
            g->targets[id].node = k;
            g->targets[id].kind = parameter_kind(g, &g->nodes[k], i);
            BS_TRY(list(g, &n, id, i));
        }
        BS_TRY(list(g, &n, g->tensors[g->nodes[k].out].target, -1));
    }
    return BS_OK;
}
