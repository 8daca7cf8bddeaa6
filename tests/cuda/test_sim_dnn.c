/* The simulated cuDNN, through cuda/dnn.h: its engines against a naive convolution, which of them are exact,
 * what it refuses. */
#include "testing.h"

#include "cuda/dnn.h"

#include <math.h>
#include <sys/wait.h>

enum { MAX_PINS = 16, WORKSPACE = 1 << 20 };

static const bs_cuda_api *need_api(void)
{
    const bs_cuda_api *api;
    char why[160];
    if (!bs_cuda_api_load(&api, why, sizeof why) || !api->has_dnn) {
        print_message("skipped: no simulated device in LD_LIBRARY_PATH\n");
        skip();
    }
    return api;
}

static int by_default(void **state)
{
    (void)state;
    unsetenv("BITSINK_SIM_FAIL");
    return unsetenv("BITSINK_SIM_DNN");
}

/* --- layers --- */

static bs_cudnn_shape layer(int64_t channels, int64_t filters, int64_t group, int64_t rows, int64_t columns,
                            int64_t kernel)
{
    return (bs_cudnn_shape){.batch = 2,
                            .channels = channels,
                            .filters = filters,
                            .group = group,
                            .in = {rows, columns},
                            .kernel = {kernel, kernel},
                            .stride = {1, 1},
                            .dilation = {1, 1}};
}

static void set_out(bs_cudnn_shape *s)
{
    for (int a = 0; a < 2; a++) {
        int64_t room = s->in[a] + s->pad[a] + s->pad[2 + a] - (s->kernel[a] - 1) * s->dilation[a] - 1;
        s->out[a] = room / s->stride[a] + 1;
    }
}

enum { LAYERS = 7 };

static void make_layers(bs_cudnn_shape s[LAYERS])
{
    s[0] = layer(3, 8, 1, 9, 11, 3);
    s[1] = layer(3, 8, 1, 9, 11, 3); /* padded alike all round */
    s[1].pad[0] = s[1].pad[1] = s[1].pad[2] = s[1].pad[3] = 1;
    s[2] = layer(5, 6, 1, 8, 10, 4); /* unevenly, strides that leave a rest */
    s[2].pad[0] = 2, s[2].pad[1] = 0, s[2].pad[2] = 1, s[2].pad[3] = 3;
    s[2].stride[0] = 3, s[2].stride[1] = 2;
    s[3] = layer(4, 8, 1, 12, 13, 3); /* holes */
    s[3].dilation[0] = 2, s[3].dilation[1] = 3;
    s[3].pad[1] = 2;
    s[4] = layer(6, 9, 3, 7, 7, 3);
    s[4].pad[2] = 1;
    s[5] = layer(8, 8, 8, 7, 6, 3); /* depthwise */
    s[5].stride[0] = s[5].stride[1] = 2;
    s[5].pad[0] = s[5].pad[1] = s[5].pad[2] = s[5].pad[3] = 1;
    s[6] = layer(20, 4, 1, 1, 1, 1); /* a product */
    for (int i = 0; i < LAYERS; i++)
        set_out(&s[i]);
}

/* Between -1 and 1, by the place: the same in layers of other sizes. */
static float value(int64_t a, int64_t b, int64_t c, int64_t d)
{
    uint64_t h = (uint64_t)(((a * 1009 + b) * 1013 + c) * 1019 + d + 1) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
    return (float)(h >> 40) / (float)(1 << 23) - 1.0f;
}

/* (dims) values; the caller frees. */
static float *values(int64_t n0, int64_t n1, int64_t n2, int64_t n3, int64_t what)
{
    float *v = malloc((size_t)(n0 * n1 * n2 * n3) * sizeof *v), *at = v;
    assert_non_null(v);
    for (int64_t a = 0; a < n0; a++)
        for (int64_t b = 0; b < n1; b++)
            for (int64_t c = 0; c < n2; c++)
                for (int64_t d = 0; d < n3; d++)
                    *at++ = value(a + what * 500, b, c, d);
    return v;
}

static float *inputs(const bs_cudnn_shape *s)
{
    return values(s->batch, s->channels, s->in[0], s->in[1], 0);
}

