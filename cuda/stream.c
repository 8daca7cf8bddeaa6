/* A lane's stream: memory, small arrays on their way to the device and back, launches. */
#include "cuda/stream.h"

#include <string.h>

enum { RING_BYTES = 8 << 20, ALIGNMENT = 256, BLOCK = 256, MAX_GRID_Y = 65535, MAX_GRID_X = 1 << 20 };

static bs_status wait(bs_lane *l)
{
    const bs_cuda_api *api = l->network->device->api;
    return bs_cuda_check(api, api->cuStreamSynchronize(l->stream), "cuStreamSynchronize");
}

bs_status bs_cuda_wait(bs_lane *l)
{
    BS_TRY(bs_cuda_enter(l->network->device));
    return wait(l);
}

void bs_cuda_release(bs_lane *l, const CUdeviceptr *all, size_t n)
{
    const bs_cuda_api *api = l->network->device->api;
    if (l->stream)
        api->cuStreamSynchronize(l->stream);
    for (size_t i = 0; i < n; i++)
        if (all[i])
            api->cuMemFree(all[i]);
}

bs_status bs_cuda_stream_open(bs_lane *l)
{
    const bs_cuda_api *api = l->network->device->api;
    BS_TRY(bs_cuda_check(api, api->cuStreamCreate(&l->stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate"));
    BS_TRY(bs_cuda_check(api, api->cuMemAllocHost((void **)&l->pinned, RING_BYTES), "cuMemAllocHost"));
    return bs_cuda_check(api, api->cuMemAlloc(&l->staged, RING_BYTES), "cuMemAlloc");
}

void bs_cuda_stream_close(bs_lane *l)
{
    const bs_cuda_api *api = l->network->device->api;
    bs_cuda_release(l, &l->staged, 1);
    if (l->pinned)
        api->cuMemFreeHost(l->pinned);
    if (l->landing)
        api->cuMemFreeHost(l->landing);
    if (l->stream)
        api->cuStreamDestroy(l->stream);
}

bs_status bs_cuda_reserve(bs_lane *l, bs_cuda_buffer *b, size_t bytes)
{
    const bs_cuda_api *api = l->network->device->api;
    if (bytes <= b->bytes)
        return BS_OK;
    if (b->ptr) {
        CUdeviceptr old = b->ptr;
        BS_TRY(wait(l));
        *b = (bs_cuda_buffer){0}; /* whatever the driver says, it is not freed again */
        BS_TRY(bs_cuda_check(api, api->cuMemFree(old), "cuMemFree"));
    }
    BS_TRY(bs_cuda_check(api, api->cuMemAlloc(&b->ptr, bytes), "cuMemAlloc"));
    b->bytes = bytes;
    return BS_OK;
}

/* Sends what has been staged since the last time, as one copy. */
static bs_status send(bs_lane *l)
{
    const bs_cuda_api *api = l->network->device->api;
    size_t from = l->sent;
    l->sent = l->stage_at;
    if (from == l->stage_at)
        return BS_OK;
    return bs_cuda_check(
        api, api->cuMemcpyHtoDAsync(l->staged + from, l->pinned + from, l->stage_at - from, l->stream),
        "cuMemcpyHtoDAsync");
}

bs_status bs_cuda_stage_room(bs_lane *l, void **host, CUdeviceptr *out, size_t bytes)
{
    size_t room = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (room > RING_BYTES)
        return bs_fail(BS_ERR, "%zu bytes are too many for one transfer", bytes);
    if (l->stage_at + room > RING_BYTES) {
        BS_TRY(send(l));
        BS_TRY(wait(l)); /* the copies out of the ring's start may be under way still */
        l->stage_at = l->sent = 0;
    }
    *host = l->pinned + l->stage_at;
    *out = l->staged + l->stage_at;
    l->stage_at += room;
    return BS_OK;
}

bs_status bs_cuda_stage(bs_lane *l, CUdeviceptr *out, const void *data, size_t bytes)
{
    void *host = NULL;
    BS_TRY(bs_cuda_stage_room(l, &host, out, bytes));
    memcpy(host, data, bytes);
    return BS_OK;
}

bs_status bs_cuda_fetch(bs_lane *l, void *to, CUdeviceptr from, size_t bytes)
{
    const bs_cuda_api *api = l->network->device->api;
    if (bytes > l->landing_bytes) {
        if (l->landing) {
            void *old = l->landing;
            BS_TRY(wait(l));
            l->landing = NULL;
            l->landing_bytes = 0;
            BS_TRY(bs_cuda_check(api, api->cuMemFreeHost(old), "cuMemFreeHost"));
        }
        BS_TRY(bs_cuda_check(api, api->cuMemAllocHost((void **)&l->landing, bytes), "cuMemAllocHost"));
        l->landing_bytes = bytes;
    }
    BS_TRY(
        bs_cuda_check(api, api->cuMemcpyDtoHAsync(l->landing, from, bytes, l->stream), "cuMemcpyDtoHAsync"));
    BS_TRY(wait(l));
    memcpy(to, l->landing, bytes);
    return BS_OK;
}

bs_status bs_cuda_launch(bs_lane *l, bs_kernel_id kernel, int64_t samples, int64_t items, const void *args)
{
    const bs_device *d = l->network->device;
    if (samples <= 0 || items <= 0)
        return BS_OK;
    if (items > UINT32_MAX / 2 || samples > INT32_MAX)
        return bs_fail(BS_ERR, "a tensor is too large for the device: %lld elements", (long long)items);
    BS_TRY(send(l));
    unsigned block = BLOCK;
    while (block > 32 && block / 2 >= items)
        block /= 2;
    int64_t x = (items + block - 1) / block;
    unsigned grid_x = (unsigned)(x < MAX_GRID_X ? x : MAX_GRID_X);
    unsigned grid_y = (unsigned)(samples < MAX_GRID_Y ? samples : MAX_GRID_Y);
    void *copy = (void *)(uintptr_t)args; /* the driver's parameter list is not const */
    return bs_cuda_check(d->api,
                         d->api->cuLaunchKernel(d->card->kernel[kernel], grid_x, grid_y, 1, block, 1, 1, 0,
                                                l->stream, &copy, NULL),
                         "cuLaunchKernel");
}

bs_status bs_cuda_operand(bs_lane *l, bs_operand *out, int n, bs_view v, int64_t elements)
{
    CUdeviceptr rows = 0;
    if (v.rows)
        BS_TRY(bs_cuda_stage(l, &rows, v.rows, (size_t)n * sizeof *v.rows));
    *out = (bs_operand){v.base, bs_cuda_pointer(rows), elements};
    return BS_OK;
}

bs_status bs_cuda_copy(bs_lane *l, void *dst, const void *src, size_t bytes)
{
    const bs_cuda_api *api = l->network->device->api;
    BS_TRY(bs_cuda_enter(l->network->device));
    return bs_cuda_check(api,
                         api->cuMemcpyDtoDAsync(bs_cuda_address(dst), bs_cuda_address(src), bytes, l->stream),
                         "cuMemcpyDtoDAsync");
}
