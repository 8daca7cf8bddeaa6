/* Proves that no memory is freed while work that may use it is queued: the driver does not promise to
 * wait. The simulated device finds a use of what was freed; here its calls are watched, too: those that
 * queue work, wait for it, or free. */
#include "support/rig.h"
#include "support/typed_graphs.h"

#include "cuda/invariance.h"

static struct {
    bs_cuda_api real, api;
    bool queued;
    int frees, too_early;
    bool lost; /* frees fail, as they do when the device is lost to another thread meanwhile */
} watch;

static CUresult launch(CUfunction f, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                       unsigned block_y, unsigned block_z, unsigned shared, CUstream s, void **params,
                       void **extra)
{
    watch.queued = true;
    return watch.real.cuLaunchKernel(f, grid_x, grid_y, grid_z, block_x, block_y, block_z, shared, s, params,
                                     extra);
}

static CUresult synchronize(CUstream s)
{
    watch.queued = false;
    return watch.real.cuStreamSynchronize(s);
}

static CUresult free_device(CUdeviceptr p)
{
    watch.frees++;
    watch.too_early += watch.queued;
    CUresult r = watch.real.cuMemFree(p);
    return watch.lost ? CUDA_ERROR_LAUNCH_FAILED : r;
}

static CUresult free_host(void *p)
{
    watch.frees++;
    watch.too_early += watch.queued;
    CUresult r = watch.real.cuMemFreeHost(p);
    return watch.lost ? CUDA_ERROR_LAUNCH_FAILED : r;
}

static rig watched(const bs_graph *g)
{
    rig r = rig_open(g);
    watch.real = watch.api = *r.device->api;
    watch.api.cuLaunchKernel = launch;
    watch.api.cuStreamSynchronize = synchronize;
    watch.api.cuMemFree = free_device;
    watch.api.cuMemFreeHost = free_host;
    watch.queued = false;
    watch.frees = watch.too_early = 0;
    r.device->api = &watch.api;
    return r;
}

static bs_graph *conv_graph(void)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(3, 12, 11));
    g->output = gb_conv(g, g->input, 8, 3, 1, 1, 1, true);
    return g;
}

/* Larger batches need larger buffers than those that the batch before may still use. */
static void test_growth(void **state)
{
    (void)state;
    enum { MOST = 64 };
    static const char *const devices[] = {"cuda,cudnn", "cuda,gemm"};
    for (int k = 0; k < 2; k++) {
        setenv("BITSINK_TEST_DEVICE", devices[k], 1);
        bs_graph *g = conv_graph();
        rig r = watched(g);
        int32_t row[MOST];
        void *in = rig_random_rows(&r, g->input, MOST, 8, NULL), *out = rig_rows(&r, g->output, MOST);
        for (int i = 0; i < MOST; i++)
            row[i] = i;
        for (int n = 1; n <= MOST; n = 4 * n)
            assert_ok(r.b->run(r.stream, 0, n, (bs_view[3]){{in, row}}, out));
        assert_true(watch.queued && watch.frees > 0);
        assert_int_equal(watch.too_early, 0);
        r.b->free(r.stream, out);
        assert_int_equal(watch.too_early, 0);
        r.b->free(r.stream, in);
        assert_ok(r.b->run(r.stream, 0, 0, (bs_view[3]){{NULL, NULL}}, NULL));
        rig_close(&r);
        assert_int_equal(watch.too_early, 0);
        gb_free(g);
    }
}

/* Memory that a lost device may have freed is not freed once more when the stream is closed, which the
 * simulated device would not forgive. */
static void test_lost(void **state)
{
    (void)state;
    setenv("BITSINK_TEST_DEVICE", "cuda,gemm", 1);
    bs_graph *g = conv_graph();
    rig r = watched(g);
    float row[8 * 12 * 11];
    void *in = rig_random_rows(&r, g->input, 16, 8, NULL), *out = rig_rows(&r, g->output, 16);
    assert_ok(r.b->run(r.stream, 0, 1, (bs_view[3]){{in, NULL}}, out));
    assert_ok(r.b->download(r.stream, g->input, in, row));
    watch.lost = true;
    assert_int_equal(r.b->run(r.stream, 0, 16, (bs_view[3]){{in, NULL}}, out), BS_NO_DEVICE);
    watch.lost = false;
    rig_free(&r, in);
    rig_free(&r, out);
    rig_close(&r);
    gb_free(g);
}

static void test_invariance(void **state)
{
    (void)state;
    setenv("BITSINK_TEST_DEVICE", "cuda", 1);
    bs_graph *g = conv_graph();
    rig r = watched(g);
    bs_invariance t;
    assert_ok(bs_invariance_begin(&t, r.stream, 0, BS_INVARIANCE_PATCHES, 2));
    assert_ok(bs_invariance_whole(&t));
    assert_true(watch.queued);
    bs_invariance_end(&t);
    assert_true(watch.frees > 0);
    assert_int_equal(watch.too_early, 0);
    rig_close(&r);
    gb_free(g);
}

