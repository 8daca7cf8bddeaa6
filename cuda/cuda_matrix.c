/* Gemm, and MatMul by weights: multiplies each row of the input by the filters. */
#include "cuda/conv.h"
#include "cuda/enqueue.h"

/* Rows that are put side by side, and products by the library, are made in pieces of at most this size. */
enum { PIECE = 256 << 20 };

static bs_status run_piece(const bs_cuda_job *j, int n, bs_view in, int64_t width, CUdeviceptr filters,
                           CUdeviceptr bias, bs_out out)
{
    bs_stream *stream = j->stream;
    const bs_cuda_plan *p = &stream->network->plan[j->index];
    int64_t elements = bs_cuda_elements(&j->in_shape[0]), rows = n * (elements / p->length),
            padded = bs_cuda_padded(width);
    bs_dtype type = bs_cuda_input_type(j, 0);
    CUdeviceptr x;
    BS_TRY(bs_cuda_pack_rows(stream, n, n, in, elements, type,
                             p->gemm.selected && p->gemm.type == BS_DTYPE_FP32, &x));
    if (!p->gemm.selected)
        return bs_cuda_gemm_own(stream, rows, width, p->length, (bs_cells){bs_cuda_pointer(x), type}, filters,
                                bias, out, width);
    BS_TRY(bs_cuda_reserve(stream, &stream->products, (size_t)(rows * padded) * sizeof(float)));
    BS_TRY(bs_cuda_gemm_run(stream, &p->gemm, rows, width, x, filters, stream->products.ptr));
    bs_add_bias_args a = {.n = (uint32_t)rows,
                          .elements = (uint32_t)width,
                          .channels = (uint32_t)width,
                          .plane = 1,
                          .in_elements = padded,
                          .in = {bs_cuda_pointer(stream->products.ptr), BS_DTYPE_FP32},
                          .bias = bs_cuda_pointer(bias),
                          .out = out};
    return bs_cuda_launch(stream, BS_KERNEL_add_bias, rows, width, &a);
}

bs_status bs_cuda_matrix(const bs_cuda_job *j, int n, bs_view in, int64_t width, CUdeviceptr filters,
                         CUdeviceptr bias, bs_out out)
{
    const bs_cuda_plan *p = &j->stream->network->plan[j->index];
    int64_t elements = bs_cuda_elements(&j->in_shape[0]),
            repeat = elements / p->length; /* fewer in a patch */
    int64_t made = repeat * bs_cuda_padded(width), row = (elements > made ? elements : made) * 4;
    int64_t row_bytes = bs_row_size(bs_cuda_input_type(j, 0), elements);
    int most = PIECE / row > 1 ? (int)(PIECE / row) : 1;
    BS_TRY(bs_cuda_words_get(j, width, &filters));
    for (int at = 0; at < n; at += most)
        BS_TRY(run_piece(j, n - at < most ? n - at : most, bs_cuda_view_from(in, at, row_bytes), width,
                         filters, bias, bs_out_from(out, at * repeat * width)));
    return BS_OK;
}

bs_status bs_cuda_run_gemm(const bs_cuda_job *j)
{
    const bs_cuda_plan *p = &j->stream->network->plan[j->index];
    CUdeviceptr bias = bs_node_has_input(j->node, 2) ? j->param[2] : 0;
    return bs_cuda_matrix(j, j->n, j->in[0], p->filters, j->param[1], bias, j->out);
}
