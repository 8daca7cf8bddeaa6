/* The checks of the simulated cuDNN when a descriptor is finalised, and what it then knows of it. */
#include "sim_dnn.h"

#include <stdlib.h>
#include <string.h>

static cudnnStatus_t bad(const char *why)
{
    return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM, why);
}

static cudnnStatus_t unsupported(const char *why)
{
    return bs_sim_refuse(CUDNN_STATUS_NOT_SUPPORTED, why);
}

static cudnnStatus_t finalize_tensor(const sim_desc *d)
{
    const int64_t *dim = bs_sim_ints(d, SIM_TENSOR_DIMENSIONS), *stride = bs_sim_ints(d, SIM_TENSOR_STRIDES);
    int64_t alignment = *bs_sim_ints(d, SIM_TENSOR_BYTE_ALIGNMENT), packed = 1;
    int type = bs_sim_enum(d, SIM_TENSOR_DATA_TYPE);
    if (alignment < (int64_t)sizeof(float) || (alignment & (alignment - 1)) != 0)
        return bad("the alignment is no power of two, or less than an element");
    if (type != CUDNN_DATA_FLOAT && type != CUDNN_DATA_HALF && type != CUDNN_DATA_BFLOAT16)
        return unsupported("only floats of 16 and 32 bits are simulated");
    for (int a = 3; a >= 0; a--) {
        if (dim[a] < 1 || dim[a] > INT32_MAX)
            return bad("a dimension is out of range");
        if (stride[a] != packed)
            return unsupported("only row-major tensors are simulated");
        packed *= dim[a];
        if (packed > (int64_t)1 << 40)
            return unsupported("the tensor is too large");
    }
    return CUDNN_STATUS_SUCCESS;
}

static cudnnStatus_t finalize_convolution(const sim_desc *d)
{
    const int64_t *stride = bs_sim_ints(d, SIM_CONVOLUTION_FILTER_STRIDES),
                  *dilation = bs_sim_ints(d, SIM_CONVOLUTION_DILATIONS),
                  *pre = bs_sim_ints(d, SIM_CONVOLUTION_PRE_PADDINGS),
                  *post = bs_sim_ints(d, SIM_CONVOLUTION_POST_PADDINGS);
    for (int a = 0; a < 2; a++)
        if (stride[a] < 1 || dilation[a] < 1 || pre[a] < 0 || post[a] < 0)
            return bad("stride, dilation or padding out of range");
    if (bs_sim_enum(d, SIM_CONVOLUTION_COMP_TYPE) != CUDNN_DATA_FLOAT ||
        bs_sim_enum(d, SIM_CONVOLUTION_CONV_MODE) != CUDNN_CROSS_CORRELATION ||
        *bs_sim_ints(d, SIM_CONVOLUTION_SPATIAL_DIMS) != 2)
        return unsupported("only cross-correlation in two dimensions, summed in float, is simulated");
    return CUDNN_STATUS_SUCCESS;
}

