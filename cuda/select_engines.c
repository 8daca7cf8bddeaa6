/* Selects what computes convolutions and products of rows with filters: the first engine of cuDNN whose bits
 * do not depend on what else is computed. On random data, patches from the corners and the middle of the
 * plane, in batches of several sizes, and faulty filters must come out as in the whole layer. If no engine
 * passes, products of im2col rows are used; for products, see gemm_select.c. Grouped convolutions and the
 * device without libraries have a plain kernel instead, one thread for each output. With `math: native`,
 * layers of 16-bit values first try engines for such.
 *
 * Tried first is what cuDNN's heuristics expect to be fastest on 256 patches of 6x6, of which campaigns
 * mostly consist. For an H200, as described to them, that is another engine than for whole layers. By the
 * rates measured on one, it is 1.65 times as fast on patches of a 3x3 layer of 64 x 224 x 224, whose golden
 * runs then take half as long again, and the fastest of all for 512 x 14 x 14, on patches and golden runs.
 * Nothing is measured here: times differ from run to run, and another engine may round differently, so golden
 * runs would no longer agree, neither those of a resumed campaign nor those of its shards. */
#include "cuda/conv.h"
#include "cuda/stream.h"
#include "cuda/invariance.h"
#include "cuda/selection.h"

#include "base/log.h"

#include <string.h>

enum { SAMPLES = 2 };

/* Returns the type of a layer's input, weights and output if engines for it are asked for and can be tested
 * (see invariance_data.c), else FP32. */
static bs_dtype native_type(const bs_network *n, int node)
{
    const bs_node *nd = &n->graph->nodes[node];
    const bs_tensor *t = n->graph->tensors;
    bs_dtype type = t[nd->out].type;
    const int64_t *w = t[nd->in[1]].shape.dim;
    bool same = t[nd->in[0]].type == type && t[nd->in[1]].type == type && n->plan[node].weight_scale == 1.0f,
         tested = nd->op != BS_OP_CONV || w[1] / 2 * w[2] * w[3] > 1;
    return n->device->options.native && same && tested && bs_is_half(type) ? type : BS_DTYPE_FP32;
}

/* Selects an engine of cuDNN for a type; *found: there is one. One that makes words is tested in words. What
 * is requested although it is inexact computes in fp32. */
static bs_status select_dnn(bs_stream *stream, int node, bs_dtype type, bool *found)
{
    bs_cudnn_config configs[BS_INVARIANCE_CONFIGS];
    bs_cuda_plan *p = &stream->network->plan[node];
    bs_invariance r;
    int n = 0;
    bs_status st;
    *found = false;
    p->dnn = (bs_cudnn_config){.type = type};
    BS_TRY(bs_invariance_configs(stream, node, configs, &n));
    if (n == 0)
        return BS_OK;
    stream->network->in_floats = type == BS_DTYPE_FP32;
    BS_TRY_GOTO(bs_invariance_begin(&r, stream, node, BS_INVARIANCE_PATCHES, SAMPLES), out);
    p->engine = BS_CUDA_DNN;
    for (int i = 0; i < n && !*found; i++) {
        p->dnn = configs[i];
        BS_TRY_GOTO(bs_invariance_test(&r, found), out);
    }
    if (!*found && type == BS_DTYPE_FP32 && stream->network->device->options.engine == BS_CUDA_DNN) {
        p->dnn = configs[0]; /* as requested, exact or not: the self-test checks it */
        *found = true;
    }
    if (!*found)
        p->engine = BS_CUDA_DIRECT;
out:
    stream->network->in_floats = true;
    bs_invariance_end(&r);
    return st;
}

static bs_status select_conv(bs_stream *stream, int node, bool dnn)
{
    bs_network *net = stream->network;
    const bs_node *nd = &net->graph->nodes[node];
    const bs_shape *out = &net->graph->tensors[nd->out].shape;
    bs_cuda_plan *p = &net->plan[node];
    bool found = false;
    /* Groups make many small products, and their faulty filters cannot be joined: they run by the plain
     * kernel. */
    p->engine = BS_CUDA_DIRECT;
    bs_cuda_engine wanted = net->device->options.engine;
    if (wanted == BS_CUDA_DIRECT || (nd->attr.window.group > 1 && wanted != BS_CUDA_DNN))
        return BS_OK;
    bs_dtype type = native_type(net, node);
    if (dnn && type != BS_DTYPE_FP32)
        BS_TRY(select_dnn(stream, node, type, &found));
    if (dnn && !found)
        BS_TRY(select_dnn(stream, node, BS_DTYPE_FP32, &found));
    if (found)
        return BS_OK;
    if (nd->attr.window.group > 1)
        return BS_OK;
    /* Rows of a golden run of 16 images, and of a batch of trials, most of them patches. */
    int64_t plane = out->dim[1] * out->dim[2], golden = 16 * plane, trials = 256 * (plane < 36 ? plane : 36);
    BS_TRY(bs_cuda_gemm_select(&p->gemm, stream, BS_DTYPE_FP32, golden > trials ? golden : trials, p->filters,
                               p->length, p->param[1]));
    p->engine = BS_CUDA_GEMM;
    return BS_OK;
}

/* Selects the algorithm for the rows of one batch of trials, in round numbers. The device without libraries
 * uses a kernel of our own. */
static bs_status select_product(bs_stream *stream, int node)
{
    bs_cuda_plan *p = &stream->network->plan[node];
    if (stream->network->device->options.engine == BS_CUDA_DIRECT)
        return BS_OK;
    bs_dtype type = native_type(stream->network, node);
    if (type != BS_DTYPE_FP32)
        BS_TRY(
            bs_cuda_gemm_select(&p->gemm, stream, type, 256 * p->repeat, p->filters, p->length, p->param[1]));
    if (p->gemm.selected)
        return BS_OK;
    return bs_cuda_gemm_select(&p->gemm, stream, BS_DTYPE_FP32, 256 * p->repeat, p->filters, p->length,
                               p->param[1]);
}

