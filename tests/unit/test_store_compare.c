/* Comparing campaigns. */
#include "test_store_fixture.h"

#include "store/compare.h"

#include <math.h>

static void assert_near(double have, double want, double tolerance)
{
    if (!(fabs(have - want) <= tolerance))
        fail_msg("%.9g, expected %.9g", have, want);
}

static void compare(bs_comparisons *c, const char *a, const char *b, const char *map, bool by_position)
{
    bs_compare_options o = {.fdr = 0.05, .map = map, .by_position = by_position};
    assert_ok(bs_store_compare(c, a, b, &o));
}

static const bs_comparison *row_of(const bs_comparisons *c, int entry, const char *name,
                                   bs_compare_outcome outcome)
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
static void check_row(sqlite3 *h, const bs_comparison *r, int side)
{
    const char *o = bs_compare_outcome_name[r->outcome], *mine = side == 0 ? "a" : "b",
               *its = side == 0 ? "b" : "a";
    sqlite3_stmt *q;
    char sql[512];
    snprintf(sql, sizeof sql,
             "SELECT sum(d > 0), count(*), sum(s) * 1.0 / sum(n) FROM (SELECT sum(%s.%s - %s.%s) AS d, "
             "count(*) AS n, "
             "sum(%s.%s) AS s FROM main.outcome a JOIN other.outcome b USING (trial) "
             "WHERE a.entry = %d AND a.layer_name = '%s' GROUP BY %s)",
             mine, o, its, o, mine, o, r->entry, r->name[0],
             r->test == BS_COMPARE_SIGN ? "a.repetition" : "a.trial");
    assert_int_equal(sqlite3_prepare_v2(h, sql, -1, &q, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    assert_near(r->only[side], sqlite3_column_double(q, 0), 0);
    assert_near(r->n[side], sqlite3_column_double(q, 1), 0);
    assert_near(r->rate[side], sqlite3_column_double(q, 2), 1e-12);
    sqlite3_finalize(q);
}

/* What the paired rows must hold, from view outcome of both files. */
static void check_against_views(const bs_comparisons *c, const char *a, const char *b)
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
    bs_comparisons c = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, FX_ROWS, 100);
    compare(&c, f.db, other, NULL, false);
    assert_int_equal(c.n, 2 * FX_STRATA);
    assert_true(c.n_differ == 0 && c.remarks == 0);
    for (size_t i = 0; i < c.n; i++)
        assert_true(c.row[i].p == 1 && c.row[i].only[0] == 0 && c.row[i].only[1] == 0);
    bs_comparisons_clear(&c);
    unlink(other);
    worsen(&f);
    fx_run(&f, other, 0, FX_ROWS, 100);
    compare(&c, f.db, other, NULL, false);
    check_against_views(&c, f.db, other);
    const bs_comparison *worse = row_of(&c, 2, "features.1", BS_COMPARE_SDC1);
    assert_true(worse->differs && worse->test == BS_COMPARE_MCNEMAR && worse->only[1] > worse->only[0]);
    const bs_comparison *better = row_of(&c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(better->differs && better->test == BS_COMPARE_SIGN && better->n[0] == FX_REPETITIONS);
    assert_true(better->only[0] == FX_REPETITIONS && better->rate[1] == 0);
    assert_false(row_of(&c, 2, "image", BS_COMPARE_SDC1)->differs);
    for (size_t i = 0; i < c.n; i++)
        assert_true(c.row[i].q >= c.row[i].p && c.row[i].q <= c.row[i].p * (double)c.n + 1e-15);
    bs_comparisons_clear(&c);
    unlink(other);
    fx_run(&f, other, FX_ROWS / 4, FX_ROWS, 100); /* nothing of the first stratum */
    compare(&c, f.db, other, NULL, false);
    assert_true(c.n == 2 * (FX_STRATA - 1) && c.only[0] == 1 && c.only[1] == 0);
    bs_comparisons_clear(&c);
    fx_number(other, "UPDATE entry SET bits = 1 WHERE id = 2");
    bs_compare_options o = {.fdr = 0.05};
    assert_error(bs_store_compare(&c, f.db, other, &o), "different faults");
    assert_error(bs_store_compare(&c, f.db, "/nonexistent", &o), "No such file");
    bs_comparisons_clear(&c);
    fixture_close(&f);
}

/* Trials that one file lacks do not count, on either side. */
static void only_common_trials_count(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_comparisons c = {0};
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
    assert_near(row_of(&c, 2, "features.1", BS_COMPARE_DUE)->n[0], FX_REPETITIONS * 17 + 5, 0);
    bs_comparisons_clear(&c);
    compare(&c, other, f.db, NULL, false);
    check_against_views(&c, other, f.db);
    bs_comparisons_clear(&c);
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
        {"UPDATE golden SET sha256 = 'c' WHERE image = 3", BS_UNPAIRED_IMAGES, BS_UNPAIRED_IMAGES},
        {"UPDATE golden SET sha256 = '' WHERE image = 3", 0, 0},
        {"UPDATE entry SET definition = 'other sites' WHERE id = 2", BS_UNPAIRED_ENTRY, 0},
        {"UPDATE layer SET shape = '99' WHERE id = 0", BS_UNPAIRED_LAYER, 0},
        {"UPDATE layer SET kind = 'activation' WHERE id = 0", BS_UNPAIRED_LAYER, 0},
        {"UPDATE unit SET image = image + 1000 WHERE layer = 0", BS_UNPAIRED_TRIALS, 0},
        {"UPDATE trial SET element = element + 1 WHERE layer = 0 AND image = 20", BS_UNPAIRED_FAULTS, 0},
        {"UPDATE trial SET bit = (ifnull(bit, 0) + 1) % 32, keep = NULL, toggle = NULL WHERE layer = 0",
         BS_UNPAIRED_FAULTS, 0},
        {"UPDATE trial SET n_sites = 2 WHERE id = (SELECT min(id) FROM trial)", BS_UNPAIRED_FAULTS, 0},
        {"DELETE FROM image WHERE id = 3", 0, 0},
    };
    fixture f;
    char other[128];
    bs_comparisons c = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        unlink(other);
        fx_run(&f, other, 0, FX_ROWS, 100);
        fx_number(other, cases[k].sql);
        compare(&c, f.db, other, NULL, false);
        assert_int_equal(c.n, 2 * FX_STRATA);
        assert_int_equal(row_of(&c, 2, "image", BS_COMPARE_SDC1)->why, cases[k].why);
        assert_int_equal(row_of(&c, 7, "features.1", BS_COMPARE_DUE)->why, cases[k].of_all);
        bs_comparisons_clear(&c);
    }
    fixture_close(&f);
}

