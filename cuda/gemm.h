/* A product of rows with filters, as cuBLASLt wants it described. For gemm*.c only. */
#ifndef BS_CUDA_GEMM_H
#define BS_CUDA_GEMM_H

#include "cuda/cuda.h"

enum { BS_GEMM_WORKSPACE = 32 << 20 };

typedef struct bs_gemm_call {
    const bs_cuda_api *api;
    cublasLtMatmulDesc_t desc;
    cublasLtMatrixLayout_t filters, rows, products;
} bs_gemm_call;

static inline cublasComputeType_t bs_gemm_type(const bs_device *d)
{
    return d->options.tf32 ? CUBLAS_COMPUTE_32F_FAST_TF32 : CUBLAS_COMPUTE_32F;
}

/* bs_gemm_call_end() on every path. */
bs_status bs_gemm_call_begin(bs_gemm_call *c, const bs_device *d, int64_t rows, int64_t width, int64_t depth);
void bs_gemm_call_end(bs_gemm_call *c);

/* Those that should be fastest of all that cuBLASLt has, by their tiles, best first (see gemm_search.c). None
 * where the library says nothing of tiles, and none for TF32. */
bs_status bs_cuda_gemm_fastest(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d, int64_t rows,
                               int64_t width, int64_t depth);

/* Algorithms that cuBLASLt has, whether its heuristics name them or not: its list is gone through, each with
 * all its settings in turn, until 256 are found that may be tried; at most `most` of these, in the order of
 * bs_cuda_gemm_algorithms(). */
bs_status bs_cuda_gemm_enumerate(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d,
                                 int64_t rows, int64_t width, int64_t depth);

#endif
