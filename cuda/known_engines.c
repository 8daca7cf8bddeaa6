/* What earlier loads selected, as facts of the cache. A fact depends on all that a selection does: the
 * layer's shape and parameters (they are what engines are tested with), the device with its options, and the
 * versions of driver and libraries. A selection that the library no longer serves is not used. */
#include "cuda/invariance.h"
#include "cuda/selection.h"

#include "base/buf.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* As stored. The build of the program is part of a fact's name, so its structures may be. */
typedef struct known {
    bs_cuda_engine engine;
    bs_cuda_gemm gemm;
    bs_cudnn_config dnn;
} known;

static void put_numbers(bs_str *key, const char *what, const void *of, int n, size_t size)
{
    bs_str_puts(key, what);
    for (int i = 0; i < n; i++)
        bs_str_printf(key, " %" PRId64, size == 8 ? ((const int64_t *)of)[i] : ((const int32_t *)of)[i]);
    bs_str_puts(key, "\n");
}

static void put_parameter(bs_str *key, const bs_network *n, int node, int input)
{
    const bs_node *nd = &n->graph->nodes[node];
    const bs_tensor *t = bs_node_has_input(nd, input) ? &n->graph->tensors[nd->in[input]] : NULL;
    if (!t || !t->constant)
        return;
    XXH128_hash_t h = XXH3_128bits(t->data, (size_t)t->elements * sizeof *t->data);
    bs_str_printf(key, "parameter %d: %" PRId64 " elements, %016" PRIx64 "%016" PRIx64 "\n", input,
                  t->elements, (uint64_t)h.high64, (uint64_t)h.low64);
}

static void put_window(bs_str *key, const bs_window *w)
{
    put_numbers(key, "kernel", w->kernel, 2, sizeof *w->kernel);
    put_numbers(key, "stride", w->stride, 2, sizeof *w->stride);
    put_numbers(key, "dilation", w->dilation, 2, sizeof *w->dilation);
    put_numbers(key, "pad", w->pad, 4, sizeof *w->pad);
    put_numbers(key, "group", &w->group, 1, sizeof w->group);
}

/* dnn: whether cuDNN runs. */
static bs_status make_key(bs_str *key, const bs_network *n, int node, bool dnn)
{
    const bs_cuda_plan *p = &n->plan[node];
    const bs_node *nd = &n->graph->nodes[node];
    const bs_tensor *t = n->graph->tensors;
    const bs_shape *in = &t[nd->in[0]].shape, *out = &t[nd->out].shape;
    bs_device_info info;
    bs_cuda_describe(n->device, &info);
    bs_str_printf(key, "cuda\n%s\n%s\n%s\n", info.name, info.isa, info.library);
    bs_str_printf(key, "processors %d, cuDNN %d, option %d, tf32 %d, native %d, types %d %d %d\n",
                  n->device->card->multiprocessors, dnn, (int)n->device->options.engine,
                  n->device->options.tf32, n->device->options.native, (int)t[nd->in[0]].type,
                  (int)t[nd->in[1]].type, (int)t[nd->out].type);
    bs_str_printf(key, "filters %" PRId64 " of %" PRId64 " times %" PRId64 ", scaled by %a and %a\n",
                  p->filters, p->length, p->repeat, (double)p->weight_scale, (double)p->bias_scale);
    if (nd->op == BS_OP_CONV)
        put_window(key, &nd->attr.window);
    put_numbers(key, "in", in->dim, in->rank, sizeof *in->dim);
    put_numbers(key, "out", out->dim, out->rank, sizeof *out->dim);
    put_parameter(key, n, node, 1);
    put_parameter(key, n, node, 2);
    return bs_str_status(key);
}

/* Sets *served to whether the library still has what was selected. */
static bs_status check(bs_stream *stream, int node, const known *k, bool dnn, bool *served)
{
    *served = true;
    if (k->engine == BS_CUDA_DNN && (!dnn || k->dnn.n_knobs < 0 || k->dnn.n_knobs > BS_CUDNN_MAX_KNOBS))
        *served = false;
    else if (k->engine == BS_CUDA_DNN)
        return bs_invariance_serves(stream, node, &k->dnn, served);
    else if (k->gemm.selected)
        *served = bs_cuda_gemm_serves(stream->network->device, &k->gemm);
    return BS_OK;
}

