/* Proves that simulated devices are apart: memory, streams, names, bits, and loss of one alone; and that what
 * belongs to one is not taken for another's. */
#include "sim_calls.h"
#include "support/rig.h"

enum { DEVICES = 2, BYTES = 1 << 20, N = 64 };

static CUcontext context[DEVICES];
static CUstream streams[DEVICES];

/* From now on calls are for that device. */
static void enter(int d)
{
    good(api->cuCtxSetCurrent(context[d]));
    stream = streams[d];
}

static int begin_all(void **state)
{
    (void)state;
    for (int d = 0; d < DEVICES; d++) {
        good(api->cuDevicePrimaryCtxRetain(&context[d], d));
        enter(d);
        good(api->cuStreamCreate(&streams[d], CU_STREAM_NON_BLOCKING));
    }
    return 0;
}

static int end_all(void **state)
{
    (void)state;
    for (int d = 0; d < DEVICES; d++) {
        enter(d);
        good(api->cuStreamDestroy(streams[d]));
    }
    unsetenv("BITSINK_SIM_MEMORY");
    unsetenv("BITSINK_SIM_NAMES");
    unsetenv("BITSINK_SIM_OTHER_BITS");
    return 0;
}

static void test_names(void **state)
{
    (void)state;
    char name[40];
    int n;
    CUdevice d;
    CUcontext c;
    good(api->cuDeviceGetCount(&n));
    assert_int_equal(n, DEVICES);
    good(api->cuDeviceGet(&d, 1));
    assert_int_not_equal(api->cuDeviceGet(&d, DEVICES), CUDA_SUCCESS);
    assert_int_not_equal(api->cuDevicePrimaryCtxRetain(&c, DEVICES), CUDA_SUCCESS);
    static const struct {
        const char *list, *want[DEVICES];
    } cases[] = {{"", {"simulated device", "simulated device"}},
                 {"one", {"one", "simulated device"}},
                 {",the other", {"simulated device", "the other"}}};
    for (int i = 0; i < 3; i++) {
        setenv("BITSINK_SIM_NAMES", cases[i].list, 1);
        for (int k = 0; k < DEVICES; k++) {
            good(api->cuDeviceGetName(name, sizeof name, k));
            assert_string_equal(name, cases[i].want[k]);
        }
    }
}

static size_t left(void)
{
    size_t free_bytes, total;
    good(api->cuMemGetInfo(&free_bytes, &total));
    assert_int_equal(total, BYTES);
    return free_bytes;
}

static void test_memory(void **state)
{
    (void)state;
    enum { MOST = BYTES / 4 * 3 };
    CUdeviceptr more;
    setenv("BITSINK_SIM_MEMORY", "1048576", 1);
    enter(0);
    void *first = device(MOST);
    assert_int_equal(api->cuMemAlloc(&more, MOST), CUDA_ERROR_OUT_OF_MEMORY);
    enter(1);
    assert_int_equal(left(), BYTES);
    void *second = device(MOST);
    assert_int_equal(left(), BYTES - MOST);
    release(second);
    assert_int_equal(left(), BYTES);
    enter(0);
    assert_int_equal(left(), BYTES - MOST);
    release(first);
    assert_int_equal(left(), BYTES);
}

/* Waiting for one device leaves the work of the other undone. */
static void test_streams(void **state)
{
    (void)state;
    float *pinned[DEVICES], *there[DEVICES];
    for (int d = 0; d < DEVICES; d++) {
        enter(d);
        there[d] = device(N * sizeof(float));
        good(api->cuMemAllocHost((void **)&pinned[d], N * sizeof(float)));
        memset(pinned[d], 0, N * sizeof(float));
        fill(there[d], N, 3.0f + (float)d);
        get(pinned[d], there[d], N * sizeof(float));
    }
    good(api->cuCtxSynchronize());
    assert_true(pinned[0][N - 1] == 0.0f && pinned[1][N - 1] == 4.0f);
    enter(0);
    await();
    assert_true(pinned[0][N - 1] == 3.0f);
    for (int d = 0; d < DEVICES; d++) {
        enter(d);
        good(api->cuMemFreeHost(pinned[d]));
        release(there[d]);
    }
}

