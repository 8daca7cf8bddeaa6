/* Proves that trials of scope `inference` hit each target by itself, with the sites of its own stratum. */
#include "support/fault_fixture.h"

#include <math.h>

/* The site range of the k-th target in a trial of the only stratum. */
static size_t draw(bs_sites *out, const bs_plan *plan, uint32_t image, uint32_t repetition, int k,
                   const bs_site **first)
{
    uint32_t entry = (uint32_t)plan->job->entries[0].id;
    if (k == 0)
        fixture_sites(out, plan, entry, BS_NETWORK_TARGET, image, repetition);
    assert_int_equal(out->n_bounds, plan->strata[0].n_parts + 1);
    *first = out->n > 0 ? out->site + out->bound[k] : NULL;
    return out->bound[k + 1] - out->bound[k];
}

static void test_strata(void **state)
{
    static const struct {
        int target;
        double probability;
    } parts[] = {{CONV_W, 1}, {FC_W, 1}, {CONV_OUT, 0.25}, {RELU_OUT, 0.5}, {LOGITS, 0.25}};
    bs_plan *plan;
    bs_job *job;
    uint64_t population = 0;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "1",
                           "{id: 9, targets: relu1}, {id: 3, scope: inference, trials: 7, store_sites: all,"
                           "targets: [{name: relu1, probability: 0.5}, {op: Relu},"
                           "{kind: activation, probability: 0.25}, {kind: weight}]}",
                           5));
    assert_int_equal(plan->n_strata, 2);
    const bs_stratum *s = &plan->strata[0];
    assert_true(s->entry == 1 && s->target == BS_NETWORK_TARGET && s->is_parameter && s->n_parts == 5);
    assert_true(s->repetitions == 7 && s->probability == 1);
    assert_int_equal(job->entries[1].store_sites, UINT32_MAX);
    for (int k = 0; k < s->n_parts; k++) {
        const bs_stratum *part = bs_stratum_at(s, k);
        assert_int_equal(part->target, parts[k].target);
        assert_true(part->probability == parts[k].probability && part->repetitions == 7);
        assert_int_equal(part->is_parameter, part->target == CONV_W || part->target == FC_W);
        assert_int_equal(part->population, 32 * part->elements);
        population += part->population;
    }
    assert_int_equal(s->population, population);
    assert_true(bs_stratum_sites(s) == 2 + 0.25 + 0.5 + 0.25 && bs_stratum_most_sites(s) == 5);
    assert_false(bs_plan_single_site(plan, s));
    assert_int_equal(bs_plan_lies_in(plan, s), -1);
    assert_ptr_equal(bs_plan_stratum(plan, (bs_trial_coords){3, BS_NETWORK_TARGET, 4, 6}), s);
    assert_null(bs_plan_stratum(plan, (bs_trial_coords){9, BS_NETWORK_TARGET, 0, 0}));
    assert_int_equal(plan->trials, 5 + 7 * 5);
    assert_ok(bs_plan_set_shard(plan, 1, 2));
    assert_int_equal(bs_plan_stratum_trials(plan, s), 7 * 2);
    fixture_free(plan, job);
}

/* Hits are binomial with the selector's probability, and those of two targets are independent. */
static void test_hits_are_independent(void **state)
{
    enum { TRIALS = 3000, PARTS = 3 };
    static const double p[PARTS] = {0.6 * 0.5, 0.6 * 0.1, 0.6};
    static const double both[PARTS][PARTS] = {{0, 0.6 * 0.05, 0.3}, {0, 0, 0.06}, {0, 0, 0}};
    int hits[PARTS] = {0}, joint[PARTS][PARTS] = {{0}};
    bs_sites s = {0};
    bs_plan *plan;
    bs_job *job;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "5",
                           "{id: 1, scope: inference, probability: 0.6, targets: [{name: conv1, probability: "
                           "0.5}, {name: relu1, probability: 0.1}, fc], trials: 300}",
                           TRIALS / 300));
    for (uint32_t t = 0; t < TRIALS; t++) {
        bool hit[PARTS];
        for (int k = 0; k < PARTS; k++) {
            const bs_site *first;
            size_t n = draw(&s, plan, t / 300, t % 300, k, &first);
            assert_true(n <= 1);
            hit[k] = n == 1;
            hits[k] += hit[k];
        }
        for (int k = 0; k < PARTS; k++)
            for (int j = k + 1; j < PARTS; j++)
                joint[k][j] += hit[k] && hit[j];
    }
    for (int k = 0; k < PARTS; k++) {
        assert_true(fabs(hits[k] - TRIALS * p[k]) < 4 * sqrt(TRIALS * p[k] * (1 - p[k])));
        for (int j = k + 1; j < PARTS; j++)
            assert_true(fabs(joint[k][j] - TRIALS * both[k][j]) <
                        4 * sqrt(TRIALS * both[k][j] * (1 - both[k][j])));
    }
    fixture_free(plan, job);
    bs_sites_clear(&s);
}

