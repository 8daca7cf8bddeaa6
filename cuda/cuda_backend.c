#include "cuda/cuda_faulty.h"
#include "cuda/stream.h"
#include "cuda/network.h"
#include "cuda/cuda_patch.h"
#include "cuda/cuda_run.h"
#include "cuda/selection.h"
#include "cuda/enqueue.h"

#include "backend/support.h"
#include "base/buf.h"
#include "launch.h"

static bs_status cuda_alloc(bs_stream *stream, void **out, size_t bytes)
{
    const bs_cuda_api *api = stream->network->device->api;
    CUdeviceptr p = 0;
    *out = NULL;
    BS_TRY(bs_cuda_enter(stream->network->device));
    BS_TRY(
        bs_grow(&stream->block, &stream->block_cap, stream->n_blocks + 1, sizeof *stream->block, "memory"));
    BS_TRY(bs_cuda_check(api, api->cuMemAlloc(&p, bytes ? bytes : 1), "cuMemAlloc"));
    stream->block[stream->n_blocks++] = (bs_cuda_buffer){p, bytes};
    *out = bs_cuda_pointer(p);
    return BS_OK;
}

static void cuda_free(bs_stream *stream, void *p)
{
    const CUdeviceptr block = bs_cuda_address(p);
    for (size_t i = 0; i < stream->n_blocks; i++)
        if (stream->block[i].ptr == block)
            stream->block[i] = stream->block[--stream->n_blocks];
    if (p && bs_cuda_enter(stream->network->device) == BS_OK)
        bs_cuda_release(stream, &block, 1);
}

/* Turns a row from words into floats or back, on the device. */
static bs_status convert(bs_stream *stream, int64_t elements, const void *row, bs_dtype type, bs_out out)
{
    bs_copy_rows_args a = {.n = 1, .elements = (uint32_t)elements, .in = {row, NULL, 0, type}, .out = out};
    return bs_cuda_launch(stream, BS_KERNEL_copy_rows, 1, elements, &a);
}

static bs_status cuda_upload(bs_stream *stream, int tensor, void *row, const float *data)
{
    const bs_network *net = stream->network;
    const bs_cuda_api *api = net->device->api;
    bs_out out = bs_cuda_out(net, tensor, row);
    int64_t elements = net->graph->tensors[tensor].elements;
    size_t bytes = (size_t)elements * sizeof *data;
    BS_TRY(bs_cuda_enter(net->device));
    if (bs_is_half(out.format.type)) {
        BS_TRY(bs_cuda_reserve(stream, &stream->between, bytes));
        row = bs_cuda_pointer(stream->between.ptr);
    }
    BS_TRY(bs_cuda_check(api, api->cuMemcpyHtoDAsync(bs_cuda_address(row), data, bytes, stream->handle),
                         "cuMemcpyHtoDAsync"));
    if (row != out.base)
        BS_TRY(convert(stream, elements, row, BS_DTYPE_FP32, out));
    /* The caller may reuse `data` at once. */
    return bs_cuda_check(api, api->cuStreamSynchronize(stream->handle), "cuStreamSynchronize");
}

static bs_status cuda_download(bs_stream *stream, int tensor, const void *row, float *data)
{
    const bs_network *net = stream->network;
    bs_dtype type = bs_cuda_type(net, tensor);
    int64_t elements = net->graph->tensors[tensor].elements;
    size_t bytes = (size_t)elements * sizeof *data;
    BS_TRY(bs_cuda_enter(net->device));
    if (bs_is_half(type)) {
        BS_TRY(bs_cuda_reserve(stream, &stream->between, bytes));
        bs_out floats = {bs_cuda_pointer(stream->between.ptr), {BS_DTYPE_FP32, 1.0f}};
        BS_TRY(convert(stream, elements, row, type, floats));
        row = floats.base;
    }
    return bs_cuda_fetch(stream, data, bs_cuda_address(row), bytes);
}

