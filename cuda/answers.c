/* Results of kernels that the host has to know: they stay on the device until it waits. */
#include "cuda/enqueue.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* BYTES: of the block. Each result begins at a multiple of ALIGNMENT. */
enum { BYTES = 1 << 20, ALIGNMENT = 16 };

bs_status bs_cuda_answers_open(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    bs_cuda_answers *a = &stream->answers;
    BS_TRY(bs_cuda_check(api, api->cuMemAllocHost((void **)&a->pinned, BYTES), "cuMemAllocHost"));
    a->stale = BYTES;
    return bs_cuda_check(api, api->cuMemAlloc(&a->device, BYTES), "cuMemAlloc");
}

void bs_cuda_answers_close(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    bs_cuda_release(stream, &stream->answers.device, 1);
    if (stream->answers.pinned)
        api->cuMemFreeHost(stream->answers.pinned);
    free(stream->answers.list);
}

/* Brings what there is to the host. */
static bs_status bring(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    bs_cuda_answers *a = &stream->answers;
    BS_TRY(bs_cuda_check(api, api->cuMemcpyDtoHAsync(a->pinned, a->device, a->used, stream->handle),
                         "cuMemcpyDtoHAsync"));
    BS_TRY(bs_cuda_check(api, api->cuStreamSynchronize(stream->handle), "cuStreamSynchronize"));
    for (size_t i = 0; i < a->n; i++)
        memcpy(a->list[i].to, a->pinned + a->list[i].at, a->list[i].bytes);
    return BS_OK;
}

bs_status bs_cuda_collect(bs_stream *stream)
{
    const bs_cuda_api *api = stream->network->device->api;
    bs_cuda_answers *a = &stream->answers;
    if (a->used == 0)
        return bs_cuda_check(api, api->cuStreamSynchronize(stream->handle), "cuStreamSynchronize");
    bs_status st = bring(stream);
    bs_cuda_forget(stream); /* whatever the driver said */
    return st;
}

bs_status bs_cuda_wait(bs_stream *stream)
{
    BS_TRY(bs_cuda_enter(stream->network->device));
    return bs_cuda_collect(stream);
}

bs_status bs_cuda_answer(bs_stream *stream, CUdeviceptr *out, void *to, size_t bytes)
{
    bs_cuda_answers *a = &stream->answers;
    size_t room = (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (room > BYTES)
        return bs_fail(BS_ERR, "%zu bytes are too many for one transfer", bytes);
    if (a->used + room > BYTES)
        BS_TRY(bs_cuda_collect(stream));
    if (a->stale > 0)
        BS_TRY(bs_cuda_set(stream, a->device, 1, a->stale));
    a->stale = 0;
    BS_TRY(bs_grow(&a->list, &a->cap, a->n + 1, sizeof *a->list, "results"));
    a->list[a->n++] = (struct bs_cuda_answer){to, a->used, bytes};
    *out = a->device + a->used;
    a->used += room;
    return BS_OK;
}

bs_status bs_cuda_fetch(bs_stream *stream, void *to, CUdeviceptr from, size_t bytes)
{
    const bs_cuda_api *api = stream->network->device->api;
    char *pinned = stream->answers.pinned;
    if (stream->answers.used > 0)
        BS_TRY(bs_cuda_collect(stream));
    for (size_t at = 0, n; at < bytes; at += n) {
        n = bytes - at < BYTES ? bytes - at : BYTES;
        BS_TRY(bs_cuda_check(api, api->cuMemcpyDtoHAsync(pinned, from + at, n, stream->handle),
                             "cuMemcpyDtoHAsync"));
        BS_TRY(bs_cuda_check(api, api->cuStreamSynchronize(stream->handle), "cuStreamSynchronize"));
        memcpy((char *)to + at, pinned, n);
    }
    return BS_OK;
}
