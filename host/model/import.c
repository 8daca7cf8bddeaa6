#include "model/import.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static bool default_domain(const char *domain)
{
    return !domain || !*domain || strcmp(domain, "ai.onnx") == 0;
}

static bs_status check_model(bs_import *im)
{
    const Onnx__ModelProto *m = im->model;
    if (!m->graph || m->graph->n_node == 0) {
        bs_fail(BS_ERR, "the model has no nodes");
        return bs_hint("is this an ONNX model? Check it with onnx.checker");
    }
    for (size_t k = 0; k < m->n_opset_import; k++)
        if (default_domain(m->opset_import[k]->domain)) {
            int64_t v = m->opset_import[k]->version;
            im->opset = v < 0 || v > 1000 ? 1000 : (int)v;
        }
    if (im->opset < BS_MIN_OPSET || im->opset > BS_MAX_OPSET) {
        bs_fail(BS_ERR, "the model uses opset %d, supported are %d to %d", im->opset, BS_MIN_OPSET,
                BS_MAX_OPSET);
        return bs_hint("convert it with onnx.version_converter, or export it with opset_version=13");
    }
    if (m->graph->n_sparse_initializer) {
        bs_fail(BS_ERR, "sparse initializers are not supported");
        return bs_hint("store the parameters as dense tensors");
    }
    im->file = m->graph;
    return BS_OK;
}

static bs_status find_inputs(bs_raw *r)
{
    for (int k = 0; k < r->n_in; k++) {
        const char *name = r->proto->input[k];
        if (!*name)
            continue;
        int v = bs_names_find(r->im, name);
        if (v < 0)
            return bs_raw_fail(r, "its input '%.120s' does not exist", name);
        r->in[k] = &r->im->values[v];
        if (r->in[k]->kind == BS_VALUE_UNKNOWN && r->in[k]->stored)
            BS_TRY(bs_tensor_read(r->im, r->in[k], r->in[k]->stored));
        if (r->in[k]->kind == BS_VALUE_UNKNOWN) {
            bs_raw_fail(r, "it reads '%.120s' before it is made", name);
            return bs_hint("the nodes of the file are in a cycle or not in topological order");
        }
    }
    return BS_OK;
}

static bs_status run_raw(bs_raw *r)
{
    if (!default_domain(r->proto->domain)) {
        bs_raw_fail(r, "operator domain '%.120s' is not supported", r->proto->domain);
        return bs_hint("only standard ONNX operators are supported; export without custom operators");
    }
    BS_TRY(find_inputs(r));
    bool known = r->n_out == 1 && r->out[0];
    for (int k = 0; k < r->n_in; k++)
        known &= !r->in[k] || r->in[k]->kind != BS_VALUE_ACTIVATION;
    /* Shapes are known even if the data is not. */
    known |= strcmp(r->op, "Shape") == 0 || strcmp(r->op, "Size") == 0;
    bs_fold_fn fold = known ? bs_fold_find(r->op) : NULL;
    if (!fold)
        return bs_lower(r);
    if ((r->n_in < 1 || !r->in[0]) && strcmp(r->op, "Constant") != 0)
        return bs_raw_fail(r, "input 0 is missing");
    return r->n_out == 1 && r->out[0] ? fold(r, r->out[0]) : bs_raw_fail(r, "it has no output");
}

static bs_status import_node(bs_import *im, size_t index)
{
    const Onnx__NodeProto *p = im->file->node[index];
    bs_raw r = {.im = im, .proto = p, .op = p->op_type ? p->op_type : ""};
    bs_status st = BS_OK;
    bool wanted = false;
    if (p->n_input > INT32_MAX / 2 || p->n_output > INT32_MAX / 2)
        return bs_fail(BS_ERR, "a node has too many inputs");
    r.n_in = (int)p->n_input;
    r.n_out = (int)p->n_output;
    BS_TRY_GOTO(bs_calloc(&r.in, p->n_input, sizeof *r.in, "node inputs"), out);
    BS_TRY_GOTO(bs_calloc(&r.out, p->n_output, sizeof *r.out, "node outputs"), out);
    r.name = p->name && *p->name ? p->name : p->n_output ? p->output[0] : "";
    for (int k = 0; k < r.n_out; k++) {
        int v = bs_names_find(im, p->output[k]);
        r.out[k] = v >= 0 ? &im->values[v] : NULL;
        wanted |= v >= 0 && im->values[v].wanted;
    }
    if (wanted)
        st = run_raw(&r);
out:
    free(r.in);
    free(r.out);
    return st;
}

static void import_clear(bs_import *im)
{
    for (int k = 0; k < im->n_values; k++)
        bs_value_clear(&im->values[k]);
    for (size_t k = 0; k < im->n_nodes; k++) {
        free(im->nodes[k].name);
        free(im->nodes[k].in);
        free(im->nodes[k].index);
    }
    if (im->has_names)
        hdestroy_r(&im->names);
    free(im->values);
    free(im->nodes);
    bs_model_file_clear(&im->bytes_of);
    if (im->model)
        onnx__model_proto__free_unpacked(im->model, NULL);
}

bs_status bs_graph_import_model(bs_graph **out, Onnx__ModelProto *model, bs_model_file *file,
                                const char sha256[65], const char *name, const bs_import_options *options)
{
    static const bs_import_options nothing;
    bs_import im = {.path = name, .options = options ? options : &nothing, .output = -1, .model = model};
    if (file)
        im.bytes_of = *file;
    bs_graph *g = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY_GOTO(bs_calloc(&g, 1, sizeof *g, "model"), out);
    memcpy(g->sha256, sha256, sizeof g->sha256);
    BS_TRY_GOTO(check_model(&im), out);
    BS_TRY_GOTO(bs_names_of_initializers(&im), out);
    BS_TRY_GOTO(bs_names_of_inputs(&im), out);
    BS_TRY_GOTO(bs_names_of_activations(&im), out);
    BS_TRY_GOTO(bs_interface_output(&im), out);
    bs_names_mark_wanted(&im);
    BS_TRY_GOTO(bs_interface_inputs(&im), out);
    BS_TRY_GOTO(bs_image_input(&im), out);
    for (size_t k = 0; k < im.file->n_node; k++)
        BS_TRY_GOTO(import_node(&im, k), out);
    BS_TRY_GOTO(bs_import_finish(&im, g), out);
    bs_external_hash(&im, g->sha256);
    BS_TRY_GOTO(bs_interface_hash(&im, g->sha256), out);
    g->bytes = im.bytes_input;
    *out = g;
    g = NULL;
out:
    if (st != BS_OK)
        bs_context("model '%s'", name);
    import_clear(&im);
    bs_graph_free(g);
    return st;
}

bs_status bs_graph_import(bs_graph **out, const char *path, const bs_import_options *options)
{
    Onnx__ModelProto *model;
    bs_model_file file;
    char sha256[65];
    *out = NULL;
    BS_TRY(bs_onnx_parse(&model, &file, sha256, path));
    return bs_graph_import_model(out, model, &file, sha256, path, options);
}
