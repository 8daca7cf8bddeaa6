/* Nodes, one after the other: folded if all is known, made of steps, or lowered. */
#include "import/fold.h"
#include "import/steps.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static bs_status find_inputs(bs_raw *r)
{
    for (int k = 0; k < r->n_in; k++) {
        const char *name = r->proto->input[k];
        bs_value *v;
        if (!*name)
            continue;
        if (!bs_names_find(r->im, name, &v))
            return bs_raw_fail(r, "its input '%.120s' does not exist", name);
        if (v && v->kind == BS_VALUE_UNKNOWN && v->stored)
            BS_TRY(bs_tensor_read(r->im, v, v->stored));
        if (v && v->kind == BS_VALUE_UNKNOWN) {
            bs_raw_fail(r, "it reads '%.120s' before it is made", name);
            return bs_hint("the nodes of the file are in a cycle or not in topological order");
        }
        r->in[k] = v;
    }
    return BS_OK;
}

static bool all_known(const bs_raw *r)
{
    bool known = true;
    for (int k = 0; k < r->n_in; k++)
        known &= !r->in[k] || r->in[k]->kind != BS_VALUE_ACTIVATION;
    return known;
}

/* Sets *out to a constant as it is in the file. */
static bs_status get_original(bs_raw *r, bs_value *v, bs_value **out)
{
    size_t n = (size_t)v->file_elements;
    *out = v->original;
    if (v->original)
        return BS_OK;
    BS_TRY(bs_value_add_inner(r->im, out, "", v->name));
    BS_TRY(bs_value_alloc(r, *out, v->file_kind, &v->file_shape));
    if (n > 0 && v->file_kind == BS_VALUE_FLOATS)
        memcpy((*out)->f, v->f, n * sizeof *v->f);
    else if (n > 0)
        memcpy((*out)->i, v->i, n * sizeof *v->i);
    (*out)->number = v->number;
    (*out)->dtype = v->dtype;
    (*out)->stored = v->stored;
    (*out)->type = v->type;
    (*out)->invented = v->invented;
    v->original = *out;
    return BS_OK;
}

/* Gives constants back what they lost where they met images: to a node that is folded, and truth values to
 * one that is made of steps. */
static bs_status restore(bs_raw *r, bool known)
{
    for (int k = 0; k < r->n_in; k++)
        if (r->in[k] && r->in[k]->adapted && (known || r->in[k]->file_kind == BS_VALUE_INTS))
            BS_TRY(get_original(r, r->in[k], &r->in[k]));
    return BS_OK;
}

static bs_status fold(bs_raw *r, bs_fold_fn function)
{
    if ((r->n_in < 1 || !r->in[0]) && strcmp(r->op, "Constant") != 0)
        return bs_raw_fail(r, "input 0 is missing");
    bool made = r->n_out == 1 ? r->out[0] != NULL : bs_fold_makes_several(r->op);
    if (!made)
        return bs_raw_fail(r, "it has no output");
    BS_TRY(function(r, r->out[0]));
    for (int k = 0; k < r->n_out; k++)
        if (r->out[k])
            bs_value_store(r->out[k], r->dtype);
    return BS_OK;
}

/* Makes a node of steps. *done: false if it is none of these. */
static bs_status run_steps(bs_raw *r, bs_expand_fn expand, bool *done)
{
    int first = r->im->n_values;
    BS_TRY(bs_expand_check(r));
    BS_TRY(expand(r, done));
    for (int k = 0; k < r->n_out && *done; k++)
        if (r->out[k])
            bs_value_settle(r->im, r->out[k], r->dtype, first);
    return BS_OK;
}

bs_status bs_nodes_run(bs_raw *r)
{
    const char *domain = bs_domain(r->proto->domain);
    bool standard = !*domain, known = standard && all_known(r);
    bool one = (r->n_out == 1 && r->out[0]) || bs_fold_makes_several(r->op);
    bs_expand_fn expand = bs_expand_find(domain, r->op);
    /* Shapes are known even if the data is not. */
    bool shape = standard && bs_fold_reads_shape(r->op);
    bs_fold_fn function = (known && one) || shape ? bs_fold_find(r->op) : NULL;
    if (known || expand)
        BS_TRY(restore(r, known));
    if (function)
        return fold(r, function);
    bool done = expand != NULL;
    if (expand)
        BS_TRY(run_steps(r, expand, &done));
    if (done)
        return BS_OK;
    if (!standard)
        return bs_expand_refuse(r, domain);
    BS_TRY(bs_lower_operands(r));
    return known ? bs_fold_by_running(r) : bs_lower(r);
}

/* Bodies may name an output as one that they have already; those of the file are checked as a whole. */
static bs_status check_outputs(const bs_raw *r)
{
    for (int k = 0; k < r->n_out; k++) {
        const bs_value *v = r->out[k];
        bool twice = v && (v->kind != BS_VALUE_UNKNOWN || v->stored);
        for (int other = 0; other < k && v; other++)
            twice |= r->out[other] == v;
        if (twice) {
            bs_raw_fail(r, "its output '%.120s' is defined twice", r->proto->output[k]);
            return bs_hint("each tensor name may be made once; check the model with onnx.checker");
        }
    }
    return BS_OK;
}

/* Names a node of an inner scope. *made: to be freed. */
static bs_status name_node(const bs_import *im, bs_raw *r, char **made)
{
    r->name = bs_node_name(r->proto);
    if (!*im->scope->prefix)
        return BS_OK;
    bs_str text = {0};
    bs_str_printf(&text, "%s/%s", im->scope->prefix, r->name);
    if (!text.ptr)
        return bs_oom("node name");
    r->name = *made = text.ptr;
    return BS_OK;
}

static bs_status import_node(bs_import *im, const Onnx__NodeProto *p)
{
    bs_raw r = {.im = im,
                .proto = p,
                .op = p->op_type ? p->op_type : "",
                .opset = im->scope->opset,
                .scope = im->scope};
    bs_status st = BS_OK;
    bool wanted = false;
    char *made = NULL;
    if (p->n_input > INT32_MAX / 2 || p->n_output > INT32_MAX / 2)
        return bs_fail(BS_ERR, "a node has too many inputs");
    r.n_in = (int)p->n_input;
    r.n_out = (int)p->n_output;
    BS_TRY_GOTO(bs_calloc(&r.in, p->n_input, sizeof *r.in, "node inputs"), out);
    BS_TRY_GOTO(bs_calloc(&r.out, p->n_output, sizeof *r.out, "node outputs"), out);
    BS_TRY_GOTO(name_node(im, &r, &made), out);
    for (int k = 0; k < r.n_out; k++)
        wanted |= bs_names_find(im, p->output[k], &r.out[k]) && r.out[k] && r.out[k]->wanted;
    if (!wanted)
        goto out;
    for (int k = r.n_out - 1; k >= 0 && !im->scope->before; k--)
        im->before = r.out[k] ? r.out[k]->index : im->before;
    BS_TRY_GOTO(check_outputs(&r), out);
    BS_TRY_GOTO(find_inputs(&r), out);
    r.dtype = bs_result_type(&r);
    bs_inline_fn function = bs_inline_find(im, p);
    st = function ? function(&r) : bs_nodes_run(&r);
out:
    free(r.in);
    free(r.out);
    free(made);
    return st;
}

bs_status bs_nodes_import(bs_import *im, Onnx__NodeProto *const *nodes, size_t n)
{
    for (size_t k = 0; k < n; k++)
        BS_TRY(import_node(im, nodes[k]));
    return BS_OK;
}
