/* Which engine computes a convolution. cuDNN's heuristics order its engines by speed; the first is taken
 * whose bits do not depend on what else is computed: on random data, patches from the corners and the middle
 * of the plane, in batches of several sizes, and faulty filters must come out as the whole layer has them.
 * Where none passes, products of unfolded rows serve: see gemm.c. */
#include "cuda/cuda.h"

#include "base/buf.h"
#include "base/log.h"

#include <stdlib.h>
#include <string.h>

enum { SPOTS = 5, SAMPLES = 2, MOST_PINS = 8, WORKSPACE = 256 << 20 };

/* One layer under test: two samples of random input, their output by the engine, buffers. */
typedef struct rehearsal {
    bs_lane *l;
    int node;
    CUdeviceptr x, y, patches, made;
    int most; /* patches in a batch */
} rehearsal;

static const int patch_sizes[] = {1, 3, 6, 11};
static const int batches[] = {1, 3, 16};
static const int filter_counts[] = {1, 5}; /* odd ones: some engines want multiples of 4 or 8 */
enum {
    BATCHES = sizeof batches / sizeof *batches,
    SIZES = sizeof patch_sizes / sizeof *patch_sizes,
    COUNTS = sizeof filter_counts / sizeof *filter_counts
};

/* Random, but the same in every run: a linear congruential generator (Knuth's MMIX constants). */
static bs_status fill(bs_lane *l, CUdeviceptr to, int64_t n)
{
    const bs_cuda_api *api = l->network->device->api;
    float *data;
    uint64_t state = 1;
    BS_TRY(bs_alloc_aligned(&data, (size_t)n * sizeof *data, "random data"));
    for (int64_t i = 0; i < n; i++) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        data[i] = (float)(int32_t)(state >> 32) * 0x1p-31f;
    }
    bs_status st = bs_cuda_check(api, api->cuMemcpyHtoDAsync(to, data, (size_t)n * sizeof *data, l->stream),
                                 "cuMemcpyHtoDAsync");
    if (st == BS_OK)
        st = bs_cuda_check(api, api->cuStreamSynchronize(l->stream), "cuStreamSynchronize");
    free(data);
    return st;
}

static bs_status run_whole(const rehearsal *r)
{
    const bs_node *nd = &r->l->network->graph->nodes[r->node];
    bs_view *in;
    BS_TRY(bs_calloc(&in, (size_t)nd->n_in, sizeof *in, "inputs"));
    in[0].base = bs_cuda_pointer(r->x);
    bs_status st = bs_cuda_run(r->l, r->node, SAMPLES, in, bs_cuda_pointer(r->y));
    free(in);
    return st;
}

/* A batch of output patches of `size`, starting with spot `from`; *exact: all as in the whole output. */
static bs_status try_patches(const rehearsal *r, const int size[2], int n, int from, bool *exact)
{
    const bs_network *net = r->l->network;
    const bs_node *nd = &net->graph->nodes[r->node];
    const bs_window *w = &nd->attr.window;
    const int64_t *out = net->graph->tensors[nd->out].shape.dim;
    int in_size[2];
    int32_t origin[2][64], in_origin[2][64], row[64];
    uint8_t equal[64];
    bs_view in[8] = {{bs_cuda_pointer(r->patches), NULL}};
    for (int a = 0; a < 2; a++)
        in_size[a] = (size[a] - 1) * w->stride[a] + (w->kernel[a] - 1) * w->dilation[a] + 1;
    for (int i = 0; i < n; i++) {
        int spot = (from + i) % SPOTS;
        row[i] = i % SAMPLES;
        for (int a = 0; a < 2; a++) {
            int last = (int)out[1 + a] - size[a];
            origin[a][i] = spot == SPOTS - 1 ? last / 2 : (a ? spot & 1 : spot >> 1) ? last : 0;
            in_origin[a][i] = origin[a][i] * w->stride[a] - w->pad[a];
        }
    }
    bs_patches want = {{in_size[0], in_size[1]}, {in_origin[0], in_origin[1]}};
    bs_patches at = {{size[0], size[1]}, {origin[0], origin[1]}};
    BS_TRY(bs_cuda_gather(r->l, nd->in[0], n, (bs_view){bs_cuda_pointer(r->x), row}, NULL, NULL, &want, 0.0f,
                          bs_cuda_pointer(r->patches)));
    BS_TRY(bs_cuda_run_patch(r->l, r->node, n, in_size, in, size, bs_cuda_pointer(r->made)));
    BS_TRY(bs_cuda_compare_patch(r->l, nd->out, n, &at, bs_cuda_pointer(r->made),
                                 (bs_view){bs_cuda_pointer(r->y), row}, equal));
    for (int i = 0; i < n; i++)
        *exact &= equal[i];
    return BS_OK;
}

static bs_status try_all_patches(const rehearsal *r, bool *exact)
{
    const bs_network *net = r->l->network;
    const int64_t *out = net->graph->tensors[net->graph->nodes[r->node].out].shape.dim;
    for (int i = 0; i < SIZES && *exact; i++) {
        const int size[2] = {patch_sizes[i] < out[1] ? patch_sizes[i] : (int)out[1],
                             patch_sizes[i] < out[2] ? patch_sizes[i] : (int)out[2]};
        for (int k = 0; k < BATCHES && *exact; k++)
            BS_TRY(try_patches(r, size, batches[k], i + k, exact));
    }
    return BS_OK;
}

