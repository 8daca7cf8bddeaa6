/* Tiny ONNX models from one line of text, for tests. Statements are separated by ';':
 *
 *   opset 13                      default 13
 *   in x N 3 8 8                  graph input; a letter is an open dimension
 *   f w 2 3 3 3                   float initializer of that shape, values 0, 1, 2 ...
 *   i s 1 -1                      int64 initializer, a list of those values
 *   out y                         graph output
 *   Conv x,w, -> y pads=[1,1,1,1] group=1 alpha=0.5 mode=reflect      a node; "-" is the absent input
 *   Relu x -> y @act/Relu                                             a node with a name
 *   com.microsoft:Gelu x -> y beta=&alpha p=[0.5,1]                    a domain, an attribute of the caller
 *   r w 2 3                       float initializer of reproducible values, see random_values()
 *   v s 0.5 2                     float initializer, a list of those values
 *   type 10 x w                   inputs and float initializers before it have this element type (10 or 16)
 *
 *   begin; in a; ...; out b; end g          a graph ...
 *   If c -> y then_branch=$g                ... which one attribute takes; it may be made inside another
 *   begin; in a; in b; ...; out y; function D:F 18 s=0.5   a function of that domain and opset ("D:F": both);
 *                                 its attribute s is 0.5 where a call has none
 */
#ifndef BS_TESTS_MODEL_BUILD_H
#define BS_TESTS_MODEL_BUILD_H

#include "import/onnx_file.h"
#include "support/model_parts.h"

#include "model/graph.h"
#include "onnx/onnx.pb-c.h"

#include <ctype.h>

/* How models with images of 4 channels begin. */
#define IMAGE "in x N 4 6 6; out y; "

/* Graphs that are being made, the innermost last, and those that wait for the attribute that takes them. */
enum { MOST_GRAPHS = 8 };
static struct {
    Onnx__GraphProto *around[MOST_GRAPHS], *made[MOST_GRAPHS];
    int n_around, n_made;
} graphs;

static inline Onnx__GraphProto *new_graph(void)
{
    Onnx__GraphProto *g = malloc(sizeof *g);
    onnx__graph_proto__init(g);
    return g;
}

static inline Onnx__GraphProto *take_graph(const char *name)
{
    for (int k = 0; k < graphs.n_made; k++) {
        Onnx__GraphProto *g = graphs.made[k];
        if (strcmp(g->name, name) != 0)
            continue;
        graphs.made[k] = graphs.made[--graphs.n_made];
        return g;
    }
    fail_msg("no graph '%s'", name);
    return NULL;
}

static inline Onnx__AttributeProto *read_attribute(char *word)
{
    Onnx__AttributeProto *a = malloc(sizeof *a);
    onnx__attribute_proto__init(a);
    char *value = strchr(word, '=');
    *value++ = '\0';
    a->name = strdup(word);
    a->has_type = 1;
    if (*value == '&') {
        a->has_type = 0;
        a->ref_attr_name = strdup(value + 1);
    } else if (*value == '$') {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__GRAPH;
        a->g = take_graph(value + 1);
    } else if (*value == '[' && strchr(value, '.')) {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOATS;
        for (value++; *value && *value != ']'; value += *value == ',') {
            a->floats = realloc(a->floats, (a->n_floats + 1) * sizeof *a->floats);
            a->floats[a->n_floats++] = strtof(value, &value);
        }
    } else if (*value == '[') {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INTS;
        for (value++; *value && *value != ']'; value += *value == ',')
            push_int(&a->ints, &a->n_ints, strtoll(value, &value, 10));
    } else if (isalpha((unsigned char)*value)) {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__STRING;
        a->has_s = 1;
        a->s.len = strlen(value);
        a->s.data = (uint8_t *)strdup(value);
    } else if (strchr(value, '.')) {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
        a->has_f = 1;
        a->f = strtof(value, NULL);
    } else {
        a->type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__INT;
        a->has_i = 1;
        a->i = strtoll(value, NULL, 10);
    }
    return a;
}

static inline void read_names(char ***array, size_t *n, char *list)
{
    char *save;
    for (char *name = strtok_r(list, ",", &save); name; name = strtok_r(NULL, ",", &save))
        push(array, n, strdup(strcmp(name, "-") == 0 ? "" : name));
}

static inline Onnx__NodeProto *read_node(const char *op, char **save)
{
    Onnx__NodeProto *n = malloc(sizeof *n);
    onnx__node_proto__init(n);
    const char *colon = strchr(op, ':');
    n->op_type = strdup(colon ? colon + 1 : op);
    if (colon)
        n->domain = strndup(op, (size_t)(colon - op));
    bool outputs = false;
    for (char *word; (word = strtok_r(NULL, " ", save));) {
        if (strcmp(word, "->") == 0)
            outputs = true;
        else if (*word == '@')
            n->name = strdup(word + 1);
        else if (strchr(word, '='))
            push(&n->attribute, &n->n_attribute, read_attribute(word));
        else if (outputs)
            read_names(&n->output, &n->n_output, word);
        else
            read_names(&n->input, &n->n_input, word);
    }
    return n;
}

