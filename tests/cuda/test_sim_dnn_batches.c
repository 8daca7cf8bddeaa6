/* An engine of cuDNN that refuses batches larger than those it was tried on computes them in pieces. */
#include "rig.h"

#include "cuda/cuda.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_pieces)};
    char why[160];
    if (bs_cuda_device_count(why, sizeof why) == 0) {
        print_message("skipped: no simulated device in LD_LIBRARY_PATH\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
