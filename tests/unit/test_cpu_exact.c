/* Proves the exactness contract: an output row depends on its input rows only, and both ways of evaluating
 * a faulty parameter agree, bit for bit. */
#include "support/rig.h"

#include <math.h>

enum { MOST = 70 };

static bs_graph *gemm_graph(int k, int n, bs_attr a, bool bias)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(k));
    int w = a.trans_b ? gb_random(g, GB_SHAPE(n, k), 3) : gb_random(g, GB_SHAPE(k, n), 3);
    g->output = gb_node(g, BS_OP_GEMM, GB_SHAPE(n), a, 3,
                        (int[]){g->input, w, bias ? gb_random(g, GB_SHAPE(n), 4) : -1});
    return g;
}

/* An operator of the image and one parameter. */
static bs_graph *pair_graph(bs_op op, bs_shape in, bs_shape parameter, bs_shape out, bs_attr a)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, in);
    g->output = gb_node(g, op, out, a, 2, (int[]){g->input, gb_random(g, parameter, 3)});
    return g;
}

/* Every 50th input odd. */
static void *odd_rows(rig *r, int n, bool odd)
{
    float *values;
    char *rows = rig_random_rows(r, r->g->input, n, 42, &values);
    int64_t row = r->g->tensors[r->g->input].elements, e = row * n;
    for (int64_t i = 13; odd && i < e; i += 1 + e / 50)
        values[i] = i % 3 ? INFINITY : NAN;
    for (int i = 0; i < n && odd; i++)
        assert_ok(r->b->upload(r->stream, r->g->input,
                               rows + (size_t)i * r->b->row_bytes(r->network, r->g->input),
                               values + i * row));
    free(values);
    return rows;
}

/* Sizes and maps against one sample at a time. */
static void check_invariance(bs_graph *g, int most, bool odd)
{
    rig r = rig_open(g);
    size_t in_bytes = r.b->row_bytes(r.network, g->input), bytes = r.b->row_bytes(r.network, g->output);
    char *in = odd_rows(&r, most, odd), *alone = rig_rows(&r, g->output, most),
         *out = rig_rows(&r, g->output, most);
    int32_t map[MOST];
    /* All inputs read the same rows. */
    for (int i = 0; i < most; i++) {
        bs_view v[3];
        for (int k = 0; k < 3; k++)
            v[k] = (bs_view){in + (size_t)i * in_bytes, NULL};
        assert_ok(r.b->run(r.stream, 0, 1, v, alone + (size_t)i * bytes));
    }
    size_t row = (size_t)g->tensors[g->output].elements;
    float *want = rig_values(&r, r.stream, g->output, alone, most), *got;
    for (int n = 1; n <= most; n += n < 20 ? 1 : 7) {
        bs_view v[3] = {{in, NULL}, {in, NULL}, {in, NULL}};
        assert_ok(r.b->run(r.stream, 0, n, v, out));
        got = rig_values(&r, r.stream, g->output, out, n);
        assert_memory_equal(got, want, row * (size_t)n * sizeof *got);
        free(got);
        for (int i = 0; i < n; i++)
            map[i] = (i * 31 + n) % most;
        for (int k = 0; k < 3; k++)
            v[k].rows = map;
        assert_ok(r.b->run(r.stream, 0, n, v, out));
        got = rig_values(&r, r.stream, g->output, out, n);
        for (int i = 0; i < n; i++)
            assert_memory_equal(got + (size_t)i * row, want + (size_t)map[i] * row, row * sizeof *got);
        free(got);
    }
    free(want);
    rig_free(&r, in);
    rig_free(&r, alone);
    rig_free(&r, out);
    rig_close(&r);
}

static void invariance(bs_graph *g, int most)
{
    check_invariance(g, most, false);
    check_invariance(g, most < 9 ? most : 9, true);
    gb_free(g);
}