static bs_status cuda_move_rows(bs_stream *stream, int n, void *rows, size_t row_bytes, const int32_t *to,
                                const int32_t *from)
{
    CUdeviceptr there, here;
    BS_TRY(bs_cuda_enter(stream->network->device));
    BS_TRY(bs_cuda_stage(stream, &there, to, (size_t)n * sizeof *to));
    BS_TRY(bs_cuda_stage(stream, &here, from, (size_t)n * sizeof *from));
    bs_dtype type = row_bytes % sizeof(float) ? BS_DTYPE_BF16 : BS_DTYPE_FP32; /* words of this size */
    bs_move_rows_args a = {.n = (uint32_t)n,
                           .elements = (uint32_t)(row_bytes / (size_t)bs_row_size(type, 1)),
                           .to = bs_cuda_pointer(there),
                           .from = bs_cuda_pointer(here),
                           .rows = {rows, {type, 1.0f}}};
    return bs_cuda_launch(stream, BS_KERNEL_move_rows, n, a.elements, &a);
}

static bs_status cuda_rank(bs_stream *stream, int n, const void *rows, const int32_t *golden_class,
                           bs_answer *out)
{
    const bs_graph *g = stream->network->graph;
    bs_rank_args a = {
        .n = (uint32_t)n,
        .classes = (uint32_t)g->tensors[g->output].elements,
        .is_probability = g->ends_in_softmax,
        .rows = {rows, NULL, g->tensors[g->output].elements, bs_cuda_type(stream->network, g->output)}};
    CUdeviceptr answer;
    if (n <= 0)
        return BS_OK;
    BS_TRY(bs_cuda_enter(stream->network->device));
    if (golden_class) {
        CUdeviceptr golden;
        BS_TRY(bs_cuda_stage(stream, &golden, golden_class, (size_t)n * sizeof *golden_class));
        a.golden = bs_cuda_pointer(golden);
    }
    BS_TRY(bs_cuda_answer(stream, &answer, out, (size_t)n * sizeof *out));
    a.out = bs_cuda_pointer(answer);
    BS_TRY(bs_cuda_launch(stream, BS_KERNEL_rank, n, BS_WARP_SIZE, &a));
    return bs_cuda_collect(stream);
}

const bs_backend bs_cuda_backend = {
    .name = "cuda",
    .needs_pixels = true,
    .autotune = {64, 5e9, 1e9}, /* with less it would only time launches */
    .extents = {4, 8},
    .device_count = bs_cuda_device_count,
    .open = bs_cuda_open,
    .close = bs_cuda_close,
    .describe = bs_cuda_describe,
    .supports = bs_support_node,
    .load = bs_cuda_load,
    .unload = bs_cuda_unload,
    .selection = bs_cuda_selection,
    .row_bytes = bs_cuda_row_bytes,
    .view_of = bs_cuda_view_of,
    .stream_open = bs_cuda_stream_open,
    .stream_close = bs_cuda_stream_close,
    .wait = bs_cuda_wait,
    .alloc = cuda_alloc,
    .free = cuda_free,
    .upload = cuda_upload,
    .download = cuda_download,
    .run = bs_cuda_run,
    .run_region = bs_cuda_run_region,
    .run_faulty = bs_cuda_run_faulty,
    .copy_rows = bs_cuda_copy_rows,
    .move_rows = cuda_move_rows,
    .inject = bs_cuda_inject,
    .compare = bs_cuda_compare,
    .patch_bytes = bs_cuda_patch_bytes,
    .patch_supported = bs_cuda_patch_supported,
    .gather = bs_cuda_gather,
    .run_patch = bs_cuda_run_patch,
    .inject_patch = bs_cuda_inject_patch,
    .compare_patch = bs_cuda_compare_patch,
    .bounds = bs_cuda_bounds,
    .rank = cuda_rank,
};
