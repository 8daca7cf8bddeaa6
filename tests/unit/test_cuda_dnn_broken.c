/* Proves that cuDNN failing at each of its calls in turn gives an error that names the call, and leaks
 * nothing; and that a convolution hands the right operands to cuDNN when it runs. */
#include "support/conv_layers.h"
#include "support/cuda_dnn_fixture.h"

static struct {
    bs_cuda_api real;
    int calls, fail_at; /* counted from 1; 0: none fails */
    cudnnStatus_t status;
    const char *failed; /* name of the call that did */
    int alive;          /* descriptors */
    bool mute;          /* the heuristics say nothing */
    int executed;
    int64_t operands[3], ids[3]; /* x, w, y of the graph; of the pack */
    void *data[3], *workspace;
} spy;

static bool fails(const char *name)
{
    if (++spy.calls != spy.fail_at)
        return false;
    spy.failed = name;
    return true;
}

static cudnnStatus_t spy_create(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *out)
{
    if (fails("cudnnBackendCreateDescriptor"))
        return spy.status;
    cudnnStatus_t r = spy.real.cudnnBackendCreateDescriptor(type, out);
    spy.alive += r == CUDNN_STATUS_SUCCESS;
    return r;
}

static cudnnStatus_t spy_destroy(cudnnBackendDescriptor_t d)
{
    spy.alive--;
    return spy.real.cudnnBackendDestroyDescriptor(d);
}

/* The id of a tensor that becomes an operand of a convolution. */
static void note_operand(int i, const void *tensor)
{
    int64_t n = 0;
    cudnnStatus_t r = spy.real.cudnnBackendGetAttribute(*(const cudnnBackendDescriptor_t *)tensor,
                                                        CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, 1, &n,
                                                        &spy.operands[i]);
    assert_int_equal(r, CUDNN_STATUS_SUCCESS);
}

static cudnnStatus_t spy_set(cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                             cudnnBackendAttributeType_t type, int64_t n, const void *values)
{
    if (fails("cudnnBackendSetAttribute"))
        return spy.status;
    switch ((int)name) {
    case CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X:
        note_operand(0, values);
        break;
    case CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W:
        note_operand(1, values);
        break;
    case CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y:
        note_operand(2, values);
        break;
    case CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS:
        assert_int_equal(n, 3);
        memcpy(spy.ids, values, sizeof spy.ids);
        break;
    case CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS:
        assert_int_equal(n, 3);
        memcpy(spy.data, values, sizeof spy.data);
        break;
    case CUDNN_ATTR_VARIANT_PACK_WORKSPACE:
        memcpy(&spy.workspace, values, sizeof spy.workspace);
        break;
    }
    return spy.real.cudnnBackendSetAttribute(d, name, type, n, values);
}

/* Heuristics have two answers each here, and there are two engines, lest every call be tried a hundred times.
 */
static cudnnStatus_t spy_get(const cudnnBackendDescriptor_t d, cudnnBackendAttributeName_t name,
                             cudnnBackendAttributeType_t type, int64_t room, int64_t *n, void *values)
{
    if (fails("cudnnBackendGetAttribute"))
        return spy.status;
    cudnnStatus_t r = spy.real.cudnnBackendGetAttribute(d, name, type, room, n, values);
    if (name == CUDNN_ATTR_ENGINEHEUR_RESULTS && *n > 2)
        *n = spy.mute ? 0 : 2;
    if (name == CUDNN_ATTR_OPERATIONGRAPH_ENGINE_GLOBAL_COUNT && !spy.mute)
        *(int64_t *)values = 2;
    return r;
}

static cudnnStatus_t spy_finalize(cudnnBackendDescriptor_t d)
{
    if (fails("cudnnBackendFinalize"))
        return spy.status;
    return spy.real.cudnnBackendFinalize(d);
}

/* Runs nothing. */
static cudnnStatus_t spy_execute(cudnnHandle_t handle, cudnnBackendDescriptor_t plan,
                                 cudnnBackendDescriptor_t pack)
{
    (void)handle;
    if (fails("cudnnBackendExecute"))
        return spy.status;
    spy.executed += plan && pack;
    return CUDNN_STATUS_SUCCESS;
}

/* A driver that says of every call that the device is lost. */
static CUresult lost(void)
{
    return CUDA_ERROR_LAUNCH_FAILED;
}