/* What is said beside: nothing of it keeps trials from being paired. */
static void remarks(void **state)
{
    (void)state;
    static const struct {
        const char *sql;
        unsigned remarks;
    } cases[] = {
        {"UPDATE campaign SET model_sha256 = 'another'", BS_REMARK_MODEL},
        {"UPDATE campaign SET preprocess = 'scale 1'", BS_REMARK_PREPROCESS},
        {"UPDATE golden SET logits_hash = 'x' WHERE image = 3", BS_REMARK_GOLDEN},
        {"DELETE FROM image WHERE id = 3", BS_REMARK_TRIED},
        {"INSERT INTO bn_prior_image SELECT id, 1 + (id = 3) FROM image", BS_REMARK_TRIED},
        {"INSERT INTO bn_prior_image SELECT id, 7 FROM image", 0},
    };
    fixture f;
    char other[128];
    bs_comparisons c = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        unlink(other);
        fx_run(&f, other, 0, FX_ROWS, 100);
        fx_number(other, cases[k].sql);
        compare(&c, f.db, other, NULL, false);
        assert_int_equal(c.remarks, cases[k].remarks);
        assert_int_equal(c.row[0].why, BS_PAIRED);
        bs_comparisons_clear(&c);
    }
    /* Of another model, golden answers differ. */
    unlink(other);
    fx_run(&f, other, 0, FX_ROWS, 100);
    fx_number(other, "UPDATE golden SET logits_hash = 'x'");
    fx_number(other, "UPDATE campaign SET model_sha256 = 'another'");
    compare(&c, f.db, other, NULL, false);
    assert_int_equal(c.remarks, BS_REMARK_MODEL);
    bs_comparisons_clear(&c);
    fixture_close(&f);
}

