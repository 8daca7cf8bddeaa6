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
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_several_targets), cmocka_unit_test(test_boxes)};
    return run_suite(tests, NULL, NULL);
}
