/* Proves the same as test_cpu_ops for operators of transformers, and for others that repeat or pick
 * elements. */
#include "support/op_check.h"

static bs_graph *two(bs_op op, bs_shape a, bs_shape b, bs_shape out)
{
    bs_graph *g = gb_create();
    gb_node(g, op, out, (bs_attr){0}, 2, (int[]){gb_activation(g, a), gb_activation(g, b)});
    return g;
}

static void test_matmul_of_activations(void **state)
{
    (void)state;
    check(two(BS_OP_MATMUL, GB_SHAPE(5, 7), GB_SHAPE(7, 6), GB_SHAPE(5, 6)));
    check(two(BS_OP_MATMUL, GB_SHAPE(3, 5, 7), GB_SHAPE(3, 7, 6), GB_SHAPE(3, 5, 6)));
    check(two(BS_OP_MATMUL, GB_SHAPE(2, 3, 5, 7), GB_SHAPE(2, 3, 7, 6), GB_SHAPE(2, 3, 5, 6)));
    check(two(BS_OP_MATMUL, GB_SHAPE(2, 1, 5, 7), GB_SHAPE(3, 7, 6), GB_SHAPE(2, 3, 5, 6)));
    check(two(BS_OP_MATMUL, GB_SHAPE(5, 7), GB_SHAPE(4, 7, 6), GB_SHAPE(4, 5, 6)));
    /* More than one tile both ways, and remainders. */
    check(two(BS_OP_MATMUL, GB_SHAPE(2, 9, 33), GB_SHAPE(2, 33, 131), GB_SHAPE(2, 9, 131)));
}

static void test_matmul_of_constants(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    gb_node(g, BS_OP_MATMUL, GB_SHAPE(3, 4, 6), (bs_attr){0}, 2,
            (int[]){gb_activation(g, GB_SHAPE(3, 4, 5)), gb_random(g, GB_SHAPE(5, 6), 1)});
    check(g);
    g = gb_create();
    gb_node(g, BS_OP_MATMUL, GB_SHAPE(3, 4, 6), (bs_attr){0}, 2,
            (int[]){gb_activation(g, GB_SHAPE(3, 4, 5)), gb_random(g, GB_SHAPE(3, 5, 6), 1)});
    check(g);
    g = gb_create();
    gb_node(g, BS_OP_MATMUL, GB_SHAPE(3, 4, 6), (bs_attr){0}, 2,
            (int[]){gb_random(g, GB_SHAPE(4, 5), 1), gb_activation(g, GB_SHAPE(3, 5, 6))});
    check(g);
    g = gb_create();
    gb_node(g, BS_OP_GEMM, GB_SHAPE(4, 6), (bs_attr){.alpha = 0.5f, .beta = 2.0f}, 3,
            (int[]){gb_activation(g, GB_SHAPE(4, 5)), gb_random(g, GB_SHAPE(5, 6), 1),
                    gb_random(g, GB_SHAPE(6), 2)});
    check(g);
}

static void check_norm(bs_op op, bs_shape in, int axis, bool bias)
{
    int64_t p = in.dim[op == BS_OP_LAYER_NORM ? axis : 0];
    for (int a = axis + 1; a < in.rank && op == BS_OP_LAYER_NORM; a++)
        p *= in.dim[a];
    bs_graph *g = gb_create();
    int x = gb_activation(g, in), scale = gb_random(g, GB_SHAPE(p), 7);
    gb_node(g, op, in, (bs_attr){.axis = axis, .epsilon = 1e-3f}, bias ? 3 : 2,
            (int[]){x, scale, bias ? gb_random(g, GB_SHAPE(p), 8) : -1});
    check(g);
}

static void test_norms(void **state)
{
    (void)state;
    check_norm(BS_OP_LAYER_NORM, GB_SHAPE(37), 0, true);
    check_norm(BS_OP_LAYER_NORM, GB_SHAPE(5, 16), 1, true);
    check_norm(BS_OP_LAYER_NORM, GB_SHAPE(3, 5, 13), 2, false);
    check_norm(BS_OP_LAYER_NORM, GB_SHAPE(3, 5, 13), 1, true);
    check_norm(BS_OP_INSTANCE_NORM, GB_SHAPE(4, 5, 7), 0, true);
    check_norm(BS_OP_INSTANCE_NORM, GB_SHAPE(4, 21), 0, true);
    check_norm(BS_OP_INSTANCE_NORM, GB_SHAPE(4, 2, 3, 5), 0, true);
}

