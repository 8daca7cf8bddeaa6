/* Comparing campaigns. */
#include "test_store_fixture.h"

#include "store/contrast.h"
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

static void compare(bs_contrasts *c, const char *a, const char *b, const char *map, bool by_position)
{
    bs_contrast_options o = {.fdr = 0.05, .map = map, .by_position = by_position};
    assert_ok(bs_store_contrast(c, a, b, &o));
}

static const bs_contrast *row_of(const bs_contrasts *c, int entry, const char *name,
                                 bs_contrast_outcome outcome)
{
    for (size_t i = 0; i < c->n; i++)
        if (c->row[i].entry == entry && strcmp(c->row[i].name[0], name) == 0 && c->row[i].outcome == outcome)
            return &c->row[i];
    fail_msg("no row of %s", name);
    return NULL;
}

/* The second campaign has more wrong answers in one stratum, and its weights do less harm. */
static void worsen(fixture *f)
{
    for (int i = 0; i < FX_ROWS; i++) {
        uint32_t image = bs_trial_from_id(f->row[i].id).image;
        int s = fx_stratum_of(f, &f->row[i]);
        if (s == 1 && i % 8 == 0) {
            f->row[i].died_at = -1;
            fx_answer(f, &f->row[i].answer, (f->golden[image].answer.top[0] + 1) % FX_CLASSES);
        } else if (s == 2) {
            f->row[i].died_at = 1;
        }
    }
}

