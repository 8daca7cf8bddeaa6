/* Proves the operations that replay needs of a device apart from running nodes: bounds of changes, faults
 * that meet in one element, answers. Each is compared with a plain computation on logical values. */
#include "support/rig.h"

#include <math.h>

static void *upload(rig *r, int tensor, int n, const float *data)
{
    int64_t e = r->g->tensors[tensor].elements;
    char *rows = rig_rows(r, tensor, n);
    for (int i = 0; i < n; i++)
        assert_ok(r->b->upload(r->stream, tensor, rows + (size_t)i * r->b->row_bytes(r->network, tensor),
                               data + i * e));
    return rows;
}

/* --- bounds --- */

static void plain_bounds(const float *a, const float *b, int channels, int height, int width, int32_t out[4])
{
    int top = height, left = width, bottom = -1, right = -1;
    for (int e = 0; e < channels * height * width; e++) {
        int y = e / width % height, x = e % width;
        if (bs_float_bits(a[e]) == bs_float_bits(b[e]))
            continue;
        top = y < top ? y : top;
        left = x < left ? x : left;
        bottom = y > bottom ? y : bottom;
        right = x > right ? x : right;
    }
    const int32_t found[4] = {top, left, bottom - top + 1, right - left + 1};
    for (int k = 0; k < 4; k++)
        out[k] = bottom < 0 ? 0 : found[k];
}

/* Row 0 has no change, the next ones one in a corner each, NaN and zeros of another kind, the rest a few
 * anywhere. */
enum { CHANGED = 40 };
static void change(float *row, int i, int channels, int height, int width, uint64_t *random)
{
    int plane = height * width, last = plane - 1;
    const int corner[] = {0, width - 1, last - width + 1, last};
    if (i >= 1 && i <= 4)
        row[(i * 7 % channels) * plane + corner[i - 1]] += 1.0f;
    if (i == 5)
        row[last / 2] = bs_bits_float(0x7fc00001u);
    if (i == 6)
        row[(channels - 1) * plane + 1] = -0.0f;
    for (int k = 0; i > 6 && k < i % 4; k++) {
        *random = *random * 6364136223846793005u + 1442695040888963407u;
        row[*random % (uint64_t)(channels * plane)] = (float)i;
    }
}

static void check_bounds(int channels, int height, int width)
{
    enum { GOLDEN = 3 };
    bs_graph *g = gb_conv_graph(channels, height, width, 2, 1, 1, 0, 1, false);
    rig r = rig_open(g);
    int64_t e = g->tensors[g->input].elements;
    float *golden = gb_grow(NULL, (int)(GOLDEN * e), sizeof *golden),
          *data = gb_grow(NULL, (int)(CHANGED * e), sizeof *data);
    int32_t of[CHANGED], from[CHANGED], got[CHANGED][4], wanted[4];
    uint64_t random = 7;
    for (int64_t k = 0; k < GOLDEN * e; k++)
        golden[k] = k % 11 == 3 ? 0.0f : gb_uniform(&random);
    for (int i = 0; i < GOLDEN; i++) {
        golden[i * e + height * width / 2] = NAN;
        golden[i * e + (channels - 1) * height * width + 1] = 0.0f;
    }
    for (int i = 0; i < CHANGED; i++) {
        of[i] = i % GOLDEN;
        memcpy(data + i * e, golden + of[i] * e, (size_t)e * sizeof *data);
        change(data + i * e, i, channels, height, width, &random);
    }
    char *rows = upload(&r, g->input, CHANGED, data), *there = upload(&r, g->input, GOLDEN, golden);
    assert_ok(r.b->bounds(r.stream, g->input, CHANGED, (bs_view){rows, NULL}, (bs_view){there, of}, got));
    for (int i = 0; i < CHANGED; i++) {
        plain_bounds(data + i * e, golden + of[i] * e, channels, height, width, wanted);
        assert_memory_equal(got[i], wanted, sizeof wanted);
        from[i] = CHANGED - 1 - i;
    }
    /* The same rows in another order. */
    for (int i = 0; i < CHANGED; i++)
        of[i] = from[i] % GOLDEN;
    assert_ok(r.b->bounds(r.stream, g->input, CHANGED, (bs_view){rows, from}, (bs_view){there, of}, got));
    for (int i = 0; i < CHANGED; i++) {
        plain_bounds(data + from[i] * e, golden + of[i] * e, channels, height, width, wanted);
        assert_memory_equal(got[i], wanted, sizeof wanted);
    }
    rig_free(&r, rows);
    rig_free(&r, there);
    rig_close(&r);
    free(golden);
    free(data);
    gb_free(g);
}

