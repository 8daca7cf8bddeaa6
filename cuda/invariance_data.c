/* Memory and random data of the batch-invariance test.
 *
 * Sums of an engine that makes words of 16 bits are rounded to 8 or 11 digits, which hides nearly all
 * differences between two orders of a sum in fp32. So its sums shall be 0: of the two halves of the channels,
 * the second has the same weights and the negative inputs. What comes out is the error of the sum alone, each
 * order has another one, and 8 digits hold it. Rounding depends on the sizes of the factors, so they differ
 * much. */
#include "cuda/invariance.h"
#include "cuda/enqueue.h"

#include "base/buf.h"
#include "base/noise.h"

#include <stdlib.h>
#include <string.h>

enum { INPUTS = 256, WEIGHTS = 16 }; /* scales such that errors are normal numbers of fp16 */

bs_status bs_invariance_alloc(bs_stream *stream, CUdeviceptr *out, int64_t elements)
{
    const bs_cuda_api *api = stream->network->device->api;
    return bs_cuda_check(api, api->cuMemAlloc(out, (size_t)elements * sizeof(float)), "cuMemAlloc");
}

static bs_status upload(bs_stream *stream, CUdeviceptr to, const float *data, int64_t n, bs_dtype type)
{
    const bs_cuda_api *api = stream->network->device->api;
    uint16_t *words = NULL;
    const void *from = data;
    bs_status st;
    if (bs_is_half(type)) {
        BS_TRY(bs_alloc_aligned(&words, (size_t)n * sizeof *words, "random data"));
        for (int64_t i = 0; i < n; i++)
            words[i] = (uint16_t)bs_format_encode((bs_format){type, 1.0f}, data[i]);
        from = words;
    }
    BS_TRY_GOTO(bs_cuda_check(api,
                              api->cuMemcpyHtoDAsync(to, from, (size_t)bs_row_size(type, n), stream->handle),
                              "cuMemcpyHtoDAsync"),
                out);
    st = bs_cuda_check(api, api->cuStreamSynchronize(stream->handle), "cuStreamSynchronize");
out:
    free(words);
    return st;
}

static bs_status fill(bs_stream *stream, CUdeviceptr to, int64_t n, bs_dtype type,
                      void (*make)(float *data, int64_t n))
{
    float *data;
    BS_TRY(bs_alloc_aligned(&data, (size_t)n * sizeof *data, "random data"));
    make(data, n);
    bs_status st = upload(stream, to, data, n, type);
    free(data);
    return st;
}

bs_status bs_invariance_fill(bs_stream *stream, CUdeviceptr to, int64_t n, bs_dtype type)
{
    return fill(stream, to, n, type, bs_noise_fill);
}

/* Fills data with n random numbers below `scale`, a power of 2, of all sizes. */
static void spread(float *data, int64_t n, float scale)
{
    bs_noise_fill(data, n);
    for (int64_t k = 0; k < n; k++)
        data[k] *= data[k] * data[k] * scale;
}

static void spread_weights(float *data, int64_t n)
{
    spread(data, n, WEIGHTS);
}

bs_status bs_invariance_spread(bs_stream *stream, CUdeviceptr to, int64_t n, bs_dtype type)
{
    return fill(stream, to, n, type, spread_weights);
}

/* Writes n arrays of (channels, length) numbers below `scale`, of all sizes. The second half of
 * the channels is the first times `sign`; a channel that is left over is 0. */
static bs_status fill_halves(bs_stream *stream, CUdeviceptr to, int64_t n, int64_t channels, int64_t length,
                             float scale, float sign, bs_dtype type)
{
    int64_t all = channels * length, half = channels / 2 * length;
    float *data;
    BS_TRY(bs_alloc_aligned(&data, (size_t)(n * all) * sizeof *data, "random data"));
    spread(data, n * all, scale);
    for (int64_t i = 0; i < n; i++) {
        float *here = data + i * all;
        for (int64_t k = 0; k < half; k++)
            here[half + k] = sign * here[k];
        memset(here + 2 * half, 0, (size_t)(all - 2 * half) * sizeof *here);
    }
    bs_status st = upload(stream, to, data, n * all, type);
    free(data);
    return st;
}

bs_status bs_invariance_cancel(bs_invariance *r, bs_dtype type)
{
    const bs_graph *g = r->stream->network->graph;
    const bs_node *nd = &g->nodes[r->node];
    const int64_t *in = g->tensors[nd->in[0]].shape.dim, *w = g->tensors[nd->in[1]].shape.dim;
    int64_t half = (r->samples + 1) / 2; /* the others, as they are, find orders with the same error */
    bs_cuda_plan *p = &r->stream->network->plan[r->node];
    BS_TRY(fill_halves(r->stream, r->x, half * nd->attr.window.group, w[1], in[1] * in[2], INPUTS, -1, type));
    BS_TRY(bs_invariance_alloc(r->stream, &r->filters, p->filters * p->length));
    r->weights = p->param[1];
    p->param[1] = r->filters;
    if (bs_node_has_input(nd, 2)) { /* it would hide the errors */
        r->bias = p->param[2];
        p->param[2] = 0;
    }
    BS_TRY(fill_halves(r->stream, r->filters, p->filters, w[1], w[2] * w[3], WEIGHTS, 1, BS_DTYPE_FP32));
    return bs_cuda_words_make(r->stream, r->node, type);
}

void bs_invariance_restore(bs_invariance *r)
{
    CUdeviceptr *param = r->stream->network->plan[r->node].param;
    if (!r->weights)
        return;
    param[1] = r->weights;
    if (r->bias)
        param[2] = r->bias;
    bs_cuda_release(r->stream, &r->filters, 1);
    bs_cuda_words_make(r->stream, r->node, BS_DTYPE_FP32);
}