static void test_conv_invariance(void **state)
{
    (void)state;
    invariance(gb_conv_graph(3, 9, 9, 5, 3, 1, 1, 1, true), MOST);
    invariance(gb_conv_graph(16, 7, 7, 32, 3, 2, 1, 1, true), MOST);
    invariance(gb_conv_graph(24, 8, 8, 24, 3, 1, 1, 24, false), MOST);
    invariance(gb_conv_graph(64, 8, 8, 64, 3, 1, 1, 32, false), MOST);
    invariance(gb_conv_graph(48, 6, 6, 40, 1, 1, 0, 1, true), MOST);
    invariance(gb_conv_graph(48, 7, 7, 40, 1, 2, 0, 1, true), MOST);
}

static void test_gemm_invariance(void **state)
{
    (void)state;
    bs_attr a = {.trans_b = true, .alpha = 1.0f, .beta = 1.0f};
    const int sizes[][2] = {{784, 128}, {128, 10}, {25, 1}, {513, 1000}, {4096, 100}};
    for (int i = 0; i < 5; i++)
        invariance(gemm_graph(sizes[i][0], sizes[i][1], a, i % 2 == 0), MOST);
    invariance(pair_graph(BS_OP_MATMUL, GB_SHAPE(5, 20), GB_SHAPE(20, 30), GB_SHAPE(5, 30), (bs_attr){0}),
               MOST);
}

/* x times its own transpose, and what normalises. */
static void test_token_invariance(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(3, 17, 17));
    g->output = gb_node(g, BS_OP_MATMUL, GB_SHAPE(3, 17, 17), (bs_attr){0}, 2, (int[]){g->input, g->input});
    invariance(g, 24);
    const bs_op ops[] = {BS_OP_SOFTMAX, BS_OP_LOG_SOFTMAX, BS_OP_GELU, BS_OP_LAYER_NORM, BS_OP_INSTANCE_NORM};
    for (int k = 0; k < 5; k++) {
        g = gb_create();
        g->input = gb_activation(g, GB_SHAPE(7, 19));
        int size = k == 4 ? 7 : 19;
        g->output =
            gb_node(g, ops[k], GB_SHAPE(7, 19), (bs_attr){.axis = 1, .epsilon = 1e-5f}, k < 3 ? 1 : 3,
                    (int[]){g->input, gb_random(g, GB_SHAPE(size), 1), gb_random(g, GB_SHAPE(size), 2)});
        invariance(g, MOST);
    }
}

/* Layers of LeNet, AlexNet, VGG, ResNet, SqueezeNet, MobileNet and ResNeXt, few samples each. */
static void test_model_layers(void **state)
{
    (void)state;
    invariance(gb_conv_graph(1, 28, 28, 6, 5, 1, 2, 1, true), 5);
    invariance(gb_conv_graph(3, 111, 111, 96, 11, 4, 0, 1, true), 3);
    invariance(gb_conv_graph(3, 56, 56, 64, 3, 1, 1, 1, true), 5);
    invariance(gb_conv_graph(512, 14, 14, 512, 3, 1, 1, 1, true), 5);
    invariance(gb_conv_graph(3, 112, 112, 64, 7, 2, 3, 1, true), 3);
    invariance(gb_conv_graph(256, 28, 28, 128, 1, 2, 0, 1, false), 5);
    invariance(gb_conv_graph(1024, 14, 14, 256, 1, 1, 0, 1, true), 5);
    invariance(gb_conv_graph(512, 13, 13, 1000, 1, 1, 0, 1, true), 3);
    invariance(gb_conv_graph(16, 55, 55, 64, 3, 1, 1, 1, true), 3);
    invariance(gb_conv_graph(96, 28, 28, 96, 3, 2, 1, 96, true), 5);
    invariance(gb_conv_graph(128, 14, 14, 128, 3, 1, 1, 32, false), 5);
}

typedef struct fault_set {
    bs_site *site;
    uint32_t *first, *before;
    int n, total;
} fault_set;

/* n samples, neighbours sometimes alike; masks that flip any bits, among them ones that make NaN; a few
 * samples with no site and a few with very many. */
