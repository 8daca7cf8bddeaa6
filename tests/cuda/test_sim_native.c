/* Proves that `math: native` takes engines for values of 16 bits where input, weights and output are such,
 * and only where they have the same bits in every batch. */
#include "support/rig.h"
#include "support/typed_graphs.h"

#include "cuda/invariance.h"

enum { CONV, FLAT, MATRIX, ROWS = 7 };

/* A convolution, and an inner product of what it makes. */
static bs_graph *make(bs_dtype type, int channels, int height, int width, int filters, int kernel)
{
    enum { CLASSES = 10 };
    bs_graph *g = gb_conv_graph(channels, height, width, filters, kernel, 1, kernel / 2, 1, true);
    int values = filters * height * width, w = gb_random(g, GB_SHAPE(CLASSES, values), 7);
    int flat = gb_node(g, BS_OP_FLATTEN, GB_SHAPE(values), (bs_attr){0}, 1, (int[]){g->output});
    g->output = gb_node(g, BS_OP_GEMM, GB_SHAPE(CLASSES), (bs_attr){.trans_b = true, .alpha = 1, .beta = 1},
                        2, (int[]){flat, w});
    typed_everywhere(g, type);
    return g;
}

static rig open_rig(const bs_graph *g, const char *options)
{
    rig r = {.g = g, .b = &bs_cuda_backend};
    assert_ok(r.b->open(&r.device, 0, options));
    assert_ok(r.b->load(&r.network, r.device, g, NULL));
    assert_ok(r.b->stream_open(&r.stream, r.network));
    return r;
}

/* The types that the engines of the convolution and of the product take. Words are there for both or none. */
static void check(const bs_graph *g, const char *options, bs_dtype conv, bs_dtype matrix)
{
    rig r = open_rig(g, options);
    const bs_cuda_plan *plan = r.network->plan;
    assert_int_equal(plan[CONV].engine, BS_CUDA_DNN);
    assert_int_equal(plan[CONV].dnn.type, conv);
    assert_true(plan[MATRIX].gemm.selected);
    assert_int_equal(plan[MATRIX].gemm.type, matrix);
    assert_int_equal(plan[CONV].words != 0, conv != BS_DTYPE_FP32);
    assert_int_equal(plan[MATRIX].words != 0, matrix != BS_DTYPE_FP32);
    rig_close(&r);
}

static void test_types(void **state)
{
    (void)state;
    for (bs_dtype type = BS_DTYPE_FP16; type <= BS_DTYPE_BF16; type++) {
        bs_graph *g = make(type, 4, 5, 6, 3, 3);
        check(g, NULL, BS_DTYPE_FP32, BS_DTYPE_FP32);
        check(g, "native", type, type);
        check(g, "native,fp32", BS_DTYPE_FP32, BS_DTYPE_FP32);
        g->tensors[g->nodes[CONV].in[1]].type = BS_DTYPE_FP32;
        check(g, "native", BS_DTYPE_FP32, type);
        g->tensors[g->output].type = BS_DTYPE_FP32;
        check(g, "native", BS_DTYPE_FP32, BS_DTYPE_FP32);
        gb_free(g);
        g = make(type, 1, 5, 6, 3, 3); /* one channel: an engine could not be tested */
        check(g, "native", BS_DTYPE_FP32, type);
        gb_free(g);
    }
}

/* Engines that are inexact for values of 16 bits only are found out, in small layers, too, of which rounding
 * would show no difference, and with a channel that has no counterpart. cuDNN's as well if it is asked for.
 */
static void test_inexact(void **state)
{
    (void)state;
    static const int shape[][5] = {{8, 5, 5, 3, 1}, {3, 4, 4, 2, 3}, {2, 3, 3, 2, 3}, {16, 4, 4, 2, 1}};
    for (bs_dtype type = BS_DTYPE_FP16; type <= BS_DTYPE_BF16; type++)
        for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
            const int *s = shape[i];
            bs_graph *g = make(type, s[0], s[1], s[2], s[3], s[4]);
            setenv("BITSINK_SIM_DNN", "words", 1);
            check(g, i % 2 ? "native" : "native,cudnn", BS_DTYPE_FP32, type);
            unsetenv("BITSINK_SIM_DNN");
            setenv("BITSINK_SIM_BLAS", "words", 1);
            check(g, "native", type, BS_DTYPE_FP32);
            unsetenv("BITSINK_SIM_BLAS");
            gb_free(g);
        }
}

