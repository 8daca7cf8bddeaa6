/* Proves that the simulated cuDNN refuses what the real one refuses, and fails when told to. */
#include "sim_dnn_layers.h"

#include <sys/wait.h>

/* A handle, configs, a run; exit code: the status, negated, of the first call that failed. */
static bs_status work(void)
{
    const bs_cuda_api *api;
    bs_cudnn_shape list[LAYERS];
    bs_cudnn_config configs[MAX_CONFIGS];
    bs_cudnn_plan *plan = NULL;
    bs_cudnn *d = NULL;
    char why[160];
    int n = 0;
    make_layers(list);
    if (!bs_cuda_api_load(&api, why, sizeof why) || !api->has_dnn)
        return -77;
    bs_status st = bs_cudnn_create(&d, api, NULL);
    if (st == BS_OK)
        st = bs_cudnn_configs(d, &list[0], WORKSPACE, configs, MAX_CONFIGS, &n);
    if (st == BS_OK)
        st = bs_cudnn_plan_create(&plan, d, &list[0], &configs[0], WORKSPACE);
    if (st == BS_OK) {
        float *x = inputs(&list[0]), *w = weights(&list[0]);
        memory m = allocate(api, &list[0], x, w);
        st = bs_cudnn_run(d, plan, m.x, m.w, m.y, m.workspace);
        release(api, m);
        free(x);
        free(w);
    }
    if (st == BS_NO_DEVICE) /* lost for good */
        st = bs_cudnn_configs(d, &list[0], WORKSPACE, configs, MAX_CONFIGS, &n);
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

/* Must come early: nothing is loaded yet. */
static void test_failures(void **state)
{
    (void)state;
    if (exit_code("nothing:0") == 77)
        skip("no simulated device in LD_LIBRARY_PATH");
    assert_int_equal(exit_code("nothing:0"), -BS_OK);
    assert_int_equal(exit_code("cudnnCreate:1"), -BS_ERR);
    assert_int_equal(exit_code("cudnnBackendFinalize:1"), -BS_NO_DEVICE);
    assert_int_equal(exit_code("cudnnBackendFinalize:40"), -BS_NO_DEVICE);
    assert_int_equal(exit_code("cudnnBackendExecute:1"), -BS_NO_DEVICE);
    assert_int_equal(exit_code("cudnnBackendExecute:2"), -BS_OK);
}

/* The same. */
static void test_other_version(void **state)
{
    (void)state;
    int status = 0;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        const bs_cuda_api *api;
        char why[160];
        setenv("BITSINK_SIM_DNN", "other", 1);
        if (!bs_cuda_api_load(&api, why, sizeof why))
            _exit(77);
        _exit(!api->has_dnn && strstr(api->no_dnn, "another version") ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 77)
        skip("no simulated device in LD_LIBRARY_PATH");
    assert_int_equal(WEXITSTATUS(status), 0);
}

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
    bs_cudnn_config configs[MAX_CONFIGS];
    bs_cudnn *d = NULL;
    int n = 0;
    make_layers(good);
    assert_ok(bs_cudnn_create(&d, api, NULL));
#define refused(change, text)                                                                                \
    do {                                                                                                     \
        s = good[4];                                                                                         \
        change;                                                                                              \
        assert_error(bs_cudnn_configs(d, &s, WORKSPACE, configs, MAX_CONFIGS, &n), text);                    \
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
    bs_cudnn_config configs[MAX_CONFIGS];
    bs_cudnn_plan *plan = NULL;
    bs_cudnn *d = NULL;
    int n = 0;
    make_layers(list);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_configs(d, &list[0], WORKSPACE, configs, MAX_CONFIGS, &n));
    assert_ok(bs_cudnn_plan_create(&plan, d, &list[0], &configs[0], WORKSPACE));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_failures, by_default),
        cmocka_unit_test_setup(test_other_version, by_default),
        cmocka_unit_test_setup(test_none, by_default),
        cmocka_unit_test_setup(test_wrong_shapes, by_default),
        cmocka_unit_test_setup(test_wrong_pointers, by_default),
        cmocka_unit_test_setup(test_wrong_descriptors, by_default),
    };
    return run_suite(tests, NULL, NULL);
}
