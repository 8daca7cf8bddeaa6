/* Branches, loops and functions whose course is known: the nodes of their bodies take the place of the node.
 */
#include "import/steps.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* A loop of many rounds would fill the memory with nodes. */
enum { MOST_ROUNDS = 4096, MOST_NODES = 1 << 18 };

typedef struct body {
    Onnx__NodeProto *const *nodes;
    size_t n_nodes;
    Onnx__TensorProto *const *stored;
    size_t n_stored;
    int n_in, n_out;
    const char **in, **out;
} body;

static void body_clear(body *b)
{
    free(b->in);
    free(b->out);
}

/* Files may lack names. */
static const char *text(const char *name)
{
    return name ? name : "";
}

static bs_status body_of_graph(body *b, const Onnx__GraphProto *g)
{
    *b = (body){
        .nodes = g->node, .n_nodes = g->n_node, .stored = g->initializer, .n_stored = g->n_initializer};
    BS_TRY(bs_calloc(&b->in, g->n_input + 1, sizeof *b->in, "names"));
    BS_TRY(bs_calloc(&b->out, g->n_output + 1, sizeof *b->out, "names"));
    for (; (size_t)b->n_in < g->n_input; b->n_in++)
        b->in[b->n_in] = text(g->input[b->n_in]->name);
    for (; (size_t)b->n_out < g->n_output; b->n_out++)
        b->out[b->n_out] = text(g->output[b->n_out]->name);
    return BS_OK;
}

static bs_status body_of_function(body *b, const Onnx__FunctionProto *f)
{
    *b = (body){.nodes = f->node, .n_nodes = f->n_node};
    BS_TRY(bs_calloc(&b->in, f->n_input + 1, sizeof *b->in, "names"));
    BS_TRY(bs_calloc(&b->out, f->n_output + 1, sizeof *b->out, "names"));
    for (; (size_t)b->n_in < f->n_input; b->n_in++)
        b->in[b->n_in] = f->input[b->n_in];
    for (; (size_t)b->n_out < f->n_output; b->n_out++)
        b->out[b->n_out] = f->output[b->n_out];
    return BS_OK;
}

static size_t count_names(const body *b)
{
    size_t count = b->n_stored + (size_t)b->n_in + (size_t)b->n_out;
    for (size_t k = 0; k < b->n_nodes; k++)
        count += b->nodes[k]->n_output;
    return count;
}

static bool makes(const body *b, const char *name)
{
    for (size_t k = 0; k < b->n_nodes; k++)
        for (size_t o = 0; o < b->nodes[k]->n_output; o++)
            if (strcmp(b->nodes[k]->output[o], name) == 0)
                return true;
    return false;
}

/* Gives every name of the body its value. Outputs that are wanted under a value of their own (out[k]) are
 * made as that, if a node makes them. */
static bs_status bind(bs_raw *r, const body *b, bs_value *const *in, bs_value *const *out)
{
    bs_import *im = r->im;
    for (int k = 0; k < b->n_in; k++)
        BS_TRY(bs_scope_bind(im, b->in[k], in[k]));
    for (int k = 0; k < b->n_out; k++)
        if (out[k] && makes(b, b->out[k]))
            BS_TRY(bs_scope_bind(im, b->out[k], out[k]));
    for (size_t k = 0; k < b->n_stored; k++)
        BS_TRY(bs_scope_add_stored(im, b->stored[k]->name, b->stored[k]));
    return bs_scope_add_outputs(im, b->nodes, b->n_nodes);
}

/* Gets the value of an output once the body has run. */
static bs_status take(bs_raw *r, const char *name, bs_value **out)
{
    bs_value *v;
    if (!bs_names_find(r->im, name, &v) || !v)
        return bs_raw_fail(r, "its output '%.120s' does not exist", name);
    if (v->kind == BS_VALUE_UNKNOWN && v->stored)
        BS_TRY(bs_tensor_read(r->im, v, v->stored));
    if (v->kind == BS_VALUE_UNKNOWN) {
        bs_raw_fail(r, "its output '%.120s' is not made yet", name);
        return bs_hint("the nodes of the file are in a cycle or not in topological order");
    }
    if (v == *out)
        return BS_OK;
    if (*out)
        return bs_step_1(r, out, "Identity", v);
    *out = v;
    return BS_OK;
}

