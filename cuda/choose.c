/* What computes convolutions and products of rows with filters. The first engine of cuDNN is taken whose bits
 * do not depend on what else is computed: on random data, patches from the corners and the middle of the
 * plane, in batches of several sizes, and faulty filters must come out as the whole layer has them. Where
 * none passes, products of unfolded rows serve; of products, see gemm_pin.c.
 *
 * First comes what cuDNN's heuristics expect to be fastest on 256 patches of 6x6, of which campaigns mostly
 * consist. For an H200 as described to them that is another engine than for whole layers, and by the rates
 * measured on one 1.65 times as fast on patches of a 3x3 layer of 64 x 224 x 224, whose golden runs then take
 * half as long again, and the fastest of all for 512 x 14 x 14, on patches and golden runs. Nothing is
 * measured here: times differ from run to run, and another engine may round otherwise, so golden runs would
 * no longer agree, neither of a campaign that is resumed nor of its shards. */
#include "cuda/conv.h"
#include "cuda/lane.h"
#include "cuda/rehearsal.h"
#include "cuda/selection.h"

#include "base/log.h"

#include <string.h>

enum { SAMPLES = 2 };

/* *found: an engine of cuDNN passed. */
static bs_status choose_dnn(bs_lane *l, int node, bool *found)
{
    bs_cudnn_pin pins[BS_REHEARSAL_PINS];
    bs_cuda_plan *p = &l->network->plan[node];
    bs_rehearsal r;
    int n = 0;
    bs_status st;
    *found = false;
    BS_TRY(bs_rehearsal_pins(l, node, pins, &n));
    if (n == 0)
        return BS_OK;
    BS_TRY_GOTO(bs_rehearsal_begin(&r, l, node, BS_REHEARSAL_PATCHES, SAMPLES), out);
    p->engine = BS_CUDA_DNN;
    for (int i = 0; i < n && !*found; i++) {
        p->dnn = pins[i];
        BS_TRY_GOTO(bs_rehearse(&r, found), out);
    }
    if (!*found && l->network->device->options.engine == BS_CUDA_DNN) {
        p->dnn = pins[0]; /* as asked; the self-test will see */
        *found = true;
    }
out:
    bs_rehearsal_end(&r);
    return st;
}

static bs_status choose_conv(bs_lane *l, int node, bool dnn)
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
    if (nd->attr.window.group > 1)
        return BS_OK;
    /* A golden run of 16 images; a batch of trials, most of them patches. */
    int64_t plane = out->dim[1] * out->dim[2], golden = 16 * plane, trials = 256 * (plane < 36 ? plane : 36);
    BS_TRY(
        bs_cuda_gemm_pin(&p->gemm, l, golden > trials ? golden : trials, p->filters, p->length, p->param[1]));
    p->engine = p->gemm.pinned ? BS_CUDA_GEMM : BS_CUDA_DIRECT;
    return BS_OK;
}

/* So many rows as one batch of trials has, in round numbers. The device without libraries has the plain
 * kernel. */
static bs_status choose_product(bs_lane *l, int node)
{
    bs_cuda_plan *p = &l->network->plan[node];
    if (l->network->device->options.engine == BS_CUDA_DIRECT)
        return BS_OK;
    return bs_cuda_gemm_pin(&p->gemm, l, 256 * p->repeat, p->filters, p->length, p->param[1]);
}

/* Layers of one shape choose alike. */
static bool same_layer(const bs_network *n, int i, int k)
{
    const bs_node *a = &n->graph->nodes[i], *b = &n->graph->nodes[k];
    const bs_cuda_plan *p = &n->plan[i], *q = &n->plan[k];
    const bs_tensor *t = n->graph->tensors;
    bool conv = a->op == BS_OP_CONV;
    if (conv != (b->op == BS_OP_CONV) || p->filters != q->filters || p->length != q->length ||
        p->repeat != q->repeat)
        return false;
    return !conv || (!memcmp(&a->attr.window, &b->attr.window, sizeof a->attr.window) &&
                     !memcmp(t[a->in[0]].shape.dim, t[b->in[0]].shape.dim, 3 * sizeof(int64_t)) &&
                     !memcmp(t[a->out].shape.dim, t[b->out].shape.dim, 3 * sizeof(int64_t)));
}

static bs_status choose_all(bs_network *n, bs_lane *l, bool dnn)
{
    const bs_graph *g = n->graph;
    for (int i = 0; i < g->n_nodes; i++) {
        int like = 0;
        if (!n->plan[i].filters)
            continue;
        while (like < i && !same_layer(n, i, like))
            like++;
        if (like < i) {
            n->plan[i].engine = n->plan[like].engine;
            n->plan[i].gemm = n->plan[like].gemm;
            n->plan[i].dnn = n->plan[like].dnn;
            continue;
        }
        bs_status st = g->nodes[i].op == BS_OP_CONV ? choose_conv(l, i, dnn) : choose_product(l, i);
        if (st != BS_OK)
            return bs_context("node '%s'", g->nodes[i].name);
    }
    return BS_OK;
}

/* Does cuDNN start here? If not, and nobody insists on it, cuBLASLt does its work. */
static bs_status start_dnn(bs_lane *l, bool *good)
{
    const bs_cuda_api *api = l->network->device->api;
    bs_cuda_engine wanted = l->network->device->options.engine;
    *good = false;
    if (wanted == BS_CUDA_GEMM || wanted == BS_CUDA_DIRECT)
        return BS_OK;
    bs_status st = api->has_dnn ? bs_cuda_dnn_start(l) : bs_fail(BS_NO_DEVICE, "no cuDNN: %s", api->no_dnn);
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
    BS_TRY(bs_cuda_lane_open(&l, n));
    bs_status st = start_dnn(l, &dnn);
    if (st == BS_OK)
        st = choose_all(n, l, dnn);
    bs_cuda_lane_close(l);
    return st;
}