/* Returns true if two layers have the same shape, and so get the same engine. */
static bool same_layer(const bs_network *n, int i, int k)
{
    const bs_node *a = &n->graph->nodes[i], *b = &n->graph->nodes[k];
    const bs_cuda_plan *p = &n->plan[i], *q = &n->plan[k];
    const bs_tensor *t = n->graph->tensors;
    bool conv = a->op == BS_OP_CONV;
    if (conv != (b->op == BS_OP_CONV) || p->filters != q->filters || p->length != q->length ||
        p->repeat != q->repeat || native_type(n, i) != native_type(n, k))
        return false;
    return !conv || (!memcmp(&a->attr.window, &b->attr.window, sizeof a->attr.window) &&
                     !memcmp(t[a->in[0]].shape.dim, t[b->in[0]].shape.dim, 3 * sizeof(int64_t)) &&
                     !memcmp(t[a->out].shape.dim, t[b->out].shape.dim, 3 * sizeof(int64_t)));
}

/* Selects the engine of a node: what an earlier load found, if it did. */
static bs_status select_node(bs_stream *stream, bs_cache *cache, int node, bool dnn)
{
    bs_network *n = stream->network;
    bool known;
    BS_TRY(bs_cuda_recall_engine(stream, cache, node, dnn, &known));
    if (!known) {
        BS_TRY(n->graph->nodes[node].op == BS_OP_CONV ? select_conv(stream, node, dnn)
                                                      : select_product(stream, node));
        BS_TRY(bs_cuda_remember_engine(n, cache, node, dnn));
    }
    const bs_cuda_gemm *g = &n->plan[node].gemm;
    if (g->width && !g->selected)
        bs_info("products of %lld filters of %lld weights run through a kernel of bitsink's, which may be "
                "slower: of %d algorithms of cuBLASLt that were tried none gives the same bits in every "
                "batch",
                (long long)g->width, (long long)g->depth, g->tried);
    return BS_OK;
}

/* Takes over the engine of every layer from another device. */
static bs_status adopt_all(bs_network *n, bs_stream *stream, const bs_network *like, bool dnn)
{
    for (int i = 0; i < n->graph->n_nodes; i++)
        if (n->plan[i].filters && bs_cuda_adopt_engine(stream, like, i, dnn) != BS_OK)
            return bs_context("node '%s'", n->graph->nodes[i].name);
    return BS_OK;
}

static bs_status select_all(bs_network *n, bs_stream *stream, bs_cache *cache, bool dnn)
{
    const bs_graph *g = n->graph;
    for (int i = 0; i < g->n_nodes; i++) {
        int earlier = 0;
        if (!n->plan[i].filters)
            continue;
        while (earlier < i && !same_layer(n, i, earlier))
            earlier++;
        if (earlier < i) {
            n->plan[i].engine = n->plan[earlier].engine;
            n->plan[i].gemm = n->plan[earlier].gemm;
            n->plan[i].dnn = n->plan[earlier].dnn;
            continue;
        }
        if (select_node(stream, cache, i, dnn) != BS_OK)
            return bs_context("node '%s'", g->nodes[i].name);
    }
    return BS_OK;
}

/* Starts cuDNN; *good: it runs. If it does not, and was not requested, cuBLASLt does its work. */
static bs_status start_dnn(bs_stream *stream, bool *good)
{
    const bs_cuda_api *api = stream->network->device->api;
    bs_cuda_engine wanted = stream->network->device->options.engine;
    *good = false;
    if (wanted == BS_CUDA_GEMM || wanted == BS_CUDA_DIRECT)
        return BS_OK;
    bs_status st =
        api->has_dnn ? bs_cuda_dnn_start(stream) : bs_fail(BS_NO_DEVICE, "no cuDNN: %s", api->no_dnn);
    *good = st == BS_OK;
    if (st == BS_OK || wanted == BS_CUDA_DNN || (api->has_dnn && st != BS_ERR))
        return st;
    bs_info("convolutions run through cuBLASLt: %s", bs_error_message());
    bs_error_clear();
    return BS_OK;
}

/* Says how many layers `math: native` concerns. */
static void tell_native(const bs_network *n)
{
    int all = 0, native = 0;
    for (int i = 0; i < n->graph->n_nodes; i++)
        if (n->plan[i].filters) {
            all++;
            native += bs_cuda_engine_type(&n->plan[i]) != BS_DTYPE_FP32;
        }
    bs_info("native math: %d of %d layers with weights multiply values of 16 bits", native, all);
}

bs_status bs_cuda_select_engines(bs_network *n, const bs_load_options *options)
{
    const bs_network *like = options ? options->like : NULL;
    bs_stream *stream;
    bool dnn;
    BS_TRY(bs_cuda_stream_open(&stream, n));
    n->in_floats = true;
    bs_status st = start_dnn(stream, &dnn);
    if (st == BS_OK)
        st = like ? adopt_all(n, stream, like, dnn)
                  : select_all(n, stream, options ? options->cache : NULL, dnn);
    for (int i = 0; i < n->graph->n_nodes && st == BS_OK; i++)
        if (n->plan[i].filters)
            st = bs_cuda_words_make(stream, i, bs_cuda_engine_type(&n->plan[i]));
    if (st == BS_OK && !like && n->device->options.native)
        tell_native(n);
    n->in_floats = false;
    bs_cuda_stream_close(stream);
    return st;
}
