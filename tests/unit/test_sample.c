/* Proves the intervals of shares by sums of binomial probabilities. */
#include "support/testing.h"

#include "fault/sample.h"

#include <math.h>

static void assert_near(double have, double want, double tolerance)
{
    if (!(fabs(have - want) <= tolerance))
        fail_msg("%.12g, expected %.12g", have, want);
}

static double term(int n, int x, double p)
{
    if (p <= 0 || p >= 1)
        return x == (p <= 0 ? 0 : n);
    return exp(lgamma(n + 1.0) - lgamma(x + 1.0) - lgamma(n - x + 1.0) + x * log(p) + (n - x) * log1p(-p));
}

/* P(X >= k) of a binomial X. */
static double tail(int n, int k, double p)
{
    double sum = 0;
    for (int x = k; x <= n; x++)
        sum += term(n, x, p);
    return sum;
}

static void test_incomplete_beta(void **state)
{
    (void)state;
    for (int n = 1; n <= 300; n = n * 3 + 1)
        for (int k = 1; k <= n; k += 1 + n / 17)
            for (double p = 0.003; p < 1; p = 1.7 * p + 0.01)
                assert_near(bs_incomplete_beta(p, k, n - k + 1), tail(n, k, p), 1e-11);
    assert_near(bs_incomplete_beta(0, 2, 3), 0, 0);
    assert_near(bs_incomplete_beta(1, 2, 3), 1, 0);
    /* I_x(1/2, 1/2) = 2/pi asin sqrt(x): the arcsine law. */
    assert_near(bs_incomplete_beta(0.2, 0.5, 0.5), 0.63661977236758 * asin(sqrt(0.2)), 1e-13);
    /* Small tails keep their digits: x^a. */
    assert_near(bs_incomplete_beta(0.5, 100, 1) / ldexp(1, -100), 1, 1e-10);
    assert_near(bs_incomplete_beta(0.5, 5e6, 5e6), 0.5, 1e-7); /* lgamma() has 16 digits */
    for (double p = 0.001; p < 1; p += 0.0717)
        assert_near(bs_incomplete_beta(bs_beta_quantile(p, 2.5, 17.25), 2.5, 17.25), p, 1e-12);
}

/* At a bound of the exact interval, what was seen or more (or less) has the probability that is left. */
static void test_clopper_pearson(void **state)
{
    (void)state;
    for (int n = 1; n <= 400; n = n * 2 + 3)
        for (int k = 0; k <= n; k += 1 + n / 23) {
            double low, high;
            bs_clopper_pearson(&low, &high, k, n, 0.9);
            assert_near(k > 0 ? tail(n, k, low) : 0.05, 0.05, 1e-9);
            assert_near(k < n ? 1 - tail(n, k + 1, high) : 0.05, 0.05, 1e-9);
            assert_true((k > 0 || low == 0) && (k < n || high == 1) && low <= (double)k / n &&
                        high >= (double)k / n);
            assert_near(bs_clopper_pearson_lower(k, n, 0.95), low, 1e-12);
            assert_near(bs_clopper_pearson_upper(k, n, 0.95), high, 1e-12);
        }
    /* The rule of three. */
    assert_near(bs_clopper_pearson_upper(0, 1000, 0.95), 1 - pow(0.05, 1e-3), 1e-12);
    /* Parts of an observation lie between whole ones. */
    double upper = bs_clopper_pearson_upper(2.5, 40.5, 0.95);
    assert_true(upper > bs_clopper_pearson_upper(2, 41, 0.95) &&
                upper < bs_clopper_pearson_upper(3, 40, 0.95));
    /* A million and more. */
    upper = bs_clopper_pearson_upper(1e4, 1e7, 0.975);
    assert_near(upper, 1e-3 + 1.96 * sqrt(1e-3 / 1e7), 2e-7);
}

/* The closed form is close to the exact bounds, and like them symmetric. */
static void test_share_bounds(void **state)
{
    (void)state;
    for (double confidence = 0.9; confidence < 0.9995; confidence = 1 - (1 - confidence) / 2.3)
        for (int n = 2; n <= 3000; n = n * 2 + 1)
            for (int k = 0; k <= n; k += 1 + n / 19) {
                double low, high, exact_low, exact_high, mirror_low, mirror_high;
                bs_share_bounds(&low, &high, (double)k / n, n, confidence);
                bs_clopper_pearson(&exact_low, &exact_high, k, n, confidence);
                assert_near(low, exact_low, 0.05 * sqrt(1.0 / n));
                assert_near(high, exact_high, 0.05 * sqrt(1.0 / n));
                bs_share_bounds(&mirror_low, &mirror_high, 1 - (double)k / n, n, confidence);
                assert_near(mirror_low, 1 - high, 1e-9);
                assert_near(mirror_high, 1 - low, 1e-9);
            }
}

