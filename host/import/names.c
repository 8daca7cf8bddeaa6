/* The names of tensors, by scope, and the values that they stand for. */
#include "import/import.h"

#include "base/buf.h"
#include "base/text.h"

#include <stdlib.h>
#include <string.h>

static const char *text(const char *s)
{
    return s ? s : "";
}

static bool find_in(const bs_scope *s, const char *name, bs_value **out)
{
    ENTRY *found = NULL;
    struct hsearch_data *table = (struct hsearch_data *)&s->names; /* FIND does not modify it */
    if (!hsearch_r((ENTRY){.key = (char *)name}, FIND, &found, table))
        return false;
    *out = found->data;
    return true;
}

bool bs_names_find(const bs_import *im, const char *name, bs_value **out)
{
    *out = NULL;
    for (const bs_scope *s = im->scope; s && *text(name); s = s->around)
        if (find_in(s, name, out))
            return true;
    return false;
}

bs_status bs_scope_open(bs_import *im, bs_scope *s, bool inside, size_t count)
{
    enum { MOST_SCOPES = 16 };
    if (im->depth == MOST_SCOPES) {
        bs_fail(BS_ERR, "functions and branches inside others, more than %d deep", MOST_SCOPES);
        return bs_hint("a function of the file may call itself, which no exporter writes");
    }
    if (count > INT32_MAX / 4)
        return bs_fail(BS_ERR, "the model has too many tensors (%zu)", count);
    if (!hcreate_r(2 * count + 16, &s->names))
        return bs_oom("tensor names");
    s->has_names = true;
    s->around = inside ? im->scope : NULL;
    s->before = im->scope;
    im->depth++;
    im->scope = s;
    return BS_OK;
}

void bs_scope_close(bs_import *im, bs_scope *s)
{
    if (!s->has_names)
        return;
    im->depth--;
    im->scope = s->before;
    hdestroy_r(&s->names);
    s->has_names = false;
}

bs_status bs_scope_bind(bs_import *im, const char *name, bs_value *v)
{
    ENTRY *found = NULL;
    bs_value *known;
    if (!*text(name)) /* nothing can read it */
        return BS_OK;
    if (find_in(im->scope, name, &known)) {
        bs_fail(BS_ERR, "tensor '%s' is defined twice", name);
        return bs_hint("each tensor name may be made once; check the model with onnx.checker");
    }
    return hsearch_r((ENTRY){(char *)name, v}, ENTER, &found, &im->scope->names) ? BS_OK
                                                                                 : bs_oom("tensor names");
}

/* Sets values[n_values], without counting it. */
static void init_value(bs_import *im, bs_value *v, const char *name, const Onnx__TensorProto *stored)
{
    *v = (bs_value){.name = name,
                    .stored = stored,
                    .index = im->n_values,
                    .before = im->before,
                    .node = -1,
                    .tensor = -1};
    im->values[im->n_values] = v;
}

