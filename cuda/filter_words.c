/* Words of filters, for engines that read types of 16 bits. Parameters are floats, which own kernels read and
 * faults change; the words are made of them. */
#include "cuda/conv.h"
#include "cuda/enqueue.h"

static bs_status convert(bs_stream *stream, int64_t filters, int64_t length, bs_dtype type, CUdeviceptr from,
                         CUdeviceptr to)
{
    bs_copy_rows_args a = {.n = (uint32_t)filters,
                           .elements = (uint32_t)length,
                           .in = {bs_cuda_pointer(from), NULL, length, BS_DTYPE_FP32},
                           .out = {bs_cuda_pointer(to), {type, 1.0f}}};
    return bs_cuda_launch(stream, BS_KERNEL_copy_rows, filters, length, &a);
}

bs_status bs_cuda_words_make(bs_stream *stream, int node, bs_dtype type)
{
    const bs_cuda_api *api = stream->network->device->api;
    bs_cuda_plan *p = &stream->network->plan[node];
    bs_cuda_release(stream, &p->words, 1);
    p->words = 0;
    if (type == BS_DTYPE_FP32)
        return BS_OK;
    size_t bytes = (size_t)bs_row_size(type, p->filters * p->length);
    BS_TRY(bs_cuda_check(api, api->cuMemAlloc(&p->words, bytes), "cuMemAlloc"));
    return convert(stream, p->filters, p->length, type, p->param[1], p->words);
}

bs_status bs_cuda_words_get(const bs_cuda_job *j, int64_t filters, CUdeviceptr *weights)
{
    bs_stream *stream = j->stream;
    const bs_cuda_plan *p = &stream->network->plan[j->index];
    const bs_dtype type = bs_cuda_engine_type(p);
    const CUdeviceptr floats = *weights;
    if (type == BS_DTYPE_FP32)
        return BS_OK;
    *weights = p->words;
    if (floats == p->param[1])
        return BS_OK;
    BS_TRY(bs_cuda_reserve(stream, &stream->words, (size_t)bs_row_size(type, filters * p->length)));
    *weights = stream->words.ptr;
    return convert(stream, filters, p->length, type, floats, *weights);
}
