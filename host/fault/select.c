#include "fault/select.h"

#include "base/buf.h"
#include "fault/layers.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

static const char *const kind_names[] = {
#define X(suffix, name, meaning) name,
    BS_TARGET_KINDS(X)
#undef X
};

static const char *const op_names[] = {
#define X(suffix, name, ...) name,
    BS_OPS(X)
#undef X
};

static const char *tensor_name(const bs_graph *g, const bs_target *t)
{
    const char *name = g->tensors[t->tensor].name;
    return name ? name : "";
}

static const char *node_name(const bs_graph *g, const bs_target *t)
{
    const char *name = t->node >= 0 ? g->nodes[t->node].name : NULL;
    return name ? name : "";
}

/* Tries the literal name first: names may contain characters that are special in patterns. */
static bool matches_name(const char *pattern, const char *name)
{
    return *name && (strcmp(pattern, name) == 0 || fnmatch(pattern, name, 0) == 0);
}

/* Returns the MatMul that a bias belongs to, like to a Gemm, if the selector asks for a bias; else NULL. */
static const bs_node *matmul_of(const bs_selector *s, const bs_graph *g, int id)
{
    return s->kind == BS_TARGET_BIAS ? bs_matmul_of_target(g, id) : NULL;
}

static bool matches_op(const bs_selector *s, const bs_graph *g, int id)
{
    int node = g->targets[id].node;
    const bs_node *matmul = matmul_of(s, g, id);
    return (node >= 0 && strcmp(op_names[g->nodes[node].op], s->op) == 0) ||
           (matmul && strcmp(op_names[matmul->op], s->op) == 0);
}

/* Matches a name of the tensor, the name under which listings show it, or the node's name. A node's name
 * selects its output; its parameters only if the selector asks for that kind.
 */
static bool matches_any_name(const bs_selector *s, const bs_graph *g, int id)
{
    const bs_target *t = &g->targets[id];
    const bs_node *matmul = matmul_of(s, g, id);
    if (matches_name(s->name, tensor_name(g, t)) || matches_name(s->name, bs_graph_label(g, id)))
        return true;
    return ((t->kind == BS_TARGET_ACTIVATION || (int)t->kind == s->kind) &&
            matches_name(s->name, node_name(g, t))) ||
           (matmul && matches_name(s->name, matmul->name));
}

/* in_layer: by target, whether it meets the condition `layer`. */
static bool matches(const bs_selector *s, const bs_graph *g, const bool *in_layer, int id)
{
    const bs_target *t = &g->targets[id];
    if (s->all)
        return true;
    return (s->kind < 0 || (int)t->kind == s->kind) && (s->id < 0 || s->id == id) &&
           (!s->op || matches_op(s, g, id)) && (!s->name || matches_any_name(s, g, id)) &&
           (!s->layer || in_layer[id]);
}

/* Sets met[id] for each target that meets the selector, and *n to their number. */
static bs_status meet(bool *met, int *n, const bs_selector *s, const bs_graph *g)
{
    bool *in_layer = NULL;
    bs_status st;
    *n = 0;
    BS_TRY_GOTO(bs_calloc(&in_layer, (size_t)g->n_targets, sizeof *in_layer, "targets"), out);
    if (s->layer)
        BS_TRY_GOTO(bs_layer_targets(in_layer, s, g), out);
    for (int id = 0; id < g->n_targets; id++) {
        met[id] = matches(s, g, in_layer, id);
        *n += met[id];
    }
out:
    free(in_layer);
    return st;
}

/* *alone: no target meets the condition, which is the only one of `s`. */
static bs_status unmet(bool *alone, const bs_selector *s, const bs_graph *g)
{
    bool *met = NULL;
    int n = 0;
    BS_TRY(bs_calloc(&met, (size_t)g->n_targets, sizeof *met, "targets"));
    bs_status st = meet(met, &n, s, g);
    free(met);
    *alone = n == 0;
    return st;
}

/* Hints at the target with the nearest name of a tensor, in a listing, or of a node. */
static bs_status suggest_name(const char *name, const bs_graph *g)
{
    const char **names;
    size_t n = 0;
    BS_TRY(bs_calloc(&names, 3 * (size_t)g->n_targets, sizeof *names, "names"));
    for (int id = 0; id < g->n_targets; id++) {
        names[n++] = tensor_name(g, &g->targets[id]);
        names[n++] = bs_graph_label(g, id);
        if (*node_name(g, &g->targets[id]))
            names[n++] = node_name(g, &g->targets[id]);
    }
    int near = bs_nearest(name, names, n);
    if (near >= 0)
        bs_hint("did you mean '%s'?", names[near]);
    else
        bs_hint("names are those of nodes, and those that `bitsink inspect` lists; patterns may use *, ? and "
                "[...]");
    free(names);
    return BS_USAGE;
}