/* Of half an event: no lower bound above 0, and an upper one between those of none and one. */
static void test_bounds_of_parts(void **state)
{
    double low, high, none, one;
    (void)state;
    bs_share_bounds(&low, &none, 0, 30, 0.95);
    bs_share_bounds(&low, &one, 1.0 / 30, 30, 0.95);
    bs_share_bounds(&low, &high, 0.5 / 30, 30, 0.95);
    assert_true(low == 0 && high > none && high < one);
    bs_share_bounds(&low, &high, 1 - 0.5 / 30, 30, 0.95);
    assert_true(high == 1 && low < 0.9);
    bs_share_bounds(&low, &high, 0.3, 1, 0.95);
    assert_true(low == 0 && high == 1);
}

/* Bounds cover what they say, at any confidence: the closed form within 0.0015, the exact ones always. */
static void intervals_cover(void **state)
{
    static const double confidences[] = {0.5, 0.9, 0.95, 0.99};
    (void)state;
    for (int c = 0; c < 4; c++)
        for (int n = 1; n <= 160; n = n * 2 + 3) {
            double low[161], high[161], exact_low[161], exact_high[161], least = 1, least_exact = 1;
            for (int k = 0; k <= n; k++) {
                bs_share_bounds(&low[k], &high[k], (double)k / n, n, confidences[c]);
                bs_clopper_pearson(&exact_low[k], &exact_high[k], k, n, confidences[c]);
            }
            for (double p = 0.0005; p < 1; p += 0.0005) {
                double covered = 0, exact = 0;
                for (int k = 0; k <= n; k++) {
                    double t = term(n, k, p);
                    covered += t * (low[k] <= p && p <= high[k]);
                    exact += t * (exact_low[k] <= p && p <= exact_high[k]);
                }
                least = fmin(least, covered);
                least_exact = fmin(least_exact, exact);
            }
            if (least < confidences[c] - 0.0015 || least_exact < confidences[c] - 1e-9)
                fail_msg("%g, n = %d: covered %.4f and %.4f", confidences[c], n, least, least_exact);
        }
}

/* ln of n over k. */
static double log_choose(int n, int k)
{
    return lgamma(n + 1.0) - lgamma(k + 1.0) - lgamma(n - k + 1.0);
}

/* Of N faults, D of them harmful, n are drawn: bounds at n' cover D/N, by the exact hypergeometric
 * distribution. */
static void bounds_cover_without_replacement(int N, int n)
{
    double low[201], high[201], upper[201], other;
    double worth = bs_without_replacement(n, N);
    for (int k = 0; k <= n; k++) {
        bs_share_bounds(&low[k], &high[k], (double)k / n, worth, 0.95);
        bs_share_bounds(&other, &upper[k], (double)k / n, worth, 0.9);
    }
    for (int D = 0; D <= N; D++) {
        double p = (double)D / N, two_sided = 0, one_sided = 0;
        for (int k = D + n > N ? D + n - N : 0; k <= n && k <= D; k++) {
            double t = exp(log_choose(D, k) + log_choose(N - D, n - k) - log_choose(N, n));
            two_sided += t * (low[k] <= p + 1e-12 && p <= high[k] + 1e-12);
            one_sided += t * (p <= upper[k] + 1e-12);
        }
        if (two_sided < 0.95 || one_sided < 0.94)
            fail_msg("%d of %d, %d harmful: covered %.4f and %.4f", n, N, D, two_sided, one_sided);
    }
}

static void test_without_replacement(void **state)
{
    static const int populations[] = {10, 16, 31, 60, 120, 200};
    (void)state;
    for (int i = 0; i < 6; i++)
        for (int n = (populations[i] + 9) / 10; n <= 0.98 * populations[i]; n += 1 + populations[i] / 25)
            bounds_cover_without_replacement(populations[i], n);
    bounds_cover_without_replacement(50, 49);
    bounds_cover_without_replacement(80, 76);
    bounds_cover_without_replacement(150, 118); /* one harmful: n (N-1)/(N-n) covers 0.787 */
    /* (1 - n/N)^(N p) = (1 - p)^n' for one harmful fault, to the first order. */
    assert_near(bs_without_replacement(500, 1000), 1000 * log(2), 1e-9);
    assert_near(bs_without_replacement(1e4, 1e12), 1e4, 1e-3);
    assert_near(bs_without_replacement(7, (double)INFINITY), 7, 0);
    assert_true(isinf(bs_without_replacement(16, 16)));
    assert_near(bs_without_replacement(17, 16), 17, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_incomplete_beta), cmocka_unit_test(test_clopper_pearson),
        cmocka_unit_test(test_share_bounds),    cmocka_unit_test(test_bounds_of_parts),
        cmocka_unit_test(intervals_cover),      cmocka_unit_test(test_without_replacement),
    };
    return run_suite(tests, NULL, NULL);
}
