/* Proves the tables of bit error rates, how often bits are hit, and sample sizes. */
#include "support/fault_fixture.h"

#include "fault/ber.h"
#include "fault/sample.h"

#include <math.h>

/* P(hits <= k) of a binomial distribution by the logarithms of factorials: another way than the one under
 * test. */
static double binomial_cdf(uint32_t n, double p, uint32_t k)
{
    double sum = 0;
    for (uint32_t i = 0; i <= k && i <= n; i++)
        sum +=
            exp(lgamma(n + 1.0) - lgamma(i + 1.0) - lgamma(n - i + 1.0) + i * log(p) + (n - i) * log1p(-p));
    return sum;
}

static void test_tables(void **state)
{
    static const double rates[] = {1e-18, 1e-12,    1e-7, 1e-6, 1e-5, 3e-4, 1e-3,
                                   0.01,  1.0 / 64, 0.03, 0.1,  0.5,  0.9,  0.999999};
    (void)state;
    for (size_t r = 0; r < sizeof rates / sizeof *rates; r++) {
        bs_ber b;
        bs_ber_make(&b, rates[r]);
        assert_int_equal(b.block & (b.block - 1), 0);
        assert_in_range(b.block, BS_BER_MIN_BLOCK, BS_BER_MAX_BLOCK);
        assert_true(b.block == BS_BER_MIN_BLOCK || b.block * rates[r] <= 1.0);
        assert_true(b.block == BS_BER_MAX_BLOCK || b.block * rates[r] > 0.5);
        assert_in_range(b.steps, 1, b.block < BS_BER_STEPS ? b.block : BS_BER_STEPS);
        for (uint32_t i = 0; i < b.steps; i++) {
            assert_true(i == 0 || b.threshold[i - 1] <= b.threshold[i]);
            assert_true(fabs(ldexp((double)b.threshold[i], -64) - binomial_cdf(b.block, rates[r], i)) < 1e-8);
        }
        /* The share beyond the table is less than a random number can tell. */
        assert_true(1.0 - binomial_cdf(b.block, rates[r], b.steps) < 1e-8);
        assert_int_equal(bs_ber_hits(&b, UINT64_MAX), b.steps);
        for (uint32_t i = 0; i < b.steps; i++)
            if (b.threshold[i] > (i ? b.threshold[i - 1] : 0)) {
                assert_int_equal(bs_ber_hits(&b, b.threshold[i] - 1), i);
                assert_true(bs_ber_hits(&b, b.threshold[i]) > i);
            }
    }
}

/* Equal but for the last digits of a long double. */
static int near(uint64_t a, uint64_t b)
{
    return a - b + 16 <= 32;
}

static void test_exact_thresholds(void **state)
{
    bs_ber b;
    (void)state;
    bs_ber_make(&b, 0.5); /* 32 fair coins: P(0) = 2^-32, P(all) = 2^-32 */
    assert_int_equal(b.block, 32);
    assert_int_equal(b.steps, 32);
    assert_true(near(b.threshold[0], (uint64_t)1 << 32));
    assert_true(near(b.threshold[1], (uint64_t)33 << 32));
    assert_true(near(b.threshold[31], (uint64_t)0 - ((uint64_t)1 << 32)));
    /* A rate of 2^-40 and blocks of 2^20: P(hits > 0) = 2^-20 (1 - 2^-21 + ...). */
    bs_ber_make(&b, ldexp(1, -40));
    assert_int_equal(b.block, 1 << 20);
    uint64_t tail = (uint64_t)0 - b.threshold[0], first = (uint64_t)1 << 44, second = (uint64_t)1 << 23;
    assert_true(near(tail, first - second));
}

/* Hits of many trials: mean and variance of a binomial, and no bit preferred. */
static void check_rate(double rate, const char *entry, uint32_t target, uint32_t choices, uint32_t trials)
{
    bs_sites s = {0};
    bs_plan *plan;
    bs_job *job;
    double sum = 0, squares = 0, n = choices, bits = 0;
    double *per_bit = calloc(32, sizeof *per_bit);
    assert_non_null(per_bit);
    assert_ok(fixture_plan(&plan, &job, "11", entry, 1));
    assert_int_equal(plan->strata[0].population, choices);
    for (uint32_t r = 0; r < trials; r++) {
        double hits = 0;
        fixture_sites(&s, plan, 1, target, 0, r);
        for (size_t i = 0; i < s.n; i++) {
            assert_true(i == 0 || s.site[i - 1].element < s.site[i].element);
            for (int b = 0; b < 32; b++)
                if (s.site[i].toggle >> b & 1) {
                    per_bit[b]++;
                    hits++;
                }
        }
        sum += hits;
        squares += hits * hits;
    }
    double mean = sum / trials, variance = squares / trials - mean * mean;
    double expected = n * rate, expected_variance = n * rate * (1 - rate);
    /* Standard error of the variance: kurtosis of a binomial is 3 + (1 - 6 p q) / (n p q). */
    double excess = (1 - 6 * rate * (1 - rate)) / expected_variance;
    assert_true(fabs(mean - expected) < 4 * sqrt(expected_variance / trials));
    assert_true(fabs(variance - expected_variance) < 4 * expected_variance * sqrt((2 + excess) / trials));
    for (int b = 0; b < 32; b++)
        bits += (per_bit[b] - sum / 32) * (per_bit[b] - sum / 32) / (sum / 32) / (1 - rate);
    assert_true(bits < 61.1); /* chi-square, 31 degrees of freedom, one in a thousand */
    fixture_free(plan, job);
    bs_sites_clear(&s);
    free(per_bit);
}