/* Operands x, w, y and the convolution; false: one is something else. */
static bool parts(const sim_desc *op, const sim_desc *tensor[3], const sim_desc **convolution)
{
    static const sim_attribute which[] = {SIM_OPERATION_CONVOLUTION_FORWARD_X,
                                          SIM_OPERATION_CONVOLUTION_FORWARD_W,
                                          SIM_OPERATION_CONVOLUTION_FORWARD_Y};
    *convolution = bs_sim_child(op, SIM_OPERATION_CONVOLUTION_FORWARD_CONV_DESC, 0,
                                CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
    bool good = *convolution != NULL;
    for (int i = 0; i < 3; i++) {
        tensor[i] = bs_sim_child(op, which[i], 0, CUDNN_BACKEND_TENSOR_DESCRIPTOR);
        good = good && tensor[i];
    }
    return good;
}

static void read_shape(bs_cudnn_shape *s, const sim_desc *const tensor[3], const sim_desc *c)
{
    const int64_t *dim[3];
    for (int i = 0; i < 3; i++)
        dim[i] = bs_sim_ints(tensor[i], SIM_TENSOR_DIMENSIONS);
    *s = (bs_cudnn_shape){.batch = dim[0][0], .channels = dim[0][1], .filters = dim[1][0]};
    s->group = s->channels / dim[1][1];
    int type = bs_sim_enum(tensor[0], SIM_TENSOR_DATA_TYPE);
    s->type = type == CUDNN_DATA_HALF       ? BS_DTYPE_FP16
              : type == CUDNN_DATA_BFLOAT16 ? BS_DTYPE_BF16
                                            : BS_DTYPE_FP32;
    for (int a = 0; a < 2; a++) {
        s->in[a] = dim[0][2 + a];
        s->kernel[a] = dim[1][2 + a];
        s->out[a] = dim[2][2 + a];
        s->stride[a] = bs_sim_ints(c, SIM_CONVOLUTION_FILTER_STRIDES)[a];
        s->dilation[a] = bs_sim_ints(c, SIM_CONVOLUTION_DILATIONS)[a];
        s->pad[a] = bs_sim_ints(c, SIM_CONVOLUTION_PRE_PADDINGS)[a];
        s->pad[2 + a] = bs_sim_ints(c, SIM_CONVOLUTION_POST_PADDINGS)[a];
    }
}

void bs_sim_shape(bs_cudnn_shape *s, const sim_desc *graph)
{
    const sim_desc *tensor[3], *c;
    parts(bs_sim_child(graph, SIM_OPERATIONGRAPH_OPS, 0,
                       CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR),
          tensor, &c);
    read_shape(s, tensor, c);
}

static cudnnStatus_t finalize_operation(const sim_desc *d)
{
    const sim_desc *tensor[3], *c;
    bs_cudnn_shape s;
    if (!parts(d, tensor, &c))
        return bad("an operand is no tensor, or the convolution is none");
    const int64_t *x = bs_sim_ints(tensor[0], SIM_TENSOR_DIMENSIONS),
                  *w = bs_sim_ints(tensor[1], SIM_TENSOR_DIMENSIONS),
                  *y = bs_sim_ints(tensor[2], SIM_TENSOR_DIMENSIONS);
    for (int i = 0; i < 3; i++)
        if (bs_sim_enum(tensor[i], SIM_TENSOR_DATA_TYPE) != bs_sim_enum(tensor[0], SIM_TENSOR_DATA_TYPE))
            return unsupported("only tensors of one type are simulated");
    for (int i = 0; i < 3; i++)
        if (*bs_sim_ints(tensor[i], SIM_TENSOR_UNIQUE_ID) ==
            *bs_sim_ints(tensor[(i + 1) % 3], SIM_TENSOR_UNIQUE_ID))
            return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "two tensors with one id");
    read_shape(&s, tensor, c);
    if (x[1] % w[1] != 0 || w[0] % s.group != 0)
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "channels or filters do not make groups");
    if (y[0] != x[0] || y[1] != w[0])
        return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "batch or filters of the output");
    for (int a = 0; a < 2; a++) {
        /* The size of the output, as in cuDNN's documentation of its convolution descriptor. */
        int64_t room = s.in[a] + s.pad[a] + s.pad[2 + a] - ((s.kernel[a] - 1) * s.dilation[a] + 1);
        if (room < 0 || s.out[a] != room / s.stride[a] + 1)
            return bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_SHAPE_MISMATCH, "rows or columns of the output");
    }
    const float *alpha = d->given[SIM_OPERATION_CONVOLUTION_FORWARD_ALPHA].values,
                *beta = d->given[SIM_OPERATION_CONVOLUTION_FORWARD_BETA].values;
    return *alpha == 1 && *beta == 0 ? CUDNN_STATUS_SUCCESS : unsupported("only y = x * w is simulated");
}

/* No engines to enumerate: those that there are the heuristics name. */
static cudnnStatus_t finalize_graph(sim_desc *d)
{
    const int64_t engines = 0;
    if (!bs_sim_child(d, SIM_OPERATIONGRAPH_OPS, 0, CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR))
        return unsupported("only a convolution is simulated");
    return bs_sim_put(d, SIM_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT, 1, &engines);
}

/* The device is that of a handle, or is described. */
static bool on_device(const sim_desc *graph, const sim_desc *d, sim_attribute described)
{
    return graph && (graph->given[SIM_OPERATIONGRAPH_HANDLE].n ||
                     bs_sim_child(d, described, 0, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR));
}

/* Braces that close, in the part that is read here. */
static cudnnStatus_t finalize_properties(const sim_desc *d)
{
    const sim_values *s = &d->given[SIM_DEVICEPROP_JSON_REPRESENTATION];
    return memchr(s->values, '{', (size_t)s->n) && memchr(s->values, '}', (size_t)s->n)
               ? CUDNN_STATUS_SUCCESS
               : bad("the device's properties are no JSON object");
}

