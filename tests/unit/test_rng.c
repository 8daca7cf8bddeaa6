/* Proves the random numbers, the trial ids and the sites that follow from them. */
#include "support/testing.h"

#include "fault.h"
#include "rng.h"
#include "trial.h"

static void test_philox_known_answers(void **state)
{
    /* The vectors that Random123 publishes for philox4x32, 10 rounds. */
    static const struct {
        uint32_t ctr[4], key[2], out[4];
    } vectors[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
         {0xffffffff, 0xffffffff},
         {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        const uint32_t *c = vectors[i].ctr, *k = vectors[i].key, *o = vectors[i].out;
        uint64_t seed = (uint64_t)k[1] << 32 | k[0], trial = (uint64_t)c[1] << 32 | c[0];
        uint64_t r = bs_draw(seed, trial, c[2], c[3]);
        assert_int_equal((uint32_t)r, o[0]);
        assert_int_equal((uint32_t)(r >> 32), o[1]);
    }
}

static void test_scale(void **state)
{
    (void)state;
    assert_int_equal(bs_scale(0, 1000), 0);
    assert_int_equal(bs_scale(UINT64_MAX, 1000), 999);
    assert_int_equal(bs_scale((uint64_t)1 << 63, 1000), 500);
    assert_int_equal(bs_scale(UINT64_MAX, UINT64_MAX), UINT64_MAX - 1);
    assert_true(bs_unit_float(UINT64_MAX) < 1.0f);
    assert_true(bs_unit_float(0) == 0.0f);
}

static void test_trial_id_round_trip(void **state)
{
    static const uint32_t entry[] = {0, 1, 128, 255}, target[] = {0, 1, 4095},
                          image[] = {0, 5, (1u << 23) - 1}, repetition[] = {0, 9, (1u << 20) - 1};
    (void)state;
    uint64_t last = 0;
    for (int e = 0; e < 4; e++)
        for (int t = 0; t < 3; t++)
            for (int i = 0; i < 3; i++)
                for (int r = 0; r < 3; r++) {
                    bs_trial_coords trial = {entry[e], target[t], image[i], repetition[r]};
                    uint64_t id = bs_trial_id(trial);
                    bs_trial_coords back = bs_trial_coords_from_id(id);
                    assert_memory_equal(&trial, &back, sizeof trial);
                    assert_true((int64_t)id >= 0);
                    assert_true(id > last || last == 0); /* sorted like its coordinates */
                    last = id;
                }
    bs_trial_coords t = {3, 4, 5, 6};
    assert_int_equal(bs_trial_counter(t, 0), bs_trial_id(t));
    t.image = 0;
    assert_int_equal(bs_trial_counter((bs_trial_coords){3, 4, 5, 6}, 1), bs_trial_id(t));
}

/* Chi-square of counts against equal shares. */
static double chi_square(const uint32_t *count, int n, double total)
{
    double x = 0, expected = total / n;
    for (int i = 0; i < n; i++)
        x += (count[i] - expected) * (count[i] - expected) / expected;
    return x;
}

static void test_sites_are_uniform(void **state)
{
    enum { ELEMENTS = 100, TRIALS = 320000 };
    static uint32_t element[ELEMENTS], bit[32], both[ELEMENTS * 32];
    bs_fault_model m = {.kind = BS_FAULT_FLIP, .bits = 0xffffffffu, .burst = 1, .count = 1};
    (void)state;
    for (uint32_t r = 0; r < TRIALS; r++) {
        uint64_t counter = bs_trial_id((bs_trial_coords){1, 2, r / 1000, r % 1000});
        uint64_t at = bs_fault_attempt((uint64_t)ELEMENTS * 32, 42, counter, 0);
        bs_site s = bs_fault_site(&m, at, 42, counter, 0);
        int b = 0;
        while (s.toggle >> b != 1)
            b++;
        assert_true(s.element < ELEMENTS && s.keep == 0xffffffffu && s.toggle == 1u << b);
        element[s.element]++;
        bit[b]++;
        both[s.element * 32 + (uint32_t)b]++;
    }
    /* Upper points of chi-square at one in a thousand: 99, 31 and 3199 degrees of freedom. */
    assert_true(chi_square(element, ELEMENTS, TRIALS) < 148.2);
    assert_true(chi_square(bit, 32, TRIALS) < 61.1);
    assert_true(chi_square(both, ELEMENTS * 32, TRIALS) < 3453.0);
}

/* Pairs of consecutive trials, and of draws of a trial, must not be correlated. */
static void test_draws_are_independent(void **state)
{
    enum { N = 100000 };
    static uint32_t by_trial[256], by_draw[256], by_seed[256];
    (void)state;
    for (uint32_t i = 0; i < N; i++) {
        uint32_t a = (uint32_t)bs_scale(bs_draw(7, i, 0, BS_PURPOSE_SITE), 16);
        by_trial[a * 16 + bs_scale(bs_draw(7, i + 1, 0, BS_PURPOSE_SITE), 16)]++;
        by_draw[a * 16 + bs_scale(bs_draw(7, i, 1, BS_PURPOSE_SITE), 16)]++;
        by_seed[a * 16 + bs_scale(bs_draw(8, i, 0, BS_PURPOSE_SITE), 16)]++;
    }
    assert_true(chi_square(by_trial, 256, N) < 330.5); /* 255 degrees of freedom, one in a thousand */
    assert_true(chi_square(by_draw, 256, N) < 330.5);
    assert_true(chi_square(by_seed, 256, N) < 330.5);
}

static void test_masks(void **state)
{
    bs_fault_model m = {.kind = BS_FAULT_FLIP, .bits = BS_EXPONENT_MASK, .burst = 3};
    (void)state;
    assert_int_equal(bs_fault_choices(&m), 8);
    bs_site s = bs_fault_site(&m, 8 * 5 + 0, 1, 1, 0); /* element 5, bit 23 */
    assert_int_equal(s.element, 5);
    assert_int_equal(s.toggle, 0x7u << 23);
    s = bs_fault_site(&m, 8 * 5 + 7, 1, 1, 0); /* bit 30: clipped above the sign */
    assert_int_equal(s.toggle, 0xc0000000u);
    m.burst = 32;
    assert_int_equal(bs_fault_site(&m, 0, 1, 1, 0).toggle, 0xff800000u);

    m.burst = 2;
    m.kind = BS_FAULT_STUCK0;
    s = bs_fault_site(&m, 0, 1, 1, 0);
    assert_int_equal(bs_site_apply(s, 0xffffffffu), 0xfe7fffffu);
    assert_int_equal(bs_site_apply(s, 0), 0);
    m.kind = BS_FAULT_STUCK1;
    s = bs_fault_site(&m, 0, 1, 1, 0);
    assert_int_equal(bs_site_apply(s, 0), 0x01800000u);
    assert_int_equal(bs_site_apply(s, 0xffffffffu), 0xffffffffu);

    m = (bs_fault_model){.kind = BS_FAULT_SET, .value = 1.5f};
    assert_int_equal(bs_fault_choices(&m), 1);
    s = bs_fault_site(&m, 9, 1, 1, 0);
    assert_int_equal(s.element, 9);
    assert_int_equal(bs_site_apply(s, 0x12345678), 0x3fc00000);
    m.kind = BS_FAULT_ZERO;
    assert_int_equal(bs_site_apply(bs_fault_site(&m, 9, 1, 1, 0), 0x12345678), 0);
}

static void test_random_values(void **state)
{
    bs_fault_model m = {.kind = BS_FAULT_RANDOM, .low = -2.0f, .high = 6.0f};
    double sum = 0, squares = 0;
    (void)state;
    for (uint32_t i = 0; i < 20000; i++) {
        float v = bs_bits_float(bs_fault_site(&m, 0, 5, i, 0).toggle);
        assert_true(v >= -2.0f && v < 6.0f);
        sum += v;
        squares += (double)v * v;
    }
    double mean = sum / 20000, variance = squares / 20000 - mean * mean;
    assert_true(fabs(mean - 2.0) < 0.06);             /* 4 standard errors are 0.065 */
    assert_true(fabs(variance - 64.0 / 12.0) < 0.14); /* 4 standard errors are 0.135 */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_philox_known_answers),  cmocka_unit_test(test_scale),
        cmocka_unit_test(test_trial_id_round_trip),   cmocka_unit_test(test_sites_are_uniform),
        cmocka_unit_test(test_draws_are_independent), cmocka_unit_test(test_masks),
        cmocka_unit_test(test_random_values),
    };
    return run_suite(tests, NULL, NULL);
}