/* Makes a function of a graph. */
static inline Onnx__FunctionProto *function_of(Onnx__GraphProto *g, const char *name, int64_t opset)
{
    Onnx__FunctionProto *f = malloc(sizeof *f);
    const char *colon = strchr(name, ':');
    onnx__function_proto__init(f);
    f->name = strdup(colon + 1);
    f->domain = strndup(name, (size_t)(colon - name));
    for (size_t k = 0; k < g->n_input; k++)
        push(&f->input, &f->n_input, strdup(g->input[k]->name));
    for (size_t k = 0; k < g->n_output; k++)
        push(&f->output, &f->n_output, strdup(g->output[k]->name));
    f->node = g->node;
    f->n_node = g->n_node;
    g->node = NULL;
    g->n_node = 0;
    onnx__graph_proto__free_unpacked(g, NULL);
    Onnx__OperatorSetIdProto *o = malloc(sizeof *o);
    onnx__operator_set_id_proto__init(o);
    o->has_version = 1;
    o->version = opset;
    push(&f->opset_import, &f->n_opset_import, o);
    return f;
}

/* Gives an attribute of a function a default: field 11, which is written as one that nothing knows, since
 * some versions of the definition do not. */
static inline void add_default(Onnx__FunctionProto *f, char *word)
{
    char *value = strchr(word, '=');
    Onnx__AttributeProto a = ONNX__ATTRIBUTE_PROTO__INIT;
    *value = '\0';
    a.name = word;
    a.has_type = a.has_f = 1;
    a.type = ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__FLOAT;
    a.f = strtof(value + 1, NULL);
    size_t n = onnx__attribute_proto__get_packed_size(&a);
    assert_true(n < 128);
    ProtobufCMessageUnknownField field = {11, PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED, n + 1, malloc(n + 1)};
    field.data[0] = (uint8_t)n;
    onnx__attribute_proto__pack(&a, field.data + 1);
    f->base.unknown_fields = realloc(f->base.unknown_fields, (f->base.n_unknown_fields + 1) * sizeof field);
    f->base.unknown_fields[f->base.n_unknown_fields++] = field;
}

/* Reads "begin", "end" and "function"; returns false for other statements. */
static inline bool read_block(Onnx__ModelProto *m, const char *word, char **save)
{
    if (strcmp(word, "begin") == 0) {
        assert_true(graphs.n_around < MOST_GRAPHS);
        graphs.around[graphs.n_around++] = m->graph;
        m->graph = new_graph();
        return true;
    }
    bool ends = strcmp(word, "end") == 0, function = strcmp(word, "function") == 0;
    if (!ends && !function)
        return false;
    Onnx__GraphProto *g = m->graph;
    const char *name = strtok_r(NULL, " ", save);
    assert_true(graphs.n_around > 0 && graphs.n_made < MOST_GRAPHS);
    m->graph = graphs.around[--graphs.n_around];
    if (function) {
        Onnx__FunctionProto *f = function_of(g, name, strtoll(strtok_r(NULL, " ", save), NULL, 10));
        push(&m->functions, &m->n_functions, f);
        for (char *w; (w = strtok_r(NULL, " ", save));)
            add_default(f, w);
        return true;
    }
    g->name = strdup(name);
    graphs.made[graphs.n_made++] = g;
    return true;
}

/* Stores floats as FLOAT16 or BFLOAT16. */
static inline void store_as(Onnx__TensorProto *t, int type)
{
    bool half = type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16;
    t->data_type = type;
    t->int32_data = malloc(t->n_float_data * sizeof *t->int32_data);
    for (size_t k = 0; k < t->n_float_data; k++)
        t->int32_data[k] =
            (int32_t)(half ? bs_fp16_encode(t->float_data[k]) : bs_bf16_encode(t->float_data[k]));
    t->n_int32_data = t->n_float_data;
    t->n_float_data = 0;
    free(t->float_data);
    t->float_data = NULL;
}

static inline void read_type(Onnx__GraphProto *g, char **save)
{
    int type = atoi(strtok_r(NULL, " ", save));
    for (char *name; (name = strtok_r(NULL, " ", save));) {
        for (size_t k = 0; k < g->n_input; k++)
            if (strcmp(g->input[k]->name, name) == 0)
                g->input[k]->type->tensor_type->elem_type = type;
        for (size_t k = 0; k < g->n_initializer; k++)
            if (strcmp(g->initializer[k]->name, name) == 0)
                store_as(g->initializer[k], type);
    }
}