static cudnnStatus_t put_knob(sim_desc *d, const sim_engine *e)
{
    sim_desc *info = bs_sim_make(CUDNN_BACKEND_KNOB_INFO_DESCRIPTOR);
    cudnnStatus_t r = CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
    if (!info)
        return r;
    const int64_t least = 0, step = 1;
    r = bs_sim_put(info, SIM_KNOB_INFO_TYPE, 1, &e->knob);
    if (r == CUDNN_STATUS_SUCCESS)
        r = bs_sim_put(info, SIM_KNOB_INFO_MINIMUM_VALUE, 1, &least);
    if (r == CUDNN_STATUS_SUCCESS)
        r = bs_sim_put(info, SIM_KNOB_INFO_MAXIMUM_VALUE, 1, &e->most);
    if (r == CUDNN_STATUS_SUCCESS)
        r = bs_sim_put(info, SIM_KNOB_INFO_STRIDE, 1, &step);
    info->finalized = true;
    if (r == CUDNN_STATUS_SUCCESS)
        r = bs_sim_put(d, SIM_ENGINE_KNOB_INFO, 1, &info);
    bs_sim_release(info);
    return r;
}

static cudnnStatus_t put_engine(sim_desc *d, const sim_engine *e)
{
    cudnnStatus_t r = bs_sim_put(d, SIM_ENGINE_NUMERICAL_NOTE, e->n_numbers, e->numbers);
    if (r == CUDNN_STATUS_SUCCESS)
        r = bs_sim_put(d, SIM_ENGINE_BEHAVIOR_NOTE, 1, &e->behavior);
    return r == CUDNN_STATUS_SUCCESS && e->knobs ? put_knob(d, e) : r;
}