/* Imports the body in scope `s`. in: a value, or NULL, for each of its inputs. out[k]: the value that output
 * k is to become, or NULL; then it is set to the value that the output is. */
static bs_status run_body(bs_raw *r, const body *b, bs_scope *s, bool inside, bs_value *const *in,
                          bs_value **out)
{
    bs_import *im = r->im;
    bs_status st;
    bs_value *v;
    if ((im->unrolled += (int64_t)b->n_nodes) > MOST_NODES) {
        bs_raw_fail(r, "loops and functions of the model come to more than %d nodes", MOST_NODES);
        return bs_hint("export the model without loops of many rounds");
    }
    BS_TRY(bs_scope_open(im, s, inside, count_names(b)));
    BS_TRY_GOTO(bind(r, b, in, out), out);
    for (int k = 0; k < b->n_out; k++)
        if ((!out[k] || out[k]->wanted) && bs_names_find(im, b->out[k], &v) && v)
            v->wanted = true;
    bs_names_mark_wanted(im, b->nodes, b->n_nodes);
    BS_TRY_GOTO(im->import_nodes(im, b->nodes, b->n_nodes), out);
    for (int k = 0; k < b->n_out; k++)
        if (!out[k] || out[k]->wanted)
            BS_TRY_GOTO(take(r, b->out[k], &out[k]), out);
out:
    bs_scope_close(im, s);
    return st;
}

/* Returns true if the value is a truth value that is known. */
static bool is_known(const bs_value *v, bool *truth)
{
    if (!v || v->elements != 1 || (v->kind != BS_VALUE_INTS && v->kind != BS_VALUE_FLOATS))
        return false;
    *truth = v->kind == BS_VALUE_INTS ? v->i[0] != 0 : v->f[0] != 0.0f;
    return true;
}

static bs_status find_body(bs_raw *r, const char *name, body *b)
{
    const Onnx__AttributeProto *a = bs_attr_find(r, name);
    return a && a->g ? body_of_graph(b, a->g) : bs_raw_fail(r, "attribute '%s' is missing", name);
}

bs_status bs_inline_if(bs_raw *r)
{
    bool truth;
    body b = {0};
    bs_status st;
    if (!is_known(bs_raw_input(r, 0), &truth))
        return bs_lower(r); /* which refuses it */
    bs_scope s = {.prefix = r->im->scope->prefix, .opset = r->opset};
    BS_TRY_GOTO(find_body(r, truth ? "then_branch" : "else_branch", &b), out);
    if (b.n_in > 0 || b.n_out != r->n_out)
        BS_TRY_GOTO(bs_raw_fail(r, "its branch has %d inputs and %d outputs", b.n_in, b.n_out), out);
    st = run_body(r, &b, &s, true, NULL, r->out);
out:
    body_clear(&b);
    return st;
}

/* --- functions --- */

/* Returns the first function that the node may mean, and their number: which of several it means is in a
 * field that the definition of Debian 12 lacks. */
static const Onnx__FunctionProto *find_function(const bs_import *im, const Onnx__NodeProto *p, int *count)
{
    const Onnx__FunctionProto *first = NULL;
    *count = 0;
    for (size_t k = 0; k < im->model->n_functions; k++) {
        const Onnx__FunctionProto *f = im->model->functions[k];
        if (!f->name || !p->op_type || strcmp(f->name, p->op_type) != 0 ||
            strcmp(bs_domain(f->domain), bs_domain(p->domain)) != 0)
            continue;
        first = first ? first : f;
        ++*count;
    }
    return first;
}

/* Adds the default of an attribute, from the bytes of a message with its length before it. */
static bs_status add_default(bs_raw *r, bs_scope *s, const uint8_t *bytes, size_t n)
{
    size_t at = 0;
    while (at < n && bytes[at++] & 0x80)
        ;
    Onnx__AttributeProto *a = onnx__attribute_proto__unpack(NULL, n - at, bytes + at);
    if (!a)
        return bs_raw_fail(r, "the default of an attribute of its function is damaged");
    s->defaults[s->n_defaults++] = a;
    /* The data of tensors is not where it is looked for. */
    return a->t || a->g ? bs_raw_fail(r, "attribute '%.60s' of its function has a tensor as default", a->name)
                        : BS_OK;
}

