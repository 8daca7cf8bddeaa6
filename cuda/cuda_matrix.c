/* Gemm, and MatMul by weights: multiplies each row of the input by the filters. */
#include "cuda/conv.h"
#include "cuda/enqueue.h"

bs_status bs_cuda_matrix(const bs_cuda_job *j, int n, bs_view in, int64_t width, CUdeviceptr filters,
                         CUdeviceptr bias, CUdeviceptr out)
{
    bs_stream *stream = j->stream;
    const bs_cuda_plan *p = &stream->network->plan[j->index];
    int64_t repeat = bs_cuda_elements(&j->in_shape[0]) / p->length; /* fewer in a patch */
    int64_t rows = n * repeat, padded = bs_cuda_padded(width);
    CUdeviceptr x;
    BS_TRY(bs_cuda_pack_rows(stream, n, n, in, repeat * p->length, &x));
    if (!p->gemm.selected)
        return bs_cuda_gemm_own(stream, rows, width, p->length, x, filters, bias, out, width);
    BS_TRY(bs_cuda_reserve(stream, &stream->products, (size_t)(rows * padded) * sizeof(float)));
    BS_TRY(bs_cuda_gemm_run(stream, &p->gemm, rows, width, x, filters, stream->products.ptr));
    bs_add_bias_args a = {.n = (uint32_t)rows,
                          .elements = (uint32_t)width,
                          .channels = (uint32_t)width,
                          .plane = 1,
                          .in_elements = padded,
                          .in = bs_cuda_pointer(stream->products.ptr),
                          .bias = bs_cuda_pointer(bias),
                          .out = bs_cuda_pointer(out)};
    return bs_cuda_launch(stream, BS_KERNEL_add_bias, rows, width, &a);
}

bs_status bs_cuda_run_gemm(const bs_cuda_job *j)
{
    const bs_cuda_plan *p = &j->stream->network->plan[j->index];
    CUdeviceptr bias = bs_node_has_input(j->node, 2) ? j->param[2] : 0;
    return bs_cuda_matrix(j, j->n, j->in[0], p->filters, j->param[1], bias, j->out);
}