static fault_set make_faults(int n, int64_t elements, uint64_t seed)
{
    fault_set f = {gb_grow(NULL, n * 40, sizeof(bs_site)), gb_grow(NULL, n + 1, 4), gb_grow(NULL, n * 40, 4),
                   n, 0};
    static const uint32_t masks[] = {0x80000000u, 0x40000000u, 0x7f800000u, 1u, 0x00400000u, 0x3f800000u};
    int previous = 0;
    for (int i = 0; i < n; i++) {
        f.first[i] = (uint32_t)f.total;
        int kind = (int)((gb_uniform(&seed) + 1.0f) * 5.0f), count = kind == 0   ? 0
                                                                     : kind == 1 ? 40
                                                                                 : kind / 3 + 1;
        int start = f.total, copies = i > 0 && kind > 6 ? f.total - previous : 0;
        for (int k = 0; k < copies; k++)
            f.site[f.total++] = f.site[previous + k];
        for (int k = 0; k < count && !copies; k++) {
            uint32_t e = (uint32_t)((double)(gb_uniform(&seed) + 1.0f) * 0.5 * (double)elements);
            uint32_t mask = masks[(int)((gb_uniform(&seed) + 1.0f) * 3.0f) % 6];
            f.site[f.total++] = (bs_site){e % (uint32_t)elements, k % 3 == 2 ? ~mask : ~0u, mask};
        }
        previous = start;
    }
    f.first[n] = (uint32_t)f.total;
    return f;
}

static void free_faults(fault_set *f)
{
    free(f->site);
    free(f->first);
    free(f->before);
}

/* By an independent road: a graph whose parameter really holds the faulty values. */
static void check_reference(bs_graph *g, int input, const fault_set *f, const char *in, const int32_t *rows,
                            const float *made, int sample)
{
    bs_tensor *t = &g->tensors[g->nodes[0].in[input]];
    float *saved = gb_grow(NULL, (int)t->elements, sizeof *saved);
    memcpy(saved, t->data, (size_t)t->elements * sizeof *saved);
    for (uint32_t k = f->first[sample]; k < f->first[sample + 1]; k++) {
        assert_int_equal(f->before[k], bs_float_bits(saved[f->site[k].element]));
        uint32_t bits = bs_float_bits(t->data[f->site[k].element]);
        t->data[f->site[k].element] = bs_bits_float(bs_site_apply(f->site[k], bits));
    }
    rig r = rig_open(g);
    char *out = rig_rows(&r, g->output, 1);
    size_t row = (size_t)g->tensors[g->output].elements;
    bs_view v = {in, &rows[sample]};
    assert_ok(r.b->run(r.stream, 0, 1, &v, out));
    float *want = rig_values(&r, r.stream, g->output, out, 1);
    assert_memory_equal(made + (size_t)sample * row, want, row * sizeof *want);
    free(want);
    rig_free(&r, out);
    rig_close(&r);
    memcpy(t->data, saved, (size_t)t->elements * sizeof *saved);
    free(saved);
}

static void check_faulty(bs_graph *g, int input, int n, int images, uint64_t seed)
{
    rig r = rig_open(g);
    size_t row = (size_t)g->tensors[g->output].elements;
    fault_set f = make_faults(n, g->tensors[g->nodes[0].in[input]].elements, seed);
    bs_faults faults = {f.site, f.first, f.before};
    int32_t *rows = gb_grow(NULL, n, sizeof *rows);
    for (int i = 0; i < n; i++)
        rows[i] = (i * 7 + i / 3) % images;
    char *in = odd_rows(&r, images, seed % 2), *golden = rig_rows(&r, g->output, images);
    char *dense = rig_rows(&r, g->output, n), *channels = rig_rows(&r, g->output, n);
    bs_view all = {in, NULL}, v = {in, rows}, gv = {golden, rows};
    assert_ok(r.b->run(r.stream, 0, images, &all, golden));
    bs_view inputs[5] = {v};
    assert_ok(r.b->run_faulty(r.stream, 0, 1, &(bs_faulty_input){input, faults}, n, inputs, gv,
                              BS_FAULTY_DENSE, dense));
    memset(f.before, 0xee, (size_t)f.total * 4);
    assert_ok(r.b->run_faulty(r.stream, 0, 1, &(bs_faulty_input){input, faults}, n, inputs, gv,
                              BS_FAULTY_CHANNELS, channels));
    float *a = rig_values(&r, r.stream, g->output, dense, n),
          *b = rig_values(&r, r.stream, g->output, channels, n);
    assert_memory_equal(b, a, row * (size_t)n * sizeof *a);
    for (int i = 0; i < n; i += 1 + n / 4)
        check_reference(g, input, &f, in, rows, b, i);
    free(a);
    free(b);
    rig_free(&r, in);
    rig_free(&r, golden);
    rig_free(&r, dense);
    rig_free(&r, channels);
    free(rows);
    free_faults(&f);
    rig_close(&r);
}

