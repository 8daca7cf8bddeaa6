/* Comparing campaigns, and proposing the next round. */
#include "test_store_fixture.h"

#include "fault/sample.h"
#include "store/contrast.h"
#include "store/rounds.h"

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

/* The bounds are the roots p of (p - r)^2 = z^2 p (1 - p) / n, found by bisection. */
static void test_wilson(void **state)
{
    double low, high;
    (void)state;
    bs_wilson(&low, &high, 0.2, 50, 0.95);
    assert_near(low, 0.1124375, 1e-7);
    assert_near(high, 0.3303711, 1e-7);
    bs_wilson(&low, &high, 0, 50, 0.95);
    assert_near(low, 0, 0);
    assert_near(high, 0.0713476, 1e-7);
}

/* The second campaign has more wrong answers in one stratum. */
static void differences_are_found(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_contrasts c = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, FX_ROWS, 100);
    assert_ok(bs_store_contrast(&c, f.db, other, 0.05));
    assert_int_equal(c.n, FX_STRATA);
    assert_int_equal(c.n_differ, 0);
    bs_contrasts_clear(&c);
    unlink(other);
    for (int i = 0; i < FX_ROWS; i++)
        if (fx_stratum_of(&f, &f.row[i]) == 1 && i % 2 == 0) {
            uint32_t image = bs_trial_from_id(f.row[i].id).image;
            f.row[i].died_at = -1;
            fx_answer(&f, &f.row[i].answer, (f.golden[image].answer.top[0] + 1) % FX_CLASSES);
        }
    fx_run(&f, other, 0, FX_ROWS, 100);
    assert_ok(bs_store_contrast(&c, f.db, other, 0.05));
    assert_int_equal(c.n_differ, 1);
    for (size_t i = 0; i < c.n; i++) {
        assert_int_equal(c.row[i].differs, i == 1);
        assert_true(c.row[i].q >= c.row[i].p && c.row[i].q <= c.row[i].p * (double)c.n + 1e-15);
    }
    assert_string_equal(c.row[1].name, "features.1");
    bs_contrasts_clear(&c);
    fx_number(other, "DELETE FROM layer_summary WHERE entry = 7");
    assert_ok(bs_store_contrast(&c, f.db, other, 0.05));
    assert_true(c.n == FX_STRATA - 1 && c.only[0] == 1 && c.only[1] == 0);
    bs_contrasts_clear(&c);
    fx_number(other, "UPDATE entry SET bits = 1 WHERE id = 2");
    assert_error(bs_store_contrast(&c, f.db, other, 0.05), "different faults");
    assert_error(bs_store_contrast(&c, f.db, "/nonexistent", 0.05), "No such file");
    bs_contrasts_clear(&c);
    fixture_close(&f);
}

/* A proposal that is followed is enough, as far as the rate stays what it was. */
static void rounds_reach_the_margin(void **state)
{
    (void)state;
    fixture f;
    bs_round *r;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    assert_ok(bs_rounds_plan(&r, &f.plan, f.db, 0.02, 0.95));
    for (int s = 0; s < FX_STRATA; s++) {
        assert_int_equal(r[s].trials, FX_IMAGES * FX_REPETITIONS);
        assert_false(r[s].reached);
        assert_true(r[s].next > r[s].now && r[s].now == FX_REPETITIONS);
        if (f.stratum[s].is_parameter)
            continue;
        double low, high, n = (double)r[s].next * FX_IMAGES;
        bs_wilson(&low, &high, r[s].rate, n, 0.95);
        assert_true((high - low) / 2 <= 0.02);
        bs_wilson(&low, &high, r[s].rate, n / 2, 0.95);
        assert_true((high - low) / 2 > 0.02); /* and not far too much */
    }
    free(r);
    assert_ok(bs_rounds_plan(&r, &f.plan, f.db, 0.4, 0.95));
    for (int s = 0; s < FX_STRATA; s++)
        assert_true(r[s].reached && r[s].next == r[s].now);
    free(r);
    /* A population of 12 faults is exhausted. */
    f.stratum[2].population = FX_REPETITIONS;
    assert_ok(bs_rounds_plan(&r, &f.plan, f.db, 1e-4, 0.95));
    assert_true(r[2].exhausted && r[2].next == r[2].now);
    free(r);
    f.job.seed++;
    assert_error(bs_rounds_plan(&r, &f.plan, f.db, 0.4, 0.95), "another seed");
    f.job.seed--;
    f.entry[1].fault.bits = 1;
    assert_error(bs_rounds_plan(&r, &f.plan, f.db, 0.4, 0.95), "fault entry 3");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_proportions),
        cmocka_unit_test(test_wilson),
        cmocka_unit_test(differences_are_found),
        cmocka_unit_test(rounds_reach_the_margin),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
