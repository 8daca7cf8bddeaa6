#include "cuda/dnn_graph.h"

#include "base/buf.h"

#include <stdlib.h>

void bs_cudnn_descriptors_clear(bs_cudnn_descriptors *owned)
{
    while (owned->n > 0)
        owned->dnn->api->cudnnBackendDestroyDescriptor(owned->at[--owned->n]);
    free(owned->at);
    owned->at = NULL;
    owned->cap = 0;
}

bs_status bs_cudnn_make(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned,
                        cudnnBackendDescriptorType_t type)
{
    const bs_cuda_api *api = owned->dnn->api;
    *out = NULL;
    BS_TRY(bs_grow(&owned->at, &owned->cap, owned->n + 1, sizeof *owned->at, "descriptors of cuDNN"));
    BS_TRY(
        bs_cuda_check_dnn(api, api->cudnnBackendCreateDescriptor(type, out), "cudnnBackendCreateDescriptor"));
    owned->at[owned->n++] = *out;
    return BS_OK;
}

cudnnBackendDescriptor_t bs_cudnn_descriptors_take(bs_cudnn_descriptors *owned)
{
    return owned->at[--owned->n];
}

bs_status bs_cudnn_set(const bs_cudnn *d, cudnnBackendDescriptor_t to, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, int64_t n, const void *values)
{
    cudnnStatus_t r = d->api->cudnnBackendSetAttribute(to, name, type, n, values);
    return bs_cuda_check_dnn(d->api, r, "cudnnBackendSetAttribute");
}

bs_status bs_cudnn_get(const bs_cudnn *d, cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
                       cudnnBackendAttributeType_t type, int64_t room, int64_t *n, void *values)
{
    *n = 0;
    cudnnStatus_t r = d->api->cudnnBackendGetAttribute(from, name, type, room, n, values);
    return bs_cuda_check_dnn(d->api, r, "cudnnBackendGetAttribute");
}

bs_status bs_cudnn_get_one(const bs_cudnn *d, cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
                           cudnnBackendAttributeType_t type, void *value)
{
    int64_t n = 0;
    BS_TRY(bs_cudnn_get(d, from, name, type, 1, &n, value));
    return n == 1 ? BS_OK
                  : bs_fail(BS_ERR, "cudnnBackendGetAttribute: attribute %d has %lld values, not one",
                            (int)name, (long long)n);
}

bs_status bs_cudnn_finalize(const bs_cudnn *d, cudnnBackendDescriptor_t desc, bool *supported)
{
    cudnnStatus_t r = d->api->cudnnBackendFinalize(desc);
    bool refused = CUDNN_STATUS_CATEGORY(r) == CUDNN_STATUS_NOT_SUPPORTED;
    if (supported)
        *supported = !refused;
    return supported && refused ? BS_OK : bs_cuda_check_dnn(d->api, r, "cudnnBackendFinalize");
}

/* --- the convolution --- */

/* Makes a row-major tensor. The strides of a dimension of size 1 do not matter. */
static bs_status make_tensor(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned, int64_t id,
                             const int64_t dims[4], bs_dtype of, bool *supported)
{
    const bs_cudnn *d = owned->dnn;
    cudnnDataType_t type = of == BS_DTYPE_FP16   ? CUDNN_DATA_HALF
                           : of == BS_DTYPE_BF16 ? CUDNN_DATA_BFLOAT16
                                                 : CUDNN_DATA_FLOAT;
    int64_t alignment = BS_CUDNN_ALIGNMENT;
    int64_t strides[4] = {dims[1] * dims[2] * dims[3], dims[2] * dims[3], dims[3], 1};
    BS_TRY(bs_cudnn_make(out, owned, CUDNN_BACKEND_TENSOR_DESCRIPTOR));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &id));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, 1, &alignment));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, dims));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides));
    return bs_cudnn_finalize(d, *out, supported);
}

/* Makes the convolution. Its number of groups is implicit: cuDNN derives it from the channels of x and w. */
static bs_status make_convolution(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned,
                                  const bs_cudnn_shape *s, bool *supported)
{
    const bs_cudnn *d = owned->dnn;
    cudnnDataType_t type = CUDNN_DATA_FLOAT;
    cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
    int64_t axes = 2;
    BS_TRY(bs_cudnn_make(out, owned, CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, 1, &type));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, 1, &mode));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, 1, &axes));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, 2, s->stride));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, 2, s->dilation));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, 2, s->pad));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, 2, s->pad + 2));
    return bs_cudnn_finalize(d, *out, supported);
}

static bs_status make_operation(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned,
                                const bs_cudnn_shape *s, bool *supported)
{
    const bs_cudnn *d = owned->dnn;
    const int64_t dims[3][4] = {{s->batch, s->channels, s->in[0], s->in[1]},
                                {s->filters, s->channels / s->group, s->kernel[0], s->kernel[1]},
                                {s->batch, s->filters, s->out[0], s->out[1]}};
    const int64_t ids[3] = {BS_CUDNN_X, BS_CUDNN_W, BS_CUDNN_Y};
    const cudnnBackendAttributeName_t names[3] = {CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                                  CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
    cudnnBackendDescriptor_t tensor[3] = {0}, convolution = NULL;
    float alpha = 1, beta = 0;
    *supported = true;
    for (int i = 0; i < 3 && *supported; i++)
        BS_TRY(make_tensor(&tensor[i], owned, ids[i], dims[i], s->type, supported));
    if (*supported)
        BS_TRY(make_convolution(&convolution, owned, s, supported));
    if (!*supported)
        return BS_OK;
    BS_TRY(bs_cudnn_make(out, owned, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR));
    for (int i = 0; i < 3; i++)
        BS_TRY(bs_cudnn_set(d, *out, names[i], CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &tensor[i]));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                        CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &convolution));
    BS_TRY(
        bs_cudnn_set(d, *out, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA, CUDNN_TYPE_FLOAT, 1, &alpha));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_TYPE_FLOAT, 1, &beta));
    return bs_cudnn_finalize(d, *out, supported);
}