/* Asks the views of both files about one paired row. */
static void check_row(sqlite3 *h, const bs_contrast *r, int side)
{
    const char *o = bs_contrast_outcome_name[r->outcome], *mine = side == 0 ? "a" : "b",
               *its = side == 0 ? "b" : "a";
    sqlite3_stmt *q;
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT sum(d > 0), count(*), sum(s) * 1.0 / sum(n) FROM (SELECT sum(%s.%s - %s.%s) AS d, "
             "count(*) AS n, "
             "sum(%s.%s) AS s FROM main.outcome a JOIN other.outcome b USING (trial) "
             "WHERE a.entry = %d AND a.layer_name = '%s' GROUP BY %s)",
             mine, o, its, o, mine, o, r->entry, r->name[0],
             r->test == BS_CONTRAST_SIGN ? "a.repetition" : "a.trial");
    assert_int_equal(sqlite3_prepare_v2(h, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_near(r->only[side], sqlite3_column_double(q, 0), 0);
    assert_near(r->n[side], sqlite3_column_double(q, 1), 0);
    assert_near(r->rate[side], sqlite3_column_double(q, 2), 1e-12);
    sqlite3_finalize(q);
}

/* What the paired rows must hold, from view outcome of both files. */
static void check_against_views(const bs_contrasts *c, const char *a, const char *b)
{
    char sql[160];
    sqlite3 *h;
    assert_int_equal(sqlite3_open(a, &h), SQLITE_OK);
    snprintf(sql, sizeof sql, "ATTACH '%s' AS other", b);
    assert_int_equal(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < c->n; i++) {
        assert_int_equal(c->row[i].why, BS_PAIRED);
        check_row(h, &c->row[i], 0);
        check_row(h, &c->row[i], 1);
    }
    sqlite3_close(h);
}

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
    compare(&c, f.db, other, NULL, false);
    assert_int_equal(c.n, 2 * FX_STRATA);
    assert_true(c.n_differ == 0 && c.same_model);
    for (size_t i = 0; i < c.n; i++)
        assert_true(c.row[i].p == 1 && c.row[i].only[0] == 0 && c.row[i].only[1] == 0);
    bs_contrasts_clear(&c);
    unlink(other);
    worsen(&f);
    fx_run(&f, other, 0, FX_ROWS, 100);
    compare(&c, f.db, other, NULL, false);
    check_against_views(&c, f.db, other);
    const bs_contrast *worse = row_of(&c, 2, "features.1", BS_CONTRAST_SDC1);
    assert_true(worse->differs && worse->test == BS_CONTRAST_MCNEMAR && worse->only[1] > worse->only[0]);
    const bs_contrast *better = row_of(&c, 3, "conv.weight", BS_CONTRAST_SDC1);
    assert_true(better->differs && better->test == BS_CONTRAST_SIGN && better->n[0] == FX_REPETITIONS);
    assert_true(better->only[0] == FX_REPETITIONS && better->rate[1] == 0);
    assert_false(row_of(&c, 2, "image", BS_CONTRAST_SDC1)->differs);
    for (size_t i = 0; i < c.n; i++)
        assert_true(c.row[i].q >= c.row[i].p && c.row[i].q <= c.row[i].p * (double)c.n + 1e-15);
    bs_contrasts_clear(&c);
    unlink(other);
    fx_run(&f, other, FX_ROWS / 4, FX_ROWS, 100); /* nothing of the first stratum */
    compare(&c, f.db, other, NULL, false);
    assert_true(c.n == 2 * (FX_STRATA - 1) && c.only[0] == 1 && c.only[1] == 0);
    bs_contrasts_clear(&c);
    fx_number(other, "UPDATE entry SET bits = 1 WHERE id = 2");
    bs_contrast_options o = {.fdr = 0.05};
    assert_error(bs_store_contrast(&c, f.db, other, &o), "different faults");
    assert_error(bs_store_contrast(&c, f.db, "/nonexistent", &o), "No such file");
    bs_contrasts_clear(&c);
    fixture_close(&f);
}

/* Trials that one file lacks do not count, on either side. */
static void only_common_trials_count(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_contrasts c = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    worsen(&f);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    /* Of each stratum the first images in full, the next in part, none of the last. */
    for (int s = 0; s < FX_STRATA; s++) {
        size_t first = (size_t)s * FX_IMAGES * FX_REPETITIONS;
        fx_run(&f, other, first, first + FX_REPETITIONS * 17 + 5, 60);
    }
    compare(&c, f.db, other, NULL, false);
    check_against_views(&c, f.db, other);
    assert_near(row_of(&c, 2, "features.1", BS_CONTRAST_DUE)->n[0], FX_REPETITIONS * 17 + 5, 0);
    bs_contrasts_clear(&c);
    compare(&c, other, f.db, NULL, false);
    check_against_views(&c, other, f.db);
    bs_contrasts_clear(&c);
    fixture_close(&f);
}

/* Each difference that makes trials of one id another fault. */
static void reasons_not_to_pair(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        unsigned why, of_all; /* of the stratum of the input, and of every one */
    } cases[] = {
        {"UPDATE campaign SET seed = '17'", BS_UNPAIRED_SEED, BS_UNPAIRED_SEED},
        {"UPDATE image SET label = 99 WHERE id = 3", BS_UNPAIRED_IMAGES, BS_UNPAIRED_IMAGES},
        {"UPDATE image SET path = 'x' WHERE id = 3", BS_UNPAIRED_IMAGES, BS_UNPAIRED_IMAGES},
        {"UPDATE entry SET definition = 'other sites' WHERE id = 2", BS_UNPAIRED_ENTRY, 0},
        {"UPDATE layer SET shape = '99' WHERE id = 0", BS_UNPAIRED_LAYER, 0},
        {"UPDATE layer SET kind = 'activation' WHERE id = 0", BS_UNPAIRED_LAYER, 0},
        {"UPDATE unit SET image = image + 1000 WHERE layer = 0", BS_UNPAIRED_TRIALS, 0},
        {"UPDATE campaign SET model_sha256 = 'another'", 0, 0},
        {"DELETE FROM image WHERE id = 3", 0, 0},
    };
    fixture f;
    char other[128];
    bs_contrasts c = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        unlink(other);
        fx_run(&f, other, 0, FX_ROWS, 100);
        fx_number(other, cases[k].sql);
        compare(&c, f.db, other, NULL, false);
        assert_int_equal(c.n, 2 * FX_STRATA);
        assert_int_equal(row_of(&c, 2, "image", BS_CONTRAST_SDC1)->why, cases[k].why);
        assert_int_equal(row_of(&c, 7, "features.1", BS_CONTRAST_DUE)->why, cases[k].of_all);
        assert_true(c.same_model == (strstr(cases[k].sql, "sha256") == NULL));
        bs_contrasts_clear(&c);
    }
    fixture_close(&f);
}