static CUresult describe(CUresult r, const char **text)
{
    *text = r == CUDA_ERROR_LAUNCH_FAILED ? "launch failed" : "?";
    return CUDA_SUCCESS;
}

static bs_cuda_api spying(void)
{
    memset(&spy, 0, sizeof spy);
    spy.real = load_dnn();
    bs_cuda_api api = spy.real;
    api.cudnnBackendCreateDescriptor = spy_create;
    api.cudnnBackendDestroyDescriptor = spy_destroy;
    api.cudnnBackendSetAttribute = spy_set;
    api.cudnnBackendGetAttribute = spy_get;
    api.cudnnBackendFinalize = spy_finalize;
    api.cudnnBackendExecute = spy_execute;
    return api;
}

typedef struct work {
    bs_cuda_api api;
    char *json;
    bs_cudnn_config configs[8];
    int n, plans;
} work;

/* All that a backend does: a handle, configs of a layer, a plan of each for its patches, a run. */
static bs_status do_work(work *w)
{
    bs_cudnn *d = NULL;
    bs_cudnn_plan *plan = NULL;
    bs_cudnn_shape layer = square(64, 64, 56, 3, 1, 1), window = patches(layer, 32, 7);
    bs_status st;
    layer.tf32 = window.tf32 = true; /* the best answers of the heuristics, then, are configs */
    w->n = w->plans = 0;
    BS_TRY_GOTO(bs_cudnn_create(&d, &w->api, w->json), out);
    BS_TRY_GOTO(bs_cudnn_configs(d, &layer, WORKSPACE, w->configs, 8, &w->n), out);
    for (int i = 0; i < w->n; i++) {
        BS_TRY_GOTO(bs_cudnn_plan_create(&plan, d, &window, &w->configs[i], WORKSPACE), out);
        w->plans += plan != NULL;
        if (plan)
            BS_TRY_GOTO(bs_cudnn_run(d, plan, 0x1000, 0x2000, 0x3000, 0x4000), out);
        bs_cudnn_plan_free(plan);
        plan = NULL;
    }
out:
    bs_cudnn_plan_free(plan);
    bs_cudnn_free(d);
    return st;
}

static work start(void)
{
    work w = {.api = spying(), .json = NULL};
    read_device(&w.json);
    return w;
}

static void test_run(void **state)
{
    (void)state;
    work w = start();
    assert_ok(do_work(&w));
    print_message("%d calls, %d configs, %d plans\n", spy.calls, w.n, w.plans);
    assert_true(w.n >= 2 && w.plans == w.n); /* two answers, tensor cores admitted */
    assert_int_equal(spy.executed, w.plans);
    assert_int_equal(spy.alive, 0);
    assert_true(spy.operands[0] != spy.operands[1] && spy.operands[1] != spy.operands[2]);
    for (int i = 0; i < 3; i++) {
        int operand = spy.ids[i] == spy.operands[0] ? 0 : spy.ids[i] == spy.operands[1] ? 1 : 2;
        assert_int_equal(spy.ids[i], spy.operands[operand]);
        assert_ptr_equal(spy.data[i], (uintptr_t)0x1000 * (uintptr_t)(operand + 1));
    }
    assert_ptr_equal(spy.workspace, 0x4000);
    free(w.json);
}

static void test_silent_heuristics(void **state)
{
    (void)state;
    work w = start();
    bs_cudnn *d = NULL;
    bs_cudnn_plan *plan = NULL;
    bs_cudnn_shape s = square(64, 64, 56, 3, 1, 1), window = patches(s, 32, 7);
    spy.mute = true;
    assert_ok(bs_cudnn_create(&d, &w.api, w.json));
    assert_ok(bs_cudnn_configs(d, &s, WORKSPACE, w.configs, 8, &w.n));
    assert_int_equal(w.n, 8);
    for (int i = 0; i < w.n; i++) {
        assert_false(w.configs[i].tensor_cores);
        assert_true(i == 0 || memcmp(&w.configs[i - 1], &w.configs[i], sizeof w.configs[i]));
        assert_ok(bs_cudnn_plan_create(&plan, d, &window, &w.configs[i], WORKSPACE));
        w.plans += plan != NULL;
        bs_cudnn_plan_free(plan);
    }
    assert_true(w.plans > 0);
    bs_cudnn_free(d);
    assert_int_equal(spy.alive, 0);
    free(w.json);
}