bs_status bs_cudnn_graph(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned, const bs_cudnn_shape *s)
{
    const bs_cudnn *d = owned->dnn;
    cudnnBackendDescriptor_t operation = NULL, graph = NULL;
    bool supported = true;
    *out = NULL;
    BS_TRY(make_operation(&operation, owned, s, &supported));
    if (!supported)
        return BS_OK;
    BS_TRY(bs_cudnn_make(&graph, owned, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR));
    if (d->handle)
        BS_TRY(bs_cudnn_set(d, graph, CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, 1, &d->handle));
    BS_TRY(
        bs_cudnn_set(d, graph, CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &operation));
    BS_TRY(bs_cudnn_finalize(d, graph, &supported));
    if (supported)
        *out = graph;
    return BS_OK;
}

bs_status bs_cudnn_about(bs_status st, const bs_cudnn_shape *s)
{
    if (st == BS_OK)
        return BS_OK;
    return bs_context("convolution of %lld x %lld x %lld x %lld with %lld filters of %lld x %lld",
                      (long long)s->batch, (long long)s->channels, (long long)s->in[0], (long long)s->in[1],
                      (long long)s->filters, (long long)s->kernel[0], (long long)s->kernel[1]);
}

/* --- plans --- */

bs_status bs_cudnn_engine(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned,
                          cudnnBackendDescriptor_t graph, int64_t index, bool *supported)
{
    const bs_cudnn *d = owned->dnn;
    BS_TRY(bs_cudnn_make(out, owned, CUDNN_BACKEND_ENGINE_DESCRIPTOR));
    BS_TRY(
        bs_cudnn_set(d, *out, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &graph));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &index));
    if (d->properties)
        BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_ENGINE_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                            &d->properties));
    return bs_cudnn_finalize(d, *out, supported);
}

static bs_status make_knob(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned, const bs_cudnn_knob *k,
                           bool *supported)
{
    const bs_cudnn *d = owned->dnn;
    cudnnBackendKnobType_t type = (cudnnBackendKnobType_t)k->type;
    BS_TRY(bs_cudnn_make(out, owned, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_KNOB_CHOICE_KNOB_TYPE, CUDNN_TYPE_KNOB_TYPE, 1, &type));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_KNOB_CHOICE_KNOB_VALUE, CUDNN_TYPE_INT64, 1, &k->value));
    return bs_cudnn_finalize(d, *out, supported);
}

static bs_status make_config(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned,
                             cudnnBackendDescriptor_t graph, const bs_cudnn_config *config, bool *supported)
{
    const bs_cudnn *d = owned->dnn;
    cudnnBackendDescriptor_t engine = NULL, knobs[BS_CUDNN_MAX_KNOBS] = {0};
    BS_TRY(bs_cudnn_engine(&engine, owned, graph, config->engine, supported));
    for (int i = 0; i < config->n_knobs && *supported; i++)
        BS_TRY(make_knob(&knobs[i], owned, &config->knob[i], supported));
    if (!*supported)
        return BS_OK;
    BS_TRY(bs_cudnn_make(out, owned, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &engine));
    if (config->n_knobs > 0)
        BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_ENGINECFG_KNOB_CHOICES, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                            config->n_knobs, knobs));
    return bs_cudnn_finalize(d, *out, supported);
}

static bs_status make_plan(cudnnBackendDescriptor_t *out, bs_cudnn_descriptors *owned,
                           cudnnBackendDescriptor_t descriptor, bool *supported)
{
    const bs_cudnn *d = owned->dnn;
    BS_TRY(bs_cudnn_make(out, owned, CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR));
    BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                        &descriptor));
    if (d->handle)
        BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, 1, &d->handle));
    else
        BS_TRY(bs_cudnn_set(d, *out, CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                            &d->properties));
    return bs_cudnn_finalize(d, *out, supported);
}

bs_status bs_cudnn_graph_plan(cudnnBackendDescriptor_t *out, size_t *workspace, const bs_cudnn *d,
                              cudnnBackendDescriptor_t graph, const bs_cudnn_config *config, size_t most)
{
    bs_cudnn_descriptors owned = {.dnn = d};
    cudnnBackendDescriptor_t descriptor = NULL, plan = NULL;
    bool supported = true;
    int64_t bytes = 0;
    bs_status st;
    *out = NULL;
    *workspace = 0;
    BS_TRY_GOTO(make_config(&descriptor, &owned, graph, config, &supported), out);
    if (supported)
        BS_TRY_GOTO(make_plan(&plan, &owned, descriptor, &supported), out);
    if (!supported)
        goto out;
    BS_TRY_GOTO(bs_cudnn_get_one(d, plan, CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, &bytes),
                out);
    if ((uint64_t)bytes > most)
        goto out;
    *out = bs_cudnn_descriptors_take(&owned);
    *workspace = (size_t)bytes;
out:
    bs_cudnn_descriptors_clear(&owned);
    return st;
}