static void other_names(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_contrasts c = {0};
    bs_contrast_options o = {.fdr = 0.05, .map = "imagf=picture"};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    worsen(&f);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, FX_ROWS, 100);
    fx_number(other, "UPDATE layer SET name = 'picture' WHERE id = 0");
    compare(&c, f.db, other, NULL, false);
    assert_true(c.n == 2 * (FX_STRATA - 1) && c.only[0] == 1 && c.only[1] == 1);
    bs_contrasts_clear(&c);
    compare(&c, f.db, other, "image=picture", false);
    assert_true(c.n == 2 * FX_STRATA && c.only[0] == 0 && c.only[1] == 0);
    const bs_contrast *r = row_of(&c, 2, "image", BS_CONTRAST_SDC1);
    assert_string_equal(r->name[1], "picture");
    assert_true(r->why == (BS_UNPAIRED_MAP | BS_UNPAIRED_LAYER) && r->test == BS_CONTRAST_PROPORTIONS);
    r = row_of(&c, 3, "conv.weight", BS_CONTRAST_SDC1);
    assert_true(r->why == BS_UNPAIRED_MAP);
    assert_near(r->n[0], FX_REPETITIONS, 0.1); /* faults, of a population of 5200 */
    assert_near(r->rate[0],
                fx_number(f.db, "SELECT rate FROM layer_outcome WHERE entry = 3 AND outcome = 'sdc1'"),
                1e-12);
    bs_contrasts_clear(&c);
    compare(&c, f.db, other, NULL, true);
    assert_true(c.n == 2 * FX_STRATA && c.only[0] == 0);
    bs_contrasts_clear(&c);
    /* A name that is spoken for is not taken twice. */
    compare(&c, f.db, other, "image=features.1", false);
    assert_true(c.n == 2 * 2 && c.only[0] == 2 && c.only[1] == 2);
    bs_contrasts_clear(&c);
    assert_error(bs_store_contrast(&c, f.db, other, &o), "no trials in a layer 'imagf'");
    assert_non_null(strstr(bs_error_hint(), "'image'"));
    o.map = "image=pictur";
    assert_error(bs_store_contrast(&c, f.db, other, &o), "the second file has no trials in a layer 'pictur'");
    o.map = "image";
    assert_error(bs_store_contrast(&c, f.db, other, &o), "pairs of layers");
    o.map = "image=picture,image=features.1";
    assert_error(bs_store_contrast(&c, f.db, other, &o), "twice");
    o.by_position = true;
    assert_error(bs_store_contrast(&c, f.db, other, &o), "exclude");
    bs_contrasts_clear(&c);
    fixture_close(&f);
}

/* A census is known for certain; two of them differ or do not. */
static void a_census_is_certain(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_contrasts c = {0};
    fixture_open(&f);
    f.stratum[2].population = FX_REPETITIONS;
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    worsen(&f);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, FX_ROWS, 100);
    fx_number(other, "UPDATE campaign SET seed = '17'");
    compare(&c, f.db, other, NULL, false);
    const bs_contrast *r = row_of(&c, 3, "conv.weight", BS_CONTRAST_SDC1);
    assert_true(isinf(r->n[0]) && isinf(r->n[1]) && r->p == 0 && r->differs && r->detectable == 0);
    bs_contrasts_clear(&c);
    fixture_close(&f);
}

/* The views in a file of an earlier version are not asked. */
static void old_views_are_not_used(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_contrasts c = {0}, old = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, FX_ROWS, 100);
    fx_number(other, "UPDATE campaign SET seed = '17'");
    compare(&c, f.db, other, NULL, false);
    for (int k = 0; k < 2; k++) {
        fx_number(k == 0 ? f.db : other, "DROP VIEW layer_outcome");
        fx_number(k == 0 ? f.db : other, "CREATE VIEW layer_outcome AS SELECT 1 AS entry, 0.5 AS rate");
        compare(&old, f.db, other, NULL, false);
        assert_int_equal(old.n, c.n);
        for (size_t i = 0; i < c.n; i++)
            assert_true(old.row[i].rate[1] == c.row[i].rate[1] && old.row[i].n[0] == c.row[i].n[0]);
        bs_contrasts_clear(&old);
    }
    bs_contrasts_clear(&c);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_two_proportions),
        cmocka_unit_test(test_few_against_many),
        cmocka_unit_test(test_mcnemar),
        cmocka_unit_test(test_detectable_pairs),
        cmocka_unit_test(test_detectable_proportions),
        cmocka_unit_test(differences_are_found),
        cmocka_unit_test(only_common_trials_count),
        cmocka_unit_test(reasons_not_to_pair),
        cmocka_unit_test(other_names),
        cmocka_unit_test(a_census_is_certain),
        cmocka_unit_test(old_views_are_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
