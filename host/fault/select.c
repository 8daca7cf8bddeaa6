#include "fault/select.h"

#include "base/buf.h"

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

static bool matches_op(const bs_selector *s, const bs_graph *g, const bs_target *t)
{
    return t->node >= 0 && strcmp(op_names[g->nodes[t->node].op], s->op) == 0;
}

/* Matches a name of the tensor or the node. A node's name selects its output; its parameters only if the
 * selector asks for that kind. */
static bool matches_any_name(const bs_selector *s, const bs_graph *g, const bs_target *t)
{
    if (matches_name(s->name, tensor_name(g, t)))
        return true;
    return (t->kind == BS_TARGET_ACTIVATION || (int)t->kind == s->kind) &&
           matches_name(s->name, node_name(g, t));
}

static bool matches(const bs_selector *s, const bs_graph *g, int id)
{
    const bs_target *t = &g->targets[id];
    if (s->all)
        return true;
    return (s->kind < 0 || (int)t->kind == s->kind) && (s->id < 0 || s->id == id) &&
           (!s->op || matches_op(s, g, t)) && (!s->name || matches_any_name(s, g, t));
}

static int count_matches(const bs_selector *s, const bs_graph *g)
{
    int n = 0;
    for (int id = 0; id < g->n_targets; id++)
        n += matches(s, g, id);
    return n;
}

/* Hints at the target with the nearest name of a tensor or a node. */
static bs_status suggest_name(const char *name, const bs_graph *g)
{
    const char **names;
    size_t n = 0;
    BS_TRY(bs_calloc(&names, 2 * (size_t)g->n_targets, sizeof *names, "names"));
    for (int id = 0; id < g->n_targets; id++) {
        names[n++] = tensor_name(g, &g->targets[id]);
        if (*node_name(g, &g->targets[id]))
            names[n++] = node_name(g, &g->targets[id]);
    }
    int near = bs_nearest(name, names, n);
    if (near >= 0)
        bs_hint("did you mean '%s'?", names[near]);
    else
        bs_hint("names are those of tensors and nodes in the ONNX file; patterns may use *, ? and [...]");
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
    bs_selector one = {.kind = -1, .id = -1};
    one.id = s->id;
    if (s->id >= 0 && count_matches(&one, g) == 0) {
        bs_fail(BS_USAGE, "%s:%d: no target has id %d", job->path, s->line, (int)s->id);
        return bs_hint("the ids of this model are 0 to %d", g->n_targets - 1);
    }
    one = (bs_selector){.kind = -1, .id = -1, .name = s->name};
    if (s->name && count_matches(&one, g) == 0) {
        bs_fail(BS_USAGE, "%s:%d: unknown target '%.80s'", job->path, s->line, s->name);
        return suggest_name(s->name, g);
    }
    one = (bs_selector){.kind = -1, .id = -1, .op = s->op};
    if (s->op && count_matches(&one, g) == 0) {
        bs_fail(BS_USAGE, "%s:%d: the model has no %s", job->path, s->line, s->op);
        return hint_present(g, "operators", true);
    }
    one = (bs_selector){.kind = s->kind, .id = -1};
    if (s->kind >= 0 && count_matches(&one, g) == 0) {
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
    for (int i = 0; i < n; i++) {
        const bs_selector *s = &selectors[i];
        bool met = false;
        if (count_matches(s, graph) == 0)
            return fail_unmatched(s, job, graph);
        for (int id = 0; id < graph->n_targets; id++)
            if (matches(s, graph, id) && (!among || among[id]))
                met = hit[id] = true;
        if (!met)
            return fail_outside(s, among, job, graph);
    }
    return BS_OK;
}