static float *weights(const bs_cudnn_shape *s)
{
    return values(s->filters, s->channels / s->group, s->kernel[0], s->kernel[1], 1);
}

static int64_t outputs(const bs_cudnn_shape *s)
{
    return s->batch * s->filters * s->out[0] * s->out[1];
}

/* Element e of the output, channel by channel, row by row, column by column. */
static float naive(const bs_cudnn_shape *s, const float *x, const float *w, int64_t e)
{
    int64_t j = e % s->out[1], i = e / s->out[1] % s->out[0], f = e / (s->out[1] * s->out[0]) % s->filters,
            n = e / (s->out[1] * s->out[0] * s->filters), channels = s->channels / s->group;
    float sum = 0;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t r = 0; r < s->kernel[0]; r++)
            for (int64_t q = 0; q < s->kernel[1]; q++) {
                int64_t row = i * s->stride[0] + r * s->dilation[0] - s->pad[0],
                        column = j * s->stride[1] + q * s->dilation[1] - s->pad[1],
                        channel = f / (s->filters / s->group) * channels + c;
                bool inside = row >= 0 && row < s->in[0] && column >= 0 && column < s->in[1];
                float factor =
                    inside ? x[((n * s->channels + channel) * s->in[0] + row) * s->in[1] + column] : 0;
                sum += factor * w[((f * channels + c) * s->kernel[0] + r) * s->kernel[1] + q];
            }
    return sum;
}

/* --- runs on the device --- */

typedef struct memory {
    CUdeviceptr x, w, y, workspace;
} memory;

static CUdeviceptr upload(const bs_cuda_api *api, const float *v, int64_t n)
{
    CUdeviceptr p = 0;
    assert_int_equal(api->cuMemAlloc(&p, (size_t)n * sizeof *v), CUDA_SUCCESS);
    if (v)
        assert_int_equal(api->cuMemcpyHtoDAsync(p, v, (size_t)n * sizeof *v, NULL), CUDA_SUCCESS);
    return p;
}

static memory allocate(const bs_cuda_api *api, const bs_cudnn_shape *s, const float *x, const float *w)
{
    return (memory){
        .x = upload(api, x, s->batch * s->channels * s->in[0] * s->in[1]),
        .w = upload(api, w, s->filters * (s->channels / s->group) * s->kernel[0] * s->kernel[1]),
        .y = upload(api, NULL, outputs(s)),
        .workspace = upload(api, NULL, WORKSPACE / (int64_t)sizeof(float)),
    };
}

static void release(const bs_cuda_api *api, memory m)
{
    api->cuMemFree(m.x);
    api->cuMemFree(m.w);
    api->cuMemFree(m.y);
    api->cuMemFree(m.workspace);
}

/* The output, which the caller frees; NULL where the pin does not serve the shape. */
static float *run(bs_cudnn *d, const bs_cuda_api *api, const bs_cudnn_shape *s, const bs_cudnn_pin *pin,
                  const float *x, const float *w)
{
    bs_cudnn_plan *plan = NULL;
    assert_ok(bs_cudnn_plan_create(&plan, d, s, pin, WORKSPACE));
    if (!plan)
        return NULL;
    float *y = malloc((size_t)outputs(s) * sizeof *y);
    assert_non_null(y);
    memory m = allocate(api, s, x, w);
    assert_ok(bs_cudnn_run(d, plan, m.x, m.w, m.y, m.workspace));
    assert_int_equal(api->cuMemcpyDtoHAsync(y, m.y, (size_t)outputs(s) * sizeof *y, NULL), CUDA_SUCCESS);
    release(api, m);
    bs_cudnn_plan_free(plan);
    return y;
}

/* --- tests --- */