static void faulty(bs_graph *g, bool bias)
{
    for (int input = 1; input <= 1 + bias; input++) {
        check_faulty(g, input, 41, 9, 100);
        check_faulty(g, input, 41, 1, 103); /* odd seed: odd inputs too */
        check_faulty(g, input, 3, 40, 104);
    }
    gb_free(g);
}

static void check_faulty_once(bs_graph *g)
{
    check_faulty(g, 1, 12, 3, 106);
    gb_free(g);
}

static void test_faulty_conv(void **state)
{
    (void)state;
    faulty(gb_conv_graph(3, 9, 9, 6, 5, 1, 2, 1, true), true);
    faulty(gb_conv_graph(16, 9, 9, 70, 3, 1, 1, 1, true), true);
    faulty(gb_conv_graph(32, 7, 7, 130, 1, 1, 0, 1, false), false);
    faulty(gb_conv_graph(20, 9, 9, 33, 1, 2, 0, 1, true), true);
    faulty(gb_conv_graph(64, 14, 14, 128, 3, 2, 1, 1, true), true);
    faulty(gb_conv_graph(3, 30, 30, 64, 7, 2, 3, 1, true), true);
}

static void test_faulty_groups(void **state)
{
    (void)state;
    faulty(gb_conv_graph(16, 9, 9, 16, 3, 1, 1, 16, true), true);
    faulty(gb_conv_graph(16, 9, 9, 32, 3, 1, 1, 4, true), true);
    faulty(gb_conv_graph(96, 9, 9, 96, 3, 2, 1, 96, true), true);
    faulty(gb_conv_graph(40, 7, 7, 80, 3, 1, 1, 40, false), false);
    faulty(gb_conv_graph(128, 7, 7, 128, 3, 1, 1, 32, true), true);
    faulty(gb_conv_graph(60, 7, 7, 45, 3, 1, 1, 3, true), true);
}

/* Sums so long that implementations split them, and not alike for every number of filters. */
static void test_faulty_long_sums(void **state)
{
    (void)state;
    check_faulty_once(gb_conv_graph(256, 3, 3, 116, 3, 1, 0, 1, true));
    check_faulty_once(gb_conv_graph(512, 7, 7, 32, 7, 1, 1, 1, false));
    check_faulty_once(gb_conv_graph(512, 7, 7, 512, 3, 1, 1, 1, false));
}

static void test_faulty_gemm(void **state)
{
    (void)state;
    for (int i = 0; i < 4; i++) {
        bs_attr a = {.trans_b = i % 2 == 0, .alpha = i < 2 ? 1.0f : 0.3f, .beta = i < 2 ? 1.0f : 1.7f};
        faulty(gemm_graph(200, 33, a, i != 3), i != 3);
        faulty(gemm_graph(1024, 100, a, true), true);
        faulty(gemm_graph(20, 1, a, true), true);
        bs_graph *g = gemm_graph(20, 33, a, false);
        g->nodes[0].in[2] = gb_random(g, GB_SHAPE(1), 4); /* one bias for all filters */
        faulty(g, true);
    }
    faulty(pair_graph(BS_OP_MATMUL, GB_SHAPE(5, 20), GB_SHAPE(20, 30), GB_SHAPE(5, 30), (bs_attr){0}), false);
}

static void test_faulty_norm(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    int x = gb_activation(g, GB_SHAPE(6, 5, 4)), p[4];
    for (int k = 0; k < 4; k++)
        p[k] = gb_random(g, GB_SHAPE(6), 20 + (uint64_t)k);
    g->input = x;
    g->output = gb_node(g, BS_OP_BATCH_NORM, GB_SHAPE(6, 5, 4), (bs_attr){.epsilon = 1e-3f}, 5,
                        (int[]){x, p[0], p[1], p[2], p[3]});
    for (int input = 1; input <= 4; input++)
        check_faulty(g, input, 20, 4, 50 + (uint64_t)input);
    gb_free(g);
    g = pair_graph(BS_OP_MUL, GB_SHAPE(6, 5, 4), GB_SHAPE(6, 5, 4), GB_SHAPE(6, 5, 4), (bs_attr){0});
    check_faulty(g, 1, 20, 4, 60);
    gb_free(g);
}