/* Lists the names that occur in the model as a hint. */
static bs_status hint_present(const bs_graph *g, const char *what, bool ops)
{
    bool seen[BS_OP_COUNT + BS_TARGET_KIND_COUNT] = {false};
    bs_str text = {0};
    for (int id = 0; id < g->n_targets; id++) {
        const bs_target *t = &g->targets[id];
        int i = ops ? (t->node >= 0 ? (int)g->nodes[t->node].op : -1) : (int)t->kind;
        if (i < 0 || seen[i])
            continue;
        seen[i] = true;
        bs_str_printf(&text, "%s%s", text.len ? ", " : "", ops ? op_names[i] : kind_names[i]);
    }
    bs_hint("%s in this model: %s", what, text.ptr ? text.ptr : "none");
    bs_str_clear(&text);
    return BS_USAGE;
}

/* Reports why nothing matches: the first condition that fails on its own, else their combination. */
static bs_status fail_unmatched(const bs_selector *s, const bs_job *job, const bs_graph *g)
{
    bool alone;
    BS_TRY(unmet(&alone, &(bs_selector){.kind = -1, .id = s->id}, g));
    if (s->id >= 0 && alone) {
        bs_fail(BS_USAGE, "%s:%d: no target has id %d", job->path, s->line, (int)s->id);
        return bs_hint("the ids of this model are 0 to %d", g->n_targets - 1);
    }
    BS_TRY(unmet(&alone, &(bs_selector){.kind = -1, .id = -1, .name = s->name}, g));
    if (s->name && alone) {
        bs_fail(BS_USAGE, "%s:%d: unknown target '%.80s'", job->path, s->line, s->name);
        return suggest_name(s->name, g);
    }
    BS_TRY(unmet(&alone, &(bs_selector){.kind = -1, .id = -1, .layer = s->layer}, g));
    if (s->layer && alone) {
        bs_fail(BS_USAGE, "%s:%d: unknown layer '%.80s'", job->path, s->line, s->layer);
        return bs_layer_suggest(s, g);
    }
    BS_TRY(unmet(&alone, &(bs_selector){.kind = -1, .id = -1, .op = s->op}, g));
    if (s->op && alone) {
        bs_fail(BS_USAGE, "%s:%d: the model has no %s", job->path, s->line, s->op);
        return hint_present(g, "operators", true);
    }
    BS_TRY(unmet(&alone, &(bs_selector){.kind = s->kind, .id = -1}, g));
    if (s->kind >= 0 && alone) {
        bs_fail(BS_USAGE, "%s:%d: the model has no target of kind %s", job->path, s->line,
                kind_names[s->kind]);
        return hint_present(g, "kinds", false);
    }
    bs_fail(BS_USAGE, "%s:%d: no target meets all conditions of this selector", job->path, s->line);
    return bs_hint("each condition alone is met by some target; drop one, or make two selectors of them");
}

static bs_status fail_outside(const bs_selector *s, const bool *among, const bs_job *job, const bs_graph *g)
{
    int first = 0;
    while (first < g->n_targets - 1 && !among[first])
        first++;
    bs_fail(BS_USAGE, "%s:%d: this selector meets no target of its entry", job->path, s->line);
    return bs_hint("select among the targets that the entry hits, such as '%s'; `bitsink plan` lists them",
                   tensor_name(g, &g->targets[first]));
}

bs_status bs_select_targets(bool *hit, const bs_selector *selectors, int n, const bool *among,
                            const bs_job *job, const bs_graph *graph)
{
    bool *met = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&met, (size_t)graph->n_targets, sizeof *met, "targets"), out);
    for (int i = 0; i < n; i++) {
        const bs_selector *s = &selectors[i];
        int count;
        bool any = false;
        BS_TRY_GOTO(meet(met, &count, s, graph), out);
        if (count == 0)
            BS_TRY_GOTO(fail_unmatched(s, job, graph), out);
        for (int id = 0; id < graph->n_targets; id++)
            if (met[id] && (!among || among[id]))
                any = hit[id] = true;
        if (!any)
            BS_TRY_GOTO(fail_outside(s, among, job, graph), out);
    }
out:
    free(met);
    return st;
}

bs_status bs_select_named(bool *hit, const char *name, const bs_graph *graph)
{
    char *end;
    bool any = false, all = strcmp(name, "all") == 0;
    long id = name[0] == '#' && name[1] >= '0' && name[1] <= '9' ? strtol(name + 1, &end, 10) : -1;
    if (id >= 0 && (*end || id >= graph->n_targets))
        id = -1;
    for (int t = 0; t < graph->n_targets; t++) {
        const bs_target *x = &graph->targets[t];
        if (all || t == id || matches_name(name, tensor_name(graph, x)) ||
            matches_name(name, bs_graph_label(graph, t)) ||
            (x->kind == BS_TARGET_ACTIVATION && matches_name(name, node_name(graph, x))))
            any = hit[t] = true;
    }
    if (any)
        return BS_OK;
    bs_fail(BS_USAGE, "no tensor '%.80s'", name);
    if (name[0] == '#')
        return bs_hint("the ids of this model are #0 to #%d", graph->n_targets - 1);
    return suggest_name(name, graph);
}
