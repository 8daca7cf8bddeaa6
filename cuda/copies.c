/* Copies rows and filters from any places, so that they lie side by side. */
#include "cuda/enqueue.h"

bs_status bs_cuda_copy_rows(bs_stream *stream, int tensor, int n, bs_view src, void *dst)
{
    const bs_network *net = stream->network;
    int64_t elements = net->graph->tensors[tensor].elements;
    bs_copy_rows_args a = {
        .n = (uint32_t)n, .elements = (uint32_t)elements, .out = bs_cuda_out(net, tensor, dst)};
    BS_TRY(bs_cuda_enter(net->device));
    BS_TRY(bs_cuda_operand(stream, &a.in, n, src, elements, bs_cuda_type(net, tensor)));
    return bs_cuda_launch(stream, BS_KERNEL_copy_rows, n, elements, &a);
}

enum { ALIGNMENT = 256 };

/* Returns true if so many bytes from an address on are all in one block: what lies behind the rows there may
 * be read, although nothing depends on it. */
static bool is_readable(const bs_stream *stream, CUdeviceptr at, size_t bytes)
{
    for (size_t i = 0; i < stream->n_blocks; i++)
        if (at >= stream->block[i].ptr && at + bytes <= stream->block[i].ptr + stream->block[i].bytes)
            return true;
    return false;
}

bs_status bs_cuda_pack_rows(bs_stream *stream, int n, int room, bs_view in, int64_t elements, bs_dtype type,
                            bool floats, CUdeviceptr *out)
{
    bs_dtype wanted = floats ? BS_DTYPE_FP32 : type;
    size_t bytes = (size_t)bs_row_size(wanted, room * elements);
    *out = bs_cuda_address(in.base);
    if (!in.rows && *out % ALIGNMENT == 0 && type == wanted &&
        (n == room || is_readable(stream, *out, bytes)))
        return BS_OK;
    bs_copy_rows_args a = {.n = (uint32_t)n, .elements = (uint32_t)elements};
    BS_TRY(bs_cuda_reserve(stream, &stream->rows, bytes));
    BS_TRY(bs_cuda_operand(stream, &a.in, n, in, elements, type));
    *out = stream->rows.ptr;
    a.out = (bs_out){bs_cuda_pointer(*out), {wanted, 1.0f}};
    return bs_cuda_launch(stream, BS_KERNEL_copy_rows, n, elements, &a);
}

bs_status bs_cuda_copy_filters(bs_stream *stream, int filters, CUdeviceptr from, CUdeviceptr param,
                               int64_t length, bs_dtype type, bs_cuda_buffer *to)
{
    BS_TRY(bs_cuda_reserve(stream, to, (size_t)bs_row_size(type, filters * length)));
    bs_filters_args a = {.filters = (uint32_t)filters,
                         .length = (uint32_t)length,
                         .weights = {bs_cuda_pointer(param), type},
                         .from = bs_cuda_pointer(from),
                         .out = {bs_cuda_pointer(to->ptr), {type, 1.0f}}};
    return bs_cuda_launch(stream, BS_KERNEL_filters, filters, length, &a);
}