static void test_hits_are_binomial(void **state)
{
    (void)state;
    check_rate(1e-3, "{id: 1, targets: relu1, ber: 1e-3}", RELU_OUT, 256 * 32, 20000);
    check_rate(1e-5, "{id: 1, targets: fc.weight, ber: 1e-5}", FC_W, 2560 * 32, 40000);
    check_rate(0.02, "{id: 1, targets: 'logits*', ber: 0.02}", LOGITS, 320, 20000); /* last block: half */
    check_rate(0.5, "{id: 1, targets: conv1.bias, ber: 0.5}", CONV_B, 128, 10000);
    check_rate(0.97, "{id: 1, targets: conv1.bias, ber: 0.97}", CONV_B, 128, 10000);
}

/* Only allowed bits are hit; whole-value kinds hit elements with that probability. */
static void test_rate_of_bits_and_values(void **state)
{
    bs_sites s = {0};
    bs_plan *plan;
    bs_job *job;
    double hits = 0;
    (void)state;
    assert_ok(fixture_plan(&plan, &job, "5",
                           "{id: 1, targets: relu1, ber: 0.1, bits: exponent, fault: stuck-at-0},"
                           "{id: 2, targets: relu1, ber: 0.1, fault: random, range: [1, 2]}",
                           1));
    for (uint32_t r = 0; r < 200; r++) {
        fixture_sites(&s, plan, 1, RELU_OUT, 0, r);
        for (size_t i = 0; i < s.n; i++)
            assert_int_equal(~s.site[i].keep & ~BS_EXPONENT_MASK, 0);
        fixture_sites(&s, plan, 2, RELU_OUT, 0, r);
        hits += (double)s.n;
        for (size_t i = 0; i < s.n; i++) {
            float v = bs_bits_float(s.site[i].toggle);
            assert_true(s.site[i].keep == 0 && v >= 1.0f && v < 2.0f);
            assert_true(i == 0 || s.site[i].toggle != s.site[i - 1].toggle);
        }
    }
    assert_true(fabs(hits / 200 - 25.6) < 4 * sqrt(256 * 0.09 / 200));
    fixture_free(plan, job);
    bs_sites_clear(&s);
}

static void test_sample_size(void **state)
{
    uint64_t n;
    double margin;
    (void)state;
    assert_true(fabs(bs_two_sided_quantile(0.95) - 1.959963984540054) < 1e-9);
    assert_true(fabs(bs_two_sided_quantile(0.998) - 3.090232306167813) < 1e-9);
    assert_ok(bs_sample_size(&n, 1e18, 0.01, 0.95, 0.5)); /* 0.25 * (1.959964 / 0.01)^2 = 9603.6 */
    assert_int_equal(n, 9604);
    assert_ok(bs_sample_size(&n, 1e6, 0.01, 0.95,
                             0.5)); /* 1e6 / (1 + 1e-4 * 999999 / (3.841459 * 0.25)) = 9512.6 */
    assert_int_equal(n, 9513);
    assert_ok(bs_sample_size(&n, 1e6, 0.05, 0.99,
                             0.5)); /* 1e6 / (1 + 2.5e-3 * 999999 / (6.634897 * 0.25)) = 663.05 */
    assert_int_equal(n, 664);
    assert_ok(bs_sample_size(&n, 100, 0.01, 0.99, 0.5));
    assert_int_equal(n, 100);
    assert_ok(bs_sample_size(&n, 1, 0.5, 0.5, 0.5));
    assert_int_equal(n, 1);
    assert_ok(bs_sample_margin(&margin, 1e6, 9513, 0.95, 0.5));
    assert_true(fabs(margin - 0.01) < 1e-6);
    assert_ok(bs_sample_margin(&margin, 50, 50, 0.95, 0.5));
    assert_true(margin == 0.0);
    assert_error(bs_sample_size(&n, 0, 0.1, 0.9, 0.5), "population");
    assert_error(bs_sample_size(&n, (double)NAN, 0.1, 0.9, 0.5), "population");
    assert_error(bs_sample_size(&n, 10, 0, 0.9, 0.5), "margin");
    assert_error(bs_sample_size(&n, 10, 0.1, 1, 0.5), "confidence");
    assert_error(bs_sample_size(&n, 10, 0.1, 0.9, 1), "expected share");
    assert_error(bs_sample_margin(&margin, 10, 0, 0.9, 0.5), "no trials");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tables),
        cmocka_unit_test(test_exact_thresholds),
        cmocka_unit_test(test_hits_are_binomial),
        cmocka_unit_test(test_rate_of_bits_and_values),
        cmocka_unit_test(test_sample_size),
    };
    return run_suite(tests, fixture_setup, fixture_teardown);
}
