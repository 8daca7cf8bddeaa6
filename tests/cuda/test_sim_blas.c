/* Proves that the right algorithms of the simulated cuBLASLt are taken, and that products are exact with
 * each that is. The library first offers some whose sums depend on the number of rows, of filters, or on
 * the row's place. */
#include "support/rig.h"

#include "cuda/gemm.h"
#include "cuda/invariance.h"
#include "cuda/selection.h"

#include "base/log.h"

#include <stdio.h>
#include <unistd.h>

enum { LENGTH = 150, FILTERS = 40, REPEAT = 3, MOST = 70, PROPOSED = 8, LISTED = 64 };

static int by_default(void **state)
{
    (void)state;
    setenv("BITSINK_TEST_DEVICE", "cuda", 1);
    return unsetenv("BITSINK_SIM_BLAS");
}

static bs_graph *gemm_graph(int filters)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(LENGTH));
    g->output = gb_node(
        g, BS_OP_GEMM, GB_SHAPE(filters), (bs_attr){.trans_b = true, .alpha = 1.0f, .beta = 1.0f}, 3,
        (int[]){g->input, gb_random(g, GB_SHAPE(filters, LENGTH), 3), gb_random(g, GB_SHAPE(filters), 4)});
    return g;
}

static bs_graph *tokens_graph(void)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(REPEAT, LENGTH));
    g->output = gb_node(g, BS_OP_MATMUL, GB_SHAPE(REPEAT, FILTERS), (bs_attr){0}, 2,
                        (int[]){g->input, gb_random(g, GB_SHAPE(LENGTH, FILTERS), 3)});
    return g;
}

static bs_graph *conv_graph(void)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(10, 4, 3));
    g->output = gb_conv(g, g->input, FILTERS, 3, 1, 1, 1, true);
    return g;
}

/* Every batch against one sample at a time. */
static void same_in_any_batch(rig *r)
{
    const bs_graph *g = r->g;
    size_t in_bytes = r->b->row_bytes(r->network, g->input), bytes = r->b->row_bytes(r->network, g->output);
    char *in = rig_random_rows(r, g->input, MOST, 8, NULL), *alone = rig_rows(r, g->output, MOST),
         *out = rig_rows(r, g->output, MOST);
    for (int i = 0; i < MOST; i++)
        assert_ok(r->b->run(r->stream, 0, 1, (bs_view[3]){{in + (size_t)i * in_bytes, NULL}},
                            alone + (size_t)i * bytes));
    for (int n = 1; n <= MOST; n += n < 20 ? 1 : 10) {
        assert_ok(r->b->run(r->stream, 0, n, (bs_view[3]){{in, NULL}}, out));
        rig_assert_same(r, g->output, out, alone, n);
    }
    rig_free(r, in);
    rig_free(r, alone);
    rig_free(r, out);
}

/* Faulty filters by themselves against the whole node with them. */
static void same_for_few_filters(rig *r)
{
    enum { FAULTS = 7 };
    const bs_graph *g = r->g;
    const bs_tensor *w = &g->tensors[g->nodes[0].in[1]];
    size_t bytes = r->b->row_bytes(r->network, g->output) * FAULTS;
    char *in = rig_random_rows(r, g->input, FAULTS, 8, NULL), *golden = rig_rows(r, g->output, FAULTS),
         *out = rig_rows(r, g->output, 2 * FAULTS);
    const bs_view v[3] = {{in, NULL}};
    for (uint32_t n = 1; n <= FAULTS; n += 2) {
        bs_site site[FAULTS];
        uint32_t first[FAULTS + 1], before[FAULTS];
        for (uint32_t i = 0; i <= n; i++)
            first[i] = i;
        for (uint32_t i = 0; i < n; i++)
            site[i] = (bs_site){(uint32_t)(w->elements * i / n), ~0u, 0x3f000000u};
        bs_faults f = {site, first, before};
        assert_ok(r->b->run(r->stream, 0, (int)n, v, golden));
        for (int k = 0; k < 2; k++)
            assert_ok(r->b->run_faulty(r->stream, 0, 1, &(bs_faulty_input){1, f}, (int)n, v,
                                       (bs_view){golden, NULL}, k ? BS_FAULTY_CHANNELS : BS_FAULTY_DENSE,
                                       out + (size_t)k * bytes));
        rig_assert_same(r, g->output, out, out + bytes, (int)n);
    }
    rig_free(r, in);
    rig_free(r, golden);
    rig_free(r, out);
}