static bs_status add_named(bs_import *im, const char *name, const Onnx__TensorProto *stored)
{
    bs_value *v = &im->named[im->n_values];
    init_value(im, v, name, stored);
    BS_TRY(bs_scope_bind(im, name, v));
    im->n_values++;
    return BS_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Returns the value that has this name already, NULL if there is none. */
static bs_value *holder(bs_import *im, const char *name)
{
    bs_value *v;
    if (find_in(&im->file_scope, name, &v))
        return v;
    const char *const **found = tfind(&name, &im->inner_names, by_name);
    return found ? (bs_value *)(uintptr_t)*found : NULL; /* its name is its first member */
}

bs_status bs_value_add_inner(bs_import *im, bs_value **out, const char *prefix, const char *name)
{
    bs_str made = {0};
    bs_value *v = NULL, *first = NULL, *taken;
    bs_status st = BS_OK;
    int number = 1;
    do {
        made.len = 0;
        bs_str_printf(&made, number > 1 ? "%s%s%s_%d" : "%s%s%s", prefix, *prefix ? "/" : "", name, number);
        if (!made.ptr)
            return bs_oom("tensor name");
        taken = holder(im, made.ptr);
        if (taken && !first) {
            first = taken;
            number = first->copies > 1 ? first->copies : 1;
        }
        number++;
    } while (taken);
    if (first)
        first->copies = number - 1;
    BS_TRY_GOTO(
        bs_grow(&im->values, &im->cap_values, (size_t)im->n_values + 1, sizeof *im->values, "tensors"), out);
    BS_TRY_GOTO(bs_calloc(&v, 1, sizeof *v, "tensor"), out);
    init_value(im, v, made.ptr, NULL);
    v->own_name = made.ptr;
    v->wanted = true;
    if (!tsearch(&v->name, &im->inner_names, by_name)) {
        free(v);
        st = bs_oom("tensor names");
        goto out;
    }
    im->n_values++;
    *out = v;
    return BS_OK;
out:
    bs_str_clear(&made);
    return st;
}

/* Strings of protobuf are UTF-8. Other names would make invalid text in the result file. */
static bs_status check_utf8(const char *what, const char *name)
{
    if (!name || bs_utf8_valid(name))
        return BS_OK;
    bs_fail(BS_ERR, "the name of the %s '%.200s' is not UTF-8", what, name);
    return bs_hint("a valid ONNX file has names in UTF-8 only; export the model again with other names");
}

static bs_status check_node_names(const Onnx__NodeProto *n)
{
    BS_TRY(check_utf8("node", n->name));
    for (size_t o = 0; o < n->n_output; o++)
        BS_TRY(check_utf8("tensor", n->output[o]));
    return BS_OK;
}

static bs_status check_names(const Onnx__GraphProto *g)
{
    for (size_t k = 0; k < g->n_initializer; k++)
        BS_TRY(check_utf8("tensor", g->initializer[k]->name));
    for (size_t k = 0; k < g->n_input; k++)
        BS_TRY(check_utf8("input", g->input[k]->name));
    for (size_t k = 0; k < g->n_node; k++)
        BS_TRY(check_node_names(g->node[k]));
    return BS_OK;
}

bs_status bs_names_of_initializers(bs_import *im)
{
    const Onnx__GraphProto *g = im->file;
    BS_TRY(check_names(g));
    size_t count = 1 + g->n_initializer + g->n_input;
    for (size_t k = 0; k < g->n_node; k++)
        count += g->node[k]->n_output;
    im->before = -1;
    BS_TRY(bs_scope_open(im, &im->file_scope, false, count));
    BS_TRY(bs_calloc(&im->named, count, sizeof *im->named, "tensors"));
    BS_TRY(bs_grow(&im->values, &im->cap_values, count, sizeof *im->values, "tensors"));
    init_value(im, im->named, "", NULL);
    im->n_values = 1; /* 0 is the image, which bs_names_choose_image() moves there */
    for (size_t k = 0; k < g->n_initializer; k++)
        BS_TRY(add_named(im, text(g->initializer[k]->name), g->initializer[k]));
    return BS_OK;
}

/* Initializers may be listed as inputs too (before IR version 4 they had to be). */
bs_status bs_names_of_inputs(bs_import *im)
{
    bs_value *known;
    for (size_t k = 0; k < im->file->n_input; k++)
        if (!bs_names_find(im, im->file->input[k]->name, &known))
            BS_TRY(add_named(im, text(im->file->input[k]->name), NULL));
    return BS_OK;
}

void bs_names_choose_image(bs_import *im, bs_value *v)
{
    bs_value *empty = im->values[0];
    im->values[v->index] = empty;
    empty->index = v->index;
    im->values[0] = v;
    v->index = 0;
    im->input = 0;
}

bs_status bs_names_of_activations(bs_import *im)
{
    const Onnx__GraphProto *g = im->file;
    for (size_t k = 0; k < g->n_node; k++)
        for (size_t o = 0; o < g->node[k]->n_output; o++) {
            BS_TRY(add_named(im, text(g->node[k]->output[o]), NULL));
            im->values[im->n_values - 1]->made = true;
        }
    return BS_OK;
}

bs_status bs_scope_add_outputs(bs_import *im, Onnx__NodeProto *const *nodes, size_t n)
{
    for (size_t k = 0; k < n; k++) {
        BS_TRY(check_node_names(nodes[k]));
        for (size_t o = 0; o < nodes[k]->n_output; o++) {
            bs_value *v;
            const char *name = text(nodes[k]->output[o]);
            if (!*name || find_in(im->scope, name, &v))
                continue;
            BS_TRY(bs_value_add_inner(im, &v, im->scope->prefix, name));
            v->wanted = false;
            BS_TRY(bs_scope_bind(im, name, v));
        }
    }
    return BS_OK;
}

bs_status bs_scope_add_stored(bs_import *im, const char *name, const Onnx__TensorProto *stored)
{
    bs_value *v;
    BS_TRY(check_utf8("tensor", name));
    BS_TRY(bs_value_add_inner(im, &v, im->scope->prefix, text(name)));
    v->stored = stored;
    return bs_scope_bind(im, text(name), v);
}

static void want(const bs_import *im, const char *name)
{
    bs_value *v;
    if (!bs_names_find(im, name, &v) || !v)
        return;
    v->wanted = true;
    v->readers++;
}

/* Marks what a subgraph reads from around it; its own names may be the same, which does no harm. */
static void want_subgraph(const bs_import *im, const Onnx__GraphProto *g, int depth)
{
    enum { DEEPEST = 16 };
    for (size_t k = 0; k < g->n_output; k++)
        want(im, g->output[k]->name);
    for (size_t k = 0; k < g->n_node && depth < DEEPEST; k++) {
        const Onnx__NodeProto *n = g->node[k];
        for (size_t i = 0; i < n->n_input; i++)
            want(im, n->input[i]);
        for (size_t a = 0; a < n->n_attribute; a++)
            if (n->attribute[a]->g)
                want_subgraph(im, n->attribute[a]->g, depth + 1);
    }
}

/* One pass backwards suffices since the nodes of a file must be in topological order; if they are not, the
 * node that reads too early fails later. */
void bs_names_mark_wanted(bs_import *im, Onnx__NodeProto *const *nodes, size_t count)
{
    for (size_t k = count; k-- > 0;) {
        const Onnx__NodeProto *n = nodes[k];
        bs_value *v;
        bool wanted = false;
        for (size_t o = 0; o < n->n_output && !wanted; o++)
            wanted = bs_names_find(im, n->output[o], &v) && v && v->wanted;
        for (size_t i = 0; wanted && i < n->n_input; i++)
            want(im, n->input[i]);
        for (size_t a = 0; wanted && a < n->n_attribute; a++)
            if (n->attribute[a]->g)
                want_subgraph(im, n->attribute[a]->g, 0);
    }
}

static void keep(void *name)
{
    (void)name; /* the value owns it */
}

void bs_names_clear(bs_import *im)
{
    bs_scope_close(im, &im->file_scope);
    tdestroy(im->inner_names, keep);
    for (int k = 0; k < im->n_values; k++) {
        bs_value *v = im->values[k];
        bs_value_clear(v);
        if (v->own_name) {
            free(v->own_name);
            free(v);
        }
    }
    free(im->values);
    free(im->named);
}
