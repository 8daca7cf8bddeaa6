/* Products of rows with filters through cuBLASLt. To the library, which counts columns first, the filters
 * are a matrix (depth, width) to be transposed, the rows (depth, rows), the products (width, rows).
 *
 * One algorithm serves all numbers of rows and of filters: tile, stages and the order of the sum along
 * `depth` are its own, never split, so an element should not depend on its neighbours. The library does not
 * promise that: the first algorithm is taken that shows it on random data. Where none does, a plain kernel
 * serves, one thread an output: slower, but exact by its making. */
#include "cuda/rehearsal.h"

#include "base/log.h"

#include <string.h>

enum { CANDIDATES = 32, WORKSPACE = 32 << 20, REHEARSED = 32 };

typedef struct call {
    const bs_cuda_api *api;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t filters, rows, products;
} call;

static bs_status begin(call *c, const bs_device *d, int64_t rows, int64_t width, int64_t depth)
{
    const bs_cuda_api *api = d->api;
    const char *what = "cublasLtMatrixLayoutCreate";
    cublasOperation_t transpose = CUBLAS_OP_T;
    cublasComputeType_t type = d->options.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
    uint64_t k = (uint64_t)depth, m = (uint64_t)width, n = (uint64_t)rows;
    *c = (call){.api = api};
    BS_TRY(bs_cuda_check_blas(api, api->cublasLtMatmulDescCreate(&c->desc, type, CUDA_R_32F),
                              "cublasLtMatmulDescCreate"));
    BS_TRY(bs_cuda_check_blas(api,
                              api->cublasLtMatmulDescSetAttribute(c->desc, CUBLASLT_MATMUL_DESC_TRANSA,
                                                                  &transpose, sizeof transpose),
                              "cublasLtMatmulDescSetAttribute"));
    BS_TRY(
        bs_cuda_check_blas(api, api->cublasLtMatrixLayoutCreate(&c->filters, CUDA_R_32F, k, m, depth), what));
    BS_TRY(bs_cuda_check_blas(api, api->cublasLtMatrixLayoutCreate(&c->rows, CUDA_R_32F, k, n, depth), what));
    return bs_cuda_check_blas(
        api, api->cublasLtMatrixLayoutCreate(&c->products, CUDA_R_32F, m, n, bs_cuda_padded(width)), what);
}

static void end(call *c)
{
    if (c->products)
        c->api->cublasLtMatrixLayoutDestroy(c->products);
    if (c->rows)
        c->api->cublasLtMatrixLayoutDestroy(c->rows);
    if (c->filters)
        c->api->cublasLtMatrixLayoutDestroy(c->filters);
    if (c->desc)
        c->api->cublasLtMatmulDescDestroy(c->desc);
}

/* Does the algorithm take these sizes too? */
static bool serves(const bs_device *d, const cublasLtMatmulAlgo_t *algo, int64_t rows, int64_t width,
                   int64_t depth)
{
    call c;
    cublasLtMatmulHeuristicResult_t result;
    bool good = begin(&c, d, rows, width, depth) == BS_OK &&
                d->api->cublasLtMatmulAlgoCheck(d->card->blas, c.desc, c.filters, c.rows, c.products,
                                                c.products, algo, &result) == CUBLAS_STATUS_SUCCESS &&
                result.workspaceSize <= WORKSPACE;
    end(&c);
    return good;
}

/* Splitting the sum would make it depend on how much else there is to do. */
static bool splits(const bs_device *d, const cublasLtMatmulAlgo_t *algo)
{
    int32_t split = 1;
    uint32_t scheme = CUBLASLT_REDUCTION_SCHEME_NONE;
    size_t written;
    d->api->cublasLtMatmulAlgoConfigGetAttribute(algo, CUBLASLT_ALGO_CONFIG_SPLITK_NUM, &split, sizeof split,
                                                 &written);
    d->api->cublasLtMatmulAlgoConfigGetAttribute(algo, CUBLASLT_ALGO_CONFIG_REDUCTION_SCHEME, &scheme,
                                                 sizeof scheme, &written);
    return split > 1 || scheme != CUBLASLT_REDUCTION_SCHEME_NONE;
}

static bs_status prefer(const bs_device *d, cublasLtMatmulPreference_t p)
{
    const bs_cuda_api *api = d->api;
    const char *what = "cublasLtMatmulPreferenceSetAttribute";
    size_t workspace = WORKSPACE;
    uint32_t schemes = CUBLASLT_REDUCTION_SCHEME_NONE;
    uint64_t exact = CUBLASLT_NUMERICAL_IMPL_FLAGS_FMA | CUBLASLT_NUMERICAL_IMPL_FLAGS_ACCUMULATOR_32F |
                     CUBLASLT_NUMERICAL_IMPL_FLAGS_INPUT_32F;
    BS_TRY(bs_cuda_check_blas(api,
                              api->cublasLtMatmulPreferenceSetAttribute(
                                  p, CUBLASLT_MATMUL_PREF_MAX_WORKSPACE_BYTES, &workspace, sizeof workspace),
                              what));
    BS_TRY(bs_cuda_check_blas(api,
                              api->cublasLtMatmulPreferenceSetAttribute(
                                  p, CUBLASLT_MATMUL_PREF_REDUCTION_SCHEME_MASK, &schemes, sizeof schemes),
                              what));
    if (d->options.tf32)
        return BS_OK;
    return bs_cuda_check_blas(
        api,
        api->cublasLtMatmulPreferenceSetAttribute(p, CUBLASLT_MATMUL_PREF_IMPL_MASK, &exact, sizeof exact),
        what);
}

