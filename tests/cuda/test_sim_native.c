/* Proves that `math: native` takes engines for values of 16 bits where input, weights and output are such,
 * and only where they have the same bits in every batch. */
#include "support/rig.h"
#include "support/typed_graphs.h"

#include "cuda/cuda.h"

enum { CONV, FLAT, MATRIX, ROWS = 7 };

/* A convolution, and an inner product of what it makes. */
static bs_graph *make(bs_dtype type)
{
    enum { PLANE = 24 * 13 * 11, CLASSES = 10 };
    dice d = {3, 4};
    bs_graph *g = gb_conv_graph(16, 13, 11, 24, 3, 1, 1, 1, true);
    int w = gb_random(g, GB_SHAPE(CLASSES, PLANE), 7);
    int flat = gb_node(g, BS_OP_FLATTEN, GB_SHAPE(PLANE), (bs_attr){0}, 1, (int[]){g->output});
    g->output = gb_node(g, BS_OP_GEMM, GB_SHAPE(CLASSES), (bs_attr){.trans_b = true, .alpha = 1, .beta = 1},
                        2, (int[]){flat, w});
    typed_graph(g, type, false, &d);
    for (int k = 0; k < g->n_tensors; k++)
        g->tensors[k].type = type;
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

/* The types that the engines of the convolution and of the product take. */
static void check(const bs_graph *g, const char *options, bs_cuda_engine engine, bs_dtype conv,
                  bs_dtype matrix)
{
    rig r = open_rig(g, options);
    const bs_cuda_plan *plan = r.network->plan;
    assert_int_equal(plan[CONV].engine, engine);
    assert_int_equal(plan[CONV].dnn.type, conv);
    assert_true(plan[MATRIX].gemm.selected);
    assert_int_equal(plan[MATRIX].gemm.type, matrix);
    rig_close(&r);
}

static void test_types(void **state)
{
    (void)state;
    for (bs_dtype type = BS_DTYPE_FP16; type <= BS_DTYPE_BF16; type++) {
        bs_graph *g = make(type);
        check(g, NULL, BS_CUDA_DNN, BS_DTYPE_FP32, BS_DTYPE_FP32);
        check(g, "native", BS_CUDA_DNN, type, type);
        check(g, "native,fp32", BS_CUDA_DNN, BS_DTYPE_FP32, BS_DTYPE_FP32);
        g->tensors[g->nodes[CONV].in[1]].type = BS_DTYPE_FP32;
        check(g, "native", BS_CUDA_DNN, BS_DTYPE_FP32, type);
        g->tensors[g->output].type = BS_DTYPE_FP32;
        check(g, "native", BS_CUDA_DNN, BS_DTYPE_FP32, BS_DTYPE_FP32);
        gb_free(g);
    }
}

/* An engine that is exact in floats only. */
static void test_inexact(void **state)
{
    (void)state;
    for (bs_dtype type = BS_DTYPE_FP16; type <= BS_DTYPE_BF16; type++) {
        bs_graph *g = make(type);
        setenv("BITSINK_SIM_DNN", "words", 1);
        check(g, "native", BS_CUDA_DNN, BS_DTYPE_FP32, type);
        unsetenv("BITSINK_SIM_DNN");
        gb_free(g);
    }
}

/* Native products of few rows are those of many, and have the values of fp32 rounded but for the last bit. */
static void test_rows(void **state)
{
    (void)state;
    for (bs_dtype type = BS_DTYPE_FP16; type <= BS_DTYPE_BF16; type++) {
        bs_graph *g = make(type);
        rig r = open_rig(g, "native"), other = open_rig(g, NULL);
        float *out[2];
        for (int k = 0; k < 2; k++) {
            rig *here = k ? &other : &r;
            void *x = rig_random_rows(here, g->input, ROWS, 8, NULL),
                 *y = rig_rows(here, g->nodes[CONV].out, ROWS);
            assert_ok(here->b->run(here->stream, CONV, ROWS, (bs_view[3]){{x, NULL}}, y));
            out[k] = rig_values(here, here->stream, g->nodes[CONV].out, y, ROWS);
            rig_free(here, x);
            rig_free(here, y);
        }
        float unit = type == BS_DTYPE_FP16 ? 0x1p-9f : 0x1p-6f; /* rounded twice, before and after the bias */
        for (int64_t i = 0; i < ROWS * g->tensors[g->nodes[CONV].out].elements; i++)
            assert_true(fabsf(out[0][i] - out[1][i]) <= unit * (4 + fabsf(out[1][i])));
        free(out[0]);
        free(out[1]);
        rig_close(&r);
        rig_close(&other);
        gb_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types), cmocka_unit_test(test_inexact),
                                       cmocka_unit_test(test_rows)};
    return run_suite(tests, NULL, NULL);
}
