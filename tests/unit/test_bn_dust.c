/* Proves that rounding errors of differences and sums are never printed: no share below 0 or above 1, no
 * number that is 0 but for rounding, and no complete coverage just below 1, in any table, under any
 * settings. */
#include "support/bn_model.h"

#include "bn/bn.h"
#include "bn/tables.h"
#include "bn/exact.h"

/* Of the order of rounding errors of sums around 1; numbers that are meant to be small are smaller or
 * positive. */
#define DUST 1e-9

/* Columns that may be a little above 1 by their meaning: ratios, numbers of observations, costs. */
static bool is_no_share(const char *column)
{
    static const char *const names[] = {"lift",   "design_effect", "observations",       "answer_images",
                                        "images", "entropy",       "image_observations", "cost"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strstr(column, names[i]))
            return true;
    return false;
}

static long scanned; /* values that could be dust */

static int scan(const bs_db *db, const char *table, const char *what)
{
    char sql[96];
    sqlite3_stmt *q;
    int bad = 0, rc;
    snprintf(sql, sizeof sql, "SELECT * FROM %s", table);
    assert_int_equal(sqlite3_prepare_v2(db->handle, sql, -1, &q, NULL), SQLITE_OK);
    while ((rc = sqlite3_step(q)) == SQLITE_ROW)
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            const char *column = sqlite3_column_name(q, i);
            double v = sqlite3_column_double(q, i);
            if (sqlite3_column_type(q, i) != SQLITE_FLOAT)
                continue;
            scanned++;
            bool part = strstr(column, "coverage") != NULL;
            if ((v < 0 && v > -DUST) || (v > 1 && v < 1 + DUST && !is_no_share(column)) ||
                (part && v < 1 && v > 1 - DUST)) {
                if (bad++ < 3)
                    print_error("%s: %s.%s is %.17g\n", what, table, column, v);
            }
        }
    assert_int_equal(rc, SQLITE_DONE);
    sqlite3_finalize(q);
    return bad;
}

static int scan_all(const fixture *f, const char *what)
{
    static const char *const names[] = {
#define X(name, order, columns) #name,
        BS_BN_TABLES(X)
#undef X
    };
    bs_db *db = NULL;
    int bad = 0;
    assert_ok(bs_bn_open(&db, f->db, true));
    assert_ok(bs_bn_make_exact(db));
    scanned = 0;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        bad += scan(db, names[i], what);
    assert_true(scanned > 1000);
    bs_db_close(db);
    return bad;
}

/* All trials of a stratum (all: -1) answer what `how` says. */
static void answer_all(fixture *f, int stratum, int how)
{
    for (size_t r = 0; r < FX_ROWS; r++) {
        bs_row *row = &f->row[r];
        const bs_golden_row *g = &f->golden[bs_trial_coords_from_id(row->id).image];
        if (stratum >= 0 && fx_stratum_of(f, row) != stratum)
            continue;
        row->died_at = -1;
        row->answer = g->answer;
        row->answer.flags = 0;
        if (how == 1) /* always wrong */
            row->answer.top[0] = (g->answer.top[0] + 1) % FX_CLASSES;
        if (how == 2)
            row->answer.flags = BS_ANSWER_NAN;
    }
}

static void change(const fixture *f, const char *sql)
{
    sqlite3 *h;
    assert_int_equal(sqlite3_open(f->db, &h), SQLITE_OK);
    put(h, sql);
    sqlite3_close(h);
}

static void no_dust(void **state)
{
    (void)state;
    static const char *const settings[] = {
        "",
        "INSERT INTO bn_prior_image SELECT id, 0.1 + 0.7 * (id % 5) FROM image",
        "INSERT INTO bn_prior_layer (entry, layer, raw_rate, probability) VALUES (2, 0, 3e-8, 0.1), (2, 2, "
        "7e-9, 0.7), "
        "(3, 1, 1e-9, 0.3); UPDATE bn_parameter SET value = 1.3 WHERE name = 'pseudo_count'; UPDATE "
        "bn_parameter SET "
        "value = 'direct' WHERE name = 'layer_prior'",
        "UPDATE bn_parameter SET value = 'exposure' WHERE name = 'layer_prior'; UPDATE bn_parameter SET "
        "value = 1 WHERE "
        "name = 'rerun_budget'; UPDATE bn_parameter SET value = 0 WHERE name = 'pseudo_count'",
    };
    static const struct {
        int how; /* -1: the fixture's answers */
        size_t rows;
        unsigned scans; /* bits: after which settings */
    } campaigns[] = {
        {-1, FX_ROWS, 15}, {-1, FX_ROWS / 2 + 31, 10}, {0, FX_ROWS, 5}, {1, FX_ROWS, 9}, {2, FX_ROWS, 4}};
    int bad = 0;
    for (size_t k = 0; k < sizeof campaigns / sizeof *campaigns; k++) {
        fixture f;
        fixture_open(&f);
        if (campaigns[k].how >= 0)
            answer_all(&f, campaigns[k].how == 0 ? -1 : 1, campaigns[k].how);
        fx_run(&f, f.db, 0, campaigns[k].rows, 200);
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++) {
            char what[64];
            change(&f, settings[i]);
            snprintf(what, sizeof what, "campaign %zu, settings 0 to %zu", k, i);
            if (campaigns[k].scans >> i & 1)
                bad += scan_all(&f, what);
        }
        fixture_close(&f);
    }
    assert_int_equal(bad, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(no_dust)};
    return run_suite(tests, NULL, NULL);
}