static inline void read_statement(Onnx__ModelProto *m, char *text)
{
    char *save, *word = strtok_r(text, " ", &save);
    Onnx__GraphProto *g = m->graph;
    if (!word)
        return;
    if (read_block(m, word, &save))
        return;
    if (strcmp(word, "type") == 0) {
        read_type(g, &save);
    } else if (strcmp(word, "opset") == 0) {
        m->opset_import[0]->version = strtoll(strtok_r(NULL, " ", &save), NULL, 10);
    } else if (strcmp(word, "in") == 0) {
        Onnx__ValueInfoProto *v = new_info(strtok_r(NULL, " ", &save));
        read_input_type(v, strtok_r(NULL, " ", &save), &save);
        push(&g->input, &g->n_input, v);
    } else if (strcmp(word, "out") == 0) {
        push(&g->output, &g->n_output, new_info(strtok_r(NULL, " ", &save)));
    } else if (strcmp(word, "f") == 0 || strcmp(word, "r") == 0) {
        Onnx__TensorProto *t = new_tensor(strtok_r(NULL, " ", &save), ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
        read_floats(t, &save);
        if (*word == 'r')
            random_values(t->name, t->float_data, t->n_float_data);
        push(&g->initializer, &g->n_initializer, t);
    } else if (strcmp(word, "v") == 0) {
        Onnx__TensorProto *t = new_tensor(strtok_r(NULL, " ", &save), ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT);
        while ((word = strtok_r(NULL, " ", &save))) {
            t->float_data = realloc(t->float_data, (t->n_float_data + 1) * sizeof *t->float_data);
            t->float_data[t->n_float_data++] = strtof(word, NULL);
        }
        push_int(&t->dims, &t->n_dims, (int64_t)t->n_float_data);
        push(&g->initializer, &g->n_initializer, t);
    } else if (strcmp(word, "i") == 0) {
        Onnx__TensorProto *t = new_tensor(strtok_r(NULL, " ", &save), ONNX__TENSOR_PROTO__DATA_TYPE__INT64);
        while ((word = strtok_r(NULL, " ", &save)))
            push_int(&t->int64_data, &t->n_int64_data, strtoll(word, NULL, 10));
        push_int(&t->dims, &t->n_dims, (int64_t)t->n_int64_data);
        push(&g->initializer, &g->n_initializer, t);
    } else {
        push(&g->node, &g->n_node, read_node(word, &save));
    }
}

/* Free with onnx__model_proto__free_unpacked(). */
static inline Onnx__ModelProto *build_model(const char *text)
{
    Onnx__ModelProto *m = malloc(sizeof *m);
    onnx__model_proto__init(m);
    Onnx__OperatorSetIdProto *o = malloc(sizeof *o);
    onnx__operator_set_id_proto__init(o);
    o->has_version = 1;
    o->version = 13;
    push(&m->opset_import, &m->n_opset_import, o);
    m->graph = new_graph();
    char *copy = strdup(text), *save;
    for (char *s = strtok_r(copy, ";", &save); s; s = strtok_r(NULL, ";", &save))
        read_statement(m, s);
    free(copy);
    return m;
}

/* Writes bytes to a file of its own and imports it. */
static inline bs_status import_bytes(bs_graph **g, const uint8_t *bytes, size_t len)
{
    char dir[] = "/tmp/bitsink-model-XXXXXX", path[64];
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/m.onnx", dir);
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    assert_int_equal(fclose(f), 0);
    bs_status st = bs_graph_import(g, path, NULL);
    unlink(path);
    rmdir(dir);
    return st;
}

static inline uint8_t *pack_model(const Onnx__ModelProto *m, size_t *len)
{
    *len = onnx__model_proto__get_packed_size(m);
    uint8_t *bytes = malloc(*len);
    onnx__model_proto__pack(m, bytes);
    return bytes;
}

static inline bs_status import_model(bs_graph **g, const Onnx__ModelProto *m)
{
    size_t len;
    uint8_t *bytes = pack_model(m, &len);
    bs_status st = import_bytes(g, bytes, len);
    free(bytes);
    return st;
}

static inline bs_status import_text(bs_graph **g, const char *text)
{
    Onnx__ModelProto *m = build_model(text);
    bs_status st = import_model(g, m);
    onnx__model_proto__free_unpacked(m, NULL);
    return st;
}

/* The tensor's shape as text; fails the test if there is none of the name. */
static inline const char *shape_of(const bs_graph *g, const char *name)
{
    static char text[96];
    for (int k = 0; k < g->n_tensors; k++)
        if (strcmp(g->tensors[k].name, name) == 0)
            return bs_shape_text(&g->tensors[k].shape, text, sizeof text);
    fail_msg("no tensor '%s'", name);
    return NULL;
}

static inline int count_ops(const bs_graph *g, bs_op op)
{
    int n = 0;
    for (int k = 0; k < g->n_nodes; k++)
        n += g->nodes[k].op == op;
    return n;
}

#endif