/* selected: whether there is an algorithm to be found. */
static void check(bs_graph *g, bool selected)
{
    rig r = rig_open(g);
    const bs_cuda_plan *p = &r.network->plan[0];
    assert_int_equal(p->gemm.selected, selected);
    if (g->nodes[0].op == BS_OP_CONV)
        assert_int_equal(p->engine, BS_CUDA_GEMM);
    same_in_any_batch(&r);
    same_for_few_filters(&r);
    rig_close(&r);
    gb_free(g);
}

static void check_all(const char *blas, bool selected)
{
    static const char *const devices[] = {"cuda,gemm", "cuda,gemm,tf32"};
    if (blas)
        setenv("BITSINK_SIM_BLAS", blas, 1);
    for (int k = 0; k < 2; k++) {
        setenv("BITSINK_TEST_DEVICE", devices[k], 1);
        check(gemm_graph(FILTERS), selected);
        check(gemm_graph(6), selected); /* fewer than may be faulty together */
        check(tokens_graph(), selected);
        check(conv_graph(), selected);
    }
}

static void test_refused(void **state)
{
    (void)state;
    check_all(NULL, true);
}

static void test_offered_exact_only(void **state)
{
    (void)state;
    check_all("exact", true);
}

static void test_none_exact(void **state)
{
    (void)state;
    check_all("inexact", false);
}

/* The message counts those that were tried: three that are named, not the one that splits sums, and these and
 * others with two tiles each. */
static void test_message(void **state)
{
    (void)state;
    char text[512] = "";
    FILE *log = tmpfile();
    int saved = dup(STDERR_FILENO);
    setenv("BITSINK_SIM_BLAS", "inexact", 1);
    setenv("BITSINK_TEST_DEVICE", "cuda,gemm", 1);
    bs_log_set_level(BS_LOG_INFO);
    bs_graph *g = gemm_graph(FILTERS);
    assert_non_null(log);
    assert_int_equal(dup2(fileno(log), STDERR_FILENO), STDERR_FILENO);
    rig r = rig_open(g);
    dup2(saved, STDERR_FILENO);
    close(saved);
    rewind(log);
    assert_non_null(fgets(text, sizeof text, log));
    fclose(log);
    if (!strstr(text, "of 9 algorithms of cuBLASLt that were tried none"))
        fail_msg("%s", text);
    rig_close(&r);
    gb_free(g);
}

/* Whatever the heuristics leave out is looked for; they may name wrong ones only, or none. Tensor cores only
 * where they are asked for. */
static void test_not_named(void **state)
{
    (void)state;
    check_all("hidden", true);
    check_all("silent", true);
    setenv("BITSINK_TEST_DEVICE", "cuda,gemm", 1);
    bs_graph *g = gemm_graph(FILTERS);
    rig r = rig_open(g);
    cublasLtMatmulAlgo_t algorithm[LISTED], rounding[LISTED];
    int n = 0, proposed = -1, all = 0, with = 0;
    assert_ok(bs_cuda_gemm_algorithms(algorithm, LISTED, &n, &proposed, r.device, BS_DTYPE_FP32, 256, FILTERS,
                                      LENGTH));
    assert_int_equal(n, 0);
    assert_int_equal(proposed, 0);
    assert_ok(bs_cuda_gemm_enumerate(algorithm, LISTED, &all, r.device, BS_DTYPE_FP32, 256, FILTERS, LENGTH));
    r.device->options.tf32 = true;
    assert_ok(bs_cuda_gemm_enumerate(rounding, LISTED, &with, r.device, BS_DTYPE_FP32, 256, FILTERS, LENGTH));
    assert_int_equal(all, 2 * 4); /* two tiles each */
    assert_int_equal(with, 2 * 5);
    for (int i = 1; i < all; i++)
        assert_memory_not_equal(&algorithm[i - 1], &algorithm[i], sizeof *algorithm);
    rig_close(&r);
    gb_free(g);
}

