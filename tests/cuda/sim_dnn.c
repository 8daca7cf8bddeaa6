/* libcudnn.so of the simulated device: handles, descriptors and their attributes. See sim.h. */
#include "sim_dnn.h"

#include "operand.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct attribute {
    cudnnBackendAttributeName_t name;
    cudnnBackendDescriptorType_t owner;
    cudnnBackendAttributeType_t type;
    int64_t least, most;
} attribute;

static const attribute attributes[] = {
#define X(name, owner, type, least, most)                                                                    \
    {CUDNN_ATTR_##name, CUDNN_BACKEND_##owner##_DESCRIPTOR, CUDNN_TYPE_##type, least, most},
    SIM_ATTRIBUTES(X)
#undef X
};

static _Thread_local const char *last_error = "";

cudnnStatus_t bs_sim_refuse(cudnnStatus_t r, const char *why)
{
    last_error = why;
    return r;
}

size_t cudnnGetVersion(void)
{
    const char *offered = getenv("BITSINK_SIM_DNN");
    return offered && !strcmp(offered, "other") ? CUDNN_VERSION + 10000 : CUDNN_VERSION;
}

const char *cudnnGetErrorString(cudnnStatus_t r)
{
    switch (CUDNN_STATUS_CATEGORY(r)) {
    case CUDNN_STATUS_BAD_PARAM:
        return "CUDNN_STATUS_BAD_PARAM";
    case CUDNN_STATUS_NOT_SUPPORTED:
        return "CUDNN_STATUS_NOT_SUPPORTED";
    case CUDNN_STATUS_EXECUTION_FAILED:
        return "CUDNN_STATUS_EXECUTION_FAILED";
    default:
        return "CUDNN_STATUS_SIMULATED";
    }
}

void cudnnGetLastErrorString(char *text, size_t size)
{
    snprintf(text, size, "%s", last_error);
    last_error = "";
}

/* --- handles --- */

struct cudnnContext {
    cudaStream_t stream;
    int device;
};

cudnnStatus_t cudnnCreate(cudnnHandle_t *h)
{
    const char *offered = getenv("BITSINK_SIM_DNN");
    bool none = offered && !strcmp(offered, "none");
    *h = NULL;
    if (bs_sim_fails("cudnnCreate") || none)
        return bs_sim_refuse(CUDNN_STATUS_NOT_INITIALIZED, "simulated");
    *h = calloc(1, sizeof **h);
    if (*h)
        (*h)->device = bs_sim_device();
    return *h ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
}

cudnnStatus_t cudnnDestroy(cudnnHandle_t h)
{
    free(h);
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnSetStream(cudnnHandle_t h, cudaStream_t stream)
{
    if (!h)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no handle");
    h->stream = stream;
    return CUDNN_STATUS_SUCCESS;
}

/* --- descriptors --- */

sim_desc *bs_sim_make(cudnnBackendDescriptorType_t type)
{
    sim_desc *d = calloc(1, sizeof *d);
    if (d) {
        d->type = type;
        atomic_init(&d->users, 1);
    }
    return d;
}

static void clear(sim_values *s, sim_attribute a)
{
    sim_desc *const *child = s->values;
    if (attributes[a].type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
        for (int64_t i = 0; i < s->n; i++)
            bs_sim_release(child[i]);
    free(s->values);
    *s = (sim_values){0};
}

void bs_sim_release(sim_desc *d)
{
    if (atomic_fetch_sub(&d->users, 1) > 1)
        return;
    for (int a = 0; a < SIM_ATTRIBUTE_COUNT; a++)
        clear(&d->given[a], (sim_attribute)a);
    free(d);
}

static size_t width(cudnnBackendAttributeType_t type)
{
    switch (type) {
    case CUDNN_TYPE_INT64:
        return sizeof(int64_t);
    case CUDNN_TYPE_FLOAT:
        return sizeof(float);
    case CUDNN_TYPE_CHAR:
        return 1;
    case CUDNN_TYPE_HANDLE:
    case CUDNN_TYPE_VOID_PTR:
    case CUDNN_TYPE_BACKEND_DESCRIPTOR:
        return sizeof(void *);
    default:
        return sizeof(int); /* the enumerations */
    }
}

cudnnStatus_t bs_sim_put(sim_desc *d, sim_attribute a, int64_t n, const void *values)
{
    size_t bytes = (size_t)n * width(attributes[a].type);
    void *copy = malloc(bytes ? bytes : 1);
    if (!copy)
        return CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
    if (bytes)
        memcpy(copy, values, bytes);
    sim_desc *const *child = copy;
    if (attributes[a].type == CUDNN_TYPE_BACKEND_DESCRIPTOR)
        for (int64_t i = 0; i < n; i++)
            atomic_fetch_add(&child[i]->users, 1);
    clear(&d->given[a], a);
    d->given[a] = (sim_values){.n = n, .values = copy};
    return CUDNN_STATUS_SUCCESS;
}

const int64_t *bs_sim_ints(const sim_desc *d, sim_attribute a)
{
    return d->given[a].values;
}

int bs_sim_enum(const sim_desc *d, sim_attribute a)
{
    const int *v = d->given[a].values;
    return *v;
}

const sim_desc *bs_sim_child(const sim_desc *d, sim_attribute a, int64_t i, cudnnBackendDescriptorType_t type)
{
    sim_desc *const *child = d->given[a].values;
    return i < d->given[a].n && child[i]->type == type ? child[i] : NULL;
}

cudnnStatus_t cudnnBackendCreateDescriptor(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *out)
{
    bool known = false;
    *out = NULL;
    for (int a = 0; a < SIM_ATTRIBUTE_COUNT; a++)
        known = known || attributes[a].owner == type;
    if (!known)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_DESCRIPTOR_TYPE, "no such descriptor");
    *out = bs_sim_make(type);
    return *out ? CUDNN_STATUS_SUCCESS : CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
}

cudnnStatus_t cudnnBackendDestroyDescriptor(cudnnBackendDescriptor_t d)
{
    if (!d)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no descriptor");
    bs_sim_release(d);
    return CUDNN_STATUS_SUCCESS;
}

/* The attribute of a descriptor; SIM_ATTRIBUTE_COUNT: it has none of this name and type. */
static sim_attribute find(const sim_desc *d, cudnnBackendAttributeName_t name,
                          cudnnBackendAttributeType_t type)
{
    int a = 0;
    while (a < SIM_ATTRIBUTE_COUNT &&
           (attributes[a].name != name || attributes[a].owner != d->type || attributes[a].type != type))
        a++;
    return (sim_attribute)a;
}

static bool all_finalized(sim_desc *const *child, int64_t n)
{
    bool good = true;
    for (int64_t i = 0; i < n; i++)
        good = good && child[i] && child[i]->finalized;
    return good;
}

cudnnStatus_t cudnnBackendSetAttribute(cudnnBackendDescriptor_t to, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t n, const void *values)
{
    sim_desc *d = to;
    if (!d || !values)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no descriptor or no values");
    sim_attribute a = find(d, name, type);
    if (a == SIM_ATTRIBUTE_COUNT)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE, "no such attribute of this descriptor");
    if (d->finalized)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM, "the descriptor is finalised");
    if (n < 1 || n < attributes[a].least || n > attributes[a].most)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND, "too few or too many values");
    if (type == CUDNN_TYPE_BACKEND_DESCRIPTOR && !all_finalized(values, n))
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "a value is not finalised");
    return bs_sim_put(d, a, n, values);
}