/* Calls it with every call failing in turn. */
static void fail_each(cudnnStatus_t status, bool lost_device, bs_status expected)
{
    work w = start();
    if (lost_device) {
        w.api.cuCtxSynchronize = lost;
        w.api.cuGetErrorName = w.api.cuGetErrorString = describe;
    }
    assert_ok(do_work(&w));
    const int total = spy.calls;
    for (int n = 1; n <= total; n++) {
        spy.calls = 0;
        spy.fail_at = n;
        spy.status = status;
        spy.failed = NULL;
        bs_error_clear();
        bs_status st = do_work(&w);
        assert_non_null(spy.failed);
        if (st != expected)
            fail_msg("call %d, %s: status %d, not %d: %s", n, spy.failed, st, expected, bs_error_message());
        if (!strstr(bs_error_message(), spy.failed))
            fail_msg("call %d: '%s' does not name %s", n, bs_error_message(), spy.failed);
        assert_int_equal(spy.calls, n); /* nothing was tried after it */
        assert_int_equal(spy.alive, 0);
    }
    free(w.json);
}

static void test_each_call_fails(void **state)
{
    (void)state;
    fail_each(CUDNN_STATUS_INTERNAL_ERROR, false, BS_ERR);
}

static void test_memory_runs_out(void **state)
{
    (void)state;
    fail_each(CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED, false, BS_NO_MEMORY);
}

static void test_device_is_lost(void **state)
{
    (void)state;
    fail_each(CUDNN_STATUS_EXECUTION_FAILED_CUDA_DRIVER, true, BS_NO_DEVICE);
}

/* "Not supported" of a descriptor as a whole is an answer; of a single call it is an error. */
static void test_refusals(void **state)
{
    (void)state;
    work w = start();
    int answers = 0, errors = 0;
    assert_ok(do_work(&w));
    const int total = spy.calls, configs = w.n, plans = w.plans;
    for (int n = 1; n <= total; n++) {
        spy.calls = 0;
        spy.fail_at = n;
        spy.status = CUDNN_STATUS_NOT_SUPPORTED_SHAPE;
        spy.failed = NULL;
        bs_status st = do_work(&w);
        assert_non_null(spy.failed);
        assert_true(st == BS_OK || st == BS_ERR);
        if (st == BS_OK) {
            answers++;
            assert_string_equal(spy.failed, "cudnnBackendFinalize");
            assert_true(w.n <= configs && w.plans <= plans);
        } else if (!strcmp(spy.failed, "cudnnBackendFinalize")) {
            errors++;
        }
        assert_int_equal(spy.alive, 0);
    }
    assert_int_equal(errors, 1 + plans); /* of the device's properties; of the pack of each run */
    assert_true(answers > errors);
    free(w.json);
}

static void test_nonsense(void **state)
{
    (void)state;
    work w = start();
    bs_cudnn *d = NULL;
    bs_cudnn_plan *plan = NULL;
    bs_cudnn_config configs[4];
    int n = -1;
    assert_error(bs_cudnn_create(&d, &w.api, "{\"warpSize\": "), "cudnnBackend");
    assert_null(d);
    assert_ok(bs_cudnn_create(&d, &w.api, w.json));
    bs_cudnn_shape s = square(64, 64, 56, 3, 1, 1);
    s.tf32 = true;
    assert_ok(bs_cudnn_configs(d, &s, WORKSPACE, configs, 4, &n));
    assert_true(n > 0);
    bs_cudnn_shape wrong = s;
    wrong.out[0]++;
    assert_error(bs_cudnn_configs(d, &wrong, WORKSPACE, configs, 4, &n),
                 "convolution of 1 x 64 x 56 x 56 with 64 filters");
    assert_error(bs_cudnn_plan_create(&plan, d, &wrong, &configs[0], WORKSPACE), "cudnnBackend");
    assert_null(plan);
    assert_error(bs_cudnn_set_stream(d, NULL), "cudnnSetStream"); /* a described device has no streams */
    bs_cudnn_free(d);
    bs_cudnn_free(NULL);
    bs_cudnn_plan_free(NULL);
    assert_int_equal(spy.alive, 0);
    free(w.json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_run),
        cmocka_unit_test(test_silent_heuristics),
        cmocka_unit_test(test_each_call_fails),
        cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_device_is_lost),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_nonsense),
    };
    return run_suite(tests, NULL, NULL);
}
