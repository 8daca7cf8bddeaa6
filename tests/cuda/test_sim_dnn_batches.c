/* Batches of convolutions through cuDNN: an engine that refuses large ones computes them in pieces, and one
 * that is inexact for batches that only campaigns have is not taken. */
#include "rig.h"

#include "cuda/rehearsal.h"

enum { SIDE = 40, SAMPLES = 100 }; /* the engine takes 19 samples of such a plane */

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
    char *in = rig_random_rows(&r, g->input, SAMPLES, 8, NULL), *alone = rig_rows(&r, g->output, SAMPLES),
         *out = rig_rows(&r, g->output, SAMPLES);
    int32_t row[SAMPLES];
    for (int i = 0; i < SAMPLES; i++) {
        row[i] = i;
        assert_ok(r.b->run(r.lane, 0, 1, (bs_view[3]){{in + (size_t)i * in_bytes, NULL}},
                           alone + (size_t)i * bytes));
    }
    for (int n = 17; n <= SAMPLES; n += 83)
        for (int k = 0; k < 2; k++) {
            memset(out, 0, SAMPLES * bytes);
            assert_ok(r.b->run(r.lane, 0, n, (bs_view[3]){{in, k ? row : NULL}}, out));
            assert_memory_equal(out, alone, (size_t)n * bytes);
        }
    rig_free(&r, in);
    rig_free(&r, alone);
    rig_free(&r, out);
    rig_close(&r);
    gb_free(g);
}

/* Each of the engines offered first is inexact for a shape of its own; the last one is exact. */
static void test_rare(void **state)
{
    (void)state;
    enum { EXACT = 101, RARITIES = 6 };
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(3, 14, 13));
    g->output = gb_conv(g, g->input, 12, 3, 1, 1, 1, true);
    setenv("BITSINK_SIM_DNN", "rare", 1);
    setenv("BITSINK_TEST_DEVICE", "cuda", 1);
    rig r = rig_open(g);
    bs_cuda_plan *p = &r.network->plan[0];
    bs_cudnn_pin pins[BS_REHEARSAL_PINS];
    bs_rehearsal t;
    int n = 0;
    assert_int_equal(p->dnn.engine, EXACT);
    assert_ok(bs_rehearsal_pins(r.lane, 0, pins, &n));
    assert_int_equal(n, RARITIES + 1);
    assert_ok(bs_rehearsal_begin(&t, r.lane, 0, BS_REHEARSAL_PATCHES, 2));
    for (int i = 0; i < n; i++) {
        bool exact;
        p->dnn = pins[i];
        assert_ok(bs_rehearse(&t, &exact));
        if (exact != (i == RARITIES))
            fail_msg("engine %d", i);
    }
    bs_rehearsal_end(&t);
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
                                       cmocka_unit_test(test_asked_for_patches)};
    char why[160];
    if (bs_cuda_device_count(why, sizeof why) == 0) {
        print_message("skipped: no simulated device in LD_LIBRARY_PATH\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
