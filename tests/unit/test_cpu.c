/* Proves rows, faults in activations, comparing and ranking of the CPU backend, and that it refuses what
 * it cannot run. */
#include "support/rig.h"

#include <math.h>

static bs_graph *relu_graph(bs_shape s)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, s);
    g->output = gb_node(g, BS_OP_RELU, s, (bs_attr){0}, 1, (int[]){g->input});
    return g;
}

static void test_describe(void **state)
{
    (void)state;
    bs_device *d;
    bs_device_info info;
    char why[64];
    assert_int_equal(bs_cpu_backend.device_count(why, sizeof why), 1);
    assert_error(bs_cpu_backend.open(&d, 1, NULL), "no CPU device 1");
    assert_null(d);
    assert_ok(bs_cpu_backend.open(&d, 0, NULL));
    bs_cpu_backend.describe(d, &info);
    assert_true(info.name[0] && info.isa[0]);
    assert_non_null(strstr(info.library, "oneDNN "));
    bs_cpu_backend.close(d);
    bs_cpu_backend.close(NULL);
    bs_cpu_backend.unload(NULL);
    bs_cpu_backend.stream_close(NULL);
}

static void test_round_trip(void **state)
{
    (void)state;
    const bs_shape shapes[] = {GB_SHAPE(5, 4, 3), GB_SHAPE(7), GB_SHAPE(1, 9, 2), GB_SHAPE(3, 4),
                               GB_SHAPE(2, 3, 4, 5)};
    for (int s = 0; s < 5; s++) {
        bs_graph *g = relu_graph(shapes[s]);
        rig r = rig_open(g);
        float *data, got[120];
        char *row = rig_random_rows(&r, g->input, 1, 9, &data);
        assert_int_equal(r.b->row_bytes(r.network, g->input), g->tensors[g->input].elements * 4);
        assert_ok(r.b->download(r.stream, g->input, row, got));
        assert_memory_equal(got, data, (size_t)g->tensors[g->input].elements * 4);
        rig_free(&r, row);
        free(data);
        rig_close(&r);
        gb_free(g);
    }
}

static void test_inject(void **state)
{
    (void)state;
    bs_graph *g = relu_graph(GB_SHAPE(5, 4, 3));
    rig r = rig_open(g);
    float *data, got[60];
    char *rows = rig_random_rows(&r, g->input, 3, 9, &data), *copy = rig_rows(&r, g->input, 3);
    const int32_t order[] = {2, 0, 1}, identity[] = {0, 1, 2};
    bs_site sites[] = {{0, ~0u, 1u << 31}, {59, ~0u, 1u << 30}, {17, 0, 0x7fc00000u}, {17, ~1u, 1u}};
    const uint32_t first[] = {0, 2, 2, 4};
    uint32_t before[4];
    uint8_t equal[3];
    bs_faults f = {sites, first, before};
    assert_ok(r.b->copy_rows(r.stream, g->input, 3, (bs_view){rows, order}, copy));
    assert_ok(r.b->inject(r.stream, g->input, 3, copy, &f));
    assert_ok(r.b->compare(r.stream, g->input, 3, copy, (bs_view){rows, order}, equal));
    assert_true(!equal[0] && equal[1] && !equal[2]);
    assert_ok(r.b->compare(r.stream, g->input, 3, copy, (bs_view){rows, identity}, equal));
    assert_true(!equal[0] && !equal[1] && !equal[2]);
    assert_int_equal(before[0], bs_float_bits(data[120]));
    assert_int_equal(before[1], bs_float_bits(data[179]));
    assert_int_equal(before[2], bs_float_bits(data[77]));
    assert_int_equal(before[3], 0x7fc00000); /* sites of a sample apply in turn */
    assert_ok(r.b->download(r.stream, g->input, copy, got));
    for (int e = 0; e < 60; e++)
        assert_int_equal(bs_float_bits(got[e]), bs_float_bits(data[120 + e]) ^ (e == 0    ? 1u << 31
                                                                                : e == 59 ? 1u << 30
                                                                                          : 0));
    assert_ok(r.b->download(r.stream, g->input, copy + 480, got));
    assert_int_equal(bs_float_bits(got[17]), 0x7fc00001);
    sites[0].element = 60;
    assert_error(r.b->inject(r.stream, g->input, 3, copy, &f), "no element 60");
    rig_free(&r, rows);
    rig_free(&r, copy);
    free(data);
    rig_close(&r);
    gb_free(g);
}

static void test_rank(void **state)
{
    (void)state;
    bs_graph *g = relu_graph(GB_SHAPE(6, 1, 1));
    g->classes = 6;
    rig r = rig_open(g);
    const float scores[3][6] = {{0, 3, 1, 2, -1, 5}, {4, 4, 1, 0, 0, 0}, {NAN, 1, 2, 3, INFINITY, 0}};
    const int32_t golden[] = {1, -1, 3};
    bs_answer a[3];
    char *rows = rig_rows(&r, g->output, 3);
    for (int i = 0; i < 3; i++)
        assert_ok(r.b->upload(r.stream, g->output, rows + i * 24, scores[i]));
    assert_ok(r.b->rank(r.stream, 3, rows, golden, a));
    assert_true(a[0].top[0] == 5 && a[0].top[1] == 1 && a[0].top[4] == 0 && a[0].flags == 0);
    assert_true(a[0].p_golden > 0.10f && a[0].p_golden < 0.13f);
    assert_true(a[1].top[0] == 0 && a[1].flags == BS_ANSWER_TIE);
    assert_true(a[2].top[0] == 4 && a[2].flags == (BS_ANSWER_NAN | BS_ANSWER_INF) && a[2].p_golden == 0.0f);
    assert_ok(r.b->rank(r.stream, 3, rows, NULL, a));
    assert_true(a[0].p_golden > 0.8f);
    rig_free(&r, rows);
    rig_close(&r);
    gb_free(g);
}

