#include "replay/golden.h"

#include "backend/planes.h"
#include "backend/rounding.h"
#include "base/buf.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/* The most images that run at a time: the memory that a device's libraries need besides grows with them. */
enum { AT_ONCE = 16 };

/* Returns true if a golden run keeps rows of its own for the tensor. */
static bool keeps(const bs_graph *g, const bs_backend *backend, const bs_network *network, int tensor)
{
    return !g->tensors[tensor].constant && bs_graph_inside(g, tensor) < 0 &&
           backend->view_of(network, tensor) < 0;
}

/* Returns the bytes of the largest tensor that node k of any region makes, inside the region. */
static size_t inner_bytes(const bs_graph *g, const bs_backend *backend, const bs_network *network, int k)
{
    size_t most = 0;
    for (int r = 0; r < g->n_regions; r++) {
        const bs_region *region = &g->regions[r];
        size_t bytes = k < region->last - region->first
                           ? backend->row_bytes(network, g->nodes[region->first + k].out)
                           : 0;
        most = bytes > most ? bytes : most;
    }
    return most;
}

size_t bs_golden_image_bytes(const bs_graph *g, const bs_backend *backend, const bs_network *network)
{
    size_t bytes = 0;
    for (int t = 0; t < g->n_tensors; t++)
        if (keeps(g, backend, network, t))
            bytes += backend->row_bytes(network, t);
    for (int k = 0; k < BS_REGION_NODES - 1; k++)
        bytes += inner_bytes(g, backend, network, k);
    return bytes;
}

static bs_status allocate_rows(bs_golden *golden)
{
    const bs_graph *g = golden->graph;
    const bs_backend *be = golden->backend;
    size_t n = (size_t)golden->capacity;
    for (int t = 0; t < g->n_tensors; t++)
        if (keeps(g, be, golden->network, t))
            BS_TRY(be->alloc(golden->stream, &golden->rows[t], n * be->row_bytes(golden->network, t)));
    for (int i = 0; i < g->n_nodes; i++) {
        int parent = be->view_of(golden->network, g->nodes[i].out);
        if (parent >= 0)
            golden->rows[g->nodes[i].out] = golden->rows[parent];
    }
    for (int k = 0; k < BS_REGION_NODES - 1; k++) {
        size_t bytes = n * inner_bytes(g, be, golden->network, k);
        if (bytes > 0)
            BS_TRY(be->alloc(golden->stream, &golden->inner[k], bytes));
    }
    return BS_OK;
}

/* Uploads the parameters that patches read a part of. */
static bs_status upload_parameters(bs_golden *golden)
{
    const bs_graph *g = golden->graph;
    const bs_backend *be = golden->backend;
    bs_plane *planes = NULL;
    bs_status st = BS_OK;
    BS_TRY(bs_planes_choose(&planes, g));
    for (int t = 0; t < g->n_tensors; t++) {
        if (!g->tensors[t].constant || planes[t].axis < 0)
            continue;
        BS_TRY_GOTO(be->alloc(golden->stream, &golden->rows[t], be->row_bytes(golden->network, t)), out);
        BS_TRY_GOTO(be->upload(golden->stream, t, golden->rows[t], g->tensors[t].data), out);
    }
out:
    free(planes);
    return st;
}

static bs_status allocate(bs_golden *golden)
{
    const bs_graph *g = golden->graph;
    size_t n = (size_t)golden->capacity;
    BS_TRY(bs_calloc(&golden->rows, (size_t)g->n_tensors, sizeof *golden->rows, "golden run"));
    BS_TRY(bs_calloc(&golden->at_once, (size_t)g->n_nodes, sizeof *golden->at_once, "golden run"));
    bs_golden_order(golden->at_once, g, golden->backend, golden->network,
                    golden->capacity < AT_ONCE ? golden->capacity : AT_ONCE);
    BS_TRY(bs_calloc(&golden->made, n, sizeof *golden->made, "golden run"));
    BS_TRY(bs_calloc(&golden->answer, n, sizeof *golden->answer, "golden run"));
    BS_TRY(bs_calloc(&golden->output_hash, n, sizeof *golden->output_hash, "golden run"));
    BS_TRY(bs_calloc(&golden->output, n * (size_t)g->classes, sizeof *golden->output, "golden run"));
    BS_TRY(upload_parameters(golden));
    return allocate_rows(golden);
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
    golden->expanded = -1;
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
        if (golden->rows[t] &&
            (golden->graph->tensors[t].constant || keeps(golden->graph, golden->backend, golden->network, t)))
            golden->backend->free(golden->stream, golden->rows[t]);
    for (int k = 0; k < BS_REGION_NODES - 1; k++)
        if (golden->inner[k])
            golden->backend->free(golden->stream, golden->inner[k]);
    free(golden->rows);
    free(golden->at_once);
    free(golden->made);
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
    if (rounds)
        bs_round_values(bs_tensor_format(t, 0), t->elements, data);
    return golden->backend->upload(golden->stream, input, row_of(golden, input, i), data);
}