/* Makes `to` another name of `from`. */
static cudnnStatus_t become(sim_desc *to, const sim_desc *from)
{
    if (!to || to->type != from->type || to->finalized)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM, "no new descriptor of this type to write into");
    for (int a = 0; a < SIM_ATTRIBUTE_COUNT; a++) {
        const sim_values *s = &from->given[a];
        cudnnStatus_t r =
            s->values ? bs_sim_put(to, (sim_attribute)a, s->n, s->values) : CUDNN_STATUS_SUCCESS;
        if (r != CUDNN_STATUS_SUCCESS)
            return r;
    }
    to->finalized = true;
    return CUDNN_STATUS_SUCCESS;
}

cudnnStatus_t cudnnBackendGetAttribute(const cudnnBackendDescriptor_t from, cudnnBackendAttributeName_t name,
                                       cudnnBackendAttributeType_t type, int64_t room, int64_t *n,
                                       void *values)
{
    const sim_desc *d = from;
    if (!d)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no descriptor");
    sim_attribute a = find(d, name, type);
    if (a == SIM_ATTRIBUTE_COUNT)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE, "no such attribute of this descriptor");
    if (!d->finalized)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED, "the descriptor is not finalised");
    const sim_values *s = &d->given[a];
    int64_t count = room < s->n ? room : s->n;
    if (n)
        *n = s->n;
    if (count > 0 && !values)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no room for the values");
    if (type != CUDNN_TYPE_BACKEND_DESCRIPTOR) {
        if (count > 0)
            memcpy(values, s->values, (size_t)count * width(type));
        return CUDNN_STATUS_SUCCESS;
    }
    sim_desc *const *to = values, *const *child = s->values;
    cudnnStatus_t r = CUDNN_STATUS_SUCCESS;
    for (int64_t i = 0; i < count && r == CUDNN_STATUS_SUCCESS; i++)
        r = become(to[i], child[i]);
    return r;
}

cudnnStatus_t cudnnBackendFinalize(cudnnBackendDescriptor_t descriptor)
{
    sim_desc *d = descriptor;
    if (bs_sim_fails("cudnnBackendFinalize"))
        return bs_sim_refuse(CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER, "simulated");
    if (!d)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no descriptor");
    if (d->finalized)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM, "the descriptor is finalised");
    for (int a = 0; a < SIM_ATTRIBUTE_COUNT; a++)
        if (attributes[a].owner == d->type && d->given[a].n < attributes[a].least)
            return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM, "an attribute is missing");
    cudnnStatus_t r = bs_sim_finalize(d);
    d->finalized = r == CUDNN_STATUS_SUCCESS;
    return r;
}

/* --- execution --- */