/* Images of weight 0 in either file are left out; the others count alike. */
static void weightless_images_are_left_out(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_comparisons c = {0};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    worsen(&f);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, FX_ROWS, 100);
    fx_number(f.db, "INSERT INTO bn_prior_image SELECT id, id % 3 FROM image"); /* 16 of 24 */
    fx_number(other, "INSERT INTO bn_prior_image SELECT id, 1 FROM image WHERE id < 12");
    compare(&c, f.db, other, NULL, false);
    const bs_comparison *r = row_of(&c, 2, "features.1", BS_COMPARE_SDC1);
    assert_int_equal(r->why, BS_PAIRED);
    assert_near(r->n[0], 8 * FX_REPETITIONS, 0);
    assert_near(r->rate[1],
                fx_number(other, "SELECT avg(sdc1) FROM outcome WHERE entry = 2 AND layer = 2 "
                                 "AND image < 12 AND image % 3 > 0"),
                1e-12);
    bs_comparisons_clear(&c);
    fx_number(other, "UPDATE bn_prior_image SET weight = 0 WHERE image % 3 > 0");
    compare(&c, f.db, other, NULL, false); /* none is left */
    assert_int_equal(row_of(&c, 2, "features.1", BS_COMPARE_SDC1)->why, BS_UNPAIRED_TRIALS);
    bs_comparisons_clear(&c);
    fixture_close(&f);
}

static void other_names(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_comparisons c = {0};
    bs_compare_options o = {.fdr = 0.05, .map = "imagf=picture"};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    worsen(&f);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, FX_ROWS, 100);
    fx_number(other, "UPDATE layer SET name = 'picture' WHERE id = 0");
    compare(&c, f.db, other, NULL, false);
    assert_true(c.n == 2 * (FX_STRATA - 1) && c.only[0] == 1 && c.only[1] == 1);
    bs_comparisons_clear(&c);
    compare(&c, f.db, other, "image=picture", false);
    assert_true(c.n == 2 * FX_STRATA && c.only[0] == 0 && c.only[1] == 0);
    const bs_comparison *r = row_of(&c, 2, "image", BS_COMPARE_SDC1);
    assert_string_equal(r->name[1], "picture");
    assert_true(r->why == (BS_UNPAIRED_MAP | BS_UNPAIRED_LAYER) && r->test == BS_COMPARE_PROPORTIONS);
    r = row_of(&c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(r->why == BS_UNPAIRED_MAP);
    assert_near(r->n[0], FX_REPETITIONS, 0.1); /* faults, of a population of 5200 */
    assert_near(r->rate[0],
                fx_number(f.db, "SELECT rate FROM layer_outcome WHERE entry = 3 AND outcome = 'sdc1'"),
                1e-12);
    bs_comparisons_clear(&c);
    compare(&c, f.db, other, NULL, true);
    assert_true(c.n == 2 * FX_STRATA && c.only[0] == 0);
    bs_comparisons_clear(&c);
    /* A name that is spoken for is not taken twice. */
    compare(&c, f.db, other, "image=features.1", false);
    assert_true(c.n == 2 * 2 && c.only[0] == 2 && c.only[1] == 2);
    bs_comparisons_clear(&c);
    assert_error(bs_store_compare(&c, f.db, other, &o), "no trials in a layer 'imagf'");
    assert_non_null(strstr(bs_error_hint(), "'image'"));
    o.map = "image=pictur";
    assert_error(bs_store_compare(&c, f.db, other, &o), "the second file has no trials in a layer 'pictur'");
    o.map = "image";
    assert_error(bs_store_compare(&c, f.db, other, &o), "pairs of layers");
    o.map = "image=picture,image=features.1";
    assert_error(bs_store_compare(&c, f.db, other, &o), "twice");
    o.by_position = true;
    assert_error(bs_store_compare(&c, f.db, other, &o), "exclude");
    bs_comparisons_clear(&c);
    fixture_close(&f);
}