static cudnnStatus_t finalize_engine(sim_desc *d)
{
    const sim_desc *graph =
        bs_sim_child(d, SIM_ENGINE_OPERATION_GRAPH, 0, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    const sim_engine *e = bs_sim_engine(*bs_sim_ints(d, SIM_ENGINE_GLOBAL_INDEX));
    bs_cudnn_shape s;
    if (!on_device(graph, d, SIM_ENGINE_DEVICEPROP))
        return bad("an engine needs a graph and a device");
    if (!e)
        return bad("there is no engine of this index");
    bs_sim_shape(&s, graph);
    if (!bs_sim_engine_serves(e, &s))
        return bs_sim_refuse(CUDNN_STATUS_NOT_SUPPORTED_SHAPE, "the engine does not serve this shape");
    return put_engine(d, e);
}

static cudnnStatus_t finalize_config(const sim_desc *d)
{
    const sim_desc *engine = bs_sim_child(d, SIM_ENGINECFG_ENGINE, 0, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    int64_t n = d->given[SIM_ENGINECFG_KNOB_CHOICES].n;
    if (!engine)
        return bad("a configuration needs an engine");
    const sim_engine *e = bs_sim_engine(*bs_sim_ints(engine, SIM_ENGINE_GLOBAL_INDEX));
    if (n > e->knobs)
        return bad("more knobs are chosen than the engine has");
    for (int64_t i = 0; i < n; i++) {
        const sim_desc *choice =
            bs_sim_child(d, SIM_ENGINECFG_KNOB_CHOICES, i, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
        if (!choice || bs_sim_enum(choice, SIM_KNOB_CHOICE_KNOB_TYPE) != (int)e->knob)
            return bad("the engine has no such knob");
        int64_t value = *bs_sim_ints(choice, SIM_KNOB_CHOICE_KNOB_VALUE);
        if (value < -1 || value > e->most)
            return bad("the value of a knob is out of range");
    }
    return CUDNN_STATUS_SUCCESS;
}

int64_t bs_sim_knob(const sim_desc *config)
{
    const sim_desc *choice =
        bs_sim_child(config, SIM_ENGINECFG_KNOB_CHOICES, 0, CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    return choice ? *bs_sim_ints(choice, SIM_KNOB_CHOICE_KNOB_VALUE) : -1;
}

static cudnnStatus_t finalize_plan(sim_desc *d)
{
    const sim_desc *config =
        bs_sim_child(d, SIM_EXECUTION_PLAN_ENGINE_CONFIG, 0, CUDNN_BACKEND_ENGINECFG_DESCRIPTOR);
    bool handle = d->given[SIM_EXECUTION_PLAN_HANDLE].n > 0;
    if (!config)
        return bad("a plan needs a configuration");
    if (!handle && !bs_sim_child(d, SIM_EXECUTION_PLAN_DEVICEPROP, 0, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR))
        return bad("a plan needs a device");
    const sim_desc *engine = bs_sim_child(config, SIM_ENGINECFG_ENGINE, 0, CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    const sim_engine *e = bs_sim_engine(*bs_sim_ints(engine, SIM_ENGINE_GLOBAL_INDEX));
    return bs_sim_put(d, SIM_EXECUTION_PLAN_WORKSPACE_SIZE, 1, &e->workspace);
}

/* --- heuristics --- */

/* An engine of the graph, finalised or not. A proposal need not serve the shape: making a plan will tell. */
static cudnnStatus_t make_engine(sim_desc **out, const sim_desc *graph, const sim_engine *e)
{
    *out = bs_sim_make(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
    if (!*out)
        return CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
    cudnnStatus_t r = bs_sim_put(*out, SIM_ENGINE_OPERATION_GRAPH, 1, &graph);
    if (r == CUDNN_STATUS_SUCCESS)
        r = bs_sim_put(*out, SIM_ENGINE_GLOBAL_INDEX, 1, &e->index);
    if (r == CUDNN_STATUS_SUCCESS)
        r = put_engine(*out, e);
    (*out)->finalized = true;
    return r;
}

static cudnnStatus_t make_choice(sim_desc **out, const sim_engine *e, int64_t value)
{
    *out = bs_sim_make(CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR);
    if (!*out)
        return CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
    cudnnStatus_t r = bs_sim_put(*out, SIM_KNOB_CHOICE_KNOB_TYPE, 1, &e->knob);
    if (r == CUDNN_STATUS_SUCCESS)
        r = bs_sim_put(*out, SIM_KNOB_CHOICE_KNOB_VALUE, 1, &value);
    (*out)->finalized = true;
    return r;
}

static cudnnStatus_t make_proposal(sim_desc **out, const sim_desc *graph, const sim_proposal *p)
{
    const sim_engine *e = bs_sim_engine(p->engine);
    sim_desc *config = bs_sim_make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR), *engine = NULL, *choice = NULL;
    cudnnStatus_t r = CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED;
    *out = config;
    if (!config)
        return r;
    r = make_engine(&engine, graph, e);
    if (r == CUDNN_STATUS_SUCCESS)
        r = bs_sim_put(config, SIM_ENGINECFG_ENGINE, 1, &engine);
    if (r == CUDNN_STATUS_SUCCESS && e->knobs)
        r = make_choice(&choice, e, p->knob);
    if (r == CUDNN_STATUS_SUCCESS && choice)
        r = bs_sim_put(config, SIM_ENGINECFG_KNOB_CHOICES, 1, &choice);
    if (engine)
        bs_sim_release(engine);
    if (choice)
        bs_sim_release(choice);
    config->finalized = true;
    return r;
}

static cudnnStatus_t finalize_heuristics(sim_desc *d)
{
    enum { MOST = 16 };
    sim_proposal proposals[MOST];
    sim_desc *config[MOST] = {0};
    const sim_desc *graph =
        bs_sim_child(d, SIM_ENGINEHEUR_OPERATION_GRAPH, 0, CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
    if (!on_device(graph, d, SIM_ENGINEHEUR_DEVICEPROP))
        return bad("heuristics need a graph and a device");
    bs_cudnn_shape s;
    bs_sim_shape(&s, graph);
    int n = bs_sim_propose(proposals, MOST, (cudnnBackendHeurMode_t)bs_sim_enum(d, SIM_ENGINEHEUR_MODE), &s);
    cudnnStatus_t r = CUDNN_STATUS_SUCCESS;
    for (int i = 0; i < n && r == CUDNN_STATUS_SUCCESS; i++)
        r = make_proposal(&config[i], graph, &proposals[i]);
    if (r == CUDNN_STATUS_SUCCESS)
        r = bs_sim_put(d, SIM_ENGINEHEUR_RESULTS, n, config);
    for (int i = 0; i < n; i++)
        if (config[i])
            bs_sim_release(config[i]);
    return r;
}

static cudnnStatus_t finalize_pack(const sim_desc *d)
{
    const int64_t *id = bs_sim_ints(d, SIM_VARIANT_PACK_UNIQUE_IDS);
    return id[0] != id[1] && id[1] != id[2] && id[0] != id[2]
               ? CUDNN_STATUS_SUCCESS
               : bs_sim_refuse(CUDNN_STATUS_BAD_PARAM_DUPLICATED_ENTRIES, "two tensors with one id");
}

cudnnStatus_t bs_sim_finalize(sim_desc *d)
{
    switch ((int)d->type) {
    case CUDNN_BACKEND_TENSOR_DESCRIPTOR:
        return finalize_tensor(d);
    case CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR:
        return finalize_convolution(d);
    case CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR:
        return finalize_operation(d);
    case CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR:
        return finalize_graph(d);
    case CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR:
        return finalize_properties(d);
    case CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR:
        return finalize_heuristics(d);
    case CUDNN_BACKEND_ENGINE_DESCRIPTOR:
        return finalize_engine(d);
    case CUDNN_BACKEND_KNOB_CHOICE_DESCRIPTOR:
        return CUDNN_STATUS_SUCCESS; /* whether an engine has the knob, its configuration tells */
    case CUDNN_BACKEND_ENGINECFG_DESCRIPTOR:
        return finalize_config(d);
    case CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR:
        return finalize_plan(d);
    case CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR:
        return finalize_pack(d);
    default:
        return bad("not the program's to finalise");
    }
}