/* Where a target is hit, it has the sites that a trial in this target alone would have. Activations draw anew
 * for each image, parameters do not; nor does whether they are hit. */
static void test_sites_are_those_of_the_target(void **state)
{
    static const char *const faults[] = {"",           "bits: exponent, burst: 2",
                                         "count: 3",   "count: 100",
                                         "ber: 0.01",  "ber: 1",
                                         "count: all", "fault: random, range: [0, 1], count: 4",
                                         "fault: none"};
    bs_sites a = {0}, b = {0};
    (void)state;
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        char entries[200];
        bs_plan *whole, *single;
        bs_job *whole_job, *single_job;
        int missed = 0;
        snprintf(entries, sizeof entries,
                 "{id: 4, scope: inference, targets: {name: '*[!l]', probability: 0.7}, trials: 3, %s}",
                 faults[i]);
        assert_ok(fixture_plan(&whole, &whole_job, "6", entries, 4));
        snprintf(entries, sizeof entries, "{id: 4, targets: '*[!l]', trials: 3, %s}", faults[i]);
        assert_ok(fixture_plan(&single, &single_job, "6", entries, 4));
        const bs_stratum *s = &whole->strata[0];
        assert_int_equal(s->n_parts, single->n_strata);
        for (uint32_t t = 0; t < 12; t++) {
            bool hit_before[N_TARGETS];
            for (int k = 0; k < s->n_parts; k++) {
                const bs_site *first;
                size_t n = draw(&a, whole, t % 4, t / 4, k, &first);
                const bs_stratum *part = bs_stratum_at(s, k);
                fixture_sites(&b, single, 4, (uint32_t)part->target, t % 4, t / 4);
                missed += n == 0;
                assert_true(n == 0 || (n == b.n && memcmp(first, b.site, n * sizeof *first) == 0));
                assert_true(!part->is_parameter || t % 4 == 0 || strstr(faults[i], "0.01") ||
                            hit_before[k] == (n > 0));
                hit_before[k] = n > 0;
            }
        }
        assert_true(missed > 0);
        fixture_free(whole, whole_job);
        fixture_free(single, single_job);
    }
    bs_sites_clear(&a);
    bs_sites_clear(&b);
}

/* All sites of a trial are in one bit, also in different targets, and the bits of trials are uniform. */
static void test_shared_bit(void **state)
{
    enum { TRIALS = 800 };
    bs_sites s = {0};
    bs_plan *plan;
    bs_job *job;
    int counts[8] = {0};
    double chi = 0;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "5",
                           "{id: 1, scope: inference, targets: [conv1, relu1, fc.weight], bits: exponent, "
                           "count: 2, shared_bit: true, trials: 800}",
                           2));
    for (uint32_t r = 0; r < TRIALS; r++) {
        fixture_sites(&s, plan, 1, BS_NETWORK_TARGET, r % 2, r);
        assert_int_equal(s.n, 6);
        for (size_t i = 0; i < s.n; i++)
            assert_int_equal(s.site[i].toggle, s.site[0].toggle);
        counts[__builtin_ctz(s.site[0].toggle) - 23]++;
        for (size_t i = 0; i < s.n; i += 2)
            assert_true(s.site[i].element < s.site[i + 1].element);
    }
    for (int b = 0; b < 8; b++)
        chi += (counts[b] - TRIALS / 8) * (counts[b] - TRIALS / 8) / (TRIALS / 8.0);
    assert_true(chi < 24.3); /* 7 degrees of freedom, one in a thousand */
    fixture_free(plan, job);
    bs_sites_clear(&s);
}

