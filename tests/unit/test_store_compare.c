/* Proves that comparing two campaigns pairs trials, counts and refuses as documented. */
#include "support/store_fixture.h"

#include "store/compare.h"

#include <math.h>

/* A campaign, and the path of a second one to compare it with. */
typedef struct pair {
    fixture f;
    char other[128];
    bs_comparisons c;
} pair;

static void pair_open(pair *p)
{
    fixture_open(&p->f);
    snprintf(p->other, sizeof p->other, "%s/other.db", p->f.dir);
    memset(&p->c, 0, sizeof p->c);
}

static void pair_close(pair *p)
{
    bs_comparisons_clear(&p->c);
    fixture_close(&p->f);
}

static void assert_near(double have, double want, double tolerance)
{
    if (!(fabs(have - want) <= tolerance))
        fail_msg("%.9g, expected %.9g", have, want);
}

static void compare(bs_comparisons *c, const char *a, const char *b, const char *map, bool by_position)
{
    bs_compare_options o = {.fdr = 0.05, .map = map, .by_position = by_position};
    bs_comparisons_clear(c);
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
        uint32_t image = bs_trial_coords_from_id(f->row[i].id).image;
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

/* The paired rows as they must be, from view outcome of both files. */
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
    pair p;
    pair_open(&p);
    fx_run(&p.f, p.f.db, 0, FX_ROWS, 100);
    fx_run(&p.f, p.other, 0, FX_ROWS, 100);
    compare(&p.c, p.f.db, p.other, NULL, false);
    assert_int_equal(p.c.n, 2 * FX_STRATA);
    assert_true(p.c.n_differ == 0 && p.c.remarks == 0);
    for (size_t i = 0; i < p.c.n; i++)
        assert_true(p.c.row[i].p == 1 && p.c.row[i].only[0] == 0 && p.c.row[i].only[1] == 0);
    unlink(p.other);
    worsen(&p.f);
    fx_run(&p.f, p.other, 0, FX_ROWS, 100);
    compare(&p.c, p.f.db, p.other, NULL, false);
    check_against_views(&p.c, p.f.db, p.other);
    const bs_comparison *worse = row_of(&p.c, 2, "features.1", BS_COMPARE_SDC1);
    assert_true(worse->differs && worse->test == BS_COMPARE_MCNEMAR && worse->only[1] > worse->only[0]);
    const bs_comparison *better = row_of(&p.c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(better->differs && better->test == BS_COMPARE_SIGN && better->n[0] == FX_REPETITIONS);
    assert_true(better->only[0] == FX_REPETITIONS && better->rate[1] == 0);
    assert_false(row_of(&p.c, 2, "image", BS_COMPARE_SDC1)->differs);
    for (size_t i = 0; i < p.c.n; i++)
        assert_true(p.c.row[i].q >= p.c.row[i].p && p.c.row[i].q <= p.c.row[i].p * (double)p.c.n + 1e-15);
    unlink(p.other);
    fx_run(&p.f, p.other, FX_ROWS / 4, FX_ROWS, 100); /* nothing of the first stratum */
    compare(&p.c, p.f.db, p.other, NULL, false);
    assert_true(p.c.n == 2 * (FX_STRATA - 1) && p.c.only[0] == 1 && p.c.only[1] == 0);
    bs_comparisons_clear(&p.c);
    fx_number(p.other, "UPDATE entry SET bits = 1 WHERE id = 2");
    bs_compare_options o = {.fdr = 0.05};
    assert_error(bs_store_compare(&p.c, p.f.db, p.other, &o), "different faults");
    assert_error(bs_store_compare(&p.c, p.f.db, "/nonexistent", &o), "No such file");
    pair_close(&p);
}

/* Trials that one file lacks do not count, on either side. */
static void only_common_trials_count(void **state)
{
    (void)state;
    pair p;
    pair_open(&p);
    fx_run(&p.f, p.f.db, 0, FX_ROWS, 100);
    worsen(&p.f);
    /* Of each stratum the first images in full, the next in part, none of the last. */
    for (int s = 0; s < FX_STRATA; s++) {
        size_t first = (size_t)s * FX_IMAGES * FX_REPETITIONS;
        fx_run(&p.f, p.other, first, first + FX_REPETITIONS * 17 + 5, 60);
    }
    compare(&p.c, p.f.db, p.other, NULL, false);
    check_against_views(&p.c, p.f.db, p.other);
    assert_near(row_of(&p.c, 2, "features.1", BS_COMPARE_DUE)->n[0], FX_REPETITIONS * 17 + 5, 0);
    compare(&p.c, p.other, p.f.db, NULL, false);
    check_against_views(&p.c, p.other, p.f.db);
    pair_close(&p);
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
        {"UPDATE stratum SET parameter = 1 WHERE layer = 0", BS_UNPAIRED_LAYER, 0},
        {"UPDATE unit SET image = image + 1000 WHERE layer = 0", BS_UNPAIRED_TRIALS, 0},
        {"UPDATE trial SET element = element + 1 WHERE layer = 0 AND image = 20", BS_UNPAIRED_FAULTS, 0},
        {"UPDATE trial SET bit = (ifnull(bit, 0) + 1) % 32, keep = NULL, toggle = NULL WHERE layer = 0",
         BS_UNPAIRED_FAULTS, 0},
        {"UPDATE trial SET n_sites = 2 WHERE id = (SELECT min(id) FROM trial)", BS_UNPAIRED_FAULTS, 0},
        {"DELETE FROM image WHERE id = 3", 0, 0},
    };
    pair p;
    pair_open(&p);
    fx_run(&p.f, p.f.db, 0, FX_ROWS, 100);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        unlink(p.other);
        fx_run(&p.f, p.other, 0, FX_ROWS, 100);
        fx_number(p.other, cases[k].sql);
        compare(&p.c, p.f.db, p.other, NULL, false);
        assert_int_equal(p.c.n, 2 * FX_STRATA);
        assert_int_equal(row_of(&p.c, 2, "image", BS_COMPARE_SDC1)->why, cases[k].why);
        assert_int_equal(row_of(&p.c, 7, "features.1", BS_COMPARE_DUE)->why, cases[k].of_all);
    }
    pair_close(&p);
}

