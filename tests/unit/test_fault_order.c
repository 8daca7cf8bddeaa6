/* Proves that sites are drawn without replacement, and how many trials a margin of error needs. */
#include "support/fault_fixture.h"

#include "fault.h"
#include "fault/sample.h"

/* For populations of all kinds: each choice once a cycle, and another order in the next cycle and unit. */
static void test_every_choice_once(void **state)
{
    static const uint32_t sizes[] = {1, 2, 3, 4, 5, 16, 17, 63, 320, 1000, 4096, 4608, 70000};
    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        uint32_t n = sizes[i], same_cycle = 0, same_unit = 0;
        uint8_t *seen = calloc(n, 1);
        assert_non_null(seen);
        for (uint32_t r = 0; r < n; r++) {
            uint64_t at = bs_fault_ordered(n, 99, 5u << 20, r);
            assert_true(at < n);
            assert_int_equal(seen[at]++, 0);
            same_cycle += at == bs_fault_ordered(n, 99, 5u << 20, r + n);
            same_unit += at == bs_fault_ordered(n, 99, 6u << 20, r);
        }
        if (n >= 320) {
            assert_true(same_cycle < n / 10);
            assert_true(same_unit < n / 10);
        }
        free(seen);
    }
}

/* The k-th site of a unit is uniform, and so is the pair of the first two: chi-square over 40,000 units. */
static void test_uniform(void **state)
{
    enum { N = 10, UNITS = 40000 };
    int one[3][N] = {{0}}, two[N][N] = {{0}};
    (void)state;
    for (uint64_t u = 0; u < UNITS; u++) {
        uint64_t a = bs_fault_ordered(N, 7, u << 20, 0), b = bs_fault_ordered(N, 7, u << 20, 1);
        one[0][a]++;
        one[1][b]++;
        one[2][bs_fault_ordered(N, 7, u << 20, N - 1)]++;
        two[a][b]++;
    }
    for (int k = 0; k < 3; k++) {
        double chi = 0, want = (double)UNITS / N;
        for (int i = 0; i < N; i++)
            chi += (one[k][i] - want) * (one[k][i] - want) / want;
        assert_true(chi < 27.9); /* 9 degrees of freedom: beyond it 0.1 % */
    }
    double chi = 0, want = (double)UNITS / (N * (N - 1));
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) {
            if (i == j)
                assert_int_equal(two[i][j], 0);
            else
                chi += (two[i][j] - want) * (two[i][j] - want) / want;
        }
    assert_true(chi < 135.9); /* 89 degrees of freedom: beyond it 0.1 % */
}

static void test_plans_exhaust(void **state)
{
    bs_sites s = {0};
    bs_plan *plan;
    bs_job *job;
    uint8_t seen[4][32] = {{0}};
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "3", "{id: 1, targets: conv1.bias, trials: 128}", 2));
    for (uint32_t r = 0; r < 128; r++) {
        fixture_sites(&s, plan, 1, CONV_B, 1, r);
        assert_int_equal(s.n, 1);
        assert_int_equal(seen[s.site[0].element][__builtin_ctz(s.site[0].toggle)]++, 0);
    }
    fixture_free(plan, job);
    bs_sites_clear(&s);
}

/* Leveugle's n, worked out by hand for t = 1.959964: N = 4 x 32 = 128 biases, 8192 bits x 10 images. */
static void test_margins(void **state)
{
    bs_plan *plan;
    bs_job *job;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "3", "{id: 1, targets: [conv1.bias, relu1], margin: 0.05}", 10));
    assert_int_equal(plan->n_strata, 2);
    assert_int_equal(plan->strata[0].repetitions, 97); /* 96.20: faults */
    assert_int_equal(plan->strata[1].repetitions, 39); /* 382.4 over 10 images */
    assert_int_equal(plan->trials, 97 * 10 + 39 * 10);
    fixture_free(plan, job);
    assert_ok(fixture_plan(&plan, &job, "3",
                           "{id: 1, targets: relu1, margin: 0.01, confidence: 0.99, count: 2}", 10));
    assert_int_equal(plan->strata[0].repetitions, 1659); /* 16587.2: pairs of sites are infinitely many */
    fixture_free(plan, job);
    assert_error(fixture_plan(&plan, &job, "3", "{id: 1, targets: relu1, ber: 1e-3, margin: 1e-4}", 10),
                 "more trials than can be numbered");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_choice_once),
        cmocka_unit_test(test_uniform),
        cmocka_unit_test(test_plans_exhaust),
        cmocka_unit_test(test_margins),
    };
    return run_suite(tests, fixture_setup, fixture_teardown);
}