/* Returns true if the graph's only node is refused, by supports() and by load(). */
static void assert_refused(bs_graph *g, const char *text)
{
    char why[256] = "";
    bs_device *d;
    bs_network *n;
    assert_false(bs_cpu_backend.supports(g, 0, why, sizeof why));
    if (!strstr(why, text))
        fail_msg("'%s' lacks '%s'", why, text);
    assert_ok(bs_cpu_backend.open(&d, 0, NULL));
    assert_error(bs_cpu_backend.load(&n, d, g, NULL), text);
    assert_null(n);
    bs_cpu_backend.close(d);
    gb_free(g);
}

static bs_graph *one(bs_op op, bs_shape in, bs_shape out, bs_attr a)
{
    bs_graph *g = gb_create();
    gb_node(g, op, out, a, 1, (int[]){gb_activation(g, in)});
    return g;
}

static void test_refusals(void **state)
{
    (void)state;
    bs_shape s = GB_SHAPE(4, 5, 6);
    bs_window w = {.kernel = {2, 2}, .stride = {1, 1}, .dilation = {1, 1}, .group = 1};
    assert_refused(one(BS_OP_RELU, s, GB_SHAPE(4, 5, 7), (bs_attr){0}), "output shape differs");
    assert_refused(one(BS_OP_MAX_POOL, s, s, (bs_attr){.window = w}), "output shape does not follow");
    assert_refused(one(BS_OP_MAX_POOL, GB_SHAPE(4, 5), GB_SHAPE(4, 4), (bs_attr){.window = w}),
                   "two spatial");
    w.stride[0] = 0;
    assert_refused(one(BS_OP_MAX_POOL, s, GB_SHAPE(4, 4, 5), (bs_attr){.window = w}), "out of range");
    assert_refused(one(BS_OP_SLICE, s, s, (bs_attr){.begin = {1}, .step = {1, 1, 1}}), "beyond the input");
    assert_refused(one(BS_OP_SLICE, s, s, (bs_attr){.step = {0, 1, 1}}), "out of range");
    assert_refused(one(BS_OP_PAD, s, s, (bs_attr){.begin = {1}}), "does not follow");
    assert_refused(one(BS_OP_PAD, s, s, (bs_attr){.begin = {1}, .end = {-1}, .pad_mode = BS_PAD_EDGE}),
                   "crops");
    assert_refused(one(BS_OP_TRANSPOSE, s, s, (bs_attr){.perm = {0, 0, 2}}), "not a permutation");
    assert_refused(one(BS_OP_SOFTMAX, s, s, (bs_attr){.axis = 3}), "axis");
    assert_refused(one(BS_OP_FLATTEN, s, GB_SHAPE(119), (bs_attr){0}), "number of elements");
    assert_refused(one(BS_OP_REDUCE_MEAN, s, GB_SHAPE(4, 5), (bs_attr){.reduce = {true}}), "from the axes");
    assert_refused(one(BS_OP_RELU, GB_SHAPE(0), GB_SHAPE(0), (bs_attr){0}), "no elements");
    bs_graph *g = one(BS_OP_RELU, s, s, (bs_attr){0});
    g->tensors[1].shape.dim[0] = (int64_t)1 << 40;
    assert_refused(g, "too many");
}

static void test_refused_weights(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    gb_conv(g, gb_activation(g, GB_SHAPE(4, 5, 6)), 8, 3, 1, 1, 1, true);
    g->nodes[0].attr.window.group = 3;
    assert_refused(g, "multiple of the group");
    g = gb_create();
    gb_conv(g, gb_activation(g, GB_SHAPE(4, 5, 6)), 8, 3, 1, 1, 1, true);
    g->tensors[g->nodes[0].in[1]].shape.dim[0] = 4;
    g->tensors[g->nodes[0].in[1]].elements /= 2;
    assert_refused(g, "do not fit");
    g = gb_create();
    gb_node(g, BS_OP_MATMUL, GB_SHAPE(3, 3), (bs_attr){0}, 2,
            (int[]){gb_activation(g, GB_SHAPE(3, 3)), gb_activation(g, GB_SHAPE(4, 3))});
    assert_refused(g, "do not fit");
}

static void test_faulty_misuse(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(4, 5, 6));
    g->output = gb_conv(g, g->input, 8, 3, 1, 1, 1, false);
    rig r = rig_open(g);
    char *in = rig_random_rows(&r, g->input, 1, 1, NULL), *out = rig_rows(&r, g->output, 1);
    bs_site site = {8 * 4 * 9, ~0u, 1};
    const uint32_t first[] = {0, 1};
    bs_faults f = {&site, first, NULL};
    bs_view v[3] = {{in, NULL}}, golden = {out, NULL};
    assert_error(
        r.b->run_faulty(r.stream, 0, 1, &(bs_faulty_input){0, f}, 1, v, golden, BS_FAULTY_DENSE, out),
        "is not a parameter");
    assert_error(
        r.b->run_faulty(r.stream, 0, 1, &(bs_faulty_input){2, f}, 1, v, golden, BS_FAULTY_DENSE, out),
        "is not a parameter");
    assert_error(
        r.b->run_faulty(r.stream, 0, 1, &(bs_faulty_input){1, f}, 1, v, golden, BS_FAULTY_DENSE, out),
        "no element 288");
    rig_free(&r, in);
    rig_free(&r, out);
    rig_close(&r);
    gb_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_describe),      cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_inject),        cmocka_unit_test(test_rank),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_refused_weights),
        cmocka_unit_test(test_faulty_misuse),
    };
    return run_suite(tests, NULL, NULL);
}