static void test_reductions(void **state)
{
    (void)state;
    bs_shape s = GB_SHAPE(5, 4, 6);
#define X(suffix, ...)                                                                                       \
    if (BS_OP_##suffix != BS_OP_GLOBAL_AVERAGE_POOL) {                                                       \
        check(unary(BS_OP_##suffix, s, GB_SHAPE(5), (bs_attr){.reduce = {false, true, true}}));              \
        check(unary(BS_OP_##suffix, s, GB_SHAPE(1, 4, 1), (bs_attr){.reduce = {true, false, true}}));        \
    }
    BS_REDUCE_OPS(X)
#undef X
}

static void test_binary(void **state)
{
    (void)state;
#define X(suffix, ...)                                                                                       \
    if (BS_OP_##suffix != BS_OP_POW) {                                                                       \
        check(two(BS_OP_##suffix, GB_SHAPE(2, 3, 4), GB_SHAPE(3, 1), GB_SHAPE(2, 3, 4)));                    \
        check(two(BS_OP_##suffix, GB_SHAPE(6), GB_SHAPE(6), GB_SHAPE(6)));                                   \
    }
    BS_BINARY_OPS(X)
    BS_VARIADIC_OPS(X)
#undef X
    static const float powers[] = {2.0f, 3.0f, 0.0f, 1.0f};
    for (int k = 0; k < 4; k++) {
        bs_graph *g = gb_create();
        gb_node(g, BS_OP_POW, GB_SHAPE(2, 3, 4), (bs_attr){0}, 2,
                (int[]){gb_activation(g, GB_SHAPE(2, 3, 4)), gb_constant(g, GB_SHAPE(1), &powers[k])});
        check(g);
    }
}

static void test_variadic_and_where(void **state)
{
    (void)state;
    const bs_op ops[] = {BS_OP_SUM, BS_OP_MIN, BS_OP_MAX};
    for (int k = 0; k < 3; k++) {
        bs_graph *g = gb_create();
        gb_node(g, ops[k], GB_SHAPE(4, 5, 6), (bs_attr){0}, 3,
                (int[]){gb_activation(g, GB_SHAPE(4, 1, 6)), gb_random(g, GB_SHAPE(5, 1), 3),
                        gb_activation(g, GB_SHAPE(4, 5, 6))});
        check(g);
        check(unary(ops[k], GB_SHAPE(4, 5, 6), GB_SHAPE(4, 5, 6), (bs_attr){0}));
    }
    const float mask[] = {0, 1, 1, 0, 1, 0};
    bs_graph *g = gb_create();
    gb_node(g, BS_OP_WHERE, GB_SHAPE(4, 5, 6), (bs_attr){0}, 3,
            (int[]){gb_constant(g, GB_SHAPE(6), mask), gb_activation(g, GB_SHAPE(4, 5, 6)),
                    gb_activation(g, GB_SHAPE(4, 1, 1))});
    check(g);
    g = gb_create();
    gb_node(g, BS_OP_WHERE, GB_SHAPE(2, 6), (bs_attr){0}, 3,
            (int[]){gb_activation(g, GB_SHAPE(2, 6)), gb_activation(g, GB_SHAPE(6)),
                    gb_random(g, GB_SHAPE(2, 1), 4)});
    check(g);
}

static void check_gather(bs_shape in, bs_shape out, int axis, int n, const int32_t *index)
{
    bs_graph *g = unary(BS_OP_GATHER, in, out, (bs_attr){.axis = axis});
    g->nodes[0].index = gb_grow(NULL, n, sizeof *index);
    memcpy(g->nodes[0].index, index, (size_t)n * sizeof *index);
    g->nodes[0].n_index = n;
    check(g);
}

static void test_broadcast(void **state)
{
    (void)state;
    check(unary(BS_OP_EXPAND, GB_SHAPE(4, 1, 6), GB_SHAPE(4, 5, 6), (bs_attr){0}));
    check(unary(BS_OP_EXPAND, GB_SHAPE(1, 6), GB_SHAPE(3, 5, 6), (bs_attr){0}));
    check(unary(BS_OP_TILE, GB_SHAPE(2, 3), GB_SHAPE(4, 9), (bs_attr){0}));
    check(unary(BS_OP_TILE, GB_SHAPE(2, 3, 4), GB_SHAPE(2, 9, 8), (bs_attr){0}));
    check_gather(GB_SHAPE(4, 5, 6), GB_SHAPE(4, 6), 1, 1, (int32_t[]){3});
    check_gather(GB_SHAPE(4, 5, 6), GB_SHAPE(4, 3, 6), 1, 3, (int32_t[]){4, 0, 4});
    check_gather(GB_SHAPE(4, 5), GB_SHAPE(2, 2, 5), 0, 4, (int32_t[]){3, 2, 1, 0});
}

static void test_resize(void **state)
{
    (void)state;
    /* Powers of two, so that coordinates to be rounded are exact. */
    static const int64_t sizes[][2] = {{16, 32}, {4, 8}, {2, 16}, {8, 4}};
    for (int mode = 0; mode < BS_RESIZE_MODE_COUNT; mode++)
        for (int c = 0; c < BS_RESIZE_COORDINATE_COUNT; c++)
            for (int k = 0; k < 4; k++) {
                bs_resize z = {.mode = mode,
                               .coordinate = c,
                               .rounding = (c + k) % BS_RESIZE_ROUNDING_COUNT,
                               .scale = {(float)sizes[k][0] / 8, (float)sizes[k][1] / 8},
                               .cubic = k % 2 ? -0.75f : -0.5f,
                               .exclude_outside = k > 1};
                /* Odd values spread over neighbours of weight 0 or not: ordinary ones only. */
                bs_graph *g = unary(BS_OP_RESIZE, GB_SHAPE(3, 8, 8), GB_SHAPE(3, sizes[k][0], sizes[k][1]),
                                    (bs_attr){.resize = z});
                check_values(g, false);
                gb_free(g);
            }
}

static void test_log_softmax(void **state)
{
    (void)state;
    for (int axis = 0; axis < 3; axis++)
        check(unary(BS_OP_LOG_SOFTMAX, GB_SHAPE(7, 3, 4), GB_SHAPE(7, 3, 4), (bs_attr){.axis = axis}));
    check(unary(BS_OP_SOFTMAX, GB_SHAPE(2, 3, 4, 5), GB_SHAPE(2, 3, 4, 5), (bs_attr){.axis = 3}));
}

/* A tensor that convolutions store as an image, read by an operator on rows, and the reverse. */
static void test_mixed_layouts(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(4, 5, 6));
    int w = gb_random(g, GB_SHAPE(6, 3), 1);
    int y = gb_node(g, BS_OP_MATMUL, GB_SHAPE(4, 5, 3), (bs_attr){0}, 2, (int[]){g->input, w});
    g->output = gb_conv(g, y, 2, 3, 1, 1, 1, true);
    rig r = rig_open(g);
    float *x, got[4 * 5 * 3];
    void *in = rig_random_rows(&r, g->input, 1, 3, &x), *out = rig_rows(&r, y, 1);
    bs_view v[2] = {{in, NULL}};
    assert_ok(r.b->run(r.stream, 0, 1, v, out));
    assert_ok(r.b->download(r.stream, y, out, got));
    const float *all[] = {x, g->tensors[w].data};
    for (int64_t e = 0; e < 60; e++)
        assert_close(got[e], naive_element(g, &g->nodes[0], all, e), "MatMul", e);
    free(x);
    rig_free(&r, in);
    rig_free(&r, out);
    rig_close(&r);
    gb_free(g);
}

/* Comes last. */
static void test_none_forgotten(void **state)
{
    (void)state;
    assert_all_checked(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matmul_of_activations),
        cmocka_unit_test(test_matmul_of_constants),
        cmocka_unit_test(test_norms),
        cmocka_unit_test(test_reductions),
        cmocka_unit_test(test_binary),
        cmocka_unit_test(test_variadic_and_where),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_log_softmax),
        cmocka_unit_test(test_mixed_layouts),
        cmocka_unit_test(test_none_forgotten),
    };
    return run_suite(tests, NULL, NULL);
}
