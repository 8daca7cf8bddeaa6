#include "job/form.h"

#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_DEPTH = 32 };

static bs_status fail_parser(const bs_form *f, const yaml_parser_t *p)
{
    int line = (int)p->problem_mark.line + 1;
    bs_form_fail(f, line, "not valid YAML: %s", p->problem ? p->problem : "unreadable");
    if (p->context)
        return bs_hint("%s that starts at line %d", p->context, (int)p->context_mark.line + 1);
    return bs_hint("check indentation, colons and quotes around this line; tabs cannot indent");
}

static const yaml_char_t *event_anchor(const yaml_event_t *e)
{
    return e->type == YAML_SCALAR_EVENT           ? e->data.scalar.anchor
           : e->type == YAML_MAPPING_START_EVENT  ? e->data.mapping_start.anchor
           : e->type == YAML_SEQUENCE_START_EVENT ? e->data.sequence_start.anchor
                                                  : NULL;
}

static bs_status check_event(const bs_form *f, const yaml_event_t *e, int *depth, int *documents)
{
    int line = (int)e->start_mark.line + 1;
    if (e->type == YAML_ALIAS_EVENT || event_anchor(e)) {
        bs_form_fail(f, line, "anchors (&) and aliases (*) are not allowed in job files");
        return bs_hint("write the value out; a value that starts with & or * needs quotes");
    }
    if (e->type == YAML_DOCUMENT_START_EVENT && ++*documents > 1) {
        bs_form_fail(f, line, "a second document");
        return bs_hint("a job file is one campaign: put the other one into a file of its own");
    }
    if (e->type == YAML_MAPPING_START_EVENT || e->type == YAML_SEQUENCE_START_EVENT) {
        if (++*depth > MAX_DEPTH)
            return bs_form_fail(f, line, "lists and mappings nested deeper than %d levels", MAX_DEPTH);
    } else if (e->type == YAML_MAPPING_END_EVENT || e->type == YAML_SEQUENCE_END_EVENT) {
        --*depth;
    }
    return BS_OK;
}

/* Finds what no job file may hold in the stream of events, before a document is built from it. */
static bs_status check_events(const bs_form *f, const char *text, size_t len)
{
    yaml_parser_t p;
    bs_status st = BS_OK;
    int depth = 0, documents = 0;
    bool end = false;
    if (!yaml_parser_initialize(&p))
        return bs_oom("YAML parser");
    yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
    while (st == BS_OK && !end) {
        yaml_event_t e;
        if (!yaml_parser_parse(&p, &e)) {
            st = fail_parser(f, &p);
            break;
        }
        st = check_event(f, &e, &depth, &documents);
        end = e.type == YAML_STREAM_END_EVENT;
        yaml_event_delete(&e);
    }
    yaml_parser_delete(&p);
    return st;
}

bs_status bs_form_open(bs_form *f, const char *path, const char *text, size_t len)
{
    memset(f, 0, sizeof *f);
    f->path = path;
    BS_TRY(check_events(f, text, len));
    yaml_parser_t p;
    if (!yaml_parser_initialize(&p))
        return bs_oom("YAML parser");
    yaml_parser_set_input_string(&p, (const unsigned char *)text, len);
    bs_status st = yaml_parser_load(&p, &f->doc) ? BS_OK : fail_parser(f, &p);
    yaml_parser_delete(&p);
    if (st != BS_OK)
        return st;
    yaml_node_t *root = bs_form_root(f);
    if (!root || root->type != YAML_MAPPING_NODE) {
        bs_form_fail(f, root ? bs_form_line(root) : 1, "a job file must be a mapping of keys to values");
        bs_hint("start with 'model: network.onnx'; tests/jobs/ has commented examples");
        bs_form_close(f);
        return BS_USAGE;
    }
    return BS_OK;
}

void bs_form_close(bs_form *f)
{
    if (f)
        yaml_document_delete(&f->doc);
}

yaml_node_t *bs_form_root(bs_form *f)
{
    return yaml_document_get_root_node(&f->doc);
}

int bs_form_line(const yaml_node_t *node)
{
    return (int)node->start_mark.line + 1;
}

bs_status bs_form_fail(const bs_form *f, int line, const char *fmt, ...)
{
    char message[768];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    return bs_fail(BS_USAGE, "%s:%d: %s", f->path, line, message);
}

