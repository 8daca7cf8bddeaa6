/* Products of rows with filters through cuBLASLt. To the library, which is column-major, the filters are a
 * matrix (depth, width) to be transposed, the rows are (depth, rows), the products (width, rows).
 *
 * One algorithm serves all numbers of rows and of filters: see gemm_select.c. */
#include "cuda/gemm.h"
#include "cuda/enqueue.h"

bs_status bs_gemm_call_begin(bs_gemm_call *c, const bs_device *d, int64_t rows, int64_t width, int64_t depth)
{
    const bs_cuda_api *api = d->api;
    const char *what = "cublasLtMatrixLayoutCreate";
    cublasOperation_t transpose = CUBLAS_OP_T;
    uint64_t k = (uint64_t)depth, m = (uint64_t)width, n = (uint64_t)rows;
    *c = (bs_gemm_call){.api = api};
    BS_TRY(bs_cuda_check_blas(api, api->cublasLtMatmulDescCreate(&c->desc, bs_gemm_type(d), CUDA_R_32F),
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

void bs_gemm_call_end(bs_gemm_call *c)
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

static bs_status run_piece(bs_stream *stream, const bs_cuda_gemm *g, int64_t rows, int64_t width,
                           CUdeviceptr x, CUdeviceptr w, CUdeviceptr products)
{
    const bs_device *d = stream->network->device;
    const bs_cuda_api *api = d->api;
    const float one = 1.0f, zero = 0.0f;
    void *y = bs_cuda_pointer(products);
    bs_gemm_call c;
    bs_status st;
    BS_TRY_GOTO(bs_gemm_call_begin(&c, d, rows, width, g->depth), out);
    BS_TRY_GOTO(
        bs_cuda_check_blas(api,
                           api->cublasLtMatmul(d->card->blas, c.desc, &one, bs_cuda_pointer(w), c.filters,
                                               bs_cuda_pointer(x), c.rows, &zero, y, c.products, y,
                                               c.products, &g->algo, bs_cuda_pointer(stream->workspace.ptr),
                                               BS_GEMM_WORKSPACE, stream->handle),
                           "cublasLtMatmul"),
        out);
out:
    bs_gemm_call_end(&c);
    return st;
}

bs_status bs_cuda_gemm_run(bs_stream *stream, const bs_cuda_gemm *g, int64_t rows, int64_t width,
                           CUdeviceptr x, CUdeviceptr w, CUdeviceptr products)
{
    int64_t most = g->rows ? g->rows : rows, in = g->depth * (int64_t)sizeof(float),
            out = bs_cuda_padded(width) * (int64_t)sizeof(float);
    BS_TRY(bs_cuda_reserve(stream, &stream->workspace, BS_GEMM_WORKSPACE));
    for (int64_t at = 0; at < rows; at += most)
        BS_TRY(run_piece(stream, g, rows - at < most ? rows - at : most, width, x + (CUdeviceptr)(at * in), w,
                         products + (CUdeviceptr)(at * out)));
    return BS_OK;
}