/* Runs node i, or region r if that is not -1, on images at .. at + n - 1. Tensors that are views are there
 * already. */
static bs_status run_one(const bs_golden *golden, int i, int r, int at, int n, bs_view *in)
{
    const bs_backend *be = golden->backend;
    const bs_node *node = r < 0 ? &golden->graph->nodes[i] : &golden->graph->regions[r].node;
    for (int k = 0; k < node->n_in; k++) {
        int t = node->in[k];
        bool row = t >= 0 && !golden->graph->tensors[t].constant && golden->rows[t];
        in[k] = (bs_view){row ? row_of(golden, t, at) : NULL, NULL};
    }
    if (r >= 0)
        return be->run_region(golden->stream, r, n, NULL, in, row_of(golden, node->out, at));
    if (be->view_of(golden->network, node->out) >= 0)
        return BS_OK;
    return be->run(golden->stream, i, n, in, row_of(golden, node->out, at));
}

/* Runs nodes first .. end - 1 one by one, and regions that lie among them as one unless `apart`, on some
 * images. */
static bs_status run_images(const bs_golden *golden, int first, int end, bool apart, int at, int n,
                            bs_view *in)
{
    for (int i = first; i < end; i++) {
        int r = apart ? -1 : bs_graph_region(golden->graph, i);
        BS_TRY(run_one(golden, i, r, at, n, in));
        i = r < 0 ? i : golden->graph->regions[r].last;
    }
    return BS_OK;
}

/* Runs nodes first .. last on images from .. to - 1, in stretches that take the same number of images at a
 * time. No region is cut, see bs_golden_order(). */
static bs_status run_nodes(const bs_golden *golden, int first, int last, bool apart, int from, int to)
{
    bs_view *in;
    bs_status st = BS_OK;
    BS_TRY(bs_calloc(&in, (size_t)bs_graph_max_inputs(golden->graph), sizeof *in, "golden run"));
    for (int end; first <= last && st == BS_OK; first = end) {
        int step = golden->at_once[first];
        for (end = first; end <= last && golden->at_once[end] == step;)
            end++;
        for (int at = from; at < to && st == BS_OK; at += step)
            st = run_images(golden, first, end, apart, at, to - at < step ? to - at : step, in);
    }
    free(in);
    return st;
}

/* Gives the tensors inside the expanded region rows, or takes them away. */
static void show_inner(const bs_golden *golden, bool shown)
{
    const bs_graph *g = golden->graph;
    const bs_region *r = golden->expanded < 0 ? NULL : &g->regions[golden->expanded];
    for (int k = 0; r && k < r->last - r->first; k++)
        golden->rows[g->nodes[r->first + k].out] = shown ? golden->inner[k] : NULL;
}

enum { NOT_MADE, WANTED, MADE };

bs_status bs_golden_expand(bs_golden *golden, int region, int n, const int32_t *row)
{
    if (golden->expanded != region) {
        show_inner(golden, false);
        golden->expanded = region;
        show_inner(golden, true);
        memset(golden->made, NOT_MADE, (size_t)golden->capacity);
    }
    for (int i = 0; i < n; i++) {
        uint8_t *made = &golden->made[row ? row[i] : i];
        *made = *made == MADE ? MADE : WANTED;
    }
    const bs_region *r = &golden->graph->regions[region];
    for (int from = 0, to; from < golden->n; from = to) {
        for (to = from; to < golden->n && golden->made[to] == golden->made[from];)
            to++;
        if (golden->made[from] != WANTED)
            continue;
        BS_TRY(run_nodes(golden, r->first, r->last - 1, true, from, to));
        memset(golden->made + from, MADE, (size_t)(to - from));
    }
    return BS_OK;
}

bs_status bs_golden_need(bs_golden *golden, int tensor, int n, const int32_t *row)
{
    int region = bs_graph_inside(golden->graph, tensor);
    return region < 0 ? BS_OK : bs_golden_expand(golden, region, n, row);
}

bs_status bs_golden_run(bs_golden *golden, int n)
{
    const bs_graph *g = golden->graph;
    size_t classes = (size_t)g->classes;
    show_inner(golden, false);
    golden->expanded = -1;
    golden->n = n;
    BS_TRY(run_nodes(golden, 0, g->n_nodes - 1, false, 0, n));
    BS_TRY(golden->backend->rank(golden->stream, n, golden->rows[g->output], NULL, golden->answer));
    for (int i = 0; i < n; i++) {
        float *output = golden->output + (size_t)i * classes;
        BS_TRY(golden->backend->download(golden->stream, g->output, row_of(golden, g->output, i), output));
        golden->output_hash[i] = XXH3_64bits(output, classes * sizeof *output);
    }
    return BS_OK;
}