static void test_margins(void **state)
{
    bs_plan *plan;
    bs_job *job;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "5",
                           "{id: 1, scope: inference, targets: all, margin: 0.05},"
                           "{id: 2, scope: inference, targets: {kind: activation}, margin: 0.05},"
                           "{id: 3, scope: inference, targets: all, margin: 0.05, fault: zero, count: all}",
                           10));
    assert_int_equal(plan->strata[0].repetitions, 385); /* 384.15 sets, each on all images */
    assert_int_equal(plan->strata[1].repetitions, 39);
    assert_int_equal(plan->strata[2].repetitions, 1); /* always the same set */
    assert_true(bs_stratum_faults(&plan->strata[2]) == 1);
    fixture_free(plan, job);
}

/* Copies of a trial would count as if they were different ones. */
static void test_nothing_drawn(void **state)
{
    static const struct fixed_case {
        const char *keys;
        uint32_t trials;
    } cases[] = {
        {"targets: conv1.bias, fault: none", 1},
        {"targets: conv1.bias, fault: zero, count: all", 1},
        {"targets: conv1.bias, bits: 30, count: all", 1},
        {"targets: all, scope: inference, ber: 1", 1},
        {"targets: conv1.bias, bits: [29, 30], count: all", 7},
        {"targets: conv1.bias, bits: [29, 30], count: all, shared_bit: true", 7},
        {"targets: conv1.bias, fault: random, range: [0, 1], count: all", 7},
        {"targets: conv1.bias, fault: zero, count: all, probability: 0.5", 7},
        {"targets: {kind: bias, probability: 0.5}, scope: inference, fault: zero, count: all", 7},
        {"targets: conv1.bias, fault: zero", 7},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char entry[160];
        bs_plan *plan;
        bs_job *job;
        snprintf(entry, sizeof entry, "{id: 1, trials: 7, %s}", cases[i].keys);
        assert_ok(fixture_plan(&plan, &job, "5", entry, 10));
        assert_int_equal(plan->strata[0].repetitions, cases[i].trials);
        assert_int_equal(bs_stratum_is_fixed(&plan->strata[0]), cases[i].trials == 1);
        fixture_free(plan, job);
    }
}

/* The network takes the last target id. */
static void test_too_many_targets(void **state)
{
    static bs_target targets[BS_NETWORK_TARGET + 1];
    bs_graph graph = *fixture_graph();
    bs_plan *plan;
    bs_job *job;
    (void)state;
    for (int i = 0; i <= BS_NETWORK_TARGET; i++)
        targets[i] = (bs_target){4, 0, BS_TARGET_ACTIVATION};
    graph.targets = targets;
    assert_ok(fixture_plan(&plan, &job, "1", "{id: 7, scope: inference, targets: {id: 5}}", 1));
    bs_plan_free(plan);
    graph.n_targets = BS_NETWORK_TARGET;
    assert_ok(bs_plan_create(&plan, job, &graph, 1));
    bs_plan_free(plan);
    graph.n_targets = BS_NETWORK_TARGET + 1;
    assert_int_equal(bs_plan_create(&plan, job, &graph, 1), BS_USAGE);
    assert_non_null(strstr(bs_error_message(), "entry 7: the model has 4096 targets"));
    assert_non_null(strstr(bs_error_hint(), "remove 'scope: inference'"));
    fixture_free(NULL, job);
    assert_ok(fixture_plan(&plan, &job, "1", "{id: 7, targets: {id: 5}}", 1));
    bs_plan_free(plan);
    assert_ok(bs_plan_create(&plan, job, &graph, 1));
    bs_plan_free(plan);
    fixture_free(NULL, job);
    assert_ok(fixture_plan(&plan, &job, "1", "{id: 7, targets: all}", 1));
    bs_plan_free(plan);
    assert_int_equal(bs_plan_create(&plan, job, &graph, 1), BS_USAGE);
    assert_non_null(strstr(bs_error_message(), "its id, 4095, means the whole network"));
    fixture_free(NULL, job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strata),
        cmocka_unit_test(test_hits_are_independent),
        cmocka_unit_test(test_sites_are_those_of_the_target),
        cmocka_unit_test(test_shared_bit),
        cmocka_unit_test(test_margins),
        cmocka_unit_test(test_nothing_drawn),
        cmocka_unit_test(test_too_many_targets),
    };
    return run_suite(tests, fixture_setup, fixture_teardown);
}
