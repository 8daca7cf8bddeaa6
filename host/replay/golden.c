#include "replay/golden.h"

#include "base/buf.h"

#include <stdlib.h>
#include <xxhash.h>

size_t bs_golden_image_bytes(const bs_graph *g, const bs_backend *backend, const bs_network *network)
{
    size_t bytes = 0;
    for (int t = 0; t < g->n_tensors; t++)
        if (!g->tensors[t].constant)
            bytes += backend->row_bytes(network, t);
    return bytes;
}

static bs_status allocate(bs_golden *golden)
{
    const bs_graph *g = golden->graph;
    size_t n = (size_t)golden->capacity;
    BS_TRY(bs_calloc(&golden->rows, (size_t)g->n_tensors, sizeof *golden->rows, "golden run"));
    BS_TRY(bs_calloc(&golden->answer, n, sizeof *golden->answer, "golden run"));
    BS_TRY(bs_calloc(&golden->output_hash, n, sizeof *golden->output_hash, "golden run"));
    BS_TRY(bs_calloc(&golden->output, n * (size_t)g->classes, sizeof *golden->output, "golden run"));
    for (int t = 0; t < g->n_tensors; t++)
        if (!g->tensors[t].constant)
            BS_TRY(golden->backend->alloc(golden->stream, &golden->rows[t],
                                          n * golden->backend->row_bytes(golden->network, t)));
    return BS_OK;
}

bs_status bs_golden_create(bs_golden **out, const bs_graph *g, const bs_backend *backend,
                           const bs_network *network, bs_stream *stream, int capacity)
{
    BS_TRY(bs_calloc(out, 1, sizeof **out, "golden run"));
    bs_golden *golden = *out;
    golden->backend = backend;
    golden->graph = g;
    golden->network = network;
    golden->stream = stream;
    golden->capacity = capacity;
    bs_status st = allocate(golden);
    if (st != BS_OK) {
        bs_golden_free(golden);
        *out = NULL;
    }
    return st;
}

void bs_golden_free(bs_golden *golden)
{
    if (!golden)
        return;
    for (int t = 0; golden->rows && t < golden->graph->n_tensors; t++)
        if (golden->rows[t])
            golden->backend->free(golden->stream, golden->rows[t]);
    free(golden->rows);
    free(golden->answer);
    free(golden->output_hash);
    free(golden->output);
    free(golden);
}

static void *row_of(const bs_golden *golden, int tensor, int i)
{
    return (char *)golden->rows[tensor] + (size_t)i * golden->backend->row_bytes(golden->network, tensor);
}

/* A backend without pixels gets the image's number, which must not be rounded. */
bs_status bs_golden_upload(bs_golden *golden, int i, float *data)
{
    int input = golden->graph->input;
    const bs_tensor *t = &golden->graph->tensors[input];
    bool rounds = golden->backend->needs_pixels && !bs_dtype_word_of(t->type).exact;
    for (int64_t k = 0; rounds && k < t->elements; k++)
        data[k] = bs_dtype_round(t->type, data[k]);
    return golden->backend->upload(golden->stream, input, row_of(golden, input, i), data);
}

bs_status bs_golden_run(bs_golden *golden, int n)
{
    const bs_graph *g = golden->graph;
    bs_view *in;
    bs_status st = BS_OK;
    BS_TRY(bs_calloc(&in, (size_t)bs_graph_max_inputs(g), sizeof *in, "golden run"));
    for (int i = 0; i < g->n_nodes; i++) {
        const bs_node *node = &g->nodes[i];
        for (int k = 0; k < node->n_in; k++)
            in[k] = (bs_view){node->in[k] < 0 ? NULL : golden->rows[node->in[k]], NULL};
        BS_TRY_GOTO(golden->backend->run(golden->stream, i, n, in, golden->rows[node->out]), out);
    }
    BS_TRY_GOTO(golden->backend->rank(golden->stream, n, golden->rows[g->output], NULL, golden->answer), out);
    size_t classes = (size_t)g->classes;
    for (int i = 0; i < n; i++) {
        float *output = golden->output + (size_t)i * classes;
        BS_TRY_GOTO(
            golden->backend->download(golden->stream, g->output, row_of(golden, g->output, i), output), out);
        golden->output_hash[i] = XXH3_64bits(output, classes * sizeof *output);
    }
    golden->n = n;
out:
    free(in);
    return st;
}