/* More rows than an algorithm was tried with are computed in pieces. */
static void test_many_rows(void **state)
{
    (void)state;
    enum { ROWS = 1500 };
    setenv("BITSINK_TEST_DEVICE", "cuda,gemm", 1);
    setenv("BITSINK_SIM_BLAS", "many", 1);
    bs_graph *g = gemm_graph(FILTERS);
    rig r = rig_open(g);
    size_t in_bytes = r.b->row_bytes(r.network, g->input), bytes = r.b->row_bytes(r.network, g->output);
    char *in = rig_random_rows(&r, g->input, ROWS, 8, NULL), *out = rig_rows(&r, g->output, ROWS),
         *alone = rig_rows(&r, g->output, 1);
    assert_true(r.network->plan[0].gemm.selected);
    assert_ok(r.b->run(r.stream, 0, ROWS, (bs_view[3]){{in, NULL}}, out));
    for (size_t i = 0; i < ROWS; i += 7) {
        assert_ok(r.b->run(r.stream, 0, 1, (bs_view[3]){{in + i * in_bytes, NULL}}, alone));
        rig_assert_same(&r, g->output, out + i * bytes, alone, 1);
    }
    rig_free(&r, in);
    rig_free(&r, out);
    rig_free(&r, alone);
    rig_close(&r);
    gb_free(g);
}

/* Of two exact ones, that which leaves less of the device idle, whichever is named first. */
static void test_busy(void **state)
{
    (void)state;
    static const char *const modes[] = {"exact", "silent"};
    setenv("BITSINK_TEST_DEVICE", "cuda,gemm", 1);
    for (int i = 0; i < 2; i++) {
        setenv("BITSINK_SIM_BLAS", modes[i], 1);
        bs_graph *g = gemm_graph(FILTERS);
        rig r = rig_open(g);
        cublasLtMatmulHeuristicResult_t result;
        const bs_cuda_gemm *gemm = &r.network->plan[0].gemm;
        assert_int_equal(r.device->api->cublasLtMatmulAlgoCheck(r.device->card->blas, NULL, NULL, NULL, NULL,
                                                                NULL, &gemm->algo, &result),
                         CUBLAS_STATUS_SUCCESS);
        assert_true(gemm->selected && result.wavesCount > 1);
        rig_close(&r);
        gb_free(g);
    }
}

static uint32_t tile_of(const rig *r, const cublasLtMatmulAlgo_t *algo)
{
    uint32_t v = 0;
    size_t written;
    assert_int_equal(r->device->api->cublasLtMatmulAlgoConfigGetAttribute(algo, CUBLASLT_ALGO_CONFIG_TILE_ID,
                                                                          &v, sizeof v, &written),
                     CUBLAS_STATUS_SUCCESS);
    return v;
}

/* The tile decides where the card's size is known: large tiles where there are enough of them to fill it, of
 * which 128 x 128 is one and 64 x 64 is not; nothing is said of a card of unknown size. */