/* Remarks: none of them keeps trials from being paired. */
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
    pair p;
    pair_open(&p);
    fx_run(&p.f, p.f.db, 0, FX_ROWS, 100);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        unlink(p.other);
        fx_run(&p.f, p.other, 0, FX_ROWS, 100);
        fx_number(p.other, cases[k].sql);
        compare(&p.c, p.f.db, p.other, NULL, false);
        assert_int_equal(p.c.remarks, cases[k].remarks);
        assert_int_equal(p.c.row[0].why, BS_PAIRED);
    }
    /* Of another model, golden answers differ. */
    unlink(p.other);
    fx_run(&p.f, p.other, 0, FX_ROWS, 100);
    fx_number(p.other, "UPDATE golden SET logits_hash = 'x'");
    fx_number(p.other, "UPDATE campaign SET model_sha256 = 'another'");
    compare(&p.c, p.f.db, p.other, NULL, false);
    assert_int_equal(p.c.remarks, BS_REMARK_MODEL);
    pair_close(&p);
}

/* Images of weight 0 in either file are left out; the others count alike. */
static void weightless_images_are_left_out(void **state)
{
    (void)state;
    pair p;
    pair_open(&p);
    fx_run(&p.f, p.f.db, 0, FX_ROWS, 100);
    worsen(&p.f);
    fx_run(&p.f, p.other, 0, FX_ROWS, 100);
    fx_number(p.f.db, "INSERT INTO bn_prior_image SELECT id, id % 3 FROM image"); /* 16 of 24 */
    fx_number(p.other, "INSERT INTO bn_prior_image SELECT id, 1 FROM image WHERE id < 12");
    compare(&p.c, p.f.db, p.other, NULL, false);
    const bs_comparison *r = row_of(&p.c, 2, "features.1", BS_COMPARE_SDC1);
    assert_int_equal(r->why, BS_PAIRED);
    assert_near(r->n[0], 8 * FX_REPETITIONS, 0);
    assert_near(r->rate[1],
                fx_number(p.other, "SELECT avg(sdc1) FROM outcome WHERE entry = 2 AND layer = 2 "
                                   "AND image < 12 AND image % 3 > 0"),
                1e-12);
    fx_number(p.other, "UPDATE bn_prior_image SET weight = 0 WHERE image % 3 > 0");
    compare(&p.c, p.f.db, p.other, NULL, false); /* none is left */
    assert_int_equal(row_of(&p.c, 2, "features.1", BS_COMPARE_SDC1)->why, BS_UNPAIRED_TRIALS);
    pair_close(&p);
}