/* Data of tensor `which` of the operation, as the pack has it; *bad tells what is wrong. */
static float *operand(const sim_desc *graph, sim_attribute which, const sim_desc *pack, cudnnStatus_t *bad)
{
    const sim_desc *op = bs_sim_child(graph, SIM_OPERATIONGRAPH_OPS, 0,
                                      CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR);
    const sim_desc *tensor = bs_sim_child(op, which, 0, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
    const int64_t *ids = bs_sim_ints(pack, SIM_VARIANT_PACK_UNIQUE_IDS);
    void *const *data = pack->given[SIM_VARIANT_PACK_DATA_POINTERS].values;
    int i = 0;
    while (i < 3 && ids[i] != *bs_sim_ints(tensor, SIM_TENSOR_UNIQUE_ID))
        i++;
    if (i == 3 || !data[i])
        *bad = bs_sim_refuse(CUDNN_STATUS_BAD_PARAM, "the pack lacks a tensor of the plan");
    else if ((uintptr_t)data[i] % (uintptr_t)*bs_sim_ints(tensor, SIM_TENSOR_BYTE_ALIGNMENT) != 0)
        *bad = bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER, "less aligned than its tensor says");
    return i < 3 ? data[i] : NULL;
}

typedef struct convolution {
    const sim_engine *engine;
    int64_t knob;
    bool otherwise;
    bs_cudnn_shape shape;
    const void *x, *w;
    void *y, *workspace;
    size_t bytes;
} convolution;

/* The contents of the workspace are lost, as on a device. */
static void convolve(const void *arg)
{
    const convolution *c = arg;
    if (c->bytes > 0)
        memset(c->workspace, 0xff, c->bytes);
    if (!bs_sim_convolve(c->engine, c->knob, c->otherwise, &c->shape, c->x, c->w, c->y))
        abort();
}

/* A convolution is a product of a row for each output pixel. */
static void count(CUstream s, const bs_cudnn_shape *c)
{
    double out = (double)(c->batch * c->out[0] * c->out[1]), in = (double)(c->batch * c->in[0] * c->in[1]),
           filters = (double)c->filters, channels = (double)c->channels,
           depth = channels / (double)c->group * (double)(c->kernel[0] * c->kernel[1]);
    bs_sim_count_product(s, "cudnnBackendExecute", out, filters, depth,
                         (double)bs_row_size(c->type, 1) * (in * channels + filters * depth + out * filters));
}

cudnnStatus_t cudnnBackendExecute(cudnnHandle_t h, cudnnBackendDescriptor_t plan_,
                                  cudnnBackendDescriptor_t pack_)
{
    const sim_desc *plan = plan_, *pack = pack_;
    if (bs_sim_fails("cudnnBackendExecute"))
        return bs_sim_refuse(CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER, "simulated");
    if (!h || !plan || !pack)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_NULL_POINTER, "no handle, plan or pack");
    bs_sim_check_owner(h->device, "a handle of cuDNN");
    if (!plan->finalized || plan->type != CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR || !pack->finalized ||
        pack->type != CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM, "not a finalised plan and a finalised pack");
    if (!plan->given[SIM_EXECUTION_PLAN_HANDLE].n)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM, "a plan without a device cannot run");
    const sim_desc *config =
        bs_sim_child(plan, SIM_EXECUTION_PLAN_ENGINE_CONFIG, 0, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    const sim_desc *engine = bs_sim_child(config, SIM_ENGINECFG_ENGINE, 0, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    const sim_desc *graph =
        bs_sim_child(engine, SIM_ENGINE_OPERATION_GRAPH, 0, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    cudnnStatus_t bad = CUDNN_STATUS_SUCCESS;
    convolution c = {.engine = bs_sim_engine(*bs_sim_ints(engine, SIM_ENGINE_GLOBAL_INDEX)),
                     .knob = bs_sim_knob(config),
                     .otherwise = bs_sim_computes_otherwise(),
                     .x = operand(graph, SIM_OPERATION_CONVOLUTION_FORWARD_X, pack, &bad),
                     .w = operand(graph, SIM_OPERATION_CONVOLUTION_FORWARD_W, pack, &bad),
                     .y = operand(graph, SIM_OPERATION_CONVOLUTION_FORWARD_Y, pack, &bad),
                     .bytes = (size_t)*bs_sim_ints(plan, SIM_EXECUTION_PLAN_WORKSPACE_SIZE)};
    void *const *workspace = pack->given[SIM_VARIANT_PACK_WORKSPACE].values;
    if (c.bytes > 0 && (!*workspace || (uintptr_t)*workspace % BS_CUDNN_ALIGNMENT != 0))
        bad = bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_MISALIGNED_POINTER, "no workspace, or misaligned");
    if (bad != CUDNN_STATUS_SUCCESS)
        return bad;
    c.workspace = c.bytes > 0 ? *workspace : NULL;
    bs_sim_shape(&c.shape, graph);
    if (bs_sim_counts())
        count((CUstream)h->stream, &c.shape);
    else
        bs_sim_enqueue((CUstream)h->stream, "cudnnBackendExecute", convolve, &c, sizeof c);
    return CUDNN_STATUS_SUCCESS;
}