/* The engine that is offered as exact sums in the order of naive(), to the last bit. */
static void test_exact(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    static const int batches[] = {1, 3, 8};
    bs_cudnn_shape list[LAYERS];
    bs_cudnn *d = NULL;
    make_layers(list);
    setenv("BITSINK_SIM_DNN", "exact", 1);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    for (int k = 0; k < 3 * LAYERS; k++) {
        bs_cudnn_shape s = list[k / 3];
        bs_cudnn_pin pin;
        int n = 0;
        s.batch = batches[k % 3];
        assert_ok(bs_cudnn_pins(d, &s, 0, &pin, 1, &n));
        assert_int_equal(n, 1);
        float *x = inputs(&s), *w = weights(&s), *y = run(d, api, &s, &pin, x, w);
        assert_non_null(y);
        for (int64_t e = 0; e < outputs(&s); e++)
            if (y[e] != naive(&s, x, w, e))
                fail_msg("layer %d, batch %d, element %d", k / 3, (int)s.batch, (int)e);
        free(x);
        free(w);
        free(y);
    }
    bs_cudnn_free(d);
}

/* All engines compute the convolution; one refuses some layers. */
static void test_all_engines(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    bs_cudnn_shape list[LAYERS];
    bs_cudnn_pin pins[MAX_PINS], own[MAX_PINS];
    bs_cudnn *d = NULL;
    int n = 0, refused = 0;
    make_layers(list);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_pins(d, &list[1], WORKSPACE, pins, MAX_PINS, &n));
    assert_int_equal(n, 6); /* split three times, picky, direct twice */
    for (int k = 0; k < LAYERS * n; k++) {
        const bs_cudnn_shape *s = &list[k / n];
        float *x = inputs(s), *w = weights(s), *y = run(d, api, s, &pins[k % n], x, w);
        int m = 0, before = refused;
        refused += !y;
        for (int64_t e = 0; y && e < outputs(s); e++)
            if (fabsf(y[e] - naive(s, x, w, e)) > 1e-5f)
                fail_msg("layer %d, pin %d, element %d", k / n, k % n, (int)e);
        assert_ok(bs_cudnn_pins(d, s, WORKSPACE, own, MAX_PINS, &m));
        if (refused > before)
            assert_int_equal(m, n - 1);
        free(x);
        free(w);
        free(y);
    }
    assert_int_equal(refused, 4);
    assert_ok(bs_cudnn_pins(d, &list[1], 0, pins, MAX_PINS, &n));
    assert_int_equal(n, 3); /* split wants a workspace */
    bs_cudnn_free(d);
}

/* Is what both shapes have in common equal? */
static bool agree(bs_cudnn *d, const bs_cuda_api *api, const bs_cudnn_pin *pin, const bs_cudnn_shape *whole,
                  const bs_cudnn_shape *part)
{
    float *x[2] = {inputs(whole), inputs(part)}, *w[2] = {weights(whole), weights(part)};
    float *y[2] = {run(d, api, whole, pin, x[0], w[0]), run(d, api, part, pin, x[1], w[1])};
    bool equal = true;
    assert_true(y[0] && y[1]);
    for (int64_t e = 0; e < outputs(part); e++) {
        int64_t plane = part->out[0] * part->out[1], f = e / plane % part->filters,
                n = e / (plane * part->filters), i = e / part->out[1] % part->out[0], j = e % part->out[1];
        equal = equal && y[1][e] == y[0][((n * whole->filters + f) * whole->out[0] + i) * whole->out[1] + j];
    }
    for (int i = 0; i < 2; i++) {
        free(x[i]);
        free(w[i]);
        free(y[i]);
    }
    return equal;
}

/* Which engines notice that there are fewer samples, a smaller window, fewer filters: in this order. */
static void test_inexact(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    static const bool same[6][3] = {{false, true, true}, {true, false, true}, {true, true, false},
                                    {true, true, true},  {true, true, true},  {true, true, true}};
    bs_cudnn_shape whole = layer(8, 8, 1, 9, 9, 3), part[3] = {whole, whole, whole};
    bs_cudnn_pin pins[MAX_PINS];
    bs_cudnn *d = NULL;
    int n = 0;
    whole.batch = part[1].batch = part[2].batch = 3;
    part[0].batch = 1;
    part[1].in[0] = 5;
    part[2].filters = 4;
    set_out(&whole);
    for (int i = 0; i < 3; i++)
        set_out(&part[i]);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_pins(d, &whole, WORKSPACE, pins, MAX_PINS, &n));
    assert_int_equal(n, 6);
    for (int k = 0; k < 3 * n; k++)
        if (agree(d, api, &pins[k / 3], &whole, &part[k % 3]) != same[k / 3][k % 3])
            fail_msg("pin %d, part %d", k / 3, k % 3);
    setenv("BITSINK_SIM_DNN", "inexact", 1);
    assert_ok(bs_cudnn_pins(d, &whole, WORKSPACE, pins, MAX_PINS, &n));
    assert_int_equal(n, 3);
    for (int k = 0; k < n; k++)
        assert_false(agree(d, api, &pins[k], &whole, &part[k]));
    bs_cudnn_free(d);
}