static bs_fact fact_of(char subject[256], const bs_str *key, const bs_network *n, int node)
{
    snprintf(subject, 256, "%.120s: %" PRId64 " filters of %" PRId64 " weights, CUDA",
             n->graph->nodes[node].name, n->plan[node].filters, n->plan[node].length);
    return (bs_fact){"selection", key->ptr, key->len, subject};
}

bs_status bs_cuda_recall_engine(bs_stream *stream, bs_cache *cache, int node, bool dnn, bool *found)
{
    bs_cuda_plan *p = &stream->network->plan[node];
    char subject[256];
    bs_str key = {0};
    known k;
    bs_status st;
    *found = false;
    if (!cache)
        return BS_OK;
    BS_TRY_GOTO(make_key(&key, stream->network, node, dnn), out);
    const bs_fact fact = fact_of(subject, &key, stream->network, node);
    if (bs_cache_get_fixed(cache, &fact, &k, sizeof k))
        BS_TRY_GOTO(bs_invariance_judge(stream, check(stream, node, &k, dnn, found), found), out);
    if (*found) {
        p->engine = k.engine;
        p->gemm = k.gemm;
        p->dnn = k.dnn;
    }
out:
    bs_str_clear(&key);
    return st;
}

bs_status bs_cuda_adopt_engine(bs_stream *stream, const bs_network *like, int node, bool dnn)
{
    bs_cuda_plan *p = &stream->network->plan[node];
    const bs_cuda_plan *from = &like->plan[node];
    const known k = {from->engine, from->gemm, from->dnn};
    bool served;
    BS_TRY(bs_invariance_judge(stream, check(stream, node, &k, dnn, &served), &served));
    if (!served) {
        bs_fail(BS_ERR, "the libraries do not serve on this device what was selected on the first");
        return bs_hint(
            "devices of one run must be of one kind; start a run for each, with --shard into a file "
            "of its own");
    }
    p->engine = k.engine;
    p->gemm = k.gemm;
    p->dnn = k.dnn;
    return BS_OK;
}

bs_status bs_cuda_remember_engine(const bs_network *n, bs_cache *cache, int node, bool dnn)
{
    const bs_cuda_plan *p = &n->plan[node];
    char subject[256];
    bs_str key = {0};
    known k;
    if (!cache || (p->engine != BS_CUDA_DNN && !p->gemm.width)) /* there was nothing to look for */
        return BS_OK;
    bs_status st = make_key(&key, n, node, dnn);
    if (st == BS_OK) {
        const bs_fact fact = fact_of(subject, &key, n, node);
        memset(&k, 0, sizeof k);
        k.engine = p->engine;
        k.gemm = p->gemm;
        k.dnn = p->dnn;
        bs_cache_put(cache, &fact, &k, sizeof k);
    }
    bs_str_clear(&key);
    return st;
}

uint64_t bs_cuda_selection(const bs_network *n)
{
    uint64_t hash = 0;
    for (int i = 0; i < n->graph->n_nodes; i++) {
        const bs_cuda_plan *p = &n->plan[i];
        bool dnn = p->engine == BS_CUDA_DNN, gemm = !dnn && p->gemm.selected;
        uint64_t word[4] = {hash, (uint64_t)p->engine | (uint64_t)bs_cuda_engine_type(p) << 32,
                            gemm ? XXH3_64bits(&p->gemm.algo, sizeof p->gemm.algo) : 0,
                            gemm ? (uint64_t)p->gemm.rows : 0};
        if (dnn) {
            word[2] = (uint64_t)p->dnn.engine;
            word[3] = XXH3_64bits(p->dnn.knob, (size_t)p->dnn.n_knobs * sizeof *p->dnn.knob);
        }
        hash = XXH3_64bits(word, sizeof word);
    }
    return hash;
}
