/* Rates that need no convolution: copies, and products through cuBLASLt. */
#include "cuda/gemm.h"
#include "probe.h"

/* A stream, for its CUstream and workspace. */
static bs_status open_stream(probe_layer *l, const probe *p)
{
    bs_cudnn_shape s = square(4, 4, 8, 1, 1, 0);
    return probe_layer_open(l, p, &s, NULL);
}

static bs_status alloc(const probe *p, CUdeviceptr *out, size_t bytes)
{
    return bs_cuda_check(p->api, p->api->cuMemAlloc(out, bytes), "cuMemAlloc");
}

static void release(const probe *p, const CUdeviceptr *list, int n)
{
    for (int i = 0; i < n; i++)
        if (list[i])
            p->api->cuMemFree(list[i]);
}

/* --- copies --- */

typedef struct copy {
    bs_stream *stream;
    CUdeviceptr a, b;
    void *host;
    size_t bytes;
} copy;

static bs_status on_device(void *arg)
{
    const copy *c = arg;
    const bs_cuda_api *api = c->stream->network->device->api;
    return bs_cuda_check(api, api->cuMemcpyDtoDAsync(c->a, c->b, c->bytes, c->stream->handle),
                         "cuMemcpyDtoDAsync");
}

static bs_status to_device(void *arg)
{
    const copy *c = arg;
    const bs_cuda_api *api = c->stream->network->device->api;
    return bs_cuda_check(api, api->cuMemcpyHtoDAsync(c->a, c->host, c->bytes, c->stream->handle),
                         "cuMemcpyHtoDAsync");
}

static bs_status to_host(void *arg)
{
    const copy *c = arg;
    const bs_cuda_api *api = c->stream->network->device->api;
    return bs_cuda_check(api, api->cuMemcpyDtoHAsync(c->host, c->a, c->bytes, c->stream->handle),
                         "cuMemcpyDtoHAsync");
}

static bs_status copies(probe *p, bs_stream *stream)
{
    const size_t most = p->small ? 1 << 20 : (size_t)1 << 30, pinned = most / 4;
    CUdeviceptr block[2] = {0};
    void *host = NULL;
    double seconds[3] = {0};
    bs_status st;
    for (int i = 0; i < 2; i++)
        BS_TRY_GOTO(alloc(p, &block[i], most), out);
    BS_TRY_GOTO(bs_cuda_check(p->api, p->api->cuMemAllocHost(&host, pinned), "cuMemAllocHost"), out);
    memset(host, 1, pinned);
    BS_TRY_GOTO(probe_time(&seconds[0], stream, on_device, &(copy){stream, block[0], block[1], NULL, most}),
                out);
    BS_TRY_GOTO(probe_time(&seconds[1], stream, to_device, &(copy){stream, block[0], 0, host, pinned}), out);
    BS_TRY_GOTO(probe_time(&seconds[2], stream, to_host, &(copy){stream, block[0], 0, host, pinned}), out);
    p->copy_rate = seconds[0] > 0 ? 2.0 * (double)most / seconds[0] : 0;
    say("- copy on the device, read and written, %zu MiB: %s GB/s\n", most >> 20,
        per_second(2.0 * (double)most, 1e9, seconds[0]));
    say("- host to device, pinned, %zu MiB: %s GB/s; back: %s GB/s\n", pinned >> 20,
        per_second((double)pinned, 1e9, seconds[1]), per_second((double)pinned, 1e9, seconds[2]));
out:
    if (host)
        p->api->cuMemFreeHost(host);
    release(p, block, 2);
    return st;
}

/* --- products --- */

typedef struct square_run {
    bs_stream *stream;
    const bs_cuda_gemm *g;
    CUdeviceptr x, w, y;
} square_run;

static bs_status run_square(void *arg)
{
    const square_run *t = arg;
    return bs_cuda_gemm_run(t->stream, t->g, t->g->width, t->g->width, t->x, t->w, t->y);
}

static bs_status square_product(const probe *p, bs_stream *stream)
{
    const int64_t n = p->small ? 64 : 8192;
    const size_t bytes = (size_t)(n * n) * sizeof(float);
    CUdeviceptr block[3] = {0};
    bs_cuda_gemm g;
    double seconds = 0;
    bs_status st;
    for (int i = 0; i < 3; i++)
        BS_TRY_GOTO(alloc(p, &block[i], bytes), out);
    for (int i = 0; i < 2; i++)
        BS_TRY_GOTO(bs_invariance_fill(stream, block[i], n * n, BS_DTYPE_FP32), out);
    BS_TRY_GOTO(bs_cuda_gemm_select(&g, stream, BS_DTYPE_FP32, n, n, n, block[1]), out);
    if (!g.selected) {
        say("- fp32 products: no exact algorithm\n");
        goto out;
    }
    square_run t = {stream, &g, block[0], block[1], block[2]};
    BS_TRY_GOTO(probe_time(&seconds, stream, run_square, &t), out);
    say("- fp32 products, %lld^3, random data, selected algorithm: %s TFLOP/s\n", (long long)n,
        per_second(2.0 * (double)n * (double)n * (double)n, 1e12, seconds));
out:
    release(p, block, 3);
    return st;
}

bs_status probe_rates(probe *p)
{
    probe_layer l;
    bs_status st;
    BS_TRY_GOTO(open_stream(&l, p), out);
    BS_TRY_GOTO(copies(p, l.stream), out);
    if (time_left(p))
        BS_TRY_GOTO(square_product(p, l.stream), out);
out:
    probe_layer_close(&l);
    return st;
}

/* --- inner products of networks: whether a result is the same with others beside it --- */

enum { ROWS = 256, ALGORITHMS = 8 };

typedef struct shape {
    int64_t depth, width;
    const char *where;
} shape;