/* The first filters by themselves: their channels of the whole output. */
static bs_status try_filters(const rehearsal *r, int64_t filters, bool *exact)
{
    const bs_network *net = r->l->network;
    const bs_node *nd = &net->graph->nodes[r->node];
    const bs_cuda_plan *p = &net->plan[r->node];
    filters = filters < p->filters ? filters : p->filters;
    int64_t elements = net->graph->tensors[nd->out].elements, plane = elements / p->filters;
    size_t bytes = (size_t)(filters * plane) * sizeof(float);
    bs_cuda_job j = bs_cuda_make_job(r->l, r->node, p->param, SAMPLES, NULL, r->made);
    float *alone = NULL, *whole = NULL;
    bs_status st;
    if (nd->attr.window.group > 1)
        return BS_OK;
    BS_TRY_GOTO(bs_alloc_aligned(&alone, bytes, "outputs"), out);
    BS_TRY_GOTO(bs_alloc_aligned(&whole, bytes, "outputs"), out);
    BS_TRY_GOTO(bs_cuda_conv(&j, SAMPLES, (bs_view){bs_cuda_pointer(r->x), NULL}, filters, p->param[1],
                             bs_node_has_input(nd, 2) ? p->param[2] : 0, 0, r->made),
                out);
    for (int i = 0; i < SAMPLES; i++) {
        BS_TRY_GOTO(bs_cuda_fetch(r->l, alone, r->made + (size_t)i * bytes, bytes), out);
        BS_TRY_GOTO(bs_cuda_fetch(r->l, whole, r->y + (size_t)(i * elements) * sizeof(float), bytes), out);
        *exact &= !memcmp(alone, whole, bytes);
    }
out:
    free(whole);
    free(alone);
    return st;
}

/* An engine that cannot do some shape is no error, it is not exact. */
static bs_status is_exact(const rehearsal *r, bool *exact)
{
    *exact = true;
    bs_status st = run_whole(r);
    if (st == BS_OK)
        st = try_all_patches(r, exact);
    for (int i = 0; i < COUNTS && st == BS_OK && *exact; i++)
        st = try_filters(r, filter_counts[i], exact);
    if (st == BS_OK)
        return BS_OK;
    /* An engine may refuse to run; if the device lives on, that is all there is to it. */
    const bs_cuda_api *api = r->l->network->device->api;
    bool alive = api->cuStreamSynchronize(r->l->stream) == CUDA_SUCCESS;
    if (st == BS_NO_MEMORY || !alive)
        return st;
    *exact = false;
    bs_error_clear();
    return BS_OK;
}

static bs_status alloc(bs_lane *l, CUdeviceptr *out, int64_t elements)
{
    const bs_cuda_api *api = l->network->device->api;
    return bs_cuda_check(api, api->cuMemAlloc(out, (size_t)elements * sizeof(float)), "cuMemAlloc");
}

static void rehearsal_end(rehearsal *r)
{
    const bs_cuda_api *api = r->l->network->device->api;
    const CUdeviceptr all[] = {r->x, r->y, r->patches, r->made};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i])
            api->cuMemFree(all[i]);
}

static bs_status rehearsal_begin(rehearsal *r, bs_lane *l, int node)
{
    const bs_graph *g = l->network->graph;
    const bs_node *nd = &g->nodes[node];
    const bs_window *w = &nd->attr.window;
    const int64_t *in = g->tensors[nd->in[0]].shape.dim, *out = g->tensors[nd->out].shape.dim;
    int64_t patch = in[0], made = out[0];
    *r = (rehearsal){.l = l, .node = node};
    for (int a = 0; a < 2; a++) {
        int64_t size = patch_sizes[SIZES - 1] < out[1 + a] ? patch_sizes[SIZES - 1] : out[1 + a];
        patch *= (size - 1) * w->stride[a] + (int64_t)(w->kernel[a] - 1) * w->dilation[a] + 1;
        made *= size;
    }
    made *= batches[BATCHES - 1];
    if (made < SAMPLES * g->tensors[nd->out].elements)
        made = SAMPLES * g->tensors[nd->out].elements;
    BS_TRY(alloc(l, &r->x, SAMPLES * g->tensors[nd->in[0]].elements));
    BS_TRY(alloc(l, &r->y, SAMPLES * g->tensors[nd->out].elements));
    BS_TRY(alloc(l, &r->patches, patch * batches[BATCHES - 1]));
    BS_TRY(alloc(l, &r->made, made));
    return fill(l, r->x, SAMPLES * g->tensors[nd->in[0]].elements);
}