static void other_names(void **state)
{
    (void)state;
    pair p;
    bs_compare_options o = {.fdr = 0.05, .map = "imagf=picture"};
    pair_open(&p);
    fx_run(&p.f, p.f.db, 0, FX_ROWS, 100);
    worsen(&p.f);
    fx_run(&p.f, p.other, 0, FX_ROWS, 100);
    fx_number(p.other, "UPDATE layer SET name = 'picture', label = 'picture' WHERE id = 0");
    compare(&p.c, p.f.db, p.other, NULL, false);
    assert_true(p.c.n == 2 * (FX_STRATA - 1) && p.c.only[0] == 1 && p.c.only[1] == 1);
    compare(&p.c, p.f.db, p.other, "image=picture", false);
    assert_true(p.c.n == 2 * FX_STRATA && p.c.only[0] == 0 && p.c.only[1] == 0);
    const bs_comparison *r = row_of(&p.c, 2, "image", BS_COMPARE_SDC1);
    assert_string_equal(r->name[1], "picture");
    assert_true(r->why == (BS_UNPAIRED_MAP | BS_UNPAIRED_LAYER) && r->test == BS_COMPARE_PROPORTIONS);
    r = row_of(&p.c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(r->why == BS_UNPAIRED_MAP);
    assert_near(r->n[0], FX_REPETITIONS, 0.1); /* faults, of a population of 5200 */
    assert_near(r->rate[0],
                fx_number(p.f.db, "SELECT rate FROM layer_outcome WHERE entry = 3 AND outcome = 'sdc1'"),
                1e-12);
    compare(&p.c, p.f.db, p.other, NULL, true);
    assert_true(p.c.n == 2 * FX_STRATA && p.c.only[0] == 0);
    /* A name that is spoken for is not taken twice. */
    compare(&p.c, p.f.db, p.other, "image=features.1", false);
    assert_true(p.c.n == 2 * 2 && p.c.only[0] == 2 && p.c.only[1] == 2);
    bs_comparisons_clear(&p.c);
    assert_error(bs_store_compare(&p.c, p.f.db, p.other, &o), "no trials in a layer 'imagf'");
    assert_non_null(strstr(bs_error_hint(), "'image'"));
    o.map = "image=pictur";
    assert_error(bs_store_compare(&p.c, p.f.db, p.other, &o),
                 "the second file has no trials in a layer 'pictur'");
    o.map = "image";
    assert_error(bs_store_compare(&p.c, p.f.db, p.other, &o), "pairs of layers");
    o.map = "image=picture,image=features.1";
    assert_error(bs_store_compare(&p.c, p.f.db, p.other, &o), "twice");
    o.by_position = true;
    assert_error(bs_store_compare(&p.c, p.f.db, p.other, &o), "exclude");
    pair_close(&p);
}

/* A census is known for certain; two of them differ or do not. */
static void a_census_is_certain(void **state)
{
    (void)state;
    pair p;
    pair_open(&p);
    p.f.stratum[2].population = FX_REPETITIONS;
    fx_run(&p.f, p.f.db, 0, FX_ROWS, 100);
    worsen(&p.f);
    fx_run(&p.f, p.other, 0, FX_ROWS, 100);
    fx_number(p.other, "UPDATE campaign SET seed = '17'");
    compare(&p.c, p.f.db, p.other, NULL, false);
    const bs_comparison *r = row_of(&p.c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(isinf(r->n[0]) && isinf(r->n[1]) && r->p == 0 && r->differs && r->detectable == 0);
    /* Not if the images are others, or weigh otherwise, or one has another content. */
    fx_number(p.other, "INSERT INTO bn_prior_image SELECT id, 1 + (id = 3) FROM image");
    compare(&p.c, p.f.db, p.other, NULL, false);
    r = row_of(&p.c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(r->n[0] == FX_REPETITIONS && isfinite(r->n[1]) && r->p > 1e-9);
    fx_number(p.other, "DELETE FROM bn_prior_image");
    fx_number(p.other, "UPDATE golden SET sha256 = 'c' WHERE image = 3");
    compare(&p.c, p.f.db, p.other, NULL, false);
    r = row_of(&p.c, 3, "conv.weight", BS_COMPARE_SDC1);
    assert_true(r->n[0] == FX_REPETITIONS && r->n[1] == FX_REPETITIONS && r->p > 1e-9);
    pair_close(&p);
}

/* All faults of a population, but on other images each: shards of one campaign. */
static void shards_are_no_census(void **state)
{
    (void)state;
    pair p;
    pair_open(&p);
    for (int s = 0; s < FX_STRATA; s++)
        p.f.stratum[s].population = FX_REPETITIONS;
    for (int s = 0; s < FX_STRATA; s++) {
        size_t first = (size_t)s * FX_IMAGES * FX_REPETITIONS, half = FX_IMAGES * FX_REPETITIONS / 2;
        fx_run(&p.f, p.f.db, first, first + half, 60);
        fx_run(&p.f, p.other, first + half, first + 2 * half, 60);
    }
    compare(&p.c, p.f.db, p.other, NULL, false);
    assert_true(p.c.n == 2 * FX_STRATA && p.c.remarks == BS_REMARK_TRIED);
    for (size_t i = 0; i < p.c.n; i++) {
        assert_int_equal(p.c.row[i].why, BS_UNPAIRED_TRIALS);
        assert_true(isfinite(p.c.row[i].n[0]) && isfinite(p.c.row[i].n[1]) && p.c.row[i].p > 0);
    }
    pair_close(&p);
}

/* The views in a file of an earlier version are not asked. */
static void old_views_are_not_used(void **state)
{
    (void)state;
    pair p;
    bs_comparisons old = {0};
    pair_open(&p);
    fx_run(&p.f, p.f.db, 0, FX_ROWS, 100);
    fx_run(&p.f, p.other, 0, FX_ROWS, 100);
    fx_number(p.other, "UPDATE campaign SET seed = '17'");
    compare(&p.c, p.f.db, p.other, NULL, false);
    for (int k = 0; k < 2; k++) {
        fx_number(k == 0 ? p.f.db : p.other, "DROP VIEW layer_outcome");
        fx_number(k == 0 ? p.f.db : p.other, "CREATE VIEW layer_outcome AS SELECT 1 AS entry, 0.5 AS rate");
        compare(&old, p.f.db, p.other, NULL, false);
        assert_int_equal(old.n, p.c.n);
        for (size_t i = 0; i < p.c.n; i++)
            assert_true(old.row[i].rate[1] == p.c.row[i].rate[1] && old.row[i].n[0] == p.c.row[i].n[0]);
        bs_comparisons_clear(&old);
    }
    pair_close(&p);
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
    return run_suite(tests, NULL, NULL);
}
