/* A product of rows with filters, as described to cuBLASLt. For gemm*.c only. */
#ifndef BS_CUDA_GEMM_H
#define BS_CUDA_GEMM_H

#include "cuda/conv.h"

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

/* Returns the library's name of a type of rows and filters. */
static inline cudaDataType_t bs_gemm_data(bs_dtype type)
{
    return type == BS_DTYPE_FP16 ? CUDA_R_16F : type == BS_DTYPE_BF16 ? CUDA_R_16BF : CUDA_R_32F;
}

/* Describes a product of rows and filters of a type. Call bs_gemm_call_end() on every path. */
bs_status bs_gemm_call_begin(bs_gemm_call *c, const bs_device *d, bs_dtype type, int64_t rows, int64_t width,
                             int64_t depth);
void bs_gemm_call_end(bs_gemm_call *c);

#endif