typedef struct outputs {
    float convolution[2 * 4 * 4], product[N];
} outputs;

/* What a device makes of the same inputs. */
static outputs compute(const char *device_name)
{
    enum { VALUES = 2 * 4 * 4 };
    outputs made;
    setenv("BITSINK_TEST_DEVICE", device_name, 1);
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(4, 4, 4));
    int at = gb_conv(g, g->input, 2, 3, 1, 1, 1, true);
    int flat = gb_node(g, BS_OP_FLATTEN, GB_SHAPE(VALUES), (bs_attr){0}, 1, (int[]){at});
    int w = gb_random(g, GB_SHAPE(N, VALUES), 3), bias = gb_random(g, GB_SHAPE(N), 4);
    g->output = gb_node(g, BS_OP_GEMM, GB_SHAPE(N), (bs_attr){.trans_b = true, .alpha = 1.0f, .beta = 1.0f},
                        3, (int[]){flat, w, bias});
    rig r = rig_open(g);
    void *rows[] = {rig_random_rows(&r, g->input, 1, 5, NULL), rig_rows(&r, at, 1),
                    rig_random_rows(&r, flat, 1, 6, NULL), rig_rows(&r, g->output, 1)};
    assert_ok(r.b->run(r.stream, 0, 1, (bs_view[3]){{rows[0], NULL}}, rows[1]));
    assert_ok(r.b->run(r.stream, 2, 1, (bs_view[3]){{rows[2], NULL}}, rows[3]));
    assert_ok(r.b->download(r.stream, at, rows[1], made.convolution));
    assert_ok(r.b->download(r.stream, g->output, rows[3], made.product));
    for (int i = 0; i < 4; i++)
        rig_free(&r, rows[i]);
    rig_close(&r);
    gb_free(g);
    return made;
}

/* One alone computes otherwise, and where it is asked to. */
static void test_bits(void **state)
{
    (void)state;
    setenv("BITSINK_SIM_DNN", "exact", 1);
    setenv("BITSINK_SIM_BLAS", "exact", 1);
    outputs usual = compute("cuda:1");
    setenv("BITSINK_SIM_OTHER_BITS", "1", 1);
    outputs here = compute("cuda:0"), there = compute("cuda:1");
    assert_memory_equal(&here, &usual, sizeof here);
    assert_memory_not_equal(there.convolution, here.convolution, sizeof here.convolution);
    assert_memory_not_equal(there.product, here.product, sizeof here.product);
}

/* --- mistakes --- */

static float *made_there(void)
{
    enter(1);
    float *p = device(N * sizeof *p);
    enter(0);
    return p;
}

static void copies_foreign(void)
{
    float v[N] = {0};
    put(made_there(), v, sizeof v);
    await();
}

static void writes_foreign(void)
{
    fill(made_there(), N, 1.0f);
    await();
}

static void frees_foreign(void)
{
    release(made_there());
}

static void waits_for_foreign(void)
{
    enter(0);
    good(api->cuStreamSynchronize(streams[1]));
}

static void queues_foreign(void)
{
    enter(0);
    stream = streams[1];
    fill(device(N * sizeof(float)), N, 1.0f);
}

static void launches_foreign(void)
{
    CUmodule m;
    CUfunction f;
    bs_fill_args a = {1, N, 1.0f, {.base = made_there()}};
    void *args = &a;
    enter(1);
    good(api->cuModuleLoadData(&m, ""));
    good(api->cuModuleGetFunction(&f, m, "bs_kernel_fill"));
    enter(0);
    good(api->cuLaunchKernel(f, 1, 1, 1, 32, 1, 1, 0, stream, &args, NULL));
}

