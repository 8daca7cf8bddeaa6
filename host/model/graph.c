#include "model/graph.h"

#include "base/buf.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const bs_op_info ops[] = {
#define X(suffix, name, family, type, least, most)                                                           \
    {name, BS_FAMILY_##family, BS_TYPE_RULE_##type, least, most},
    BS_OPS(X)
#undef X
};

static const bs_op_family_info families[] = {
#define X(family, axes, rows, field, parameters, memory)                                                     \
    {BS_AXES_##axes, BS_PARAMETERS_##parameters, BS_MEMORY_##memory},
    BS_OP_FAMILIES(X)
#undef X
};

const bs_op_info *bs_op_describe(bs_op op)
{
    return &ops[op];
}

const bs_op_family_info *bs_op_describe_family(bs_op op)
{
    return &families[ops[op].family];
}

void bs_import_options_clear(bs_import_options *o)
{
    for (int i = 0; i < o->n_inputs; i++) {
        free(o->inputs[i].name);
        free(o->inputs[i].value);
    }
    free(o->inputs);
    free(o->output);
    *o = (bs_import_options){0};
}

const char *bs_op_name(bs_op op)
{
    return (unsigned)op < BS_OP_COUNT ? ops[op].name : "?";
}

const char *bs_target_kind_name(bs_target_kind kind)
{
    static const char *const names[] = {
#define X(suffix, name, meaning) name,
        BS_TARGET_KINDS(X)
#undef X
    };
    return (unsigned)kind < BS_TARGET_KIND_COUNT ? names[kind] : "?";
}

bool bs_target_is_parameter(bs_target_kind kind)
{
    return kind != BS_TARGET_INPUT && kind != BS_TARGET_ACTIVATION;
}

const char *bs_shape_text(const bs_shape *s, char *buf, size_t len)
{
    size_t at = 0;
    if (len)
        snprintf(buf, len, "%s", s->rank ? "" : "scalar");
    for (int k = 0; k < s->rank && at < len; k++) {
        int n = snprintf(buf + at, len - at, "%s%" PRId64, k ? "x" : "", s->dim[k]);
        at += n > 0 ? (size_t)n : 0;
    }
    return buf;
}

void bs_graph_clear(bs_graph *g)
{
    for (int k = 0; k < g->n_tensors; k++) {
        free(g->tensors[k].name);
        free(g->tensors[k].label);
        if (!g->tensors[k].in_file)
            free(g->tensors[k].data);
        free((float *)g->tensors[k].scales.scale);
    }
    for (int k = 0; k < g->n_nodes; k++) {
        free(g->nodes[k].name);
        free(g->nodes[k].in);
        free(g->nodes[k].index);
    }
    free(g->tensors);
    free(g->nodes);
    for (int k = 0; k < g->n_regions; k++)
        free(g->regions[k].node.in);
    free(g->regions);
    for (int k = 0; k < g->n_remarks; k++)
        free(g->remarks[k]);
    free(g->remarks);
    free(g->targets);
    free(g->listed);
    free(g->file);
    *g = (bs_graph){0};
}

void bs_graph_free(bs_graph *g)
{
    if (g)
        bs_graph_clear(g);
    free(g);
}

int bs_graph_find_target(const bs_graph *g, const char *name)
{
    for (int k = 0; k < g->n_targets; k++)
        if (strcmp(g->tensors[g->targets[k].tensor].name, name) == 0)
            return k;
    for (int k = 0; k < g->n_nodes; k++)
        if (strcmp(g->nodes[k].name, name) == 0)
            return g->tensors[g->nodes[k].out].target;
    for (int k = 0; k < g->n_targets; k++)
        if (strcmp(bs_graph_label(g, k), name) == 0)
            return k;
    return -1;
}

int bs_graph_listed(const bs_graph *g, int place)
{
    return g->listed ? g->listed[place] : place;
}

const char *bs_graph_label(const bs_graph *g, int target)
{
    const bs_tensor *t = &g->tensors[g->targets[target].tensor];
    return t->label ? t->label : t->name;
}

bs_status bs_graph_unknown_target(const bs_graph *g, const char *name)
{
    const char **names = NULL;
    size_t n = 0;
    BS_TRY(bs_calloc(&names, (size_t)g->n_targets + (size_t)g->n_nodes, sizeof *names, "target names"));
    for (int k = 0; k < g->n_targets; k++)
        names[n++] = g->tensors[g->targets[k].tensor].name;
    for (int k = 0; k < g->n_nodes; k++)
        names[n++] = g->nodes[k].name;
    int near = bs_nearest(name, names, n);
    bs_fail(BS_ERR, "no target '%s'", name);
    if (near >= 0)
        bs_hint("did you mean '%s'?", names[near]);
    else
        bs_hint("a target is the name of a tensor or node of the model; list them to see all");
    free(names);
    return BS_ERR;
}

bool bs_op_broadcasts(bs_op op)
{
    return ops[op].family == BS_FAMILY_broadcast || ops[op].family == BS_FAMILY_where;
}

bool bs_graph_broadcasts(const bs_graph *g, const bs_node *n, int k)
{
    const bs_tensor *t = n->in[k] < 0 ? NULL : &g->tensors[n->in[k]];
    const bs_shape *out = &g->tensors[n->out].shape;
    return t && !t->constant && bs_op_broadcasts(n->op) && t->shape.rank == 3 && out->rank == 3 &&
           t->shape.dim[1] * t->shape.dim[2] == 1 && out->dim[1] * out->dim[2] > 1;
}

int bs_graph_max_inputs(const bs_graph *g)
{
    int most = 1;
    for (int i = 0; i < g->n_nodes; i++)
        most = g->nodes[i].n_in > most ? g->nodes[i].n_in : most;
    return g->n_regions > 0 && most < BS_REGION_INPUTS ? BS_REGION_INPUTS : most;
}

int bs_graph_region(const bs_graph *g, int node)
{
    int low = 0, high = g->n_regions; /* it is the last that does not begin after the node, or none */
    while (low < high) {
        int middle = (low + high) / 2;
        if (g->regions[middle].first <= node)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 && node <= g->regions[low - 1].last ? low - 1 : -1;
}

int bs_region_input(const bs_region *r, int tensor)
{
    int k = 0;
    while (r->node.in[k] != tensor)
        k++;
    return k;
}

int bs_region_first_step(const bs_region *r)
{
    return r->first + r->product;
}

void bs_region_source(const bs_graph *g, const bs_region *r, int tensor, int *step, int *input)
{
    int node = g->tensors[tensor].producer, first = bs_region_first_step(r);
    *step = node >= first ? node - first : -1;
    *input = node >= first ? -1 : r->product && node == r->first ? 0 : bs_region_input(r, tensor);
}

int bs_graph_inside(const bs_graph *g, int tensor)
{
    int node = g->tensors[tensor].producer, r = node < 0 ? -1 : bs_graph_region(g, node);
    return r >= 0 && node < g->regions[r].last ? r : -1;
}

bool bs_matmul_by_weights(const bs_graph *g, const bs_node *n)
{
    const bs_tensor *w = n->op == BS_OP_MATMUL ? &g->tensors[n->in[1]] : NULL;
    return w && w->constant && w->shape.rank == 2 && !g->tensors[n->in[0]].constant;
}

const bs_node *bs_matmul_of_bias(const bs_graph *g, const bs_node *n, int k)
{
    if (n->op != BS_OP_ADD || n->n_in != 2 || !g->tensors[n->in[k]].constant)
        return NULL;
    const bs_tensor *bias = &g->tensors[n->in[k]], *sum = &g->tensors[n->in[1 - k]];
    const bs_node *matmul = sum->producer >= 0 ? &g->nodes[sum->producer] : NULL;
    if (!matmul || !bs_matmul_by_weights(g, matmul) || bias->shape.rank == 0)
        return NULL;
    int64_t columns = g->tensors[matmul->in[1]].shape.dim[1];
    bool fits = bias->elements == columns && bias->shape.dim[bias->shape.rank - 1] == columns;
    return fits ? matmul : NULL;
}

const bs_node *bs_matmul_of_target(const bs_graph *g, int target)
{
    const bs_target *t = &g->targets[target];
    const bs_node *n = t->kind == BS_TARGET_BIAS ? &g->nodes[t->node] : NULL;
    for (int k = 0; n && n->op == BS_OP_ADD && k < n->n_in; k++)
        if (n->in[k] == t->tensor)
            return bs_matmul_of_bias(g, n, k);
    return NULL;
}

void bs_graph_tell_remarks(const bs_graph *g)
{
    for (int k = 0; k < g->n_remarks; k++)
        bs_info("remark: %s", g->remarks[k]);
}
