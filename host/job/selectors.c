/* Which tensors a fault entry hits: conditions on kind, operator, name, layer and id. */
#include "job/selectors.h"

#include "base/buf.h"
#include "import/onnx_file.h"
#include "job/entry_values.h"
#include "model/graph.h"
#include "trial.h"

#include <stdlib.h>
#include <string.h>

enum { PATTERN_LIMIT = 1024 };

/* A condition takes one value; several are several selectors. */
static bs_status hint_several(bs_form *f, yaml_node_t *value, const char *key, bs_status st)
{
    if (value->type != YAML_SEQUENCE_NODE || bs_form_count(value) < 2)
        return st;
    const yaml_node_t *a = bs_form_item(f, value, 0), *b = bs_form_item(f, value, 1);
    if (a->type == YAML_SCALAR_NODE && b->type == YAML_SCALAR_NODE)
        bs_hint("give a selector for each: [{%s: %.80s}, {%s: %.80s}]", key,
                (const char *)a->data.scalar.value, key, (const char *)b->data.scalar.value);
    return st;
}

static bs_status read_kind(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const char *const names[] = {
#define X(suffix, name, meaning) name,
        BS_TARGET_KINDS(X)
#undef X
    };
    bs_status st = bs_form_name(&((bs_selector *)object)->kind, f, value, field->key, "target kind", names,
                                BS_TARGET_KIND_COUNT);
    return st == BS_OK ? st : hint_several(f, value, field->key, st);
}

/* Says how nodes are selected whose operator no node of a network has after the import. */
static void hint_layer(const yaml_node_t *op, const char *const *names)
{
    const char *text = op->type == YAML_SCALAR_NODE ? (const char *)op->data.scalar.value : "";
    if (bs_operator_is_made_of_others(text))
        bs_hint("bitsink makes %s of other operators: select the node by its layer, {layer: NODE}", text);
    else if (*text && bs_nearest(text, names, BS_OP_COUNT) < 0)
        bs_hint(
            "`bitsink inspect` lists the operators of a model; nodes that are made of others, such as those "
            "of functions, are selected by their layer, {layer: NODE}");
}

static bs_status read_op(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    static const char *const names[] = {
#define X(suffix, name, ...) name,
        BS_OPS(X)
#undef X
    };
    int op;
    bs_status st = bs_form_name(&op, f, value, field->key, "operator", names, BS_OP_COUNT);
    if (st == BS_USAGE)
        hint_layer(value, names);
    if (st != BS_OK)
        return hint_several(f, value, field->key, st);
    char **out = &((bs_selector *)object)->op;
    BS_TRY(bs_calloc(out, strlen(names[op]) + 1, 1, "operator"));
    strcpy(*out, names[op]);
    return BS_OK;
}

static bs_status read_pattern(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_status st = bs_form_text(f, value, field, object);
    if (st != BS_OK)
        return hint_several(f, value, field->key, st);
    if (strlen(*(char **)((char *)object + field->offset)) > PATTERN_LIMIT)
        return bs_form_fail(f, bs_form_line(value), "a name pattern longer than %d characters",
                            PATTERN_LIMIT);
    return BS_OK;
}

static const bs_field selector_fields[] = {
    {"kind", read_kind, offsetof(bs_selector, kind), 0, 0, false, "a kind of target, see below", NULL,
     "Targets of this kind."},
    {"op", read_op, offsetof(bs_selector, op), 0, 0, false, "an ONNX operator, see below", NULL,
     "The output and the parameters of nodes with this operator. Nodes that bitsink makes of several others"
     " are selected by `layer`."},
    {"name", read_pattern, offsetof(bs_selector, name), 0, 0, false, "a name or shell pattern", NULL,
     "Targets whose tensor or node has this name, in the file or as `bitsink inspect` lists it. The name of "
     "a node means its output; with `kind: weight` "
     "or `kind: bias` it means that parameter of the node (of a MatMul, the constant added to it). `*`, `?` "
     "and `[...]` are wildcards; put quotes "
     "around a name that begins with one of these, as in `'*conv1'`."},
    {"layer", read_pattern, offsetof(bs_selector, layer), 0, 0, false, "a part of a path, or a shell pattern",
     NULL,
     "A layer: all nodes with this part in the path of their name. It means the output of the last of them; "
     "with "
     "the `kind` of a parameter, those that they read; with `op`, only nodes with this operator count."},
    {"id", bs_form_int64, offsetof(bs_selector, id), 0, (1 << BS_TARGET_BITS) - 1, false, NULL, NULL,
     "The target with this id, as `bitsink inspect` lists it."},
    {"probability", bs_probability_read, offsetof(bs_selector, probability), 0, 0, false,
     "number above 0, at most 1", "1",
     "No condition: each of the targets is hit with this probability, by itself. Only in `targets`, with "
     "`scope: inference`. A target that meets several selectors takes the first."},
};
const bs_field_table bs_selector_keys = {selector_fields, sizeof selector_fields / sizeof *selector_fields};

static bs_status read_selector(bs_form *f, yaml_node_t *node, bs_selector *s, const char *key)
{
    s->kind = -1;
    s->id = -1;
    s->probability = 1;
    s->line = bs_form_line(node);
    if (node->type != YAML_SCALAR_NODE) {
        if (node->type == YAML_MAPPING_NODE &&
            node->data.mapping.pairs.start == node->data.mapping.pairs.top) {
            bs_form_fail(f, s->line, "a selector without conditions");
            return bs_hint("give kind, op, name, layer or id; '%s: all' selects every target", key);
        }
        BS_TRY(bs_form_mapping(f, node, key, &bs_selector_keys, s, NULL));
        if (s->kind >= 0 || s->op || s->name || s->layer || s->id >= 0)
            return BS_OK;
        bs_form_fail(f, s->line, "a selector without conditions");
        return bs_hint("give kind, op, name, layer or id beside it; name: '*' selects every target");
    }
    bs_field plain = {.key = key, .offset = offsetof(bs_selector, name)};
    BS_TRY(read_pattern(f, node, &plain, s));
    if (strcmp(s->name, "all") == 0) {
        s->all = true;
        free(s->name);
        s->name = NULL;
    }
    return BS_OK;
}

static bs_status read_selectors(bs_selector **out, int *n_out, bs_form *f, yaml_node_t *value,
                                const char *key)
{
    int n = bs_form_count(value);
    if (n == 0) {
        bs_form_fail(f, bs_form_line(value), "'%s' is an empty list", key);
        return bs_hint("'%s: all' selects every target", key);
    }
    BS_TRY(bs_calloc(out, (size_t)n, sizeof **out, "selectors"));
    for (int i = 0; i < n; i++) {
        *n_out = i + 1;
        BS_TRY(read_selector(f, bs_form_item(f, value, i), &(*out)[i], key));
    }
    return BS_OK;
}

bs_status bs_targets_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_entry *e = object;
    return read_selectors(&e->targets, &e->n_targets, f, value, field->key);
}

bs_status bs_storage_read(bs_form *f, yaml_node_t *value, const bs_field *field, void *object)
{
    bs_entry *e = object;
    return read_selectors(&e->storage, &e->n_storage, f, value, field->key);
}

void bs_selectors_clear(bs_selector *s, int n)
{
    for (int i = 0; i < n; i++) {
        free(s[i].op);
        free(s[i].name);
        free(s[i].layer);
    }
    free(s);
}
