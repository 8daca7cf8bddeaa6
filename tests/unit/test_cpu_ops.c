/* Proves that every operator agrees with its naive reference, on ordinary values and on NaN and
 * infinities. */
#include "support/op_check.h"
#include "ops.h"

static void test_conv(void **state)
{
    (void)state;
    static const int cases[][6] = {/* channels, filters, kernel, stride, pad, group */
                                   {3, 8, 3, 1, 1, 1},   {5, 7, 1, 1, 0, 1},  {16, 32, 3, 2, 1, 1},
                                   {8, 8, 3, 1, 1, 8},   {8, 12, 3, 2, 0, 4}, {1, 6, 5, 1, 2, 1},
                                   {16, 16, 1, 2, 0, 1}, {3, 5, 7, 2, 3, 1},  {6, 12, 3, 1, 1, 6},
                                   {32, 32, 3, 1, 1, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const int *c = cases[i];
        bs_graph *g = gb_create();
        gb_conv(g, gb_activation(g, GB_SHAPE(c[0], 11, 9)), c[1], c[2], c[3], c[4], c[5], i % 2 == 0);
        check(g);
    }
}

static void test_conv_odd_windows(void **state)
{
    (void)state;
    bs_attr a = {.window = {{3, 2}, {2, 1}, {2, 3}, {1, 0, 2, 3}, 1, false, false}};
    bs_graph *g = gb_create();
    int x = gb_activation(g, GB_SHAPE(4, 10, 9));
    int w = gb_random(g, GB_SHAPE(6, 4, 3, 2), 3);
    gb_node(g, BS_OP_CONV, GB_SHAPE(6, 5, 9), a, 2, (int[]){x, w});
    check(g);
}

static void test_gemm(void **state)
{
    (void)state;
    for (int i = 0; i < 6; i++) {
        bs_attr a = {.trans_b = i % 2 == 0, .alpha = i < 3 ? 1.0f : 0.5f, .beta = i < 3 ? 1.0f : 2.0f};
        bs_graph *g = gb_create();
        int x = gb_activation(g, GB_SHAPE(37));
        int w = a.trans_b ? gb_random(g, GB_SHAPE(10, 37), 3) : gb_random(g, GB_SHAPE(37, 10), 3);
        int bias = i % 3 == 0   ? -1
                   : i % 3 == 1 ? gb_random(g, GB_SHAPE(1), 4)
                                : gb_random(g, GB_SHAPE(1, 10), 4);
        gb_node(g, BS_OP_GEMM, GB_SHAPE(10), a, 3, (int[]){x, w, bias});
        check(g);
    }
}

static void test_matmul(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    gb_node(g, BS_OP_MATMUL, GB_SHAPE(9), (bs_attr){0}, 2,
            (int[]){gb_activation(g, GB_SHAPE(20)), gb_random(g, GB_SHAPE(20, 9), 1)});
    check(g);
    g = gb_create();
    gb_node(g, BS_OP_MATMUL, GB_SHAPE(13, 9), (bs_attr){0}, 2,
            (int[]){gb_activation(g, GB_SHAPE(13, 20)), gb_random(g, GB_SHAPE(20, 9), 1)});
    check(g);
}

static void test_batch_norm(void **state)
{
    (void)state;
    const bs_shape shapes[] = {GB_SHAPE(6, 5, 4), GB_SHAPE(6), GB_SHAPE(6, 7), GB_SHAPE(7, 6)};
    for (int i = 0; i < 4; i++) {
        bs_graph *g = gb_create();
        int x = gb_activation(g, shapes[i]), p[4];
        for (int k = 0; k < 4; k++)
            p[k] = gb_random(g, GB_SHAPE(6), 20 + (uint64_t)k);
        for (int k = 0; k < 6; k++)
            g->tensors[p[3]].data[k] = 0.3f + fabsf(g->tensors[p[3]].data[k]);
        gb_node(g, BS_OP_BATCH_NORM, shapes[i], (bs_attr){.epsilon = 1e-3f, .axis = i == 3}, 5,
                (int[]){x, p[0], p[1], p[2], p[3]});
        check(g);
    }
}

static void test_unary(void **state)
{
    (void)state;
    bs_shape s = GB_SHAPE(5, 7, 6);
#define X(suffix, name, result, a_name, a, b_name, b)                                                        \
    check(unary(BS_OP_##suffix, s, s, (bs_attr){.alpha = a, .beta = b}));
    BS_UNARY_OPS(X)
#undef X
    check(unary(BS_OP_GELU, s, s, (bs_attr){.alpha = 1}));
    check(unary(BS_OP_SHRINK, s, s, (bs_attr){.alpha = 0.25f, .beta = 0.5f}));
    check(unary(BS_OP_THRESHOLDED_RELU, s, s, (bs_attr){.alpha = 0.25f}));
    check(unary(BS_OP_SWISH, s, s, (bs_attr){.alpha = 1.5f}));
    check(unary(BS_OP_CAST, s, s, (bs_attr){.alpha = 1}));
    check(unary(BS_OP_IS_INF, s, s, (bs_attr){.alpha = 1, .beta = 0}));
    check(unary(BS_OP_IS_INF, s, s, (bs_attr){.alpha = 0, .beta = 1}));
    check(unary(BS_OP_ELU, s, s, (bs_attr){.alpha = 0.3f}));
    check(unary(BS_OP_CELU, s, s, (bs_attr){.alpha = 2.0f}));
    check(unary(BS_OP_HARD_SIGMOID, s, s, (bs_attr){.alpha = 3.0f, .beta = 0.25f}));
    check(unary(BS_OP_CLIP, s, s, (bs_attr){.low = -0.25f, .high = 0.5f}));
    check(unary(BS_OP_CLIP, s, s, (bs_attr){.low = 0.0f, .high = INFINITY}));
    bs_graph *g = gb_create();
    float low = -0.5f, high = 0.25f;
    int x = gb_activation(g, s), lo = gb_constant(g, gb_shape(NULL, 0), &low),
        hi = gb_constant(g, GB_SHAPE(1), &high);
    gb_node(g, BS_OP_CLIP, s, (bs_attr){0}, 3, (int[]){x, lo, hi});
    check(g);
}

static void test_broadcast(void **state)
{
    (void)state;
    const bs_shape full = GB_SHAPE(4, 5, 6);
    const bs_shape others[] = {GB_SHAPE(4, 5, 6), GB_SHAPE(4, 1, 1), GB_SHAPE(1),    GB_SHAPE(6),
                               GB_SHAPE(5, 6),    GB_SHAPE(1, 5, 1), GB_SHAPE(5, 1), GB_SHAPE(4, 1, 6)};
    const bs_op ops[] = {BS_OP_ADD, BS_OP_SUB, BS_OP_MUL, BS_OP_DIV};
    for (int i = 0; i < 8; i++)
        for (int constant = 0; constant < 2; constant++)
            for (int swap = 0; swap < 2; swap++) {
                bs_graph *g = gb_create();
                int a = gb_activation(g, full);
                int b = constant ? gb_random(g, others[i], 9) : gb_activation(g, others[i]);
                /* Division by values near zero would make the tolerance meaningless. */
                bs_op op = constant && !swap ? ops[i % 4] : ops[i % 3];
                gb_node(g, op, full, (bs_attr){0}, 2, (int[]){swap ? b : a, swap ? a : b});
                check(g);
            }
}

static void test_broadcast_both(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    gb_node(g, BS_OP_MUL, GB_SHAPE(4, 5, 6), (bs_attr){0}, 2,
            (int[]){gb_activation(g, GB_SHAPE(4, 1, 6)), gb_activation(g, GB_SHAPE(1, 5, 1))});
    check(g);
    g = gb_create();
    gb_node(g, BS_OP_SUM, GB_SHAPE(4, 5, 6), (bs_attr){0}, 4,
            (int[]){gb_activation(g, GB_SHAPE(4, 1, 1)), gb_activation(g, GB_SHAPE(4, 5, 6)),
                    gb_random(g, GB_SHAPE(6), 3), gb_activation(g, GB_SHAPE(5, 1))});
    check(g);
}

static void test_pool(void **state)
{
    (void)state;
    const bs_window windows[] = {{{2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1, false, false},
                                 {{3, 3}, {2, 2}, {1, 1}, {1, 1, 1, 1}, 1, false, true},
                                 {{3, 3}, {2, 2}, {1, 1}, {0, 0, 0, 0}, 1, true, false},
                                 {{3, 2}, {2, 3}, {1, 1}, {1, 0, 1, 1}, 1, true, true},
                                 {{2, 2}, {1, 1}, {2, 3}, {0, 1, 1, 0}, 1, false, false},
                                 {{3, 3}, {1, 1}, {1, 1}, {1, 1, 1, 1}, 1, false, false}};
    for (int i = 0; i < 6; i++)
        for (int average = 0; average < 2; average++) {
            const bs_window *w = &windows[i];
            int64_t o[2];
            for (int a = 0; a < 2; a++) {
                int64_t room =
                    (a ? 9 : 12) + w->pad[a] + w->pad[a + 2] - (w->dilation[a] * (w->kernel[a] - 1) + 1);
                o[a] = (room + (w->ceil_mode ? w->stride[a] - 1 : 0)) / w->stride[a] + 1;
            }
            check(unary(average ? BS_OP_AVERAGE_POOL : BS_OP_MAX_POOL, GB_SHAPE(5, 12, 9),
                        GB_SHAPE(5, o[0], o[1]), (bs_attr){.window = *w}));
        }
}

static void test_mean(void **state)
{
    (void)state;
    bs_shape s = GB_SHAPE(5, 4, 6);
    check(unary(BS_OP_GLOBAL_AVERAGE_POOL, s, GB_SHAPE(5, 1, 1), (bs_attr){0}));
    check(unary(BS_OP_REDUCE_MEAN, s, GB_SHAPE(5), (bs_attr){.reduce = {false, true, true}}));
    check(unary(BS_OP_REDUCE_MEAN, s, GB_SHAPE(1, 4, 6), (bs_attr){.reduce = {true}}));
    check(unary(BS_OP_REDUCE_MEAN, s, GB_SHAPE(5, 6), (bs_attr){.reduce = {false, true}}));
    check(unary(BS_OP_REDUCE_MEAN, GB_SHAPE(3, 8), GB_SHAPE(3), (bs_attr){.reduce = {false, true}}));
    check(unary(BS_OP_REDUCE_MEAN, GB_SHAPE(8), gb_shape(NULL, 0), (bs_attr){.reduce = {true}}));
}

static void test_softmax_and_lrn(void **state)
{
    (void)state;
    check(unary(BS_OP_SOFTMAX, GB_SHAPE(33), GB_SHAPE(33), (bs_attr){0}));
    for (int axis = 0; axis < 3; axis++)
        check(unary(BS_OP_SOFTMAX, GB_SHAPE(7, 3, 4), GB_SHAPE(7, 3, 4), (bs_attr){.axis = axis}));
    bs_attr a = {.alpha = 0.3f, .beta = 0.75f, .epsilon = 1.5f, .size = 5};
    check(unary(BS_OP_LRN, GB_SHAPE(9, 3, 4), GB_SHAPE(9, 3, 4), a));
    a.beta = 0.6f;
    a.size = 4;
    check(unary(BS_OP_LRN, GB_SHAPE(9, 3, 4), GB_SHAPE(9, 3, 4), a));
}

static void test_moves(void **state)
{
    (void)state;
    bs_shape s = GB_SHAPE(4, 5, 6);
    check(unary(BS_OP_FLATTEN, s, GB_SHAPE(120), (bs_attr){0}));
    check(unary(BS_OP_RESHAPE, s, GB_SHAPE(5, 4, 6), (bs_attr){0}));
    check(unary(BS_OP_RESHAPE, GB_SHAPE(120), s, (bs_attr){0}));
    check(unary(BS_OP_RESHAPE, GB_SHAPE(120), GB_SHAPE(2, 2, 5, 6), (bs_attr){0}));
    check(unary(BS_OP_SQUEEZE, GB_SHAPE(9, 1, 1), GB_SHAPE(9), (bs_attr){0}));
    check(unary(BS_OP_UNSQUEEZE, GB_SHAPE(4, 9), GB_SHAPE(4, 1, 9), (bs_attr){0}));
    check(unary(BS_OP_DROPOUT, s, s, (bs_attr){0}));
    check(unary(BS_OP_IDENTITY, s, s, (bs_attr){0}));
    check(unary(BS_OP_TRANSPOSE, s, GB_SHAPE(6, 4, 5), (bs_attr){.perm = {2, 0, 1}}));
    check(
        unary(BS_OP_TRANSPOSE, GB_SHAPE(2, 3, 4, 5), GB_SHAPE(2, 4, 3, 5), (bs_attr){.perm = {0, 2, 1, 3}}));
    /* Several blocks both ways, and remainders. */
    check(unary(BS_OP_TRANSPOSE, GB_SHAPE(2, 35, 49), GB_SHAPE(2, 49, 35), (bs_attr){.perm = {0, 2, 1}}));
    check(unary(BS_OP_TRANSPOSE, GB_SHAPE(17, 2, 33), GB_SHAPE(33, 2, 17), (bs_attr){.perm = {2, 1, 0}}));
    check(unary(BS_OP_SLICE, s, GB_SHAPE(2, 5, 3), (bs_attr){.begin = {1, 4, 0}, .step = {1, -1, 2}}));
    check(unary(BS_OP_PAD, s, GB_SHAPE(4, 7, 4),
                (bs_attr){.begin = {0, 1, -1}, .end = {0, 1, -1}, .value = -2.5f}));
    check(unary(BS_OP_PAD, s, GB_SHAPE(4, 5, 8),
                (bs_attr){.begin = {0, 0, -7}, .end = {0, 0, 9}, .value = 1.0f}));
}

static void test_pad_from_input(void **state)
{
    (void)state;
    bs_shape s = GB_SHAPE(4, 5, 6);
    for (int mode = BS_PAD_REFLECT; mode <= BS_PAD_EDGE; mode++) {
        check(unary(BS_OP_PAD, s, GB_SHAPE(4, 9, 10),
                    (bs_attr){.begin = {0, 1, 4}, .end = {0, 3, 0}, .pad_mode = mode}));
        check(unary(BS_OP_PAD, GB_SHAPE(3, 1, 2), GB_SHAPE(9, 3, 9),
                    (bs_attr){.begin = {2, 1, 0}, .end = {4, 1, 7}, .pad_mode = mode}));
        check(unary(BS_OP_PAD, GB_SHAPE(2, 3, 2, 2), GB_SHAPE(2, 5, 2, 3),
                    (bs_attr){.begin = {0, 2}, .end = {0, 0, 0, 1}, .pad_mode = mode}));
    }
}

static void test_concat(void **state)
{
    (void)state;
    for (int axis = 0; axis < 3; axis++) {
        int64_t a[] = {3, 4, 5}, b[] = {3, 4, 5}, c[] = {3, 4, 5}, out[] = {3, 4, 5};
        b[axis] = 1;
        c[axis] = 2;
        out[axis] += 3;
        bs_graph *g = gb_create();
        int x = gb_activation(g, gb_shape(a, 3)), y = gb_random(g, gb_shape(b, 3), 8),
            z = gb_activation(g, gb_shape(c, 3));
        gb_node(g, BS_OP_CONCAT, gb_shape(out, 3), (bs_attr){.axis = axis}, 3, (int[]){x, y, z});
        check(g);
    }
}

static void test_scalar_functions(void **state)
{
    (void)state;
    assert_int_equal(bs_float_bits(bs_relu(-0.0f)), 0);
    assert_true(bs_is_nan(bs_relu(NAN)));
    assert_true(bs_is_nan(bs_clip(NAN, 0.0f, 6.0f)));
    assert_true(bs_is_nan(bs_clip(1.0f, NAN, 6.0f)));
    assert_true(bs_is_nan(bs_clip(1.0f, 0.0f, NAN)));
    assert_true(bs_is_nan(bs_max_nan(1.0f, NAN)) && bs_is_nan(bs_max_nan(NAN, 1.0f)));
    assert_true(bs_clip(9.0f, 0.0f, 6.0f) == 6.0f && bs_clip(1.0f, 4.0f, 2.0f) == 2.0f);
    static const float halves[][2] = {{0.5f, 0}, {1.5f, 2}, {2.5f, 2}, {-0.5f, 0}, {-3.5f, -4}, {3.49f, 3}};
    for (size_t k = 0; k < sizeof halves / sizeof *halves; k++)
        assert_true(bs_round(halves[k][0]) == halves[k][1]);
    assert_true(bs_sign(-7.0f) == -1 && bs_sign(-0.0f) == 0 && bs_sign(1e-30f) == 1);
    assert_true(bs_is_nan(bs_sign(NAN)) && bs_is_nan(bs_round(NAN)) && bs_is_nan(bs_cast(NAN, 0)));
    assert_true(bs_cast(-2.7f, 0) == -2 && bs_cast(-0.0f, 1) == 0 && bs_cast(NAN, 1) == 1);
    /* One NaN, whichever came in. */
    assert_int_equal(bs_float_bits(bs_add(bs_bits_float(0xffc00123u), bs_bits_float(0x7fc00456u))),
                     0x7fc00000);
    assert_int_equal(bs_float_bits(bs_sub(INFINITY, INFINITY)), 0x7fc00000);
}

/* Comes last. */
static void test_none_forgotten(void **state)
{
    (void)state;
    assert_all_checked(false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_conv_odd_windows),
        cmocka_unit_test(test_gemm),
        cmocka_unit_test(test_matmul),
        cmocka_unit_test(test_batch_norm),
        cmocka_unit_test(test_unary),
        cmocka_unit_test(test_broadcast),
        cmocka_unit_test(test_broadcast_both),
        cmocka_unit_test(test_pool),
        cmocka_unit_test(test_mean),
        cmocka_unit_test(test_softmax_and_lrn),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_pad_from_input),
        cmocka_unit_test(test_concat),
        cmocka_unit_test(test_scalar_functions),
        cmocka_unit_test(test_none_forgotten),
    };
    return run_suite(tests, NULL, NULL);
}