static void faulty_pair(bs_op op, bs_shape in, bs_shape parameter, bs_shape out, bs_attr a)
{
    faulty(pair_graph(op, in, parameter, out, a), false);
}

/* Rows of tokens: a weight matrix (also where the input lies channels last), a Gemm, a batch of matrices. */
static void test_faulty_tokens(void **state)
{
    (void)state;
    bs_attr a = {.alpha = 1.0f, .beta = 1.0f, .axis = 1, .epsilon = 1e-5f};
    faulty_pair(BS_OP_MATMUL, GB_SHAPE(2, 3, 5, 20), GB_SHAPE(20, 30), GB_SHAPE(2, 3, 5, 30), a);
    faulty_pair(BS_OP_MATMUL, GB_SHAPE(3, 5, 20), GB_SHAPE(20, 30), GB_SHAPE(3, 5, 30), a);
    faulty_pair(BS_OP_MATMUL, GB_SHAPE(3, 5, 20), GB_SHAPE(3, 20, 30), GB_SHAPE(3, 5, 30), a);
    faulty_pair(BS_OP_LAYER_NORM, GB_SHAPE(5, 20), GB_SHAPE(20), GB_SHAPE(5, 20), a);
    faulty_pair(BS_OP_PRELU, GB_SHAPE(5, 4, 4), GB_SHAPE(5, 1, 1), GB_SHAPE(5, 4, 4), a);
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(7, 20));
    g->output = gb_node(g, BS_OP_GEMM, GB_SHAPE(7, 33), a, 3,
                        (int[]){g->input, gb_random(g, GB_SHAPE(20, 33), 3), gb_random(g, GB_SHAPE(33), 4)});
    faulty(g, true);
}

/* Two streams, whatever they ran before, give the same. */
static void test_streams(void **state)
{
    (void)state;
    bs_graph *g = gb_conv_graph(16, 7, 7, 32, 3, 1, 1, 1, true);
    rig r = rig_open(g);
    bs_stream *second;
    assert_ok(r.b->stream_open(&second, r.network));
    char *in = odd_rows(&r, 9, false), *a = rig_rows(&r, g->output, 9), *b = rig_rows(&r, g->output, 9);
    bs_view v = {in, NULL};
    assert_ok(r.b->run(r.stream, 0, 9, &v, a));
    assert_ok(r.b->run(second, 0, 4, &v, b));
    assert_ok(r.b->run(second, 0, 9, &v, b));
    float *x = rig_values(&r, r.stream, g->output, a, 9), *y = rig_values(&r, second, g->output, b, 9);
    assert_memory_equal(x, y, (size_t)g->tensors[g->output].elements * 9 * sizeof *x);
    free(x);
    free(y);
    r.b->stream_close(second);
    rig_free(&r, in);
    rig_free(&r, a);
    rig_free(&r, b);
    rig_close(&r);
    gb_free(g);
}

/* `test_cpu_exact small` leaves out what takes minutes on a simulated device. */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_invariance),
        cmocka_unit_test(test_gemm_invariance),
        cmocka_unit_test(test_token_invariance),
        cmocka_unit_test(test_faulty_conv),
        cmocka_unit_test(test_faulty_gemm),
        cmocka_unit_test(test_faulty_norm),
        cmocka_unit_test(test_faulty_tokens),
        cmocka_unit_test(test_faulty_groups),
        cmocka_unit_test(test_streams),
        /* the large ones: */
        cmocka_unit_test(test_model_layers),
        cmocka_unit_test(test_faulty_long_sums),
    };
    size_t n = sizeof tests / sizeof *tests;
    return run_suite_of(tests, argc > 1 && strcmp(argv[1], "small") == 0 ? n - 2 : n, NULL, NULL);
}