/* A census is known for certain; two of them differ or do not. */
static void a_census_is_certain(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_comparisons c = {0};
    fixture_open(&f);
    f.stratum[2].population = FX_REPETITIONS;
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    worsen(&f);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, FX_ROWS, 100);
    fx_number(other, "UPDATE campaign SET seed = '17'");
    compare(&c, f.db, other, NULL, false);
    const bs_comparison *r = row_of(&c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(isinf(r->n[0]) && isinf(r->n[1]) && r->p == 0 && r->differs && r->detectable == 0);
    bs_comparisons_clear(&c);
    /* Not if the images are others, or weigh otherwise, or one has another content. */
    fx_number(other, "INSERT INTO bn_prior_image SELECT id, 1 + (id = 3) FROM image");
    compare(&c, f.db, other, NULL, false);
    r = row_of(&c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(r->n[0] == FX_REPETITIONS && isfinite(r->n[1]) && r->p > 1e-9);
    bs_comparisons_clear(&c);
    fx_number(other, "DELETE FROM bn_prior_image");
    fx_number(other, "UPDATE golden SET sha256 = 'c' WHERE image = 3");
    compare(&c, f.db, other, NULL, false);
    r = row_of(&c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(r->n[0] == FX_REPETITIONS && r->n[1] == FX_REPETITIONS && r->p > 1e-9);
    bs_comparisons_clear(&c);
    fixture_close(&f);
}

/* All faults of a population, but on other images each: shards of one campaign. */
static void shards_are_no_census(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_comparisons c = {0};
    fixture_open(&f);
    for (int s = 0; s < FX_STRATA; s++)
        f.stratum[s].population = FX_REPETITIONS;
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    for (int s = 0; s < FX_STRATA; s++) {
        size_t first = (size_t)s * FX_IMAGES * FX_REPETITIONS, half = FX_IMAGES * FX_REPETITIONS / 2;
        fx_run(&f, f.db, first, first + half, 60);
        fx_run(&f, other, first + half, first + 2 * half, 60);
    }
    compare(&c, f.db, other, NULL, false);
    assert_true(c.n == 2 * FX_STRATA && c.remarks == BS_REMARK_TRIED);
    for (size_t i = 0; i < c.n; i++) {
        assert_int_equal(c.row[i].why, BS_UNPAIRED_TRIALS);
        assert_true(isfinite(c.row[i].n[0]) && isfinite(c.row[i].n[1]) && c.row[i].p > 0);
    }
    bs_comparisons_clear(&c);
    fixture_close(&f);
}

/* The views in a file of an earlier version are not asked. */
static void old_views_are_not_used(void **state)
{
    (void)state;
    fixture f;
    char other[128];
    bs_comparisons c = {0}, old = {0};
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
        bs_comparisons_clear(&old);
    }
    bs_comparisons_clear(&c);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(differences_are_found),
        cmocka_unit_test(only_common_trials_count),
        cmocka_unit_test(reasons_not_to_pair),
        cmocka_unit_test(other_names),
        cmocka_unit_test(remarks),
        cmocka_unit_test(weightless_images_are_left_out),
        cmocka_unit_test(a_census_is_certain),
        cmocka_unit_test(shards_are_no_census),
        cmocka_unit_test(old_views_are_not_used),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