/* --- plans of cuDNN, of which every shape takes one --- */

enum { PLANS = 1024 };
static struct {
    cudnnBackendDescriptor_t at[PLANS];
    int made, alive, most;
} plans;

static cudnnStatus_t create(cudnnBackendDescriptorType_t type, cudnnBackendDescriptor_t *out)
{
    cudnnStatus_t r = watch.real.cudnnBackendCreateDescriptor(type, out);
    if (r == CUDNN_STATUS_SUCCESS && type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR && plans.alive < PLANS) {
        plans.at[plans.alive++] = *out;
        plans.made++;
        plans.most = plans.alive > plans.most ? plans.alive : plans.most;
    }
    return r;
}

static cudnnStatus_t destroy(cudnnBackendDescriptor_t d)
{
    for (int i = 0; i < plans.alive; i++)
        if (plans.at[i] == d) {
            watch.too_early += watch.queued;
            plans.at[i] = plans.at[--plans.alive];
        }
    return watch.real.cudnnBackendDestroyDescriptor(d);
}

static void test_plans(void **state)
{
    (void)state;
    enum { ROWS = 12, COLUMNS = 11, BATCHES = 5, AT_MOST = 512 };
    static const int batch[BATCHES] = {1, 2, 9, 17, 25}; /* padded to 1, 8, 16, 24, 32 */
    setenv("BITSINK_TEST_DEVICE", "cuda,cudnn", 1);
    bs_graph *g = conv_graph();
    rig r = watched(g);
    watch.api.cudnnBackendCreateDescriptor = create;
    watch.api.cudnnBackendDestroyDescriptor = destroy;
    void *in = rig_random_rows(&r, g->input, 2 * batch[BATCHES - 1], 8, NULL),
         *out = rig_rows(&r, g->output, batch[BATCHES - 1]);
    for (int k = 0; k < 2; k++) /* the second time, those of the last shape are there still */
        for (int i = k * (ROWS * COLUMNS * BATCHES - 1); i < ROWS * COLUMNS * BATCHES; i++) {
            const int size[2] = {1 + i / BATCHES / COLUMNS, 1 + i / BATCHES % COLUMNS},
                      in_size[2] = {size[0] + 2, size[1] + 2};
            assert_ok(r.b->run_patch(r.stream, 0, batch[i % BATCHES], in_size, (bs_view[3]){{in, NULL}}, size,
                                     out));
        }
    assert_int_equal(plans.made, ROWS * COLUMNS * BATCHES);
    assert_true(plans.most <= AT_MOST);
    assert_int_equal(watch.too_early, 0);
    rig_free(&r, in);
    rig_free(&r, out);
    rig_close(&r);
    assert_int_equal(plans.alive, 0);
    assert_int_equal(watch.too_early, 0);
    gb_free(g);
}

static bool no_memory;

static cudnnStatus_t finalize(cudnnBackendDescriptor_t d)
{
    return no_memory ? CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED
                     : watch.real.cudnnBackendFinalize(d);
}

/* A plan that cannot be made for lack of memory can be, later. */
static void test_later(void **state)
{
    (void)state;
    setenv("BITSINK_TEST_DEVICE", "cuda,cudnn", 1);
    bs_graph *g = conv_graph();
    rig r = watched(g);
    watch.api.cudnnBackendFinalize = finalize;
    void *in = rig_random_rows(&r, g->input, 2, 8, NULL), *out = rig_rows(&r, g->output, 2);
    no_memory = true;
    assert_int_equal(r.b->run(r.stream, 0, 2, (bs_view[3]){{in, NULL}}, out), BS_NO_MEMORY);
    no_memory = false;
    assert_ok(r.b->run(r.stream, 0, 2, (bs_view[3]){{in, NULL}}, out));
    rig_free(&r, in);
    rig_free(&r, out);
    rig_close(&r);
    gb_free(g);
}

/* Whole networks, from loading to the end. */
static void test_load(void **state)
{
    (void)state;
    static const char *const devices[] = {"cuda", "cuda,gemm", "cuda,native"};
    for (int k = 0; k < 3; k++) {
        setenv("BITSINK_TEST_DEVICE", devices[k], 1);
        bs_graph *g = conv_graph();
        if (k == 2)
            typed_everywhere(g, BS_DTYPE_FP16);
        rig r = watched(g);
        bs_network *n;
        assert_ok(r.b->load(&n, r.device, g, NULL));
        r.b->unload(n);
        rig_close(&r);
        assert_true(watch.frees > 0);
        assert_int_equal(watch.too_early, 0);
        gb_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_growth), cmocka_unit_test(test_lost),  cmocka_unit_test(test_invariance),
        cmocka_unit_test(test_plans),  cmocka_unit_test(test_later), cmocka_unit_test(test_load),
    };
    char why[160];
    if (bs_cuda_device_count(why, sizeof why) <= 0)
        return skip_all("no simulated device in LD_LIBRARY_PATH");
    return run_suite(tests, NULL, NULL);
}
