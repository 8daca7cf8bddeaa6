/* Proves that an engine of cuDNN that refuses large batches of convolutions computes them in pieces, and
 * that one that is inexact for batches which only campaigns have is not taken. */
#include "support/rig.h"

#include "cuda/invariance.h"

enum { SIDE = 40, SAMPLES = 100 }; /* the engine takes 19 samples of such a plane */
enum { RARITIES = 7 };

static void test_pieces(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(3, SIDE, SIDE));
    g->output = gb_conv(g, g->input, 8, 3, 1, 1, 1, true);
    setenv("BITSINK_SIM_DNN", "hungry", 1);
    setenv("BITSINK_TEST_DEVICE", "cuda", 1);
    rig r = rig_open(g);
    assert_int_equal(r.network->plan[0].engine, BS_CUDA_DNN);
    size_t in_bytes = r.b->row_bytes(r.network, g->input), bytes = r.b->row_bytes(r.network, g->output);
    char *in = rig_random_rows(&r, g->input, SAMPLES, 8, NULL), *alone = rig_rows(&r, g->output, SAMPLES);
    int32_t row[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        row[i] = i;
        assert_ok(r.b->run(r.stream, 0, 1, (bs_view[3]){{in + (size_t)i * in_bytes, NULL}},
                           alone + (size_t)i * bytes));
    }
    for (int n = 17; n <= SAMPLES; n += 83)
        for (int k = 0; k < 2; k++) {
            char *out = rig_rows(&r, g->output, SAMPLES);
            assert_ok(r.b->run(r.stream, 0, n, (bs_view[3]){{in, k ? row : NULL}}, out));
            rig_assert_same(&r, g->output, out, alone, n);
            rig_free(&r, out);
        }
    rig_free(&r, in);
    rig_free(&r, alone);
    rig_close(&r);
    gb_free(g);
}

/* Each of the engines offered first is inexact for a shape of its own; the last one is exact. */
static void test_rare(void **state)
{
    (void)state;
    enum { EXACT = 101 };
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(3, 14, 13));
    g->output = gb_conv(g, g->input, 12, 3, 1, 1, 1, true);
    setenv("BITSINK_SIM_DNN", "rare", 1);
    setenv("BITSINK_TEST_DEVICE", "cuda", 1);
    rig r = rig_open(g);
    bs_cuda_plan *p = &r.network->plan[0];
    bs_cudnn_config configs[BS_INVARIANCE_CONFIGS];
    bs_invariance t;
    int n = 0;
    assert_int_equal(p->dnn.engine, EXACT);
    assert_ok(bs_invariance_configs(r.stream, 0, configs, &n));
    assert_int_equal(n, RARITIES + 1);
    assert_ok(bs_invariance_begin(&t, r.stream, 0, BS_INVARIANCE_PATCHES, 2));
    for (int i = 0; i < n; i++) {
        bool exact;
        p->dnn = configs[i];
        assert_ok(bs_invariance_test(&t, &exact));
        if (exact != (i == RARITIES))
            fail_msg("engine %d", i);
    }
    bs_invariance_end(&t);
    rig_close(&r);
    gb_free(g);
}

/* Of three trials one has more faulty filters than engines are tried with, and this engine would not pass
 * with as many: that one runs the whole node, the others, one of which has as many faults in few filters, do
 * not. */
static void test_many_filters(void **state)
{
    (void)state;
    enum { RARE = 107, FILTERS = 200, FAULTS = 150, TRIALS = 3, PIXELS = 25, WEIGHTS = 18 };
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(2, 5, 5));
    g->output = gb_conv(g, g->input, FILTERS, 3, 1, 1, 1, true);
    setenv("BITSINK_SIM_DNN", "exact", 1);
    rig r = rig_open(g);
    r.network->plan[0].dnn =
        (bs_cudnn_config){.engine = RARE, .n_knobs = 1, .knob = {{CUDNN_KNOB_TYPE_REDUCTION_MODE, RARITIES}}};
    size_t bytes = r.b->row_bytes(r.network, g->output) * TRIALS;
    char *in = rig_random_rows(&r, g->input, TRIALS, 8, NULL), *golden = rig_rows(&r, g->output, TRIALS),
         *out = rig_rows(&r, g->output, 2 * TRIALS);
    bs_site site[2 * FAULTS + 1];
    const uint32_t first[TRIALS + 1] = {0, 1, 1 + FAULTS, 1 + 2 * FAULTS};
    site[0] = (bs_site){0, ~0u, 0x80000000u};
    for (uint32_t i = 0; i < FAULTS; i++) {
        site[1 + i] = (bs_site){i * WEIGHTS, ~0u, 0x80000000u};
        site[1 + FAULTS + i] = (bs_site){i, ~0u, 0x80000000u};
    }
    const bs_faults f = {site, first, NULL};
    const bs_view v[3] = {{in, NULL}};
    assert_ok(r.b->run(r.stream, 0, TRIALS, v, golden));
    for (size_t k = 0; k < 2; k++)
        assert_ok(r.b->run_faulty(r.stream, 0, 1, &(bs_faulty_input){1, f}, TRIALS, v,
                                  (bs_view){golden, NULL}, k ? BS_FAULTY_CHANNELS : BS_FAULTY_DENSE,
                                  out + k * bytes));
    rig_assert_same(&r, g->output, out, out + bytes, TRIALS);
    assert_true(r.stream->computed.bytes >= FAULTS / WEIGHTS * PIXELS * sizeof(float));
    assert_true(r.stream->computed.bytes < FAULTS * PIXELS * sizeof(float));
    rig_free(&r, in);
    rig_free(&r, golden);
    rig_free(&r, out);
    rig_close(&r);
    gb_free(g);
}

/* Engines are asked for by the patches of a campaign, not by the whole layer. */
static void test_asked_for_patches(void **state)
{
    (void)state;
    enum { FOR_PATCHES = 3 };
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(3, 14, 13));
    g->output = gb_conv(g, g->input, 12, 3, 1, 1, 1, true);
    setenv("BITSINK_SIM_DNN", "sized", 1);
    rig r = rig_open(g);
    const bs_cuda_plan *p = &r.network->plan[0];
    assert_int_equal(p->engine, BS_CUDA_DNN);
    assert_int_equal(p->dnn.knob[0].value, FOR_PATCHES);
    rig_close(&r);
    gb_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces), cmocka_unit_test(test_rare),
                                       cmocka_unit_test(test_many_filters),
                                       cmocka_unit_test(test_asked_for_patches)};
    char why[160];
    if (bs_cuda_device_count(why, sizeof why) <= 0)
        return skip_all("no simulated device in LD_LIBRARY_PATH");
    return run_suite(tests, NULL, NULL);
}
