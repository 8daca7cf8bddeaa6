/* Enqueues work on a stream: memory, small arrays to the device, launches. */
#include "cuda/enqueue.h"

#include <string.h>
#include <xxhash.h>

/* SHARED: bytes of the largest array that is looked for among those that are there. */
enum { RING_BYTES = 8 << 20, SHARED = 1 << 16, ALIGNMENT = 256, MAX_GRID_Y = 65535, MAX_GRID_X = 1 << 20 };

static bs_status wait(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    return bs_cuda_check(api, api->cuStreamSynchronize(stream->handle), "cuStreamSynchronize");
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
    bs_cuda_staging *s = &stream->staging;
    BS_TRY(
        bs_cuda_check(api, api->cuStreamCreate(&stream->handle, CU_STREAM_NON_BLOCKING), "cuStreamCreate"));
    BS_TRY(bs_cuda_check(api, api->cuMemAllocHost((void **)&s->pinned, RING_BYTES), "cuMemAllocHost"));
    return bs_cuda_check(api, api->cuMemAlloc(&s->device, RING_BYTES), "cuMemAlloc");
}

void bs_cuda_staging_close(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    bs_cuda_release(stream, &stream->staging.device, 1);
    if (stream->staging.pinned)
        api->cuMemFreeHost(stream->staging.pinned);
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
    bs_cuda_staging *s = &stream->staging;
    size_t from = s->sent;
    s->sent = s->at;
    if (from == s->at)
        return BS_OK;
    return bs_cuda_check(
        api, api->cuMemcpyHtoDAsync(s->device + from, s->pinned + from, s->at - from, stream->handle),
        "cuMemcpyHtoDAsync");
}

/* Begins the ring anew after a launch when half of it is used, so that the arrays of the next launch, at most
 * half a ring, are not overwritten before it. */
static bs_status turn_round(bs_stream *stream, size_t room)
{
    bs_cuda_staging *s = &stream->staging;
    bool anew = s->launched && s->at > RING_BYTES / 2;
    s->launched = false;
    if (!anew)
        return s->at + room <= RING_BYTES
                   ? BS_OK
                   : bs_fail(BS_ERR, "a kernel's small arrays have more than %d bytes", RING_BYTES / 2);
    BS_TRY(send(stream));
    BS_TRY(wait(stream)); /* copies from the ring may still be under way */
    s->at = s->sent = 0;
    memset(s->known, 0, sizeof s->known);
    return BS_OK;
}

bs_status bs_cuda_stage_room(bs_stream *stream, void **host, CUdeviceptr *out, size_t bytes)
{
    bs_cuda_staging *s = &stream->staging;
    size_t room = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (room > RING_BYTES / 2)
        return bs_fail(BS_ERR, "%zu bytes are too many for one transfer", bytes);
    BS_TRY(turn_round(stream, room));
    *host = s->pinned + s->at;
    *out = s->device + s->at;
    s->at += room;
    return BS_OK;
}

bs_status bs_cuda_stage(bs_stream *stream, CUdeviceptr *out, const void *data, size_t bytes)
{
    bs_cuda_staging *s = &stream->staging;
    void *host = NULL;
    uint64_t hash = bytes <= SHARED ? XXH3_64bits(data, bytes) : 0;
    BS_TRY(turn_round(stream, 0));
    if (bytes <= SHARED && s->known[hash % BS_CUDA_STAGED].hash == hash &&
        s->known[hash % BS_CUDA_STAGED].bytes == bytes &&
        !memcmp(s->pinned + s->known[hash % BS_CUDA_STAGED].at, data, bytes)) {
        *out = s->device + s->known[hash % BS_CUDA_STAGED].at;
        return BS_OK;
    }
    BS_TRY(bs_cuda_stage_room(stream, &host, out, bytes));
    memcpy(host, data, bytes);
    if (bytes <= SHARED) {
        s->known[hash % BS_CUDA_STAGED].hash = hash;
        s->known[hash % BS_CUDA_STAGED].bytes = bytes;
        s->known[hash % BS_CUDA_STAGED].at = (size_t)((char *)host - s->pinned);
    }
    return BS_OK;
}

bs_status bs_cuda_set(bs_stream *stream, CUdeviceptr to, unsigned char value, size_t n)
{
    const bs_cuda_api *api = stream->network->device->api;
    return bs_cuda_check(api, api->cuMemsetD8Async(to, value, n, stream->handle), "cuMemsetD8Async");
}

static bs_status launch(bs_stream *stream, bs_kernel_id kernel, int64_t samples, int64_t items,
                        const void *args)
{
    const bs_device *d = stream->network->device;
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

bs_status bs_cuda_launch(bs_stream *stream, bs_kernel_id kernel, int64_t samples, int64_t items,
                         const void *args)
{
    stream->staging.launched = true;
    if (samples <= 0 || items <= 0)
        return BS_OK;
    bs_status st = launch(stream, kernel, samples, items, args);
    if (st != BS_OK)
        bs_cuda_forget(stream);
    return st;
}

bs_status bs_cuda_operand(bs_stream *stream, bs_operand *out, int n, bs_view v, int64_t elements,
                          bs_dtype type)
{
    CUdeviceptr rows = 0;
    if (v.rows)
        BS_TRY(bs_cuda_stage(stream, &rows, v.rows, (size_t)n * sizeof *v.rows));
    *out = (bs_operand){v.base, bs_cuda_pointer(rows), elements, type};
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
