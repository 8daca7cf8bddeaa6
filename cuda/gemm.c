/* Products of rows with filters, through cuBLASLt or by a kernel of our own. To the library, which is
 * column-major, the filters are a matrix (depth, width) to be transposed, the rows are (depth, rows), the
 * products (width, rows).
 *
 * One algorithm of it serves all numbers of rows and of filters: see gemm_select.c. */
#include "cuda/gemm.h"
#include "cuda/enqueue.h"

bs_status bs_gemm_call_begin(bs_gemm_call *c, const bs_device *d, bs_dtype type, int64_t rows, int64_t width,
                             int64_t depth)
{
    const cudaDataType_t data = bs_gemm_data(type);
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
    BS_TRY(bs_cuda_check_blas(api, api->cublasLtMatrixLayoutCreate(&c->filters, data, k, m, depth), what));
    BS_TRY(bs_cuda_check_blas(api, api->cublasLtMatrixLayoutCreate(&c->rows, data, k, n, depth), what));
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
    BS_TRY_GOTO(bs_gemm_call_begin(&c, d, g->type, rows, width, g->depth), out);
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
    int64_t most = g->rows ? g->rows : rows, in = bs_row_size(g->type, g->depth),
            out = bs_cuda_padded(width) * (int64_t)sizeof(float);
    BS_TRY(bs_cuda_reserve(stream, &stream->workspace, BS_GEMM_WORKSPACE));
    for (int64_t at = 0; at < rows; at += most)
        BS_TRY(run_piece(stream, g, rows - at < most ? rows - at : most, width, x + (CUdeviceptr)(at * in), w,
                         products + (CUdeviceptr)(at * out)));
    return BS_OK;
}

/* The kernels of gemm.cu by their tiles. time: of a multiprocessor for one tile, in the time of 512 products
 * at full rate. It follows from what limits a step along the depth. The large tile: arithmetic; 8 x 4
 * products of a thread take three instructions that read shared memory. The small one: shared memory, which
 * is read twice for four products of a thread, so that it takes twice the time of its arithmetic. */
static const struct {
    bs_kernel_id kernel;
    int64_t height, width, time;
} tiles[] = {{BS_KERNEL_gemm, BS_GEMM_ROWS, BS_GEMM_FILTERS, 18},
             {BS_KERNEL_gemm_small, BS_GEMM_SMALL, BS_GEMM_SMALL, 4}};

static int64_t pieces(int64_t all, int64_t of)
{
    return (all + of - 1) / of;
}

/* Returns true if small tiles are done earlier: where there are few rows or filters, large ones leave most
 * multiprocessors, or most of themselves, idle. */
static bool small_is_faster(const bs_device *d, int64_t rows, int64_t width)
{
    int64_t time[2], processors = d->card->multiprocessors ? d->card->multiprocessors : 1;
    for (int k = 0; k < 2; k++)
        time[k] =
            tiles[k].time * pieces(pieces(rows, tiles[k].height) * pieces(width, tiles[k].width), processors);
    return time[1] < time[0];
}

bs_status bs_cuda_gemm_own(bs_stream *stream, int64_t rows, int64_t width, int64_t depth, bs_cells x,
                           CUdeviceptr w, CUdeviceptr bias, bs_out out, int64_t out_step)
{
    int k = small_is_faster(stream->network->device, rows, width);
    bs_gemm_args a = {.rows = (uint32_t)rows,
                      .width = (uint32_t)width,
                      .depth = (uint32_t)depth,
                      .out_step = out_step,
                      .x = x,
                      .w = bs_cuda_pointer(w),
                      .bias = bs_cuda_pointer(bias),
                      .out = out};
    return bs_cuda_launch(stream, tiles[k].kernel, pieces(rows, tiles[k].height),
                          pieces(width, tiles[k].width) * BS_BLOCK_SIZE, &a);
}