static void test_tensor_cores(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    bs_cudnn_shape list[LAYERS], s;
    bs_cudnn_pin pins[MAX_PINS];
    bs_cudnn *d = NULL;
    int n = 0, rounded = 0;
    make_layers(list);
    s = list[1];
    s.tf32 = true;
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_pins(d, &s, WORKSPACE, pins, MAX_PINS, &n));
    assert_int_equal(n, 7);
    assert_true(pins[0].tensor_cores && !pins[1].tensor_cores);
    float *x = inputs(&s), *w = weights(&s), *y = run(d, api, &s, &pins[0], x, w);
    assert_non_null(y);
    for (int64_t e = 0; e < outputs(&s); e++) {
        float off = fabsf(y[e] - naive(&s, x, w, e));
        rounded += off > 1e-5f;
        assert_true(off <
                    27 * 2 * 0x1p-11f); /* 27 products of numbers below 1, each rounded by half a 2^-10th */
    }
    assert_true(rounded > outputs(&s) / 2);
    free(x);
    free(w);
    free(y);
    bs_cudnn_free(d);
}

/* Padding is zeros, which an infinite weight makes NaN. */
static void test_padding_is_zeros(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    bs_cudnn_shape list[LAYERS];
    bs_cudnn_pin pin;
    bs_cudnn *d = NULL;
    int n = 0;
    make_layers(list);
    setenv("BITSINK_SIM_DNN", "exact", 1);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_pins(d, &list[1], WORKSPACE, &pin, 1, &n));
    float *x = inputs(&list[1]), *w = weights(&list[1]);
    w[0] = INFINITY; /* of the filter's upper left corner */
    float *y = run(d, api, &list[1], &pin, x, w);
    assert_non_null(y);
    for (int64_t e = 0; e < list[1].out[0] * list[1].out[1]; e++) {
        bool padding = e < list[1].out[1] || e % list[1].out[1] == 0;
        assert_true(padding ? isnan(y[e]) : isinf(y[e]));
    }
    free(x);
    free(w);
    free(y);
    bs_cudnn_free(d);
}

/* --- what it refuses --- */

static void test_none(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    bs_cudnn *d = NULL;
    setenv("BITSINK_SIM_DNN", "none", 1);
    assert_error(bs_cudnn_create(&d, api, NULL), "cudnnCreate failed");
    assert_null(d);
}

static void test_wrong_shapes(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    bs_cudnn_shape good[LAYERS], s;
    bs_cudnn_pin pins[MAX_PINS];
    bs_cudnn *d = NULL;
    int n = 0;
    make_layers(good);
    assert_ok(bs_cudnn_create(&d, api, NULL));
#define refused(change, text)                                                                                \
    do {                                                                                                     \
        s = good[4];                                                                                         \
        change;                                                                                              \
        assert_error(bs_cudnn_pins(d, &s, WORKSPACE, pins, MAX_PINS, &n), text);                             \
    } while (0)
    refused(s.out[0]++, "rows or columns of the output");
    refused(s.out[1]--, "rows or columns of the output");
    refused(s.pad[3]++, "rows or columns of the output");
    refused(s.stride[0]++, "rows or columns of the output");
    refused(s.dilation[1]++, "rows or columns of the output");
    refused(s.in[0] = 1, "rows or columns of the output");
    refused(s.filters = 8, "do not make groups");
    refused(s.channels = 7, "do not make groups");
    refused(s.stride[1] = 0, "out of range");
    refused(s.dilation[0] = 0, "out of range");
    refused(s.pad[2] = -1, "out of range");
    refused(s.batch = 0, "a dimension is out of range");
#undef refused
    bs_cudnn_free(d);
}

