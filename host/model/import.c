#include "model/import.h"

#include "base/buf.h"
#include "base/log.h"

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

static const Onnx__TypeProto__Tensor *input_type(const bs_import *im)
{
    const char *name = im->values[im->input].name;
    for (size_t k = 0; k < im->file->n_input; k++) {
        const Onnx__ValueInfoProto *i = im->file->input[k];
        if (i->name && strcmp(i->name, name) == 0 && i->type &&
            i->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
            return i->type->tensor_type;
    }
    return NULL;
}

static bs_status check_input_type(const char *name, int type)
{
    if (type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return BS_OK;
    if (type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 || type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE) {
        bs_warn("input '%s' has element type %s; the network is computed in fp32", name, bs_type_name(type));
        return BS_OK;
    }
    bs_fail(BS_ERR, "input '%s' has element type %s, only floating point is supported", name,
            bs_type_name(type));
    return bs_hint("export the network without its preprocessing, with a float input");
}

/* Reads shape and type. The size of axis 0 in the file is the batch of the shape arithmetic; if it is open,
 * the batch is 1. */
static bs_status read_input(bs_import *im)
{
    bs_value *v = &im->values[im->input];
    const Onnx__TypeProto__Tensor *type = input_type(im);
    if (!type || !type->shape || type->shape->n_dim < 2 || type->shape->n_dim > BS_MAX_RANK) {
        bs_fail(BS_ERR, "input '%s' has no usable shape (%zu dimensions)", v->name,
                type && type->shape ? type->shape->n_dim : 0);
        return bs_hint("the input must be (N, C, H, W) or (N, features); export with a fixed image size");
    }
    BS_TRY(check_input_type(v->name, type->elem_type));
    v->shape.rank = (int)type->shape->n_dim;
    for (int k = 0; k < v->shape.rank; k++) {
        const Onnx__TensorShapeProto__Dimension *d = type->shape->dim[k];
        bool known =
            d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value > 0;
        v->shape.dim[k] = known ? d->dim_value : 1;
        if (k == 0)
            im->batch_fixed = known;
        if (k > 0 && !known) {
            bs_fail(BS_ERR, "input '%s': dimension %d is not fixed", v->name, k);
            return bs_hint("export the model with a fixed image size; only the batch may be dynamic");
        }
    }
    im->batch = v->shape.dim[0];
    if (!bs_shape_count(&v->shape, &v->elements) || v->elements > BS_ELEMENT_LIMIT)
        return bs_fail(BS_ERR, "input '%s' is too large", v->name);
    v->kind = BS_VALUE_ACTIVATION;
    v->place = (bs_place){0, 1};
    return BS_OK;
}

static bs_status find_output(bs_import *im)
{
    const Onnx__GraphProto *g = im->file;
    const char *name = g->n_output && g->output[0]->name ? g->output[0]->name : "";
    im->output = bs_names_find(im, name);
    if (im->output < 0) {
        bs_fail(BS_ERR, "no node makes the model's output '%s'", name);
        return bs_hint("the file is damaged; check it with onnx.checker");
    }
    if (g->n_output > 1)
        bs_info("the model has %zu outputs, the first one ('%s') is used", g->n_output, name);
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
                                const char sha256[65], const char *name)
{
    bs_import im = {.path = name, .output = -1, .model = model};
    if (file)
        im.bytes_of = *file;
    bs_graph *g = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY_GOTO(bs_calloc(&g, 1, sizeof *g, "model"), out);
    memcpy(g->sha256, sha256, sizeof g->sha256);
    BS_TRY_GOTO(check_model(&im), out);
    BS_TRY_GOTO(bs_names_build(&im), out);
    BS_TRY_GOTO(read_input(&im), out);
    BS_TRY_GOTO(find_output(&im), out);
    bs_names_mark_wanted(&im);
    for (size_t k = 0; k < im.file->n_node; k++)
        BS_TRY_GOTO(import_node(&im, k), out);
    BS_TRY_GOTO(bs_import_finish(&im, g), out);
    bs_external_hash(&im, g->sha256);
    *out = g;
    g = NULL;
out:
    if (st != BS_OK)
        bs_context("model '%s'", name);
    import_clear(&im);
    bs_graph_free(g);
    return st;
}

bs_status bs_graph_import(bs_graph **out, const char *path)
{
    Onnx__ModelProto *model;
    bs_model_file file;
    char sha256[65];
    *out = NULL;
    BS_TRY(bs_onnx_parse(&model, &file, sha256, path));
    return bs_graph_import_model(out, model, &file, sha256, path);
}
