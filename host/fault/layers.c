#include "fault/layers.h"

#include "base/buf.h"
#include "base/text.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_SUGGESTIONS = 1 << 16 };

/* A path up to the end of a layer's name: the first `length` bytes of a name. text NULL: no layer. */
typedef struct path {
    const char *text;
    size_t length;
} path;

/* The name of a layer, or of a tensor or node, with '/' between its parts. */
static bs_status set_parts(bs_str *out, const char *text)
{
    out->len = 0;
    bs_str_puts(out, text);
    BS_TRY(bs_str_status(out));
    for (size_t i = 0; i < out->len; i++)
        if (out->ptr[i] == ':' || out->ptr[i] == '.')
            out->ptr[i] = '/';
    return BS_OK;
}

/* The parts of a layer's name, which may end like that of a folder. */
static bs_status set_layer(bs_str *out, const char *layer)
{
    BS_TRY(set_parts(out, layer));
    while (out->len > 1 && out->ptr[out->len - 1] == '/')
        out->ptr[--out->len] = '\0';
    return BS_OK;
}

static size_t count_parts(const char *parts)
{
    size_t n = 1;
    for (; *parts; parts++)
        n += *parts == '/';
    return n;
}

/* Returns the first end of n parts that start at `from`, NULL if there are fewer. */
static const char *end_of(const char *from, size_t n)
{
    const char *end = from + strcspn(from, "/");
    for (; n > 1 && *end; n--)
        end += 1 + strcspn(end + 1, "/");
    return n > 1 ? NULL : end;
}

static const char *next_part(const char *from)
{
    from += strcspn(from, "/");
    return *from ? from + 1 : NULL;
}

/* Finds a layer in a name, whose parts are in `parts`, which is changed and restored. */
static path find(const char *layer, const char *name, char *parts)
{
    size_t n = count_parts(layer);
    for (const char *from = parts; from; from = next_part(from)) {
        char *end = parts + (end_of(from, n) ? end_of(from, n) - parts : 0), kept = *end;
        if (end <= from)
            continue;
        *end = '\0';
        bool met = strcmp(layer, from) == 0 || fnmatch(layer, from, FNM_PATHNAME) == 0;
        *end = kept;
        if (met)
            return (path){name, (size_t)(end - parts)};
    }
    return (path){NULL, 0};
}

static bs_status look(path *out, const char *layer, const char *name, bs_str *parts)
{
    if (out->text || !name || !*name)
        return BS_OK;
    BS_TRY(set_parts(parts, name));
    *out = find(layer, name, parts->ptr);
    return BS_OK;
}

static bool same_path(path a, path b)
{
    return a.length == b.length && memcmp(a.text, b.text, a.length) == 0;
}

/* Sets of[k] to the layer of node k. */
static bs_status find_nodes(path *of, const char *layer, const bs_graph *g, bs_str *parts)
{
    for (int k = 0; k < g->n_nodes; k++) {
        BS_TRY(look(&of[k], layer, g->nodes[k].name, parts));
        BS_TRY(look(&of[k], layer, g->tensors[g->nodes[k].out].name, parts));
    }
    for (int id = 0; id < g->n_targets; id++) {
        const bs_target *t = &g->targets[id];
        if (bs_target_is_parameter(t->kind) && t->node >= 0)
            BS_TRY(look(&of[t->node], layer, g->tensors[t->tensor].name, parts));
    }
    return BS_OK;
}

/* Marks the output of the last node of each layer. last: room for a path of each node. */
static void mark_outputs(bool *in, const path *of, path *last, const bs_graph *g)
{
    int n = 0;
    for (int k = g->n_nodes - 1; k >= 0; k--) {
        bool later = !of[k].text;
        for (int i = 0; i < n && !later; i++)
            later = same_path(last[i], of[k]);
        if (later)
            continue;
        last[n++] = of[k];
        in[g->tensors[g->nodes[k].out].target] = true;
    }
}