/* Any number of rows and filters? */
static bool serves_all(const bs_device *d, const cublasLtMatmulAlgo_t *algo, int64_t rows, int64_t width,
                       int64_t depth)
{
    return serves(d, algo, 1, width, depth) && serves(d, algo, 9, width, depth) &&
           serves(d, algo, 4 * rows, width, depth) && serves(d, algo, rows, 1, depth) &&
           serves(d, algo, rows, 32, depth);
}

bs_status bs_cuda_gemm_algorithms(cublasLtMatmulAlgo_t *out, int most, int *n, int *proposed,
                                  const bs_device *d, int64_t rows, int64_t width, int64_t depth)
{
    const bs_cuda_api *api = d->api;
    cublasLtMatmulHeuristicResult_t result[CANDIDATES];
    cublasLtMatmulPreference_t preference = NULL;
    call c;
    bs_status st;
    *n = *proposed = 0;
    BS_TRY_GOTO(begin(&c, d, rows, width, depth), out);
    BS_TRY_GOTO(bs_cuda_check_blas(api, api->cublasLtMatmulPreferenceCreate(&preference),
                                   "cublasLtMatmulPreferenceCreate"),
                out);
    BS_TRY_GOTO(prefer(d, preference), out);
    cublasStatus_t r =
        api->cublasLtMatmulAlgoGetHeuristic(d->card->blas, c.desc, c.filters, c.rows, c.products, c.products,
                                            preference, CANDIDATES, result, proposed);
    if (r != CUBLAS_STATUS_NOT_SUPPORTED)
        BS_TRY_GOTO(bs_cuda_check_blas(api, r, "cublasLtMatmulAlgoGetHeuristic"), out);
    for (int i = 0; i < *proposed && *n < most; i++)
        if (result[i].state == CUBLAS_STATUS_SUCCESS && !splits(d, &result[i].algo) &&
            serves_all(d, &result[i].algo, rows, width, depth))
            out[(*n)++] = result[i].algo;
out:
    if (preference)
        api->cublasLtMatmulPreferenceDestroy(preference);
    end(&c);
    return st;
}

bs_status bs_cuda_gemm_pin(bs_cuda_gemm *g, bs_lane *l, int64_t rows, int64_t width, int64_t depth,
                           CUdeviceptr filters)
{
    cublasLtMatmulAlgo_t algorithm[REHEARSED];
    bs_gemm_rehearsal r;
    int n = 0, proposed = 0;
    bs_status st;
    *g = (bs_cuda_gemm){.width = width, .depth = depth};
    BS_TRY(
        bs_cuda_gemm_algorithms(algorithm, REHEARSED, &n, &proposed, l->network->device, rows, width, depth));
    BS_TRY_GOTO(bs_gemm_rehearsal_begin(&r, l, rows, width, depth, filters), out);
    for (int i = 0; i < n && !g->pinned; i++) {
        bool exact = false;
        g->algo = algorithm[i];
        BS_TRY_GOTO(bs_rehearse_gemm(&r, g, &exact), out);
        g->pinned = exact;
    }
    if (!g->pinned)
        bs_info("products of %lld filters of %lld weights run through a plain, slower kernel: none of %d "
                "algorithms of cuBLASLt gives the same bits in every batch",
                (long long)width, (long long)depth, proposed);
out:
    bs_gemm_rehearsal_end(&r);
    return st;
}

bs_status bs_cuda_gemm_run(bs_lane *l, const bs_cuda_gemm *g, int64_t rows, int64_t width, CUdeviceptr x,
                           CUdeviceptr w, CUdeviceptr products)
{
    const bs_device *d = l->network->device;
    const bs_cuda_api *api = d->api;
    const float one = 1.0f, zero = 0.0f;
    call c;
    bs_status st;
    BS_TRY(bs_cuda_reserve(l, &l->workspace, WORKSPACE));
    BS_TRY_GOTO(begin(&c, d, rows, width, g->depth), out);
    void *y = bs_cuda_pointer(products);
    BS_TRY_GOTO(bs_cuda_check_blas(
                    api,
                    api->cublasLtMatmul(d->card->blas, c.desc, &one, bs_cuda_pointer(w), c.filters,
                                        bs_cuda_pointer(x), c.rows, &zero, y, c.products, y, c.products,
                                        &g->algo, bs_cuda_pointer(l->workspace.ptr), WORKSPACE, l->stream),
                    "cublasLtMatmul"),
                out);
out:
    end(&c);
    return st;
}
