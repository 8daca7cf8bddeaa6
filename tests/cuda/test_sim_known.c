/* Proves that the second load of a network takes the engines that the first one selected, without asking the
 * libraries to search or to compute; and that it searches where anything differs that a selection depends
 * on, or the libraries refuse what was selected. */
#include "support/rig.h"
#include "support/call_count.h"
#include "support/typed_graphs.h"

#include "cuda/selection.h"
#include "sim_dnn.h"

#include <unistd.h>

enum { ROWS = 9 };

static char folder[64];
static bs_cache *cache;
static bs_cuda_api api; /* the libraries, with a function replaced */
static int refusals;    /* to come */

static int make_cache(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/bitsink-known-XXXXXX");
    return !mkdtemp(folder) || bs_cache_open(&cache, folder) != BS_OK || !cache;
}

static int remove_cache(void **state)
{
    (void)state;
    char command[96];
    bs_cache_close(cache);
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command);
}

/* Takes another process's view of the cache. */
static void reopen(void)
{
    bs_cache_close(cache);
    assert_ok(bs_cache_open(&cache, folder));
    assert_non_null(cache);
}

static long computed(void)
{
    return calls("cudnnBackendExecute") + calls("cublasLtMatmul");
}

/* Two convolutions of one shape, and an inner product. */
static bs_graph *small_graph(void)
{
    enum { VALUES = 4 * 6 * 5, CLASSES = 10 };
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(4, 6, 5));
    int at = gb_conv(g, g->input, 4, 3, 1, 1, 1, true);
    at = gb_conv(g, at, 4, 3, 1, 1, 1, true);
    at = gb_node(g, BS_OP_FLATTEN, GB_SHAPE(VALUES), (bs_attr){0}, 1, (int[]){at});
    int w = gb_random(g, GB_SHAPE(CLASSES, VALUES), 3), bias = gb_random(g, GB_SHAPE(CLASSES), 4);
    g->output = gb_node(g, BS_OP_GEMM, GB_SHAPE(CLASSES),
                        (bs_attr){.trans_b = true, .alpha = 1.0f, .beta = 1.0f}, 3, (int[]){at, w, bias});
    return g;
}

static cudnnStatus_t refuse_plans(cudnnBackendDescriptor_t d)
{
    const bs_cuda_api *good;
    char why[160];
    assert_true(bs_cuda_api_load(&good, why, sizeof why));
    bool plan = ((const sim_desc *)d)->type == CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR;
    return plan && refusals-- > 0 ? CUDNN_STATUS_NOT_SUPPORTED : good->cudnnBackendFinalize(d);
}

static cublasStatus_t refuse_algorithms(cublasLtHandle_t h, cublasLtMatmulDesc_t d, cublasLtMatrixLayout_t a,
                                        cublasLtMatrixLayout_t b, cublasLtMatrixLayout_t c,
                                        cublasLtMatrixLayout_t y, const cublasLtMatmulAlgo_t *algo,
                                        cublasLtMatmulHeuristicResult_t *out)
{
    const bs_cuda_api *good;
    char why[160];
    assert_true(bs_cuda_api_load(&good, why, sizeof why));
    return refusals-- > 0 ? CUBLAS_STATUS_NOT_SUPPORTED
                          : good->cublasLtMatmulAlgoCheck(h, d, a, b, c, y, algo, out);
}

/* Loads g, with the cache or without; the product of a few samples is in *out, which the caller frees. */
static uint64_t load(const bs_graph *g, bs_cache *from, const char *options, long *work, float **out)
{
    rig r = {.g = g, .b = &bs_cuda_backend};
    const bs_load_options with = {.cache = from};
    assert_ok(r.b->open(&r.device, 0, options));
    if (refusals > 0)
        r.device->api = &api;
    *work = computed();
    assert_ok(r.b->load(&r.network, r.device, g, from ? &with : NULL));
    *work = computed() - *work;
    assert_ok(r.b->stream_open(&r.stream, r.network));
    void *rows[8] = {rig_random_rows(&r, g->input, ROWS, 8, NULL)};
    for (int i = 0; i < g->n_nodes; i++) {
        rows[i + 1] = rig_rows(&r, g->nodes[i].out, ROWS);
        assert_ok(r.b->run(r.stream, i, ROWS, (bs_view[3]){{rows[i], NULL}}, rows[i + 1]));
    }
    if (out)
        *out = rig_values(&r, r.stream, g->output, rows[g->n_nodes], ROWS);
    for (int i = 0; i <= g->n_nodes; i++)
        rig_free(&r, rows[i]);
    uint64_t selection = r.b->selection(r.network);
    rig_close(&r);
    return selection;
}

