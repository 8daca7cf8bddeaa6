/* Proves that the CPU backend evaluates a faulty parameter the short way wherever it can. That both ways
 * agree is test_cpu_exact's subject; here a backend that always takes the long one fails. */
#include "support/rig.h"

#include "cpu/cpu.h"

enum { FAULTS = 5 };

/* Faults in different filter groups, one a sample, all reading the same row. */
static void run_faults(rig *r, int input, bs_faulty_mode mode)
{
    const bs_graph *g = r->g;
    bs_site site[FAULTS];
    uint32_t first[FAULTS + 1], before[FAULTS];
    int32_t row[FAULTS] = {0};
    int64_t e = g->tensors[g->nodes[0].in[input]].elements;
    for (int i = 0; i <= FAULTS; i++)
        first[i] = (uint32_t)i;
    for (int i = 0; i < FAULTS; i++)
        site[i] = (bs_site){(uint32_t)(e * i / FAULTS), ~0u, 0x40000000u};
    bs_faults f = {site, first, before};
    char *in = rig_random_rows(r, g->input, 1, 3, NULL), *golden = rig_rows(r, g->output, 1);
    char *out = rig_rows(r, g->output, FAULTS);
    bs_view v[3] = {{in, row}}, gv = {golden, row};
    assert_ok(r->b->run(r->stream, 0, 1, v, golden));
    assert_ok(r->b->run_faulty(r->stream, 0, 1, &(bs_faulty_input){input, f}, FAULTS, v, gv, mode, out));
    rig_free(r, in);
    rig_free(r, golden);
    rig_free(r, out);
}

/* A variant narrower than the layer that has run, NULL: there is none. */
static const bs_cpu_variant *narrow_variant(const rig *r)
{
    const bs_cpu_matrix *m = &r->network->plan[0].matrix;
    for (const bs_cpu_variant *v = r->stream->variants[0]; v; v = v->next)
        if (v->filter_groups < bs_cpu_filter_groups(m))
            return v;
    return NULL;
}

static bool has_run(const bs_cpu_variant *v)
{
    for (int i = 0; i < BS_CPU_CHUNKS; i++)
        if (v->conv[i])
            return true;
    return false;
}

/* Sums of few terms: no instruction set has a reason to split them by the number of filters. */
static void check_road(bs_graph *g, int inputs)
{
    for (int input = 1; input <= inputs; input++) {
        rig r = rig_open(g);
        run_faults(&r, input, BS_FAULTY_DENSE);
        assert_null(narrow_variant(&r));
        run_faults(&r, input, BS_FAULTY_CHANNELS);
        const bs_cpu_variant *v = narrow_variant(&r);
        assert_non_null(v);
        if (v->own_impl) {
            assert_ptr_equal(v->impl, v->own_impl);
            assert_true(has_run(v));
            assert_string_equal(bs_conv_impl_name(v->impl),
                                bs_conv_impl_name(r.network->plan[0].matrix.impl));
        } else
            print_message("%s has no narrow variant here\n",
                          bs_conv_impl_name(r.network->plan[0].matrix.impl));
        rig_close(&r);
    }
    gb_free(g);
}

static bs_graph *conv_graph(int c, int filters, int kernel, int group)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(c, 8, 8));
    g->output = gb_conv(g, g->input, filters, kernel, 1, kernel / 2, group, true);
    return g;
}

static void test_conv(void **state)
{
    (void)state;
    check_road(conv_graph(16, 64, 3, 1), 2);
    check_road(conv_graph(16, 64, 1, 1), 2);
}

static void test_grouped(void **state)
{
    (void)state;
    check_road(conv_graph(96, 96, 3, 96), 2);
    check_road(conv_graph(128, 128, 3, 8), 2);
}

static void test_gemm(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(32));
    g->output =
        gb_node(g, BS_OP_GEMM, GB_SHAPE(64), (bs_attr){.trans_b = true, .alpha = 1.0f, .beta = 1.0f}, 3,
                (int[]){g->input, gb_random(g, GB_SHAPE(64, 32), 3), gb_random(g, GB_SHAPE(64), 4)});
    check_road(g, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv),
        cmocka_unit_test(test_grouped),
        cmocka_unit_test(test_gemm),
    };
    return run_suite(tests, NULL, NULL);
}