static void test_bounds(void **state)
{
    (void)state;
    check_bounds(5, 9, 7);
    check_bounds(67, 4, 33);
    check_bounds(8, 1, 3);
}

/* --- faults --- */

/* Three samples: sites that ascend, none, and sites that meet in one element, of kinds whose order matters.
 * Many enough for several warps. */
enum { SITES = 600, ELEMENTS = 5 * 9 * 7 };
static void make_sites(bs_site *site, uint32_t first[4], bool meet)
{
    const uint32_t keep[] = {~0u, 0, ~0xffu}, toggle[] = {1u << 30, 0x7fc00000u, 0xabcd};
    first[0] = 0;
    first[1] = first[2] = ELEMENTS / 2;
    first[3] = SITES;
    for (uint32_t k = 0; k < SITES; k++) {
        uint32_t in_sample = k < first[1] ? k : k - first[1], kind = k * 2654435761u >> 20;
        uint32_t element = meet && k >= first[1] ? kind % 40 : in_sample % ELEMENTS;
        site[k] = (bs_site){element, keep[kind % 3], toggle[(kind + k) % 3]};
    }
}

/* patch: through the patch that is the whole plane. */
static void check_faults(bool meet, bool patch)
{
    bs_graph *g = gb_conv_graph(5, 9, 7, 2, 1, 1, 0, 1, false);
    rig r = rig_open(g);
    static bs_site site[SITES];
    static uint32_t before[SITES];
    static float got[ELEMENTS];
    const int32_t zero[3] = {0};
    const bs_patches whole = {.size = {9, 7}, .origin = {zero, zero}};
    uint32_t first[4];
    float *data;
    char *rows = rig_random_rows(&r, g->input, 3, 5, &data);
    const bs_faults f = {site, first, before};
    make_sites(site, first, meet);
    if (!meet)
        first[3] = first[2] + ELEMENTS;
    if (patch)
        assert_ok(r.b->inject_patch(r.stream, g->input, 3, &whole, rows, &f));
    else
        assert_ok(r.b->inject(r.stream, g->input, 3, rows, &f));
    assert_ok(bs_backend_wait(r.b, r.stream));
    for (int i = 0; i < 3; i++) {
        float *row = data + i * ELEMENTS;
        for (uint32_t k = first[i]; k < first[i + 1]; k++) {
            uint32_t bits = bs_float_bits(row[site[k].element]);
            assert_int_equal(before[k], bits);
            row[site[k].element] = bs_bits_float(bs_site_apply(site[k], bits));
        }
        assert_ok(
            r.b->download(r.stream, g->input, rows + (size_t)i * r.b->row_bytes(r.network, g->input), got));
        assert_memory_equal(got, row, sizeof got);
    }
    rig_free(&r, rows);
    free(data);
    rig_close(&r);
    gb_free(g);
}

static void test_faults(void **state)
{
    (void)state;
    for (int k = 0; k < 4; k++)
        check_faults(k % 2, k / 2);
}

/* So many sites that they cross the bus in several pieces: the sign of every element. */
static void test_many_sites(void **state)
{
    (void)state;
    enum { CHANNELS = 64, SIDE = 64, ALL = CHANNELS * SIDE * SIDE, SAMPLES = 4 };
    bs_graph *g = gb_conv_graph(CHANNELS, SIDE, SIDE, 2, 1, 1, 0, 1, false);
    rig r = rig_open(g);
    bs_site *site = gb_grow(NULL, SAMPLES * ALL, sizeof *site);
    uint32_t first[SAMPLES + 1] = {0}, *before = gb_grow(NULL, SAMPLES * ALL, sizeof *before);
    const int32_t zero[SAMPLES] = {0};
    const bs_patches whole = {.size = {SIDE, SIDE}, .origin = {zero, zero}};
    float *data, *got = gb_grow(NULL, ALL, sizeof *got);
    char *rows = rig_random_rows(&r, g->input, SAMPLES, 5, &data);
    for (uint32_t k = 0; k < SAMPLES * ALL; k++)
        site[k] = (bs_site){k % ALL, ~0u, BS_SIGN_MASK};
    for (uint32_t i = 0; i < SAMPLES; i++)
        first[i + 1] = first[i] + ALL;
    const bs_faults f = {site, first, before};
    for (int patch = 0; patch < 2; patch++) {
        assert_ok(patch ? r.b->inject_patch(r.stream, g->input, SAMPLES, &whole, rows, &f)
                        : r.b->inject(r.stream, g->input, SAMPLES, rows, &f));
        for (int i = 0; i < SAMPLES; i++) {
            const char *row = rows + (size_t)i * r.b->row_bytes(r.network, g->input);
            assert_ok(r.b->download(r.stream, g->input, row, got));
            for (int e = 0; e < ALL; e++) {
                uint32_t bits = bs_float_bits(data[i * ALL + e]), sign = patch ? BS_SIGN_MASK : 0;
                if (before[i * ALL + e] != (bits ^ sign) ||
                    bs_float_bits(got[e]) != (bits ^ sign ^ BS_SIGN_MASK))
                    fail_msg("sample %d, element %d", i, e);
            }
        }
    }
    rig_free(&r, rows);
    free(data);
    free(got);
    free(site);
    free(before);
    rig_close(&r);
    gb_free(g);
}

