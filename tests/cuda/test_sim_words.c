/* Proves that rows of types of 16 bits are words: half the memory, the same values; and that nothing depends
 * on it: neither which engines are selected, nor products of our own, nor what lies around a Pad. */
#include "sim_calls.h"
#include "support/rig.h"
#include "support/typed_graphs.h"

static const bs_dtype halves[] = {BS_DTYPE_FP16, BS_DTYPE_BF16};
enum { HALVES = sizeof halves / sizeof *halves, ROWS = 5 };

static void retype(bs_graph *g, bs_dtype type)
{
    dice d = {1, 2};
    typed_graph(g, type, false, &d);
}

static void test_half_the_bytes(void **state)
{
    (void)state;
    const int size[2] = {3, 2};
    for (int t = 0; t < BS_DTYPE_COUNT; t++) {
        bs_graph *g = gb_conv_graph(4, 7, 5, 6, 3, 1, 1, 1, true); /* an odd number of elements */
        size_t bytes = bs_dtype_word_of((bs_dtype)t).bits == 16 ? 2 : 4;
        float *given;
        retype(g, (bs_dtype)t);
        rig r = rig_open(g);
        assert_int_equal(r.b->row_bytes(r.network, g->input), 4 * 7 * 5 * bytes);
        assert_int_equal(r.b->patch_bytes(r.network, g->output, size), 6 * 3 * 2 * bytes);
        void *rows = rig_random_rows(&r, g->input, ROWS, 9, &given);
        float *taken = rig_values(&r, r.stream, g->input, rows, ROWS);
        for (int i = 0; i < ROWS * 4 * 7 * 5; i++) {
            float want = bytes == 2 ? bs_format_round((bs_format){(bs_dtype)t, 1.0f}, given[i]) : given[i];
            assert_int_equal(bs_float_bits(taken[i]), bs_float_bits(want));
        }
        free(taken);
        free(given);
        rig_free(&r, rows);
        rig_close(&r);
        gb_free(g);
    }
}

/* Engines are tested in floats: rounded to words, most of those that are not exact would look so. */
static void test_same_engines(void **state)
{
    (void)state;
    static const int filters[] = {6, 40};
    for (int k = 0; k < 2; k++) {
        uint64_t selection[1 + HALVES];
        for (int t = 0; t <= HALVES; t++) {
            bs_graph *g = gb_conv_graph(16, 12, 12, filters[k], 3, 1, 1, 1, true);
            if (t > 0)
                retype(g, halves[t - 1]);
            rig r = rig_open(g);
            selection[t] = r.b->selection(r.network);
            rig_close(&r);
            gb_free(g);
        }
        for (int t = 1; t <= HALVES; t++)
            assert_int_equal(selection[t], selection[0]);
    }
}

/* On patches, what is outside of the input lies in its rows, although the output could hold any number. */
static void test_pad(void **state)
{
    (void)state;
    static const float values[] = {0.1f, 0.5f};
    const int size[2] = {2, 2};
    for (int k = 0; k < 2; k++) {
        bs_graph *g = gb_create();
        g->input = gb_activation(g, GB_SHAPE(2, 4, 4));
        bs_attr pad = {.value = values[k], .begin = {0, 1, 1}, .end = {0, 1, 1}};
        g->output = gb_node(g, BS_OP_PAD, GB_SHAPE(2, 6, 6), pad, 1, (int[]){g->input});
        for (int t = BS_DTYPE_FP32; t < BS_DTYPE_COUNT; t++) {
            g->tensors[g->input].type = (bs_dtype)t;
            rig r = rig_open(g);
            assert_int_equal(r.b->patch_supported(r.network, 0, size, size),
                             values[k] == 0.5f || bs_dtype_word_of((bs_dtype)t).bits != 16);
            rig_close(&r);
        }
        g->tensors[g->input].type = BS_DTYPE_FP32;
        gb_free(g);
    }
}

/* Products of words, and of the same values as floats. */
static void test_products(void **state)
{
    (void)state;
    enum { N = 37, WIDTH = 11, MOST = 72 };
    static const uint32_t depths[] = {72, 71};
    static const char *const kernels[] = {"bs_kernel_gemm", "bs_kernel_gemm_small"};
    float *x = device(N * MOST * sizeof *x), *w = device(WIDTH * MOST * sizeof *w), v[N * MOST];
    uint64_t seed = 5;
    good(api->cuStreamCreate(&stream, CU_STREAM_NON_BLOCKING));
    for (int t = 0; t < HALVES * 4; t++) {
        const bs_format format = {halves[t % HALVES], 1.0f};
        const uint32_t depth = depths[t / HALVES % 2];
        uint16_t *words = device(N * depth * sizeof *words), *made = device(N * WIDTH * sizeof *made);
        float *want = device(N * WIDTH * sizeof *want), floats[N * WIDTH];
        uint16_t got[N * WIDTH];
        for (uint32_t i = 0; i < N * depth; i++)
            v[i] = bs_format_round(format, gb_uniform(&seed));
        put(x, v, N * depth * sizeof *v);
        put(w, v, WIDTH * depth * sizeof *v);
        launch("bs_kernel_copy_rows", 3, 64,
               &(bs_copy_rows_args){N, depth, {.base = x, .elements = depth}, {words, format}});
        launch(kernels[t / HALVES / 2], 3, 256,
               &(bs_gemm_args){N, WIDTH, depth, WIDTH, {.at = x}, w, NULL, {.base = want}});
        launch(kernels[t / HALVES / 2], 3, 256,
               &(bs_gemm_args){N, WIDTH, depth, WIDTH, {words, format.type}, w, NULL, {made, format}});
        get(floats, want, sizeof floats);
        get(got, made, sizeof got);
        await();
        for (int i = 0; i < N * WIDTH; i++)
            assert_int_equal(got[i], bs_format_encode(format, floats[i]));
        release(words);
        release(made);
        release(want);
    }
    release(x);
    release(w);
    good(api->cuStreamDestroy(stream));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_half_the_bytes),
                                       cmocka_unit_test(test_same_engines), cmocka_unit_test(test_pad),
                                       cmocka_unit_test(test_products)};
    return run_simulated(tests, sizeof tests / sizeof *tests);
}
