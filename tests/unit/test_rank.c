/* Proves that the ranks and probabilities of kernels/rank.h agree with plain sums in double. */
#include "support/graph_builder.h"
#include "support/testing.h"

#include "rank.h"

/* The sum in whole numbers is as good as one in double. */
static void test_probability(void **state)
{
    (void)state;
    enum { CLASSES = 1000 };
    float v[CLASSES];
    uint64_t random = 3;
    for (int scale = 1; scale < 100; scale *= 3) {
        double sum = 0, top = -INFINITY;
        for (int k = 0; k < CLASSES; k++) {
            v[k] = gb_uniform(&random) * (float)scale;
            top = (double)v[k] > top ? (double)v[k] : top;
        }
        for (int k = 0; k < CLASSES; k++)
            sum += exp((double)v[k] - top);
        for (int k = 0; k < CLASSES; k += 37) {
            double p = exp((double)v[k] - top) / sum;
            assert_true(fabs((double)bs_rank(v, CLASSES, k, 0).p_golden - p) <=
                        1e-7 * p + 1e-44); /* floats end there */
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_probability),
    };
    return run_suite(tests, NULL, NULL);
}
