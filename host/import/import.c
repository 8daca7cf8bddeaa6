/* A model, from its file to a graph. */
#include "import/steps.h"
#include "import/onnx_file.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

static bs_status check_model(bs_import *im)
{
    const Onnx__ModelProto *m = im->model;
    if (!m->graph || m->graph->n_node == 0) {
        bs_fail(BS_ERR, "the model has no nodes");
        return bs_hint("is this an ONNX model? Check it with onnx.checker");
    }
    for (size_t k = 0; k < m->n_opset_import; k++)
        if (!*bs_domain(m->opset_import[k]->domain))
            BS_TRY(bs_opset_of(m->opset_import[k], &im->file_scope.opset));
    if (im->file_scope.opset == 0)
        return bs_opset_of(&(Onnx__OperatorSetIdProto){.version = 0}, &im->file_scope.opset);
    if (m->graph->n_sparse_initializer) {
        bs_fail(BS_ERR, "sparse initializers are not supported");
        return bs_hint("store the parameters as dense tensors");
    }
    im->file = m->graph;
    return BS_OK;
}

static void import_clear(bs_import *im)
{
    bs_names_clear(im);
    bs_nodes_clear(im);
    bs_model_file_clear(&im->bytes_of);
    if (im->model)
        onnx__model_proto__free_unpacked(im->model, NULL);
}

bs_status bs_graph_import_model(bs_graph **out, Onnx__ModelProto *model, bs_model_file *file,
                                const char sha256[65], const char *name, const bs_import_options *options)
{
    static const bs_import_options nothing;
    bs_import im = {.path = name,
                    .options = options ? options : &nothing,
                    .output = -1,
                    .model = model,
                    .file_scope.prefix = "",
                    .import_nodes = bs_nodes_import,
                    .run_node = bs_nodes_run};
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
    im.values[im.output]->wanted = true;
    bs_names_mark_wanted(&im, im.file->node, im.file->n_node);
    BS_TRY_GOTO(bs_interface_inputs(&im), out);
    BS_TRY_GOTO(bs_image_input(&im), out);
    BS_TRY_GOTO(bs_nodes_import(&im, im.file->node, im.file->n_node), out);
    BS_TRY_GOTO(bs_import_finish(&im, g), out);
    BS_TRY_GOTO(bs_remarks_make(&im, g), out);
    bs_external_hash(&im, g->sha256);
    BS_TRY_GOTO(bs_interface_hash(&im, g->sha256), out);
    g->bytes = im.bytes_input;
    g->doubles = im.doubles;
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