/* Sites, and samples that share them, in such numbers that they cross the bus in pieces: every weight but a
 * few, both ways. */
static void test_many_faults(void **state)
{
    (void)state;
    enum { LENGTH = 500, FILTERS = 300, SAMPLES = 60, LEFT_OUT = 7, ALL = LENGTH * FILTERS };
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(LENGTH));
    g->output = gb_node(g, BS_OP_GEMM, GB_SHAPE(FILTERS), (bs_attr){.alpha = 1.0f, .beta = 1.0f}, 2,
                        (int[]){g->input, gb_random(g, GB_SHAPE(LENGTH, FILTERS), 3)});
    rig r = rig_open(g);
    bs_site *site = gb_grow(NULL, SAMPLES * ALL, sizeof *site);
    uint32_t first[SAMPLES + 1], n = 0;
    for (uint32_t i = 0; i <= SAMPLES; i++)
        first[i] = i * (ALL - LEFT_OUT);
    for (int i = 0; i < SAMPLES; i++)
        for (uint32_t e = LEFT_OUT; e < ALL; e++)
            site[n++] = (bs_site){e, ~0u, 1u << e % 23};
    const bs_faults f = {site, first, NULL};
    char *in = rig_random_rows(&r, g->input, SAMPLES, 8, NULL), *golden = rig_rows(&r, g->output, SAMPLES);
    char *out[2] = {rig_rows(&r, g->output, SAMPLES), rig_rows(&r, g->output, SAMPLES)};
    const bs_view v[2] = {{in, NULL}};
    uint8_t equal[SAMPLES];
    assert_ok(r.b->run(r.stream, 0, SAMPLES, v, golden));
    for (int k = 0; k < 2; k++)
        assert_ok(r.b->run_faulty(r.stream, 0, 1, &(bs_faulty_input){1, f}, SAMPLES, v,
                                  (bs_view){golden, NULL}, k ? BS_FAULTY_CHANNELS : BS_FAULTY_DENSE, out[k]));
    assert_ok(r.b->compare(r.stream, g->output, SAMPLES, out[0], (bs_view){out[1], NULL}, equal));
    assert_ok(bs_backend_wait(r.b, r.stream));
    for (int i = 0; i < SAMPLES; i++)
        assert_true(equal[i]);
    assert_ok(r.b->compare(r.stream, g->output, SAMPLES, out[0], (bs_view){golden, NULL}, equal));
    assert_ok(bs_backend_wait(r.b, r.stream));
    for (int i = 0; i < SAMPLES; i++)
        assert_false(equal[i]);
    rig_free(&r, in);
    rig_free(&r, golden);
    rig_free(&r, out[0]);
    rig_free(&r, out[1]);
    free(site);
    rig_close(&r);
    gb_free(g);
}

/* Sites of one sample that meet in an element act one after the other, whichever thread comes last: weights
 * and bias of a product with (1, 0, 0, ...), which gives the first weight of each filter and the bias. */
