/* Proves the tests and powers of `bitsink compare` by tables and sums of probabilities. */
#include "support/testing.h"

#include "store/significance.h"

#include <math.h>

static void assert_near(double have, double want, double tolerance)
{
    if (!(fabs(have - want) <= tolerance))
        fail_msg("%.9g, expected %.9g", have, want);
}

/* R 4.2: prop.test(c(15, 25), c(50, 50)): X-squared = 3.375, p-value = 0.06619; the others the same way. */
static void test_two_proportions(void **state)
{
    (void)state;
    assert_near(bs_two_proportions(15.0 / 50, 50, 25.0 / 50, 50), 0.06619258, 1e-6);
    assert_near(bs_two_proportions(25.0 / 50, 50, 15.0 / 50, 50), 0.06619258, 1e-6);
    assert_near(bs_two_proportions(0.2, 50, 0.2, 70), 1.0, 0);
    assert_near(bs_two_proportions(0, 50, 0, 70), 1.0, 0);
    assert_near(bs_two_proportions(0, 1, 1, 1), 1.0, 0); /* two trials prove nothing */
    assert_true(bs_two_proportions(0.1, 1e5, 0.12, 1e5) < 1e-40);
}

/* Without the exact test, 1 of 5 against 100 of 100,000 would have p = 1e-12; P(X >= 1) is about 5 x 0.00101.
 */
static void test_few_against_many(void **state)
{
    (void)state;
    assert_near(bs_two_proportions(0.2, 5, 0.001, 1e5), 2 * 5.039e-3, 2e-5);
    assert_near(bs_two_proportions(0.001, 1e5, 0.2, 5), 2 * 5.039e-3, 2e-5);
    /* Fisher, one-sided, doubled: 0.0372225; the chi-square alone says 0.0179. */
    assert_near(bs_two_proportions(3.0 / 10, 10, 2.0 / 60, 60), 0.0372225, 1e-6);
    /* And here it is the chi-square that is larger: 0.1028 and 0.1077. */
    assert_near(bs_two_proportions(6.0 / 30, 30, 1.0 / 30, 30), 0.1077034, 1e-6);
    /* A census: the other one is a binomial sample, P(X >= 4), n = 20, p = 0.05. */
    assert_near(bs_two_proportions(0.2, 20, 0.05, (double)INFINITY), 2 * 0.0159015, 1e-6);
    assert_near(bs_two_proportions(0.05, (double)INFINITY, 0.2, 20), 2 * 0.0159015, 1e-6);
    assert_near(bs_two_proportions(0.8, 20, 0.95, (double)INFINITY), 2 * 0.0159015, 1e-6);
    assert_near(bs_two_proportions(0, (double)INFINITY, 0.01, 200), 0, 0);
    assert_near(bs_two_proportions(0.1, (double)INFINITY, 0.11, (double)INFINITY), 0, 0);
    assert_near(bs_two_proportions(0.1, (double)INFINITY, 0.1, (double)INFINITY), 1, 0);
}

/* P(X >= k) of a binomial X, summed up. */
static double tail(int n, int k, double p)
{
    double sum = 0;
    for (int x = k; x <= n; x++)
        sum +=
            exp(lgamma(n + 1.0) - lgamma(x + 1.0) - lgamma(n - x + 1.0) + x * log(p) + (n - x) * log1p(-p));
    return sum;
}

static void test_mcnemar(void **state)
{
    (void)state;
    for (int b = 0; b <= 12; b++)
        for (int c = 0; c <= 12; c++)
            assert_near(bs_mcnemar(b, c), b == c ? 1 : fmin(1, 2 * tail(b + c, b > c ? b : c, 0.5)), 1e-12);
    assert_near(bs_mcnemar(0, 5), 0.0625, 1e-15);
    assert_true(bs_mcnemar(0, 100) > 0 && bs_mcnemar(0, 100) < 2e-30);
    assert_near(bs_mcnemar(500000, 500000 + 1960), 0.0503377, 1e-7);
}

/* At the change that is said to be detectable, the exact test finds it in about 80 % of the cases. */
static void test_detectable_pairs(void **state)
{
    (void)state;
    /* No background, level 0.05: six pairs are needed. */
    double delta = bs_detectable_pairs(0, 0, 10, 0.05);
    assert_near(tail(10, 6, delta), 0.8, 1e-6);
    assert_true(isinf(bs_detectable_pairs(0, 0, 5, 0.05)));
    assert_true(isinf(bs_detectable_pairs(3, 3, 5, 0.01)));
    for (int n = 200; n <= 2000; n *= 10) {
        int background = 8;
        delta = bs_detectable_pairs(background + 3, background, n, 0.01);
        double found = 0;
        for (int x = 0; x <= n; x++) /* of the background, half turns each way: discordance 2 x 8 of n */
            if (tail(n, x, delta) > 1e-12)
                found += (tail(n, x, delta) - (x < n ? tail(n, x + 1, delta) : 0)) *
                         (bs_mcnemar(background + x, background) <= 0.01);
        assert_true(found > 0.78 && found < 0.97);
    }
    assert_true(bs_detectable_pairs(0, 0, 1e6, 0.01) < 2e-5);
}

static void test_detectable_proportions(void **state)
{
    (void)state;
    /* Fleiss, Tytun, Ury: 0.1 against 0.2, two-sided 5 %, 80 %: about 199 + 2/0.1 a group. */
    double delta = bs_detectable_proportions(0.1, 219, 0.1, 219, 0.05);
    assert_near(delta, 0.1, 0.001);
    assert_near(bs_detectable_proportions(0.9, 219, 0.9, 219, 0.05), delta, 1e-9);
    assert_true(isinf(bs_detectable_proportions(0.5, 3, 0.5, 3, 0.05)));
    assert_true(bs_detectable_proportions(0.1, 219, 0.1, (double)INFINITY, 0.05) < delta);
    assert_near(bs_detectable_proportions(0.1, (double)INFINITY, 0.1, (double)INFINITY, 0.05), 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_proportions),
        cmocka_unit_test(test_few_against_many),
        cmocka_unit_test(test_mcnemar),
        cmocka_unit_test(test_detectable_pairs),
        cmocka_unit_test(test_detectable_proportions),
    };
    return run_suite(tests, NULL, NULL);
}
