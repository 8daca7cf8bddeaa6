#include "cuda/dnn.h"

#include "cuda/dnn_graph.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

/* --- the handle --- */

static bs_status describe_device(bs_cudnn *d, const char *json)
{
    const bs_cuda_api *api = d->api;
    BS_TRY(bs_cuda_check_dnn(
        api, api->cudnnBackendCreateDescriptor(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, &d->properties),
        "cudnnBackendCreateDescriptor"));
    BS_TRY(bs_cudnn_set(d, d->properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                        (int64_t)strlen(json), json));
    return bs_cudnn_finalize(d, d->properties, NULL);
}

bs_status bs_cudnn_create(bs_cudnn **out, const bs_cuda_api *api, const char *device_properties)
{
    bs_cudnn *d = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_calloc(&d, 1, sizeof *d, "the cuDNN handle"));
    d->api = api;
    if (device_properties)
        BS_TRY_GOTO(describe_device(d, device_properties), out);
    else
        BS_TRY_GOTO(bs_cuda_check_dnn(api, api->cudnnCreate(&d->handle), "cudnnCreate"), out);
    *out = d;
    d = NULL;
out:
    bs_cudnn_free(d);
    return st;
}

void bs_cudnn_free(bs_cudnn *d)
{
    if (!d)
        return;
    if (d->properties)
        d->api->cudnnBackendDestroyDescriptor(d->properties);
    if (d->handle)
        d->api->cudnnDestroy(d->handle);
    free(d);
}

bs_status bs_cudnn_set_stream(bs_cudnn *d, CUstream stream)
{
    return bs_cuda_check_dnn(d->api, d->api->cudnnSetStream(d->handle, stream), "cudnnSetStream");
}

/* --- plans --- */

struct bs_cudnn_plan {
    const bs_cuda_api *api;
    cudnnBackendDescriptor_t plan;
    size_t workspace;
};

bs_status bs_cudnn_plan_create(bs_cudnn_plan **out, bs_cudnn *d, const bs_cudnn_shape *s,
                               const bs_cudnn_config *config, size_t workspace)
{
    bs_cudnn_descriptors owned = {.dnn = d};
    cudnnBackendDescriptor_t graph = NULL;
    bs_cudnn_plan *p = NULL;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_calloc(&p, 1, sizeof *p, "a cuDNN plan"));
    p->api = d->api;
    BS_TRY_GOTO(bs_cudnn_graph(&graph, &owned, s), out);
    if (graph)
        BS_TRY_GOTO(bs_cudnn_graph_plan(&p->plan, &p->workspace, d, graph, config, workspace), out);
    if (p->plan) {
        *out = p;
        p = NULL;
    }
out:
    bs_cudnn_plan_free(p);
    bs_cudnn_descriptors_clear(&owned);
    return bs_cudnn_about(st, s);
}

void bs_cudnn_plan_free(bs_cudnn_plan *p)
{
    if (p && p->plan)
        p->api->cudnnBackendDestroyDescriptor(p->plan);
    free(p);
}

size_t bs_cudnn_plan_workspace(const bs_cudnn_plan *p)
{
    return p->workspace;
}

bs_status bs_cudnn_run(bs_cudnn *d, const bs_cudnn_plan *p, CUdeviceptr x, CUdeviceptr w, CUdeviceptr y,
                       CUdeviceptr workspace)
{
    const int64_t ids[3] = {BS_CUDNN_X, BS_CUDNN_W, BS_CUDNN_Y};
    const CUdeviceptr data[3] = {x, w, y}; /* as wide as the pointers that cuDNN takes */
    bs_cudnn_descriptors owned = {.dnn = d};
    cudnnBackendDescriptor_t pack = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_cudnn_make(&pack, &owned, CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR), out);
    BS_TRY_GOTO(bs_cudnn_set(d, pack, CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, 3, ids), out);
    BS_TRY_GOTO(bs_cudnn_set(d, pack, CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, 3, data),
                out);
    BS_TRY_GOTO(bs_cudnn_set(d, pack, CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, 1, &workspace),
                out);
    BS_TRY_GOTO(bs_cudnn_finalize(d, pack, NULL), out);
    st = bs_cuda_check_dnn(d->api, d->api->cudnnBackendExecute(d->handle, p->plan, pack),
                           "cudnnBackendExecute");
out:
    bs_cudnn_descriptors_clear(&owned);
    return st;
}