static void test_fastest(void **state)
{
    (void)state;
    static const struct {
        int multiprocessors;
        int64_t rows, width;
        uint32_t tile; /* 0: none is expected to be faster */
    } list[] = {{132, 256, 4096, CUBLASLT_MATMUL_TILE_64x64},
                {132, 4096, 4096, CUBLASLT_MATMUL_TILE_128x128},
                {64, 256, 4096, CUBLASLT_MATMUL_TILE_128x128},
                {0, 4096, 4096, 0}};
    setenv("BITSINK_TEST_DEVICE", "cuda,gemm", 1);
    bs_graph *g = gemm_graph(FILTERS);
    rig r = rig_open(g);
    bs_cuda_card card = *r.device->card;
    const bs_cuda_card *own = r.device->card;
    r.device->card = &card;
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        cublasLtMatmulAlgo_t algorithm[LISTED];
        int n = -1;
        card.multiprocessors = list[i].multiprocessors;
        assert_ok(bs_cuda_gemm_fastest(algorithm, LISTED, &n, r.device, BS_DTYPE_FP32, list[i].rows,
                                       list[i].width, LENGTH));
        assert_int_equal(n, list[i].tile ? 2 * 4 : 0); /* two tiles of four algorithms */
        for (int k = 0; k < n; k++)
            assert_int_equal(tile_of(&r, &algorithm[k]) == list[i].tile, k < 4);
    }
    r.device->card = own;
    rig_close(&r);
    gb_free(g);
}

/* The first of them that is exact is selected; a wrong one, however fast, is not. */
static void test_fastest_exact(void **state)
{
    (void)state;
    enum { EXACT = 5 }; /* of the simulated library */
    setenv("BITSINK_TEST_DEVICE", "cuda,gemm", 1);
    bs_graph *g = gemm_graph(FILTERS);
    rig r = rig_open(g);
    bs_cuda_card *card = (bs_cuda_card *)(uintptr_t)r.device->card; /* the process's, of all devices */
    card->multiprocessors = 132;
    rig again = rig_open(g);
    card->multiprocessors = 0;
    const bs_cuda_gemm *gemm = &again.network->plan[0].gemm;
    assert_true(gemm->selected);
    assert_int_equal(gemm->algo.data[0], EXACT);
    rig_close(&again);
    rig_close(&r);
    gb_free(g);
}

/* Each of those offered by itself: the batch-invariance test refuses all but the last two; the one that says
 * of itself that it splits sums is not even tried. */
static void test_each(void **state)
{
    (void)state;
    bs_graph *g = gemm_graph(FILTERS);
    rig r = rig_open(g);
    const bs_cuda_plan *p = &r.network->plan[0];
    cublasLtMatmulAlgo_t algorithm[PROPOSED];
    bs_gemm_invariance t;
    int n = 0, proposed = 0;
    assert_ok(bs_cuda_gemm_algorithms(algorithm, PROPOSED, &n, &proposed, r.device, BS_DTYPE_FP32, 256,
                                      FILTERS, LENGTH));
    assert_int_equal(proposed, 6);
    assert_int_equal(n, 5);
    assert_ok(bs_gemm_invariance_begin(&t, r.stream, BS_DTYPE_FP32, 256, FILTERS, LENGTH, p->param[1]));
    for (int i = 0; i < n; i++) {
        bs_cuda_gemm gemm = {.width = FILTERS, .depth = LENGTH, .algo = algorithm[i]};
        bool exact;
        assert_ok(bs_gemm_invariance_test(&t, &gemm, &exact));
        assert_int_equal(exact, i >= n - 2);
    }
    bs_gemm_invariance_end(&t);
    rig_close(&r);
    gb_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_refused, by_default),
        cmocka_unit_test_setup(test_offered_exact_only, by_default),
        cmocka_unit_test_setup(test_none_exact, by_default),
        cmocka_unit_test_setup(test_message, by_default),
        cmocka_unit_test_setup(test_not_named, by_default),
        cmocka_unit_test_setup(test_many_rows, by_default),
        cmocka_unit_test_setup(test_busy, by_default),
        cmocka_unit_test_setup(test_each, by_default),
        cmocka_unit_test_setup(test_fastest, by_default),
        cmocka_unit_test_setup(test_fastest_exact, by_default),
    };
    char why[160];
    if (bs_cuda_device_count(why, sizeof why) <= 0)
        return skip_all("no simulated device in LD_LIBRARY_PATH");
    return run_suite(tests, NULL, NULL);
}