static void test_second_load(void **state)
{
    (void)state;
    static const char *const options[] = {NULL, "gemm", "native", "direct"};
    for (int i = 0; i < 4; i++) {
        long work;
        float *first, *second, *without;
        bs_graph *g = small_graph();
        if (options[i] && !strcmp(options[i], "native"))
            typed_everywhere(g, BS_DTYPE_BF16);
        uint64_t cold = load(g, cache, options[i], &work, &first);
        assert_int_equal(work > 0, i < 3);
        reopen();
        long searches = calls("cublasLtMatmulAlgoGetHeuristic"), made = calls("cudnnBackendFinalize");
        uint64_t warm = load(g, cache, options[i], &work, &second);
        assert_int_equal(work, 0);
        assert_int_equal(calls("cublasLtMatmulAlgoGetHeuristic"), searches);
        assert_true(calls("cudnnBackendFinalize") - made <
                    200); /* the runs' own, and a plan for each shape */
        assert_int_equal(cold, warm);
        assert_int_equal(cold, load(g, NULL, options[i], &work, &without));
        size_t bytes = (size_t)(g->tensors[g->output].elements * ROWS) * sizeof *first;
        assert_memory_equal(first, second, bytes);
        assert_memory_equal(first, without, bytes);
        free(first);
        free(second);
        free(without);
        gb_free(g);
    }
}

/* Other weights, another shape, and other options are other selections. */
static void test_something_differs(void **state)
{
    (void)state;
    long work;
    bs_graph *g = small_graph();
    uint64_t cold = load(g, cache, NULL, &work, NULL);
    long all = work;
    g->tensors[g->nodes[3].in[1]].data[5] += 1.0f;
    load(g, cache, NULL, &work, NULL);
    assert_in_range(work, 1, all - 1); /* the inner product only */
    load(g, cache, NULL, &work, NULL);
    assert_int_equal(work, 0);
    assert_int_not_equal(load(g, cache, "gemm", &work, NULL), cold);
    assert_true(work > 0);
    gb_free(g);
    g = small_graph();
    typed_everywhere(g, BS_DTYPE_FP16);
    cold = load(g, cache, "native", &work, NULL);
    assert_true(work > 0);
    assert_int_not_equal(load(g, cache, NULL, &work, NULL), cold);
    assert_true(work > 0);
    gb_free(g);
    /* Of two convolutions of one shape, the first one is tested, so the second one's weights do not matter.
     */
    g = small_graph();
    g->tensors[g->nodes[1].in[1]].data[5] += 1.0f;
    load(g, cache, NULL, &work, NULL);
    assert_int_equal(work, 0);
    gb_free(g);
}

static void test_no_longer_served(void **state)
{
    (void)state;
    long work;
    bs_graph *g = small_graph();
    uint64_t cold = load(g, cache, NULL, &work, NULL);
    assert_true(bs_cuda_backend.device_count((char[160]){0}, 160) > 0);
    const bs_cuda_api *good;
    char why[160];
    assert_true(bs_cuda_api_load(&good, why, sizeof why));
    for (int i = 0; i < 2; i++) {
        api = *good;
        if (i)
            api.cublasLtMatmulAlgoCheck = refuse_algorithms;
        else
            api.cudnnBackendFinalize = refuse_plans;
        refusals = 1;
        uint64_t again = load(g, cache, NULL, &work, NULL);
        assert_true(refusals <= 0);
        assert_true(work > 0);
        assert_int_equal(again, cold); /* the search finds it */
        refusals = 0;
        load(g, cache, NULL, &work, NULL);
        assert_int_equal(work, 0);
    }
    gb_free(g);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make_cache, remove_cache)
    const struct CMUnitTest tests[] = {TEST(test_second_load), TEST(test_something_differs),
                                       TEST(test_no_longer_served)};
    char why[160];
    if (bs_cuda_device_count(why, sizeof why) <= 0)
        return skip_all("no simulated device in LD_LIBRARY_PATH");
    return run_suite(tests, NULL, NULL);
}
