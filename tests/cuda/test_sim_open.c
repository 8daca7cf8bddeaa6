/* Proves that what a card needs is made once, however often it is opened, and what cuDNN needs once for a
 * stream. Calls of the simulated device are counted. */
#include "support/rig.h"
#include "support/call_count.h"

#include "cuda/conv.h"
#include "cuda/stream.h"

#include <pthread.h>

enum { OPENS = 20, THREADS = 4 };

static void *open_and_close(void *arg)
{
    bs_status *st = arg;
    bs_device *d;
    for (int i = 0; i < OPENS && *st == BS_OK; i++) {
        *st = bs_cuda_open(&d, 0, i % 2 ? "tf32" : NULL);
        if (*st == BS_OK)
            *st = bs_cuda_enter(d);
        bs_cuda_close(d);
    }
    return NULL;
}

static void test_one_context(void **state)
{
    (void)state;
    static const char *const once[] = {"cuDevicePrimaryCtxRetain", "cuModuleLoadData", "cublasLtCreate"};
    pthread_t thread[THREADS];
    bs_status st[THREADS] = {BS_OK};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, open_and_close, &st[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(thread[i], NULL);
        assert_int_equal(st[i], BS_OK);
    }
    for (int i = 0; i < 3; i++)
        assert_int_equal(calls(once[i]), 1);
}

/* The libraries are loaded by then; main() has set them. */
static void test_no_overrides(void **state)
{
    (void)state;
    assert_null(getenv("NVIDIA_TF32_OVERRIDE"));
    assert_null(getenv("CUBLAS_EMULATE_SINGLE_PRECISION"));
}

/* Four convolutions of as many shapes. */
static void test_one_handle_a_stream(void **state)
{
    (void)state;
    enum { LAYERS = 4 };
    bs_graph *g = gb_create();
    g->input = g->output = gb_activation(g, GB_SHAPE(4, 9, 8));
    for (int i = 0; i < LAYERS; i++)
        g->output = gb_conv(g, g->output, 4 + 4 * (i % 2), 1 + 2 * (i / 2), 1, i / 2, 1, true);
    long before = calls("cudnnCreate");
    rig r = rig_open(g);
    for (int i = 0; i < LAYERS; i++)
        assert_int_equal(r.network->plan[i].engine, BS_CUDA_DNN);
    assert_int_equal(calls("cudnnCreate") - before, 1); /* of the stream that chose the engines */
    void *in = rig_random_rows(&r, g->input, 2, 8, NULL), *out = rig_rows(&r, g->nodes[0].out, 2);
    for (int i = 0; i < 3; i++)
        assert_ok(r.b->run(r.stream, 0, 2, (bs_view[3]){{in, NULL}}, out));
    assert_int_equal(calls("cudnnCreate") - before, 2);
    rig_free(&r, in);
    rig_free(&r, out);
    rig_close(&r);
    gb_free(g);
}

static cudnnStatus_t refuse_stream(cudnnHandle_t handle, cudaStream_t s)
{
    (void)handle;
    (void)s;
    return CUDNN_STATUS_INTERNAL_ERROR;
}

/* A handle that does not get the stream's CUstream is not used, also not by who asks again. */
static void test_no_stream(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(2, 5, 5));
    g->output = gb_conv(g, g->input, 3, 3, 1, 1, 1, true);
    rig r = rig_open(g);
    const bs_cuda_api *good = r.device->api;
    bs_cuda_api broken = *good;
    broken.cudnnSetStream = refuse_stream;
    r.device->api = &broken;
    for (int i = 0; i < 2; i++) {
        assert_error(bs_cuda_dnn_start(r.stream), "cudnnSetStream failed");
        assert_null(r.stream->dnn);
    }
    r.device->api = good;
    assert_ok(bs_cuda_dnn_start(r.stream));
    assert_non_null(r.stream->dnn);
    rig_close(&r);
    gb_free(g);
}

/* Whoever errs is told what the words choose. */
static void test_options(void **state)
{
    (void)state;
    bs_device *d;
    assert_int_equal(bs_cuda_open(&d, 0, "fp32,fast"), BS_USAGE);
    assert_non_null(strstr(bs_error_message(), "'fast'"));
    assert_non_null(strstr(bs_error_hint(), "direct how convolutions and products are"));
    assert_null(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_context), /* first: nothing has been opened yet */
        cmocka_unit_test(test_no_overrides), cmocka_unit_test(test_one_handle_a_stream),
        cmocka_unit_test(test_no_stream),    cmocka_unit_test(test_options),
    };
    char why[160];
    setenv("NVIDIA_TF32_OVERRIDE", "1", 1);
    setenv("CUBLAS_EMULATE_SINGLE_PRECISION", "1", 1);
    if (bs_cuda_device_count(why, sizeof why) <= 0)
        return skip_all("no simulated device in LD_LIBRARY_PATH");
    setenv("BITSINK_TEST_DEVICE", "cuda", 1);
    return run_suite(tests, NULL, NULL);
}