typedef struct product {
    const bs_gemm_invariance *r;
    const bs_cuda_gemm *g;
} product;

static bs_status whole_product(void *arg)
{
    const product *t = arg;
    return bs_invariance_products(t->r, t->g);
}

/* A number of an algorithm's configuration, as cublasLt.h counts; -1: it has none. */
static int setting(const bs_cuda_api *api, const cublasLtMatmulAlgo_t *algo,
                   cublasLtMatmulAlgoConfigAttributes_t which)
{
    int32_t v = -1;
    size_t written;
    if (api->cublasLtMatmulAlgoConfigGetAttribute(algo, which, &v, sizeof v, &written) !=
        CUBLAS_STATUS_SUCCESS)
        v = -1;
    return v;
}

static bs_status try_algorithm(const product *t, int number)
{
    static const int64_t rows[] = {1, 3, 17, 64, 255}, widths[] = {1, 8, 31, 32, 33};
    bool by_rows = true, by_width = true;
    double seconds = 0;
    BS_TRY(whole_product((void *)(uintptr_t)t));
    for (int i = 0; i < 5; i++) {
        BS_TRY(bs_invariance_part(t->r, t->g, rows[i], t->g->width, &by_rows));
        BS_TRY(bs_invariance_part(t->r, t->g, 64, widths[i], &by_width));
    }
    BS_TRY(probe_time(&seconds, t->r->stream, whole_product, (void *)(uintptr_t)t));
    const bs_cuda_api *api = t->r->stream->network->device->api;
    say("| | %d | %d, %d, %d | %s | %s | %s |\n", number, setting(api, &t->g->algo, CUBLASLT_ALGO_CONFIG_ID),
        setting(api, &t->g->algo, CUBLASLT_ALGO_CONFIG_TILE_ID),
        setting(api, &t->g->algo, CUBLASLT_ALGO_CONFIG_STAGES_ID), by_rows ? "yes" : "NO",
        by_width ? "yes" : "NO", per_second((double)(ROWS * t->g->width * t->g->depth), 1e9, seconds));
    return BS_OK;
}

static bs_status try_all(const probe *p, const bs_gemm_invariance *r, const cublasLtMatmulAlgo_t *algorithm,
                         int n)
{
    for (int i = 0; i < n && time_left(p); i++) {
        const bs_cuda_gemm g = {.width = r->width, .depth = r->depth, .algo = algorithm[i], .selected = true};
        const product t = {r, &g};
        bs_status st = try_algorithm(&t, i + 1);
        if (st == BS_ERR) { /* an answer, too */
            say("| | %d | | refused: %s | | |\n", i + 1, bs_error_message());
            bs_error_clear();
            st = BS_OK;
        }
        BS_TRY(st);
    }
    return BS_OK;
}

/* The algorithms that bitsink tries, in its order, and those that cuBLASLt's heuristics name. */
static bs_status try_shape(const probe *p, bs_stream *stream, const shape *s)
{
    cublasLtMatmulAlgo_t algorithm[ALGORITHMS];
    CUdeviceptr filters = 0;
    bs_gemm_invariance r = {.stream = stream};
    int n = 0, proposed = 0;
    bs_status st;
    BS_TRY_GOTO(alloc(p, &filters, (size_t)(s->width * s->depth) * sizeof(float)), out);
    BS_TRY_GOTO(bs_invariance_fill(stream, filters, s->width * s->depth, BS_DTYPE_FP32), out);
    BS_TRY_GOTO(bs_gemm_invariance_begin(&r, stream, BS_DTYPE_FP32, ROWS, s->width, s->depth, filters), out);
    BS_TRY_GOTO(
        bs_cuda_gemm_fastest(algorithm, ALGORITHMS, &n, p->device, BS_DTYPE_FP32, ROWS, s->width, s->depth),
        out);
    say("| **%lld -> %lld** %s | first of all by their tiles | | | | |\n", (long long)s->depth,
        (long long)s->width, s->where);
    BS_TRY_GOTO(try_all(p, &r, algorithm, n), out);
    BS_TRY_GOTO(bs_cuda_gemm_algorithms(algorithm, ALGORITHMS, &n, &proposed, p->device, BS_DTYPE_FP32, ROWS,
                                        s->width, s->depth),
                out);
    say("| | %d proposed, %d%s admitted | | | | |\n", proposed, n, n == ALGORITHMS ? " or more" : "");
    BS_TRY_GOTO(try_all(p, &r, algorithm, n), out);
out:
    bs_gemm_invariance_end(&r);
    release(p, &filters, 1);
    return st;
}

bs_status probe_products(probe *p)
{
    static const shape large[] = {{25088, 4096, "VGG"},
                                  {4096, 4096, "VGG"},
                                  {4096, 1000, "VGG"},
                                  {2048, 1000, "ResNet-50"},
                                  {1280, 1000, "MobileNetV2"},
                                  {576, 64, "a 3x3 convolution by im2col"},
                                  {27, 64, "the first convolution of VGG by im2col"}},
                       small[] = {{64, 40, "small"}, {27, 8, "small"}};
    const shape *list = p->small ? small : large;
    probe_layer l;
    bs_status st;
    say("%d rows. Same bits: with 1 to %d rows from anywhere, with 1 to 33 filters.\n\n"
        "| product | algorithm | id, tile, stages | any rows | any filters | GMAC/s "
        "|\n|---|---|---|---|---|---|\n",
        ROWS, ROWS - 1);
    BS_TRY_GOTO(open_stream(&l, p), out);
    for (size_t i = 0; i < (p->small ? sizeof small : sizeof large) / sizeof *list && time_left(p); i++)
        BS_TRY_GOTO(try_shape(p, l.stream, &list[i]), out);
out:
    probe_layer_close(&l);
    return st;
}
