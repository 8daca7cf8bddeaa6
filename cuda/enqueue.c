/* Enqueues work on a stream: memory, small arrays to and from the device, launches. */
#include "cuda/enqueue.h"

#include <string.h>

enum { RING_BYTES = 8 << 20, ALIGNMENT = 256, MAX_GRID_Y = 65535, MAX_GRID_X = 1 << 20 };

static bs_status wait(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    return bs_cuda_check(api, api->cuStreamSynchronize(stream->handle), "cuStreamSynchronize");
}

bs_status bs_cuda_wait(bs_stream *stream)
{
    BS_TRY(bs_cuda_enter(stream->network->device));
    return wait(stream);
}

void bs_cuda_release(bs_stream *stream, const CUdeviceptr *all, size_t n)
{
    const bs_cuda_api *api = stream->network->device->api;
    if (stream->handle)
        api->cuStreamSynchronize(stream->handle);
    for (size_t i = 0; i < n; i++)
        if (all[i])
            api->cuMemFree(all[i]);
}

bs_status bs_cuda_staging_open(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    BS_TRY(
        bs_cuda_check(api, api->cuStreamCreate(&stream->handle, CU_STREAM_NON_BLOCKING), "cuStreamCreate"));
    BS_TRY(bs_cuda_check(api, api->cuMemAllocHost((void **)&stream->pinned, RING_BYTES), "cuMemAllocHost"));
    return bs_cuda_check(api, api->cuMemAlloc(&stream->staged, RING_BYTES), "cuMemAlloc");
}

void bs_cuda_staging_close(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    bs_cuda_release(stream, &stream->staged, 1);
    if (stream->pinned)
        api->cuMemFreeHost(stream->pinned);
    if (stream->fetched)
        api->cuMemFreeHost(stream->fetched);
    if (stream->handle)
        api->cuStreamDestroy(stream->handle);
}

bs_status bs_cuda_reserve(bs_stream *stream, bs_cuda_buffer *b, size_t bytes)
{
    const bs_cuda_api *api = stream->network->device->api;
    if (bytes <= b->bytes)
        return BS_OK;
    if (b->ptr) {
        CUdeviceptr old = b->ptr;
        BS_TRY(wait(stream));
        *b = (bs_cuda_buffer){0}; /* never freed again, whatever the driver says */
        BS_TRY(bs_cuda_check(api, api->cuMemFree(old), "cuMemFree"));
    }
    BS_TRY(bs_cuda_check(api, api->cuMemAlloc(&b->ptr, bytes), "cuMemAlloc"));
    b->bytes = bytes;
    return BS_OK;
}

/* Sends everything staged since the last time, in one copy. */
static bs_status send(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    size_t from = stream->sent;
    stream->sent = stream->stage_at;
    if (from == stream->stage_at)
        return BS_OK;
    return bs_cuda_check(api,
                         api->cuMemcpyHtoDAsync(stream->staged + from, stream->pinned + from,
                                                stream->stage_at - from, stream->handle),
                         "cuMemcpyHtoDAsync");
}

bs_status bs_cuda_stage_room(bs_stream *stream, void **host, CUdeviceptr *out, size_t bytes)
{
    size_t room = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (room > RING_BYTES)
        return bs_fail(BS_ERR, "%zu bytes are too many for one transfer", bytes);
    if (stream->stage_at + room > RING_BYTES) {
        BS_TRY(send(stream));
        BS_TRY(wait(stream)); /* copies from the start of the ring may still be under way */
        stream->stage_at = stream->sent = 0;
    }
    *host = stream->pinned + stream->stage_at;
    *out = stream->staged + stream->stage_at;
    stream->stage_at += room;
    return BS_OK;
}

bs_status bs_cuda_stage(bs_stream *stream, CUdeviceptr *out, const void *data, size_t bytes)
{
    void *host = NULL;
    BS_TRY(bs_cuda_stage_room(stream, &host, out, bytes));
    memcpy(host, data, bytes);
    return BS_OK;
}

bs_status bs_cuda_fetch(bs_stream *stream, void *to, CUdeviceptr from, size_t bytes)
{
    const bs_cuda_api *api = stream->network->device->api;
    if (bytes > stream->fetched_bytes) {
        if (stream->fetched) {
            void *old = stream->fetched;
            BS_TRY(wait(stream));
            stream->fetched = NULL;
            stream->fetched_bytes = 0;
            BS_TRY(bs_cuda_check(api, api->cuMemFreeHost(old), "cuMemFreeHost"));
        }
        BS_TRY(bs_cuda_check(api, api->cuMemAllocHost((void **)&stream->fetched, bytes), "cuMemAllocHost"));
        stream->fetched_bytes = bytes;
    }
    BS_TRY(bs_cuda_check(api, api->cuMemcpyDtoHAsync(stream->fetched, from, bytes, stream->handle),
                         "cuMemcpyDtoHAsync"));
    BS_TRY(wait(stream));
    memcpy(to, stream->fetched, bytes);
    return BS_OK;
}

bs_status bs_cuda_launch(bs_stream *stream, bs_kernel_id kernel, int64_t samples, int64_t items,
                         const void *args)
{
    const bs_device *d = stream->network->device;
    if (samples <= 0 || items <= 0)
        return BS_OK;
    if (items > UINT32_MAX / 2 || samples > INT32_MAX)
        return bs_fail(BS_ERR, "a tensor is too large for the device: %lld elements", (long long)items);
    BS_TRY(send(stream));
    unsigned block = BS_BLOCK_SIZE;
    while (block > 32 && block / 2 >= items)
        block /= 2;
    int64_t x = (items + block - 1) / block;
    unsigned grid_x = (unsigned)(x < MAX_GRID_X ? x : MAX_GRID_X);
    unsigned grid_y = (unsigned)(samples < MAX_GRID_Y ? samples : MAX_GRID_Y);
    void *copy = (void *)(uintptr_t)args; /* the driver's parameter list is not const */
    return bs_cuda_check(d->api,
                         d->api->cuLaunchKernel(d->card->kernel[kernel], grid_x, grid_y, 1, block, 1, 1, 0,
                                                stream->handle, &copy, NULL),
                         "cuLaunchKernel");
}

bs_status bs_cuda_operand(bs_stream *stream, bs_operand *out, int n, bs_view v, int64_t elements)
{
    CUdeviceptr rows = 0;
    if (v.rows)
        BS_TRY(bs_cuda_stage(stream, &rows, v.rows, (size_t)n * sizeof *v.rows));
    *out = (bs_operand){v.base, bs_cuda_pointer(rows), elements};
    return BS_OK;
}

bs_status bs_cuda_copy(bs_stream *stream, void *dst, const void *src, size_t bytes)
{
    const bs_cuda_api *api = stream->network->device->api;
    BS_TRY(bs_cuda_enter(stream->network->device));
    return bs_cuda_check(
        api, api->cuMemcpyDtoDAsync(bs_cuda_address(dst), bs_cuda_address(src), bytes, stream->handle),
        "cuMemcpyDtoDAsync");
}