static bs_status list_pins(bs_lane *l, int node, bs_cudnn_pin *pins, int *n)
{
    bs_network *net = l->network;
    bs_cuda_job j = bs_cuda_make_job(l, node, net->plan[node].param, 1, NULL, 0);
    bs_cudnn_shape shape = bs_cuda_dnn_shape(&j, 16, net->plan[node].filters);
    bs_cudnn *dnn;
    BS_TRY(bs_cudnn_create(&dnn, net->device->api, NULL));
    bs_status st = bs_cudnn_pins(dnn, &shape, WORKSPACE, pins, MOST_PINS, n);
    bs_cudnn_free(dnn);
    return st;
}

/* *found: an engine of cuDNN passed. */
static bs_status choose_dnn(bs_lane *l, int node, bool *found)
{
    bs_cudnn_pin pins[MOST_PINS];
    bs_cuda_plan *p = &l->network->plan[node];
    rehearsal r;
    int n = 0;
    bs_status st;
    *found = false;
    BS_TRY(list_pins(l, node, pins, &n));
    if (n == 0)
        return BS_OK;
    BS_TRY_GOTO(rehearsal_begin(&r, l, node), out);
    p->engine = BS_CUDA_DNN;
    for (int i = 0; i < n && !*found; i++) {
        p->dnn = pins[i];
        BS_TRY_GOTO(is_exact(&r, found), out);
    }
    if (!*found && l->network->device->options.engine == BS_CUDA_DNN) {
        p->dnn = pins[0]; /* as asked; the self-test will see */
        *found = true;
    }
out:
    rehearsal_end(&r);
    return st;
}

static bs_status choose(bs_lane *l, int node, bool dnn)
{
    bs_network *net = l->network;
    const bs_node *nd = &net->graph->nodes[node];
    const bs_shape *out = &net->graph->tensors[nd->out].shape;
    bs_cuda_plan *p = &net->plan[node];
    bool found = false;
    /* Groups make many small products, and faulty filters of them cannot be put together: the plain kernel.
     */
    p->engine = BS_CUDA_DIRECT;
    bs_cuda_engine wanted = net->device->options.engine;
    if (wanted == BS_CUDA_DIRECT || (nd->attr.window.group > 1 && wanted != BS_CUDA_DNN))
        return BS_OK;
    if (dnn)
        BS_TRY(choose_dnn(l, node, &found));
    if (found)
        return BS_OK;
    p->engine = nd->attr.window.group > 1 ? BS_CUDA_DIRECT : BS_CUDA_GEMM;
    if (p->engine == BS_CUDA_DIRECT)
        return BS_OK;
    return bs_cuda_gemm_pin(&p->gemm, net->device, 16 * out->dim[1] * out->dim[2], p->filters, p->length);
}

/* Layers of one shape choose alike. */
static bool same_layer(const bs_graph *g, const bs_node *a, const bs_node *b)
{
    const bs_tensor *t = g->tensors;
    return b->op == BS_OP_CONV && !memcmp(&a->attr.window, &b->attr.window, sizeof a->attr.window) &&
           !memcmp(t[a->in[0]].shape.dim, t[b->in[0]].shape.dim, 3 * sizeof(int64_t)) &&
           !memcmp(t[a->out].shape.dim, t[b->out].shape.dim, 3 * sizeof(int64_t));
}

static bs_status choose_all(bs_network *n, bs_lane *l, bool dnn)
{
    const bs_graph *g = n->graph;
    for (int i = 0; i < g->n_nodes; i++) {
        int like = 0;
        if (g->nodes[i].op != BS_OP_CONV)
            continue;
        while (like < i && !same_layer(g, &g->nodes[i], &g->nodes[like]))
            like++;
        if (like < i) {
            n->plan[i].engine = n->plan[like].engine;
            n->plan[i].gemm = n->plan[like].gemm;
            n->plan[i].dnn = n->plan[like].dnn;
            continue;
        }
        bs_status st = choose(l, i, dnn);
        if (st != BS_OK)
            return bs_context("node '%s'", g->nodes[i].name);
    }
    return BS_OK;
}

/* Does cuDNN start here? If not, and nobody insists on it, cuBLASLt does its work. */
static bs_status start_dnn(const bs_device *d, bool *good)
{
    const bs_cuda_api *api = d->api;
    bs_cuda_engine wanted = d->options.engine;
    bs_cudnn *dnn = NULL;
    *good = false;
    if (wanted == BS_CUDA_GEMM || wanted == BS_CUDA_DIRECT)
        return BS_OK;
    bs_status st =
        api->has_dnn ? bs_cudnn_create(&dnn, api, NULL) : bs_fail(BS_NO_DEVICE, "no cuDNN: %s", api->no_dnn);
    bs_cudnn_free(dnn);
    *good = st == BS_OK;
    if (st == BS_OK || wanted == BS_CUDA_DNN || (api->has_dnn && st != BS_ERR))
        return st;
    bs_info("convolutions run through cuBLASLt: %s", bs_error_message());
    bs_error_clear();
    return BS_OK;
}

bs_status bs_cuda_choose_engines(bs_network *n)
{
    bs_lane *l;
    bool dnn;
    BS_TRY(start_dnn(n->device, &dnn));
    BS_TRY(bs_cuda_lane_open(&l, n));
    bs_status st = choose_all(n, l, dnn);
    bs_cuda_lane_close(l);
    return st;
}