static void check_repeated(int input, bs_faulty_mode mode)
{
    enum { LENGTH = 40, FILTERS = 6, SITES = 30 };
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(LENGTH));
    g->output = gb_node(
        g, BS_OP_GEMM, GB_SHAPE(FILTERS), (bs_attr){.alpha = 1.0f, .beta = 1.0f}, 3,
        (int[]){g->input, gb_random(g, GB_SHAPE(LENGTH, FILTERS), 3), gb_random(g, GB_SHAPE(FILTERS), 4)});
    rig r = rig_open(g);
    const bs_node *nd = &g->nodes[0];
    float x[LENGTH] = {1.0f}, want[FILTERS], got[FILTERS];
    const float *param[3] = {NULL, g->tensors[nd->in[1]].data, g->tensors[nd->in[2]].data};
    bs_site site[SITES];
    const uint32_t first[2] = {0, SITES};
    uint32_t faulty[FILTERS], before[SITES];
    for (int m = 0; m < FILTERS; m++)
        faulty[m] = bs_float_bits(param[input][m]);
    for (uint32_t k = 0; k < SITES; k++) { /* flips of the mantissa, and stuck bits of it */
        site[k] = (bs_site){k * 5 % FILTERS, k % 3 ? ~0u : ~(0x700u << k % 8), 0x1111u << k % 7};
        faulty[site[k].element] = bs_site_apply(site[k], faulty[site[k].element]);
    }
    for (int m = 0; m < FILTERS; m++)
        want[m] =
            input == 1 ? bs_bits_float(faulty[m]) + param[2][m] : param[1][m] + bs_bits_float(faulty[m]);
    char *in = upload(&r, g->input, 1, x), *golden = rig_rows(&r, g->output, 1),
         *out = rig_rows(&r, g->output, 1);
    const bs_view v[3] = {{in, NULL}};
    const bs_faults f = {site, first, before};
    assert_ok(r.b->run(r.stream, 0, 1, v, golden));
    assert_ok(r.b->run_faulty(r.stream, 0, 1, &(bs_faulty_input){input, f}, 1, v, (bs_view){golden, NULL},
                              mode, out));
    assert_ok(r.b->download(r.stream, g->output, out, got));
    assert_memory_equal(got, want, sizeof want);
    rig_free(&r, in);
    rig_free(&r, golden);
    rig_free(&r, out);
    rig_close(&r);
    gb_free(g);
}

static void test_repeated_faults(void **state)
{
    (void)state;
    for (int input = 1; input <= 2; input++) {
        check_repeated(input, BS_FAULTY_DENSE);
        check_repeated(input, BS_FAULTY_CHANNELS);
    }
}

/* --- answers --- */

/* Among few values, so that there are ties; now and then a zero of either sign, an infinity, a NaN. */
static float score(int row, uint64_t *random)
{
    float v = floorf(gb_uniform(random) * 50.0f) / 8.0f;
    int odd = (int)(gb_uniform(random) * 300.0f);
    if (odd == 1)
        return v < 0 ? -0.0f : 0.0f;
    if (odd == 2 && row % 3 == 1)
        return NAN;
    if (odd == 3 && row % 4 == 1)
        return v < 0 ? -INFINITY : INFINITY;
    return v;
}

static void check_ranks(int classes, bool softmax)
{
    enum { ROWS = 25 };
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(classes));
    g->output = gb_node(g, BS_OP_RELU, GB_SHAPE(classes), (bs_attr){0}, 1, (int[]){g->input});
    g->classes = classes;
    g->ends_in_softmax = softmax;
    rig r = rig_open(g);
    float *data = gb_grow(NULL, ROWS * classes, sizeof *data);
    int32_t golden[ROWS];
    bs_answer got[ROWS], wanted;
    uint64_t random = 11;
    for (int i = 0; i < ROWS; i++) {
        golden[i] = i % 5 == 4 ? -1 : i % classes;
        for (int k = 0; k < classes; k++)
            data[i * classes + k] = i == 0 ? NAN : i == 2 ? -INFINITY : score(i, &random);
    }
    char *rows = upload(&r, g->output, ROWS, data);
    for (int with = 0; with < 2; with++) {
        assert_ok(r.b->rank(r.stream, ROWS, rows, with ? golden : NULL, got));
        for (int i = 0; i < ROWS; i++) {
            wanted = bs_rank(data + i * classes, classes, with ? golden[i] : -1, softmax);
            /* Devices have exponentials of their own. */
            assert_true(fabsf(got[i].p_golden - wanted.p_golden) <= 1e-6f * fabsf(wanted.p_golden));
            got[i].p_golden = wanted.p_golden;
            assert_memory_equal(&got[i], &wanted, sizeof wanted);
        }
    }
    rig_free(&r, rows);
    rig_close(&r);
    free(data);
    gb_free(g);
}

static void test_ranks(void **state)
{
    (void)state;
    check_ranks(1, false);
    check_ranks(3, false);
    check_ranks(10, true);
    check_ranks(1001, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),          cmocka_unit_test(test_faults),
        cmocka_unit_test(test_many_sites),      cmocka_unit_test(test_many_faults),
        cmocka_unit_test(test_repeated_faults), cmocka_unit_test(test_ranks),
    };
    return run_suite(tests, NULL, NULL);
}