static void mark_parameters(bool *in, const path *of, bs_target_kind kind, const bs_graph *g)
{
    for (int id = 0; id < g->n_targets; id++) {
        const bs_target *t = &g->targets[id];
        if (t->kind != kind || t->node < 0)
            continue;
        const bs_node *matmul = kind == BS_TARGET_BIAS ? bs_matmul_of_target(g, id) : NULL;
        in[id] = of[t->node].text || (matmul && of[matmul - g->nodes].text);
    }
}

bs_status bs_layer_targets(bool *in, const bs_selector *s, const bs_graph *g)
{
    path *of = NULL, *last = NULL;
    bs_str layer = {0}, parts = {0};
    bs_status st;
    BS_TRY_GOTO(set_layer(&layer, s->layer), out);
    BS_TRY_GOTO(bs_calloc(&of, (size_t)g->n_nodes, sizeof *of, "layers"), out);
    BS_TRY_GOTO(bs_calloc(&last, (size_t)g->n_nodes, sizeof *last, "layers"), out);
    BS_TRY_GOTO(find_nodes(of, layer.ptr, g, &parts), out);
    for (int k = 0; k < g->n_nodes; k++)
        if (s->op && strcmp(bs_op_name(g->nodes[k].op), s->op) != 0)
            of[k].text = NULL;
    if (s->kind < 0 || s->kind == BS_TARGET_ACTIVATION)
        mark_outputs(in, of, last, g);
    else
        mark_parameters(in, of, (bs_target_kind)s->kind, g);
out:
    free(of);
    free(last);
    bs_str_clear(&layer);
    bs_str_clear(&parts);
    return st;
}

/* The names of possible layers, one after the other. */
typedef struct suggestions {
    bs_str text, parts;
    size_t n, wanted; /* names; parts of each */
} suggestions;

/* Adds all runs of parts of a name. */
static bs_status add(suggestions *s, const char *name)
{
    BS_TRY(set_parts(&s->parts, name));
    for (const char *from = s->parts.ptr; from && s->n < MAX_SUGGESTIONS; from = next_part(from)) {
        const char *end = end_of(from, s->wanted);
        if (!end)
            break;
        if (end == from)
            continue;
        bs_str_append(&s->text, name + (from - s->parts.ptr), (size_t)(end - from));
        bs_str_append(&s->text, "", 1);
        s->n++;
    }
    return bs_str_status(&s->text);
}

static bs_status hint_nearest(const suggestions *s, const char *layer)
{
    const char **names;
    BS_TRY(bs_calloc(&names, s->n + 1, sizeof *names, "layers"));
    for (size_t i = 0, at = 0; i < s->n; i++, at += strlen(names[i - 1]) + 1)
        names[i] = s->text.ptr + at;
    int near = bs_nearest(layer, names, s->n);
    if (near >= 0)
        bs_hint("did you mean '%.200s'?", bs_visible(names[near]));
    else
        bs_hint("layers are parts of the names that `bitsink inspect` lists, such as 'conv1' of "
                "/layer1/conv1/Conv");
    free(names);
    return BS_USAGE;
}

bs_status bs_layer_suggest(const bs_selector *selector, const bs_graph *g)
{
    suggestions s = {0};
    bs_status st;
    BS_TRY_GOTO(set_layer(&s.parts, selector->layer), out);
    s.wanted = count_parts(s.parts.ptr);
    for (int k = 0; k < g->n_nodes; k++)
        BS_TRY_GOTO(add(&s, g->nodes[k].name), out);
    for (int id = 0; id < g->n_targets; id++)
        if (bs_target_is_parameter(g->targets[id].kind))
            BS_TRY_GOTO(add(&s, g->tensors[g->targets[id].tensor].name), out);
    st = hint_nearest(&s, selector->layer);
out:
    bs_str_clear(&s.text);
    bs_str_clear(&s.parts);
    return st;
}