static void test_wrong_pointers(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    bs_cudnn_shape list[LAYERS];
    bs_cudnn_pin pins[MAX_PINS];
    bs_cudnn_plan *plan = NULL;
    bs_cudnn *d = NULL;
    int n = 0;
    make_layers(list);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_pins(d, &list[0], WORKSPACE, pins, MAX_PINS, &n));
    assert_ok(bs_cudnn_plan_create(&plan, d, &list[0], &pins[0], WORKSPACE));
    assert_true(bs_cudnn_plan_workspace(plan) > 0);
    float *x = inputs(&list[0]), *w = weights(&list[0]);
    memory m = allocate(api, &list[0], x, w);
    assert_error(bs_cudnn_run(d, plan, m.x + 128, m.w, m.y, m.workspace), "less aligned");
    assert_error(bs_cudnn_run(d, plan, m.x, m.w + 4, m.y, m.workspace), "less aligned");
    assert_error(bs_cudnn_run(d, plan, m.x, m.w, m.y + 16, m.workspace), "less aligned");
    assert_error(bs_cudnn_run(d, plan, m.x, 0, m.y, m.workspace), "lacks a tensor");
    assert_error(bs_cudnn_run(d, plan, m.x, m.w, m.y, 0), "no workspace");
    assert_error(bs_cudnn_run(d, plan, m.x, m.w, m.y, m.workspace + 16), "no workspace, or misaligned");
    assert_ok(bs_cudnn_run(d, plan, m.x, m.w, m.y, m.workspace));
    release(api, m);
    free(x);
    free(w);
    bs_cudnn_plan_free(plan);
    bs_cudnn_free(d);
}

