/* Proves the contract on random transformers: with random faults in any activations and parameters, NaN and
 * infinities included, in one target or several, full, suffix and delta replay give the same bits and mask
 * trials at the same nodes; and nothing that the output depends on changes outside the boxes of a delta.
 *
 *   test_replay_tokens N    only so many graphs */
#include "support/network_trials.h"
#include "support/token_graphs.h"

#ifdef BITSINK_SANITIZE
static int n_graphs = 3;
#else
static int n_graphs = 8;
#endif

static void test_several_targets(void **state)
{
    (void)state;
    int trials = 0, masked = 0;
    for (int number = 0; number < n_graphs; number++) {
        field f;
        bs_graph *g = token_graph(number);
        add_all_targets(g);
        count_macs(g);
        field_open(&f, g, number, (size_t)1 << 24);
        for (int set = 0; set < SETS; set++)
            masked += check_set(&f.b, f.golden, &f.context, set);
        trials += f.b.trials;
        field_close(&f);
    }
    print_message("%d graphs, %d trials, %d masked, all bits equal\n", n_graphs, trials, masked);
    assert_true(masked > trials / 20 && masked < trials);
}

/* Two changes, one of which gets lost in a product, the other in a row that the output cannot depend on:
 * inside a region nothing is compared, so a fault behind the product still finds the second, in a trace, too.
 */
static void test_change_within(void **state)
{
    (void)state;
    static const bs_site site[] = {{0, ~0u, 0x00400000u}, {2 * FEATURES + 1, ~0u, 0x40000000u}},
                         later = {2 * FEATURES + 1, ~0u, 1u};
    static trials t;
    field f;
    bs_schedules schedules;
    bs_graph *g = gb_create();
    g->input = gb_activation(g, GB_SHAPE(3, FEATURES));
    int x = tg_linear(g, g->input, FEATURES, 1),
        e = gb_node(g, BS_OP_ERF, g->tensors[x].shape, (bs_attr){0}, 1, &x);
    int weights = g->nodes[0].in[1], last = tg_pick(g, tg_binary(g, BS_OP_MUL, e, x), 0, 0);
    memset(g->tensors[weights].data, 0, FEATURES * sizeof(float)); /* of the first feature */
    add_scores(g, 1, &last, FEATURES);
    add_all_targets(g);
    count_macs(g);
    field_open(&f, g, 0, (size_t)1 << 24);
    t.n_targets = 2;
    t.target[0] = g->tensors[g->input].target;
    t.target[1] = g->tensors[e].target;
    for (uint32_t i = 0; i < TRIALS; i++) {
        memcpy(t.site + 3 * i, site, sizeof site);
        t.site[3 * i + 2] = later;
        t.first[2 * i] = 3 * i;
        t.first[2 * i + 1] = 3 * i + 2;
    }
    t.first[2 * TRIALS] = 3 * TRIALS;
    make(&f.b, &schedules, &t, BS_REPLAY_FULL, NULL);
    run(&f.b, &schedules, &t, true, TRIALS);
    assert_int_equal(check_nodes(&f.b, f.golden, &t), TRIALS);
    bs_schedules_clear(&schedules);
    field_close(&f);
}

static void test_boxes(void **state)
{
    (void)state;
    static const bs_op local[] = {BS_OP_MATMUL, BS_OP_LAYER_NORM, BS_OP_SOFTMAX,   BS_OP_ERF,
                                  BS_OP_ADD,    BS_OP_RESHAPE,    BS_OP_TRANSPOSE, BS_OP_CONCAT};
    int trials = 0, patched[BS_OP_COUNT] = {0};
    for (int number = 0; number < n_graphs; number++) {
        bs_graph *g = token_graph(number);
        add_targets(g);
        trials += check_graph(g, number, patched);
    }
    print_message("%d graphs, %d trials: nothing outside its box\n", n_graphs, trials);
    if (strcmp(test_device(), "null") != 0)
        check_coverage(patched, local, sizeof local / sizeof *local);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        n_graphs = atoi(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_several_targets),
                                       cmocka_unit_test(test_change_within), cmocka_unit_test(test_boxes)};
    return run_suite(tests, NULL, NULL);
}