bs_status bs_form_wrong(const bs_form *f, const yaml_node_t *node, const char *what, const char *wanted,
                        const char *text)
{
    int line = bs_form_line(node);
    if (node->type == YAML_SEQUENCE_NODE)
        return bs_form_fail(f, line, "'%s' must be %s, not a list", what, wanted);
    if (node->type == YAML_MAPPING_NODE)
        return bs_form_fail(f, line, "'%s' must be %s, not a mapping", what, wanted);
    return bs_form_fail(f, line, "'%s' must be %s, not '%.80s'", what, wanted, text ? text : "");
}

bs_status bs_form_suggest(const char *name, const char *const *names, size_t n, const char *what)
{
    int near = bs_nearest(name, names, n);
    if (near >= 0)
        return bs_hint("did you mean '%s'?", names[near]);
    bs_str all = {0};
    size_t shown = 0;
    for (; shown < n && all.len < 300; shown++)
        bs_str_printf(&all, "%s%s", shown ? ", " : "", names[shown]);
    if (shown < n)
        bs_str_printf(&all, " and %zu more", n - shown);
    bs_status st = bs_hint("%s: %s", what, all.ptr ? all.ptr : "");
    bs_str_clear(&all);
    return st;
}

static bs_status unknown_key(const bs_form *f, const yaml_node_t *key, const char *what,
                             const bs_field_table *table)
{
    const char *names[BS_FORM_MAX_FIELDS];
    const char *text = (const char *)key->data.scalar.value;
    for (int i = 0; i < table->n; i++)
        names[i] = table->field[i].key;
    bs_form_fail(f, bs_form_line(key), "unknown key '%.80s' in %s", text, what);
    return bs_form_suggest(text, names, (size_t)table->n, "the keys are");
}

static int find_field(const yaml_node_t *key, const bs_field_table *table)
{
    for (int i = 0; i < table->n; i++)
        if (strcmp(table->field[i].key, (const char *)key->data.scalar.value) == 0)
            return i;
    return -1;
}

static bs_status read_pair(bs_form *f, yaml_node_pair_t *pair, const char *what, const bs_field_table *table,
                           void *object, int *lines)
{
    yaml_node_t *key = yaml_document_get_node(&f->doc, pair->key);
    yaml_node_t *value = yaml_document_get_node(&f->doc, pair->value);
    if (key->type != YAML_SCALAR_NODE)
        return bs_form_fail(f, bs_form_line(key), "a key of %s must be a plain word", what);
    int i = find_field(key, table);
    if (i < 0)
        return unknown_key(f, key, what, table);
    const bs_field *field = &table->field[i];
    if (lines[i]) {
        bs_form_fail(f, bs_form_line(key), "key '%s' is given twice in %s", field->key, what);
        return bs_hint("the first one is at line %d", lines[i]);
    }
    lines[i] = bs_form_line(key);
    if (value->type == YAML_SCALAR_NODE && value->data.scalar.length == 0 &&
        value->data.scalar.style == YAML_PLAIN_SCALAR_STYLE) {
        bs_form_fail(f, lines[i], "key '%s' has no value", field->key);
        return bs_hint("write a value after the colon, or remove the line");
    }
    return field->read(f, value, field, object);
}

bs_status bs_form_mapping(bs_form *f, yaml_node_t *node, const char *what, const bs_field_table *table,
                          void *object, int *lines)
{
    int own[BS_FORM_MAX_FIELDS];
    if (!lines)
        lines = own;
    memset(lines, 0, sizeof *lines * (size_t)table->n);
    if (node->type != YAML_MAPPING_NODE)
        return bs_form_wrong(f, node, what, "a mapping of keys to values",
                             node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL);
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top; p++)
        BS_TRY(read_pair(f, p, what, table, object, lines));
    for (int i = 0; i < table->n; i++)
        if (table->field[i].required && !lines[i]) {
            bs_form_fail(f, bs_form_line(node), "key '%s' is missing in %s", table->field[i].key, what);
            return bs_hint("add '%s: ...'", table->field[i].key);
        }
    return BS_OK;
}

int bs_form_count(const yaml_node_t *node)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return 1;
    return (int)(node->data.sequence.items.top - node->data.sequence.items.start);
}

yaml_node_t *bs_form_item(bs_form *f, yaml_node_t *node, int i)
{
    if (node->type != YAML_SEQUENCE_NODE)
        return node;
    return yaml_document_get_node(&f->doc, node->data.sequence.items.start[i]);
}