/* So are those that are inexact for one kind of batches only: the exact one is the last that is offered. */
static void test_rare(void **state)
{
    (void)state;
    enum { EXACT = 101 };
    setenv("BITSINK_SIM_DNN", "rare", 1);
    for (bs_dtype type = BS_DTYPE_FP16; type <= BS_DTYPE_BF16; type++) {
        bs_graph *g = make(type, 3, 14, 13, 12, 3);
        rig r = open_rig(g, "native");
        assert_int_equal(r.network->plan[CONV].dnn.type, type);
        assert_int_equal(r.network->plan[CONV].dnn.engine, EXACT);
        rig_close(&r);
        gb_free(g);
    }
    unsetenv("BITSINK_SIM_DNN");
}

/* Runs a node on all rows; the values that it makes of them one by one are the same. The caller frees. */
static float *run(rig *r, int node)
{
    int in = r->g->nodes[node].in[0], out = r->g->nodes[node].out;
    size_t x_bytes = r->b->row_bytes(r->network, in), y_bytes = r->b->row_bytes(r->network, out);
    char *x = rig_random_rows(r, in, ROWS, 8, NULL), *y = rig_rows(r, out, ROWS),
         *alone = rig_rows(r, out, ROWS);
    assert_ok(r->b->run(r->stream, node, ROWS, (bs_view[3]){{x, NULL}}, y));
    for (size_t i = 0; i < ROWS; i++)
        assert_ok(r->b->run(r->stream, node, 1, (bs_view[3]){{x + i * x_bytes, NULL}}, alone + i * y_bytes));
    rig_assert_same(r, out, y, alone, ROWS);
    float *values = rig_values(r, r->stream, out, y, ROWS);
    rig_free(r, x);
    rig_free(r, y);
    rig_free(r, alone);
    return values;
}

/* What engines of 16 bits make is what those of 32 make but for the rounding: of products before the bias is
 * added, in words, and after it. */
static void test_values(void **state)
{
    (void)state;
    for (bs_dtype type = BS_DTYPE_FP16; type <= BS_DTYPE_BF16; type++) {
        bs_graph *g = make(type, 4, 5, 6, 3, 3);
        rig r = open_rig(g, "native"), other = open_rig(g, NULL);
        float unit = type == BS_DTYPE_FP16 ? 0x1p-10f : 0x1p-7f;
        for (int node = CONV; node <= MATRIX; node += MATRIX) {
            float *native = run(&r, node), *single = run(&other, node);
            for (int64_t i = 0; i < ROWS * g->tensors[g->nodes[node].out].elements; i++)
                assert_true(fabsf(native[i] - single[i]) <= unit * (1 + fabsf(single[i])));
            free(native);
            free(single);
        }
        rig_close(&r);
        rig_close(&other);
        gb_free(g);
    }
}

/* More rows than engines were tested with are computed in pieces, which all begin at a multiple of 256 bytes,
 * whatever the length of a row. */
static void test_pieces(void **state)
{
    (void)state;
    bs_graph *g = make(BS_DTYPE_BF16, 4, 5, 6, 3, 3);
    rig r = open_rig(g, "native");
    const bs_cuda_plan *p = &r.network->plan[MATRIX];
    for (int64_t rows = 1; rows < 1000; rows += 64)
        for (int half = 0; half < 2; half++) {
            bs_dtype type = half ? BS_DTYPE_BF16 : BS_DTYPE_FP32;
            bs_gemm_invariance t;
            assert_ok(bs_gemm_invariance_begin(&t, r.stream, type, rows, p->filters, 7, p->param[1]));
            assert_int_equal(bs_row_size(type, t.rows) % 256, 0);
            assert_true(t.rows <= rows || rows < 128);
            bs_gemm_invariance_end(&t);
        }
    rig_close(&r);
    gb_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_inexact),
                                       cmocka_unit_test(test_rare), cmocka_unit_test(test_values),
                                       cmocka_unit_test(test_pieces)};
    char why[160];
    if (bs_cuda_device_count(why, sizeof why) <= 0)
        return skip_all("no simulated device in LD_LIBRARY_PATH");
    return run_suite(tests, NULL, NULL);
}
