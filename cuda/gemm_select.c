/* Selects the algorithm of cuBLASLt that computes products of rows with filters.
 *
 * One algorithm serves all numbers of rows and of filters: it fixes tile, stages and the order of the sum
 * along `depth`, which is never split, so an element should not depend on its neighbours. The library does
 * not promise that, so the first algorithm that is exact on random data is taken. If there is none, the
 * kernel of kernels/gemm.cu is used, which is exact by construction. */
#include "cuda/invariance.h"
#include "cuda/selection.h"

/* Selects the first of n algorithms that is exact. */
static bs_status select_first(bs_cuda_gemm *g, const bs_gemm_invariance *r,
                              const cublasLtMatmulAlgo_t *algorithm, int n)
{
    for (int i = 0; i < n && !g->selected; i++) {
        g->algo = algorithm[i];
        BS_TRY(bs_gemm_invariance_test(r, g, &g->selected));
    }
    return BS_OK;
}

bs_status bs_cuda_gemm_select(bs_cuda_gemm *g, bs_stream *stream, bs_dtype type, int64_t rows, int64_t width,
                              int64_t depth, CUdeviceptr filters)
{
    enum { MOST = 32, FAST = 8 };
    const bs_device *d = stream->network->device;
    cublasLtMatmulAlgo_t algorithm[MOST];
    bs_gemm_invariance r;
    int fast = 0, n = 0, more = 0, proposed = 0;
    bs_status st;
    *g = (bs_cuda_gemm){.width = width, .depth = depth, .type = type};
    BS_TRY_GOTO(bs_gemm_invariance_begin(&r, stream, type, rows, width, depth, filters), out);
    g->rows = r.rows;
    BS_TRY_GOTO(bs_cuda_gemm_fastest(algorithm, FAST, &fast, d, type, rows, width, depth), out);
    BS_TRY_GOTO(select_first(g, &r, algorithm, fast), out);
    if (!g->selected) {
        BS_TRY_GOTO(bs_cuda_gemm_algorithms(algorithm, MOST, &n, &proposed, d, type, rows, width, depth),
                    out);
        BS_TRY_GOTO(select_first(g, &r, algorithm, n), out);
    }
    if (!g->selected) {
        BS_TRY_GOTO(bs_cuda_gemm_enumerate(algorithm, MOST, &more, d, type, rows, width, depth), out);
        BS_TRY_GOTO(select_first(g, &r, algorithm, more), out);
    }
    g->tried = fast + n + more;
out:
    bs_gemm_invariance_end(&r);
    return st;
}