/* Reads the defaults of the function's attributes: field 11, which is unknown to the definition that Debian
 * 12 has, so that protobuf-c keeps its bytes. With a later one, it is a member that only a descriptor can
 * name in code that fits both. */
static bs_status read_defaults(bs_raw *r, bs_scope *s, const Onnx__FunctionProto *f)
{
    enum { FIELD = 11 };
    const ProtobufCFieldDescriptor *known =
        protobuf_c_message_descriptor_get_field(f->base.descriptor, FIELD);
    const char *message = (const char *)f;
    size_t n = 0, most = f->base.n_unknown_fields + 1;
    Onnx__AttributeProto *const *list = NULL;
    if (known) {
        memcpy(&n, message + known->quantifier_offset, sizeof n);
        memcpy(&list, message + known->offset, sizeof list);
    }
    s->own_defaults = known == NULL;
    BS_TRY(bs_calloc(&s->defaults, n + most, sizeof *s->defaults, "function"));
    for (size_t k = 0; k < n; k++)
        s->defaults[s->n_defaults++] = list[k];
    for (unsigned k = 0; k < f->base.n_unknown_fields && !known; k++) {
        const ProtobufCMessageUnknownField *field = &f->base.unknown_fields[k];
        if (field->tag == FIELD && field->wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
            BS_TRY(add_default(r, s, field->data, field->len));
    }
    return BS_OK;
}

static void clear_defaults(bs_scope *s)
{
    for (size_t k = 0; k < s->n_defaults && s->own_defaults; k++)
        onnx__attribute_proto__free_unpacked(s->defaults[k], NULL);
    free(s->defaults);
}

static bs_status call_function(bs_raw *r)
{
    int count;
    const Onnx__FunctionProto *f = find_function(r->im, r->proto, &count);
    bs_scope s = {.prefix = r->name, .call = r, .opset = r->im->file_scope.opset};
    bs_value **in = NULL, **out = NULL;
    body b;
    bs_status st;
    BS_TRY_GOTO(body_of_function(&b, f), out);
    if (count > 1)
        BS_TRY_GOTO(bs_raw_fail(r, "the file has several functions of this name, which is not supported"),
                    out);
    if (r->n_in > b.n_in || r->n_out > b.n_out)
        BS_TRY_GOTO(bs_raw_fail(r, "%d inputs and %d outputs for a function of %d and %d", r->n_in, r->n_out,
                                b.n_in, b.n_out),
                    out);
    for (size_t k = 0; k < f->n_opset_import; k++)
        if (!*bs_domain(f->opset_import[k]->domain))
            BS_TRY_GOTO(bs_opset_of(f->opset_import[k], &s.opset), out);
    BS_TRY_GOTO(read_defaults(r, &s, f), out);
    BS_TRY_GOTO(bs_calloc(&in, (size_t)b.n_in + 1, sizeof(bs_value *), "function"), out);
    BS_TRY_GOTO(bs_calloc(&out, (size_t)b.n_out + 1, sizeof(bs_value *), "function"), out);
    memcpy(in, r->in, (size_t)r->n_in * sizeof(bs_value *));
    memcpy(out, r->out, (size_t)r->n_out * sizeof(bs_value *));
    b.n_out = r->n_out;
    st = run_body(r, &b, &s, false, in, out);
out:
    body_clear(&b);
    clear_defaults(&s);
    free(in);
    free(out);
    return st;
}

/* --- Loop --- */

/* The state of a loop: its body's inputs are the round, the condition and what rounds hand on; its outputs
 * the condition, what they hand on, and what is collected. */
typedef struct loop {
    body body;
    int n_carried;
    bs_value **in, **out;
    bs_value **collected; /* by round and output */
    size_t cap_collected;
    int64_t rounds;
} loop;

static bs_status run_round(bs_raw *r, loop *l, bool *more)
{
    int scans = l->body.n_out - 1 - l->n_carried;
    bs_scope s = {.prefix = r->name, .opset = r->opset};
    BS_TRY(bs_step_index(r, &l->in[0], l->rounds));
    BS_TRY(bs_step_index(r, &l->in[1], 1));
    memset(l->out, 0, (size_t)l->body.n_out * sizeof(bs_value *));
    BS_TRY(run_body(r, &l->body, &s, true, l->in, l->out));
    if (!is_known(l->out[0], more)) {
        bs_raw_fail(r, "how often it runs depends on the image");
        return bs_hint(
            "control flow that depends on the image cannot be replayed; export a trace of the model");
    }
    memcpy(l->in + 2, l->out + 1, (size_t)l->n_carried * sizeof(bs_value *));
    size_t first = (size_t)l->rounds++ * (size_t)scans;
    BS_TRY(bs_grow(&l->collected, &l->cap_collected, first + (size_t)scans + 1, sizeof(bs_value *), "loop"));
    for (int k = 0; k < scans; k++) {
        bs_value *axis, *v = NULL;
        BS_TRY(bs_step_ints(r, &axis, (int64_t[]){0}, 1));
        BS_TRY(bs_step_2(r, &v, "Unsqueeze", l->out[1 + l->n_carried + k], axis));
        l->collected[first + (size_t)k] = v;
    }
    return BS_OK;
}

/* Hands the results over to the node's outputs. */
static bs_status finish_loop(bs_raw *r, const loop *l)
{
    int scans = l->body.n_out - 1 - l->n_carried;
    for (int k = 0; k < r->n_out; k++) {
        if (!r->out[k] || !r->out[k]->wanted)
            continue;
        if (k < l->n_carried) {
            BS_TRY(bs_step_1(r, &r->out[k], "Identity", l->in[2 + k]));
            continue;
        }
        if (l->rounds < 1 || l->rounds > BS_STEP_MOST)
            return bs_raw_fail(r, "it collects the results of %lld rounds", (long long)l->rounds);
        bs_value *parts[BS_STEP_MOST];
        bs_step_attr axis = bs_attr_of_int("axis", 0);
        for (int64_t i = 0; i < l->rounds; i++)
            parts[i] = l->collected[i * scans + k - l->n_carried];
        BS_TRY(bs_step(r, &r->out[k], "Concat", parts, (int)l->rounds, &axis, 1));
    }
    return BS_OK;
}

bs_status bs_inline_loop(bs_raw *r)
{
    const bs_value *count = bs_raw_input(r, 0), *condition = bs_raw_input(r, 1);
    loop l = {.n_carried = r->n_in > 2 ? r->n_in - 2 : 0};
    bool more = true;
    int64_t most = MOST_ROUNDS + 1;
    bs_status st = BS_OK;
    if ((count && count->kind != BS_VALUE_INTS) || (condition && !is_known(condition, &more)))
        return bs_lower(r); /* which refuses it */
    if (count && count->elements == 1)
        most = count->i[0];
    BS_TRY_GOTO(find_body(r, "body", &l.body), out);
    if (l.body.n_in != 2 + l.n_carried || l.body.n_out < 1 + l.n_carried || r->n_out > l.body.n_out - 1)
        BS_TRY_GOTO(bs_raw_fail(r, "its body has %d inputs and %d outputs", l.body.n_in, l.body.n_out), out);
    BS_TRY_GOTO(bs_calloc(&l.in, (size_t)l.body.n_in + 1, sizeof(bs_value *), "loop"), out);
    BS_TRY_GOTO(bs_calloc(&l.out, (size_t)l.body.n_out + 1, sizeof(bs_value *), "loop"), out);
    for (int k = 0; k < l.n_carried; k++)
        l.in[2 + k] = r->in[2 + k];
    while (more && l.rounds < most) {
        if (l.rounds == MOST_ROUNDS)
            BS_TRY_GOTO(bs_raw_fail(r, "more than %d rounds", MOST_ROUNDS), out);
        BS_TRY_GOTO(run_round(r, &l, &more), out);
    }
    st = finish_loop(r, &l);
out:
    body_clear(&l.body);
    free(l.in);
    free(l.out);
    free(l.collected);
    return st;
}

bs_inline_fn bs_inline_find(const bs_import *im, const Onnx__NodeProto *p)
{
    int count;
    if (find_function(im, p, &count))
        return call_function;
    if (*bs_domain(p->domain) || !p->op_type)
        return NULL;
    return strcmp(p->op_type, "If") == 0     ? bs_inline_if
           : strcmp(p->op_type, "Loop") == 0 ? bs_inline_loop
                                             : NULL;
}
