/* Proves the contract for every type of values: on random graphs and transformers whose tensors are stored in
 * it, all of them or among others, with random faults of every kind, full, suffix and delta replay give the
 * same bits, and those of whole nodes run one after the other; and every value is one of its type.
 *
 *   test_replay_types N    only so many graphs of a type */
#include "support/network_trials.h"
#include "support/token_graphs.h"
#include "support/typed_graphs.h"

#ifdef BITSINK_SANITIZE
static int n_graphs = 2;
#else
static int n_graphs = 4;
#endif

/* Every value of the golden run is one of its tensor's type. Returns how many nodes round. */
static int check_values(bench *b)
{
    int rounds = 0;
    for (int k = 0; k < b->g->n_tensors; k++) {
        const bs_tensor *t = &b->g->tensors[k];
        if (t->constant)
            continue;
        assert_ok(bs_golden_need(b->golden, k, b->golden->n, NULL));
        float *x = rig_values(&b->rig, b->rig.stream, k, b->golden->rows[k], IMAGES);
        for (int64_t e = 0; e < t->elements * IMAGES; e++)
            if (bs_float_bits(bs_format_round(bs_tensor_format(t, 0), x[e])) != bs_float_bits(x[e]))
                fail_msg("%s: %.9g is no value of %s", t->name, (double)x[e], bs_dtype_name(t->type));
        free(x);
        rounds += t->producer >= 0 && bs_graph_rounds(b->g, t->producer);
    }
    return rounds;
}

static bs_graph *random_graph(int number, bs_dtype type)
{
    bs_graph *g = number % 2 ? token_graph(number / 2) : make_graph(number / 2);
    dice d = {900 + (uint64_t)number, (uint64_t)type};
    if (number % 2) {
        add_all_targets(g);
        count_macs(g);
    }
    typed_graph(g, type, number % 4 > 1, &d);
    return g;
}

static void check_type(bs_dtype type)
{
    int trials = 0, masked = 0, rounds = 0, nodes = 0, regions = 0;
    for (int number = 0; number < n_graphs; number++) {
        field f;
        field_open(&f, random_graph(number, type), number, (size_t)1 << 24);
        if (strcmp(test_device(), "null") != 0)
            rounds += check_values(&f.b);
        nodes += f.b.g->n_nodes;
        regions += f.b.g->n_regions;
        for (int set = 0; set < SETS; set++)
            masked += check_set(&f.b, f.golden, &f.context, set);
        trials += f.b.trials;
        field_close(&f);
    }
    print_message(
        "%s: %d graphs, %d nodes, %d of them round, %d regions, %d trials, %d masked, all bits equal\n",
        bs_dtype_name(type), n_graphs, nodes, rounds, regions, trials, masked);
    assert_true(masked > trials / 20 && masked < trials);
    assert_true(regions > 0 && rounds > nodes / 4 && rounds < nodes);
}

static void test_types(void **state)
{
    (void)state;
    for (int type = BS_DTYPE_FP32 + 1; type < BS_DTYPE_COUNT; type++)
        check_type((bs_dtype)type);
}

int main(int argc, char **argv)
{
    if (argc == 2)
        n_graphs = atoi(argv[1]);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_types)};
    return run_suite(tests, NULL, NULL);
}
