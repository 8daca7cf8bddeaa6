/* Finds regions in small networks of tokens, and proves that one runs with the bits of its nodes run one by
 * one: whole samples in any order, and patches. */
#include "support/rig.h"

#include "backend/find_regions.h"
#include "backend/planes.h"

enum { SAMPLES = 3 };

static int binary(bs_graph *g, bs_op op, int x, int y)
{
    return gb_node(g, op, g->tensors[x].shape, (bs_attr){0}, 2, (int[]){x, y});
}

/* Turns tokens (T, F) into (T, features). */
static int product(bs_graph *g, int x, int64_t features)
{
    bs_shape in = g->tensors[x].shape;
    int w = gb_random(g, GB_SHAPE(in.dim[1], features), 1);
    int y = gb_node(g, BS_OP_MATMUL, GB_SHAPE(in.dim[0], features), (bs_attr){0}, 2, (int[]){x, w});
    g->nodes[g->n_nodes - 1].macs = in.dim[0] * in.dim[1] * features;
    return y;
}

/* The product of rows by features, its bias, and the error function of that plus a second product. */
static bs_graph *graph(int64_t rows, int64_t depth, int64_t features)
{
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(rows, depth));
    int other = product(g, g->input, features);
    int x = binary(g, BS_OP_ADD, product(g, g->input, features), gb_random(g, GB_SHAPE(features), 2));
    x = gb_node(g, BS_OP_ERF, g->tensors[x].shape, (bs_attr){0}, 1, &x);
    g->output = binary(g, BS_OP_MUL, binary(g, BS_OP_ADD, other, x), x);
    return g;
}

static void test_what_is_one(void **state)
{
    (void)state;
    bs_graph *g = graph(5, 4, 6);
    assert_ok(bs_regions_find(g));
    assert_int_equal(g->n_regions, 1);
    const bs_region *r = &g->regions[0];
    assert_int_equal(r->first, 1);
    assert_int_equal(r->last, g->n_nodes - 1);
    assert_true(r->product);
    assert_int_equal(r->node.n_in, 2);
    assert_int_equal(r->node.in[0], g->input);
    assert_int_equal(r->node.in[1], g->nodes[0].out);
    assert_true(r->node.macs == 5 * 4 * 6);
    assert_int_equal(bs_graph_inside(g, g->nodes[1].out), 0);
    assert_int_equal(bs_graph_inside(g, g->nodes[0].out), -1);
    gb_free(g);
}

/* The product's own input, added, is no part; nor is a product that has another reader, or only one row. */
static void test_what_is_none(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(5, 4));
    g->output = binary(g, BS_OP_ADD, product(g, g->input, 4), g->input);
    assert_ok(bs_regions_find(g));
    assert_int_equal(g->n_regions, 0);
    gb_free(g);

    g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(5, 4));
    int y = product(g, g->input, 4), z = binary(g, BS_OP_ADD, y, gb_random(g, GB_SHAPE(4), 2));
    z = gb_node(g, BS_OP_SOFTMAX, g->tensors[z].shape, (bs_attr){.axis = 1}, 1, &z);
    g->output = binary(g, BS_OP_MUL, z, y);
    assert_ok(bs_regions_find(g));
    assert_int_equal(g->n_regions, 0);
    gb_free(g);

    g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(1, 4));
    g->output = binary(g, BS_OP_ADD, product(g, g->input, 3), gb_random(g, GB_SHAPE(3), 2));
    assert_ok(bs_regions_find(g));
    assert_int_equal(g->n_regions, 0);
    gb_free(g);
}

/* Runs the nodes of the region one by one, whole or on patches of `size`, and returns the output. */
static void *run_apart(rig *r, const bs_region *region, const int *size, const bs_view *in)
{
    const bs_graph *g = r->g;
    void *made[BS_REGION_NODES] = {NULL};
    for (int i = region->first; i <= region->last; i++) {
        const bs_node *n = &g->nodes[i];
        bs_view read[3] = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}};
        for (int k = 0; k < n->n_in && n->in[k] >= 0; k++) {
            int t = n->in[k], producer = g->tensors[t].producer;
            if (producer >= region->first)
                read[k].base = made[producer - region->first];
            else if (!g->tensors[t].constant)
                read[k] = in[bs_region_input(region, t)];
        }
        void *out = made[i - region->first] = rig_rows(r, n->out, SAMPLES);
        if (size)
            assert_ok(r->b->run_patch(r->stream, i, SAMPLES, size, read, size, out));
        else
            assert_ok(r->b->run(r->stream, i, SAMPLES, read, out));
    }
    for (int i = region->first; i < region->last; i++)
        rig_free(r, made[i - region->first]);
    return made[region->last - region->first];
}

/* Checks whole samples in another order, or patches of so many rows of tokens, which lie one after the other
 * and fill `whole` samples. */
static void check(const bs_graph *g, int rows, int whole)
{
    static const int32_t order[SAMPLES] = {2, 0, 2};
    rig r = rig_open(g);
    const bs_region *region = &g->regions[0];
    int size[2] = {rows, 1}, *patch = rows ? size : NULL;
    bs_view in[2];
    for (int k = 0; k < region->node.n_in; k++)
        in[k] = (bs_view){rig_random_rows(&r, region->node.in[k], SAMPLES, 70 + (uint64_t)k, NULL),
                          rows ? NULL : order};
    void *as_one = rig_rows(&r, region->node.out, SAMPLES), *apart = run_apart(&r, region, patch, in);
    assert_ok(r.b->run_region(r.stream, 0, SAMPLES, patch, in, as_one));
    rig_assert_same(&r, region->node.out, as_one, apart, whole);
    rig_free(&r, as_one);
    rig_free(&r, apart);
    for (int k = 0; k < region->node.n_in; k++)
        rig_free(&r, (void *)in[k].base);
    rig_close(&r);
}

static void test_same_bits(void **state)
{
    (void)state;
    bs_graph *g = graph(6, 5, 7);
    assert_ok(bs_regions_find(g));
    check(g, 0, SAMPLES);
    check(g, 2, 1);
    check(g, 4, 2);
    gb_free(g);
}

/* A Gemm without a bias has an input that is absent. */
static void test_absent_bias(void **state)
{
    (void)state;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(5, 4));
    const int in[] = {g->input, gb_random(g, GB_SHAPE(4, 3), 1), -1};
    int y = gb_node(g, BS_OP_GEMM, GB_SHAPE(5, 3), (bs_attr){.alpha = 1.0f, .beta = 1.0f}, 3, in);
    g->output = gb_node(g, BS_OP_ERF, GB_SHAPE(5, 3), (bs_attr){0}, 1, &y);
    assert_ok(bs_regions_find(g));
    assert_int_equal(g->n_regions, 1);
    assert_true(g->regions[0].product);
    assert_int_equal(g->regions[0].node.n_in, 1);
    check(g, 0, SAMPLES);
    check(g, 2, 1);
    gb_free(g);
}

/* More than the CPU has a product make at a time. */
static void test_large(void **state)
{
    (void)state;
    if (strcmp(test_device(), "cpu") != 0)
        skip("only the CPU has products run in parts");
    bs_graph *g = graph(300, 2, 224);
    assert_ok(bs_regions_find(g));
    check(g, 0, SAMPLES);
    check(g, 100, 1);
    gb_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_is_one),
                                       cmocka_unit_test(test_what_is_none), cmocka_unit_test(test_same_bits),
                                       cmocka_unit_test(test_absent_bias), cmocka_unit_test(test_large)};
    return run_suite(tests, NULL, NULL);
}
