/* Proves the contract for trials that hit several targets in one inference: on random graphs, with random
 * faults in random sets of activations and parameters, full, suffix and delta replay give the same bits, and
 * those of whole nodes run one after the other.
 *
 *   test_replay_network N    only so many graphs */
#include "support/network_trials.h"

#ifdef BITSINK_SANITIZE
static int n_graphs = 4;
#else
static int n_graphs = 12;
#endif

/* Returns how many graphs had cut points. */
static int check_graphs(int graphs)
{
    int trials = 0, masked = 0, cut = 0, regions = 0;
    for (int number = 0; number < graphs; number++) {
        field f;
        field_open(&f, make_graph(number), number,
                   (size_t)1 << (number % 3 ? 26 : 20)); /* with room for few dense trials, too */
        cut += f.context.segments != NULL;
        regions += f.b.g->n_regions;
        for (int set = 0; set < SETS; set++)
            masked += check_set(&f.b, f.golden, &f.context, set);
        trials += f.b.trials;
        field_close(&f);
    }
    print_message("%d graphs, %d with cut points, %d regions, %d trials, %d masked, all bits equal\n", graphs,
                  cut, regions, trials, masked);
    assert_true(regions > graphs);
    assert_true(masked > trials / 20 && masked < trials);
    return cut;
}

static void test_random_graphs(void **state)
{
    (void)state;
    int cut = check_graphs(n_graphs);
    assert_true(cut > n_graphs / 4 || strcmp(test_device(), "null") == 0);
}

static void test_null_device(void **state)
{
    (void)state;
    char before[64];
    snprintf(before, sizeof before, "%s", test_device());
    setenv("BITSINK_TEST_DEVICE", "null", 1);
    check_graphs(n_graphs / 2);
    setenv("BITSINK_TEST_DEVICE", before, 1);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        n_graphs = atoi(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random_graphs),
                                       cmocka_unit_test(test_null_device)};
    return run_suite(tests, NULL, NULL);
}