static void test_wrong_descriptors(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    const int64_t one = 1, dims[4] = {1, 2, 3, 4}, strides[4] = {24, 12, 4, 1},
                  columns_first[4] = {24, 1, 8, 2};
    const cudnnDataType_t type = CUDNN_DATA_FLOAT;
    const int64_t alignment = 256;
    cudnnBackendDescriptor_t t, graph;
    int64_t got = 0, n = 0;
    cudnnBackendDescriptorType_t tensor = CUDNN_BACKEND_TENSOR_DESCRIPTOR;
    assert_int_not_equal(api->cudnnBackendCreateDescriptor(CUDNN_BACKEND_MATMUL_DESCRIPTOR, &t), 0);
    assert_int_equal(api->cudnnBackendCreateDescriptor(tensor, &t), 0);
    assert_int_equal(api->cudnnBackendCreateDescriptor(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, &graph), 0);
#define set(name, kind, n, v)                                                                                \
    api->cudnnBackendSetAttribute(t, CUDNN_ATTR_TENSOR_##name, CUDNN_TYPE_##kind, n, v)
    assert_int_equal(set(UNIQUE_ID, DATA_TYPE, 1, &type), CUDNN_STATUS_BAD_PARAM_ATTRIBUTE_TYPE);
    assert_int_equal(set(DIMENSIONS, INT64, 3, dims), CUDNN_STATUS_BAD_PARAM_OUT_OF_BOUND);
    assert_int_equal(set(UNIQUE_ID, INT64, 1, &one), 0);
    assert_int_equal(set(DATA_TYPE, DATA_TYPE, 1, &type), 0);
    assert_int_equal(set(BYTE_ALIGNMENT, INT64, 1, &alignment), 0);
    assert_int_equal(set(DIMENSIONS, INT64, 4, dims), 0);
    assert_int_equal(api->cudnnBackendFinalize(t), CUDNN_STATUS_BAD_PARAM); /* no strides */
    assert_int_equal(set(STRIDES, INT64, 4, columns_first), 0);
    assert_int_equal(api->cudnnBackendFinalize(t), CUDNN_STATUS_NOT_SUPPORTED);
    assert_int_equal(set(STRIDES, INT64, 4, strides), 0);
    assert_int_equal(
        api->cudnnBackendGetAttribute(t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &n, &got),
        CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
    assert_int_equal(api->cudnnBackendSetAttribute(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &t),
                     CUDNN_STATUS_BAD_PARAM_NOT_FINALIZED);
    assert_int_equal(api->cudnnBackendFinalize(t), 0);
    assert_int_equal(api->cudnnBackendFinalize(t), CUDNN_STATUS_BAD_PARAM);
    assert_int_equal(set(UNIQUE_ID, INT64, 1, &one), CUDNN_STATUS_BAD_PARAM);
#undef set
    assert_int_equal(
        api->cudnnBackendGetAttribute(t, CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &n, &got), 0);
    assert_true(n == 1 && got == 1);
    assert_int_equal(api->cudnnBackendSetAttribute(graph, CUDNN_ATTR_OPERATIONGRAPH_OPS,
                                                   CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &t),
                     0);
    assert_int_equal(api->cudnnBackendFinalize(graph),
                     CUDNN_STATUS_NOT_SUPPORTED); /* a tensor is no operation */
    assert_int_equal(api->cudnnBackendDestroyDescriptor(t), 0);
    assert_int_equal(api->cudnnBackendDestroyDescriptor(graph), 0);
}

/* --- failures --- */

/* A handle, pins, a run; exit code: the status, negated, of the first call that failed. */
static bs_status work(void)
{
    const bs_cuda_api *api;
    bs_cudnn_shape list[LAYERS];
    bs_cudnn_pin pins[MAX_PINS];
    bs_cudnn_plan *plan = NULL;
    bs_cudnn *d = NULL;
    char why[160];
    int n = 0;
    make_layers(list);
    if (!bs_cuda_api_load(&api, why, sizeof why) || !api->has_dnn)
        return -77;
    bs_status st = bs_cudnn_create(&d, api, NULL);
    if (st == BS_OK)
        st = bs_cudnn_pins(d, &list[0], WORKSPACE, pins, MAX_PINS, &n);
    if (st == BS_OK)
        st = bs_cudnn_plan_create(&plan, d, &list[0], &pins[0], WORKSPACE);
    if (st == BS_OK) {
        float *x = inputs(&list[0]), *w = weights(&list[0]);
        memory m = allocate(api, &list[0], x, w);
        st = bs_cudnn_run(d, plan, m.x, m.w, m.y, m.workspace);
        release(api, m);
        free(x);
        free(w);
    }
    if (st == BS_NO_DEVICE) /* lost for good */
        st = bs_cudnn_pins(d, &list[0], WORKSPACE, pins, MAX_PINS, &n);
    bs_cudnn_plan_free(plan);
    bs_cudnn_free(d);
    return st;
}

/* The libraries count from when they are loaded: in a process of its own. */
static int exit_code(const char *fails)
{
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        setenv("BITSINK_SIM_FAIL", fails, 1);
        _exit(-work());
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* Must come first: nothing is loaded yet. */
static void test_failures(void **state)
{
    (void)state;
    if (exit_code("nothing:0") == 77)
        skip();
    assert_int_equal(exit_code("nothing:0"), -BS_OK);
    assert_int_equal(exit_code("cudnnCreate:1"), -BS_ERR);
    assert_int_equal(exit_code("cudnnBackendFinalize:1"), -BS_NO_DEVICE);
    assert_int_equal(exit_code("cudnnBackendFinalize:40"), -BS_NO_DEVICE);
    assert_int_equal(exit_code("cudnnBackendExecute:1"), -BS_NO_DEVICE);
    assert_int_equal(exit_code("cudnnBackendExecute:2"), -BS_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_failures, by_default),
        cmocka_unit_test_setup(test_exact, by_default),
        cmocka_unit_test_setup(test_all_engines, by_default),
        cmocka_unit_test_setup(test_inexact, by_default),
        cmocka_unit_test_setup(test_tensor_cores, by_default),
        cmocka_unit_test_setup(test_padding_is_zeros, by_default),
        cmocka_unit_test_setup(test_none, by_default),
        cmocka_unit_test_setup(test_wrong_shapes, by_default),
        cmocka_unit_test_setup(test_wrong_pointers, by_default),
        cmocka_unit_test_setup(test_wrong_descriptors, by_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