static void looks_into_foreign(void)
{
    CUmodule m;
    CUfunction f;
    enter(1);
    good(api->cuModuleLoadData(&m, ""));
    enter(0);
    good(api->cuModuleGetFunction(&f, m, "bs_kernel_fill"));
}

static void multiplies_by_foreign(void)
{
    cublasLtHandle_t h;
    enter(1);
    assert_int_equal(api->cublasLtCreate(&h), CUBLAS_STATUS_SUCCESS);
    enter(0);
    api->cublasLtMatmul(h, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, 0,
                        stream);
}

static void convolves_by_foreign(void)
{
    cudnnHandle_t h;
    int any;
    enter(1);
    assert_int_equal(api->cudnnCreate(&h), CUDNN_STATUS_SUCCESS);
    enter(0);
    api->cudnnBackendExecute(h, &any, &any);
}

static void enters_none(void)
{
    good(api->cuCtxSetCurrent(NULL));
    device(1);
}

static void test_mistakes(void **state)
{
    (void)state;
    static const char *const other = " of device 1 is used while the context of device 0 is current";
    finds(copies_foreign, "cuMemcpyHtoDAsync: 256 bytes of device memory from ",
          "byte 0 of 256, of device 1");
    finds(writes_foreign, "bs_kernel_fill", "touches device memory at ");
    finds(writes_foreign, "byte 0 of 256, of device 1", "");
    finds(frees_foreign, "memory", other);
    finds(waits_for_foreign, "a stream", other);
    finds(queues_foreign, "a stream", other);
    finds(launches_foreign, "a kernel", other);
    finds(looks_into_foreign, "a module", other);
    finds(multiplies_by_foreign, "a handle of cuBLASLt", other);
    finds(convolves_by_foreign, "a handle of cuDNN", other);
    finds(enters_none, "no context is current, and there are 2 devices", "");
}

/* --- loss --- */

static CUresult copy_on(int d, const void *const there[DEVICES])
{
    enter(d);
    return api->cuMemcpyDtoDAsync(address(there[d]), address(there[d]), 1, stream);
}

/* The second copy of device 1, then all at its fourth of both: the last tests, as nothing finds a device. */
static void test_loss(void **state)
{
    (void)state;
    const void *there[DEVICES];
    CUdeviceptr p;
    for (int d = 0; d < DEVICES; d++) {
        enter(d);
        there[d] = device(N);
    }
    setenv("BITSINK_SIM_FAIL", "cuMemcpyDtoDAsync:2@1", 1);
    good(copy_on(1, there));
    good(copy_on(0, there));
    good(copy_on(0, there));
    assert_int_equal(copy_on(1, there), CUDA_ERROR_LAUNCH_FAILED);
    assert_int_equal(api->cuStreamSynchronize(stream), CUDA_ERROR_LAUNCH_FAILED);
    assert_int_equal(api->cuMemAlloc(&p, 1), CUDA_ERROR_LAUNCH_FAILED);
    enter(0);
    await();
    release(device(1));
    setenv("BITSINK_SIM_FAIL", "cuMemcpyDtoDAsync:6", 1);
    good(copy_on(0, there));
    assert_int_equal(copy_on(0, there), CUDA_ERROR_LAUNCH_FAILED);
    assert_int_equal(api->cuMemAlloc(&p, 1), CUDA_ERROR_LAUNCH_FAILED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_names, begin_all, end_all),
        cmocka_unit_test_setup_teardown(test_memory, begin_all, end_all),
        cmocka_unit_test_setup_teardown(test_streams, begin_all, end_all),
        cmocka_unit_test_setup_teardown(test_bits, begin_all, end_all),
        cmocka_unit_test_setup_teardown(test_mistakes, begin_all, end_all),
        cmocka_unit_test_setup_teardown(test_loss, begin_all, end_all),
    };
    setenv("BITSINK_SIM_DEVICES", "2", 1);
    return run_simulated(tests, sizeof tests / sizeof *tests);
}
