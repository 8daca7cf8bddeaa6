#include "cuda/cuda.h"

#include "base/buf.h"

#include <stdlib.h>
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

void bs_cuda_lane_close(bs_lane *l)
{
    if (!l)
        return;
    const bs_device *d = l->network->device;
    const CUdeviceptr all[] = {l->workspace.ptr, l->rows.ptr,    l->unfolded.ptr,
                               l->products.ptr,  l->filters.ptr, l->bias.ptr,
                               l->computed.ptr,  l->result.ptr,  l->staged};
    if (bs_cuda_enter(d) == BS_OK) {
        bs_cuda_release(l, all, sizeof all / sizeof *all); /* waits, too */
        bs_cuda_dnn_close(l);
        if (l->pinned)
            d->api->cuMemFreeHost(l->pinned);
        if (l->landing)
            d->api->cuMemFreeHost(l->landing);
        if (l->stream)
            d->api->cuStreamDestroy(l->stream);
    }
    free(l->param);
    free(l->view);
    free(l->shape);
    free(l);
}

bs_status bs_cuda_lane_open(bs_lane **out, bs_network *n)
{
    const bs_cuda_api *api = n->device->api;
    size_t inputs = (size_t)n->max_inputs;
    bs_lane *l;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_cuda_enter(n->device));
    BS_TRY(bs_calloc(&l, 1, sizeof *l, "lane"));
    l->network = n;
    BS_TRY_GOTO(bs_calloc(&l->param, inputs, sizeof *l->param, "lane"), out);
    BS_TRY_GOTO(bs_calloc(&l->view, inputs, sizeof *l->view, "lane"), out);
    BS_TRY_GOTO(bs_calloc(&l->shape, inputs, sizeof *l->shape, "lane"), out);
    BS_TRY_GOTO(bs_calloc(&l->dnn_plans, (size_t)n->graph->n_nodes, sizeof *l->dnn_plans, "lane"), out);
    BS_TRY_GOTO(bs_cuda_check(api, api->cuStreamCreate(&l->stream, CU_STREAM_NON_BLOCKING), "cuStreamCreate"),
                out);
    BS_TRY_GOTO(bs_cuda_check(api, api->cuMemAllocHost((void **)&l->pinned, RING_BYTES), "cuMemAllocHost"),
                out);
    BS_TRY_GOTO(bs_cuda_check(api, api->cuMemAlloc(&l->staged, RING_BYTES), "cuMemAlloc"), out);
    *out = l;
    l = NULL;
out:
    bs_cuda_lane_close(l);
    return st;
}
