/* Which algorithm of cuBLASLt computes products of rows with filters.
 *
 * One algorithm serves all numbers of rows and of filters: tile, stages and the order of the sum along
 * `depth` are its own, never split, so an element should not depend on its neighbours. The library does not
 * promise that: the first algorithm is taken that shows it on random data. Where none does, a plain kernel
 * serves, one thread an output: slower, but exact by its making. */
#include "cuda/rehearsal.h"
#include "cuda/selection.h"

#include "base/log.h"

/* Pins the first of n algorithms that is exact. */
static bs_status pin_first(bs_cuda_gemm *g, const bs_gemm_rehearsal *r, const cublasLtMatmulAlgo_t *algorithm,
                           int n)
{
    for (int i = 0; i < n && !g->pinned; i++) {
        g->algo = algorithm[i];
        BS_TRY(bs_rehearse_gemm(r, g, &g->pinned));
    }
    return BS_OK;
}

bs_status bs_cuda_gemm_pin(bs_cuda_gemm *g, bs_lane *l, int64_t rows, int64_t width, int64_t depth,
                           CUdeviceptr filters)
{
    enum { MOST = 32, FAST = 8 };
    const bs_device *d = l->network->device;
    cublasLtMatmulAlgo_t algorithm[MOST];
    bs_gemm_rehearsal r;
    int fast = 0, n = 0, more = 0, proposed = 0;
    bs_status st;
    *g = (bs_cuda_gemm){.width = width, .depth = depth};
    BS_TRY_GOTO(bs_gemm_rehearsal_begin(&r, l, rows, width, depth, filters), out);
    g->rows = r.rows;
    BS_TRY_GOTO(bs_cuda_gemm_fastest(algorithm, FAST, &fast, d, rows, width, depth), out);
    BS_TRY_GOTO(pin_first(g, &r, algorithm, fast), out);
    if (!g->pinned) {
        BS_TRY_GOTO(bs_cuda_gemm_algorithms(algorithm, MOST, &n, &proposed, d, rows, width, depth), out);
        BS_TRY_GOTO(pin_first(g, &r, algorithm, n), out);
    }
    if (!g->pinned) {
        BS_TRY_GOTO(bs_cuda_gemm_enumerate(algorithm, MOST, &more, d, rows, width, depth), out);
        BS_TRY_GOTO(pin_first(g, &r, algorithm, more), out);
    }
    if (!g->pinned)
        bs_info(
            "products of %lld filters of %lld weights run through a plain, slower kernel: of %d algorithms "
            "of cuBLASLt that were tried none gives the same bits in every batch",
            (long long)width, (long long)depth, fast + n + more);
out:
    bs_gemm_rehearsal_end(&r);
    return st;
}
