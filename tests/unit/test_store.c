/* Proves the result file: rows come back, resuming knows what is there, the digest ignores order. */
#include "support/store_fixture.h"

#include "store/status.h"

#include <sys/stat.h>

static void rows_come_back(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    sqlite3 *h;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(f.db, &h), SQLITE_OK);
    assert_int_equal(
        sqlite3_prepare_v2(h,
                           "SELECT id, n_sites, element, ifnull(keep, 4294967295), ifnull(toggle, 1 << bit), "
                           "before, died_at, top1, score5, p_golden, flags, entry, layer, image, repetition, "
                           "bit IS NULL FROM trial ORDER BY id",
                           -1, &q, NULL),
        SQLITE_OK);
    for (int i = 0; i < FX_ROWS; i++) {
        const bs_row *r = &f.row[i];
        bs_trial_coords t = bs_trial_coords_from_id(r->id);
        assert_int_equal(sqlite3_step(q), SQLITE_ROW);
        assert_int_equal(sqlite3_column_int64(q, 0), r->id);
        assert_int_equal(sqlite3_column_int(q, 1), r->n_sites);
        if (r->n_sites) {
            assert_int_equal(sqlite3_column_int64(q, 2), r->element);
            assert_int_equal(sqlite3_column_int64(q, 3), r->keep);
            assert_int_equal(sqlite3_column_int64(q, 4), r->toggle);
            assert_int_equal(sqlite3_column_int64(q, 5), r->before);
            assert_int_equal(sqlite3_column_int(q, 15), t.entry == 7 && bs_popcount(r->toggle) > 1);
        } else {
            assert_int_equal(sqlite3_column_type(q, 2), SQLITE_NULL);
        }
        if (r->died_at >= 0) {
            assert_int_equal(sqlite3_column_int(q, 6), r->died_at);
            assert_int_equal(sqlite3_column_type(q, 7), SQLITE_NULL);
            assert_int_equal(sqlite3_column_type(q, 10), SQLITE_NULL);
        } else {
            assert_int_equal(sqlite3_column_type(q, 6), SQLITE_NULL);
            if (r->answer.top[0] >= 0) {
                assert_int_equal(sqlite3_column_int(q, 7), r->answer.top[0]);
                assert_true((float)sqlite3_column_double(q, 8) == r->answer.score[4]);
            } else {
                assert_int_equal(sqlite3_column_type(q, 7), SQLITE_NULL);
            }
            assert_true((float)sqlite3_column_double(q, 9) == r->answer.p_golden);
            assert_int_equal(sqlite3_column_int(q, 10), r->answer.flags);
        }
        assert_int_equal(sqlite3_column_int(q, 11), t.entry);
        assert_int_equal(sqlite3_column_int(q, 12), t.target);
        assert_int_equal(sqlite3_column_int(q, 13), t.image);
        assert_int_equal(sqlite3_column_int(q, 14), t.repetition);
    }
    assert_int_equal(sqlite3_step(q), SQLITE_DONE);
    sqlite3_finalize(q);
    sqlite3_close(h);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM golden"), FX_IMAGES);
    assert_int_equal(
        fx_number(f.db, "SELECT count(*) FROM layer WHERE type = 'fp32' AND bits = elements * 32"), 3);
    assert_int_equal(fx_number(f.db, "SELECT sum(bits) FROM layer"), 32 * (100 + 101 + 102));
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM stratum WHERE bits = 4294967295"), FX_STRATA);
    assert_int_equal(fx_number(f.db, "SELECT sum(class) - sum(label) FROM image"), FX_IMAGES);
    assert_int_equal(fx_number(f.db, "SELECT seed = '18446744073709551610' FROM campaign"), 1);
    /* At rest the file stands alone. */
    char wal[128];
    snprintf(wal, sizeof wal, "%s-wal", f.db);
    assert_int_equal(access(wal, F_OK), -1);
    fixture_close(&f);
}

static void digest_ignores_order_and_runs(void **state)
{
    (void)state;
    fixture f;
    char one[33], other[33], part[33], third[128];
    uint64_t rows;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, FX_ROWS);
    assert_ok(bs_store_digest(f.db, one, &rows));
    assert_int_equal(rows, FX_ROWS);
    snprintf(third, sizeof third, "%s/b.db", f.dir);
    /* Cut inside an image's repetitions, the later half first where the ledger allows it. */
    size_t half = 2 * FX_IMAGES * FX_REPETITIONS;
    fx_run(&f, third, half, FX_ROWS, 37);
    assert_ok(bs_store_digest(third, part, &rows));
    assert_int_equal(rows, FX_ROWS - half);
    assert_string_not_equal(one, part);
    fx_run(&f, third, 0, 55, 7);
    fx_run(&f, third, 55, half, 1000);
    assert_ok(bs_store_digest(third, other, NULL));
    assert_string_equal(one, other);
    fx_number(third,
              "UPDATE trial SET score2 = score2 + 1 WHERE id = (SELECT max(id) FROM trial WHERE score2 > 0)");
    assert_ok(bs_store_digest(third, other, NULL));
    assert_string_not_equal(one, other);
    fixture_close(&f);
}

static void resume_finds_ledger(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    fixture_open(&f);
    size_t cut = FX_IMAGES * FX_REPETITIONS + 5 * FX_REPETITIONS + 3; /* stratum 1, image 5, 3 done */
    fx_run(&f, f.db, 0, cut, 64);
    for (int e = 0; e < FX_STRATA; e++)
        f.stratum[e].repetitions = FX_REPETITIONS + 1; /* growth is fine */
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_int_equal(bs_store_trials(s), cut);
    assert_int_equal(bs_store_done(s, 0, 23), FX_REPETITIONS);
    assert_int_equal(bs_store_done(s, 1, 4), FX_REPETITIONS);
    assert_int_equal(bs_store_done(s, 1, 5), 3);
    assert_int_equal(bs_store_done(s, 1, 6), 0);
    assert_int_equal(bs_store_done(s, 3, 0), 0);
    assert_int_equal(bs_store_done(s, 99, 0), 0);
    assert_true(bs_store_has_golden(s, 23));
    assert_false(bs_store_has_golden(s, FX_IMAGES));
    bs_store_close(s);
    assert_int_equal(fx_number(f.db, "SELECT min(repetitions) FROM stratum"), FX_REPETITIONS + 1);
    fixture_close(&f);
}

static void bad_batches_are_refused(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    fixture_open(&f);
    bs_unit unit = {2, 0, 0, 1};
    bs_row two[2] = {f.row[1], f.row[0]};
    bs_row foreign = {.id = bs_trial_id((bs_trial_coords){9, 0, 0, 0}), .died_at = -1};
    bs_trial_site site = {.trial = f.row[0].id};
    bs_ranking_row ranking = {.of = f.row[1].id};
    const struct {
        bs_result_batch batch;
        const char *why;
    } bad[] = {
        {{.rows = f.row, .n_rows = 1, .units = &unit, .n_units = 1}, "before the golden row"},
        {{.golden = f.golden, .n_golden = 1, .rows = f.row, .n_rows = 1}, "not in the ledger"},
        {{.golden = f.golden, .n_golden = 1, .rows = f.row, .n_rows = 2, .units = &unit, .n_units = 1},
         "not in the ledger"},
        {{.golden = f.golden, .n_golden = 1, .units = &unit, .n_units = 1}, "says 1 trials, the file has 0"},
        {{.golden = f.golden, .n_golden = 1, .rows = two, .n_rows = 2}, "not in order"},
        {{.rows = &foreign, .n_rows = 1}, "not in the plan"},
        {{.golden = f.golden, .n_golden = 1, .rows = f.row, .n_rows = 1, .sites = &site, .n_sites = 1},
         "sites of trial"},
        {{.golden = f.golden,
          .n_golden = 1,
          .rows = f.row,
          .n_rows = 1,
          .rankings = &ranking,
          .n_rankings = 1},
         "rankings of trial"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
        assert_error(bs_store_add(s, &bad[i].batch), "no run has begun");
        assert_ok(bs_store_begin_run(s, &f.run));
        assert_error(bs_store_add(s, &bad[i].batch), bad[i].why);
        assert_error(bs_store_add(s, &bad[i].batch), "an earlier write failed");
        assert_error(bs_store_end_run(s, 0, NULL), "an earlier write failed");
        bs_store_close(s);
        assert_int_equal(
            fx_number(f.db, "SELECT (SELECT count(*) FROM trial) + (SELECT count(*) FROM golden)"), 0);
    }
    fx_run(&f, f.db, 0, 5, 5);
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_ok(bs_store_begin_run(s, &f.run));
    assert_error(fx_add(&f, s, 0, 5), "already");
    bs_store_close(s);
    fixture_close(&f);
}

static void numerics_do_not_mix(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    fixture_open(&f);
    fx_run(&f, f.db, 0, 30, 10);
    f.run.fingerprint++;
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_error(bs_store_begin_run(s, &f.run), "numerics");
    f.run.allow_mixed = true;
    assert_ok(bs_store_begin_run(s, &f.run));
    f.golden[2].logits_hash++;
    assert_ok(fx_add(&f, s, 30, 40));
    assert_ok(bs_store_end_run(s, 3, NULL));
    bs_store_close(s);
    f.run.fingerprint--;
    f.run.allow_mixed = false;
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_error(bs_store_begin_run(s, &f.run), "numerics");
    bs_store_close(s);
    /* Same fingerprint, but one image has other outputs. */
    fx_number(f.db, "DELETE FROM run WHERE exit = 3");
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_ok(bs_store_begin_run(s, &f.run));
    bs_result_batch b = {.golden = &f.golden[2], .n_golden = 1};
    assert_error(bs_store_add(s, &b), "fault-free run of image 2");
    bs_store_close(s);
    fixture_close(&f);
}

static void repeated_units_are_fine(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    fixture_open(&f);
    bs_unit unit[] = {{2, 0, 0, 1}, {2, 0, 0, 2}, {2, 0, 0, 3}, {2, 0, 0, 2}};
    bs_result_batch b = {
        .golden = f.golden, .n_golden = 1, .rows = f.row, .n_rows = 3, .units = unit, .n_units = 4};
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_ok(bs_store_begin_run(s, &f.run));
    assert_ok(bs_store_add(s, &b));
    assert_int_equal(bs_store_done(s, 0, 0), 0); /* as of the open */
    assert_ok(bs_store_end_run(s, 0, NULL));
    bs_store_close(s);
    assert_int_equal(fx_number(f.db, "SELECT done FROM unit"), 3);
    fixture_close(&f);
}

static void status_tells(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    bs_file_status st;
    fixture_open(&f);
    assert_error(bs_store_status(f.db, &st), "No such file");
    fx_run(&f, f.db, 0, 100, 10);
    assert_ok(bs_store_status(f.db, &st));
    assert_string_equal(st.name, "synthetic");
    assert_int_equal(st.planned, FX_ROWS);
    assert_int_equal(st.trials, 100);
    assert_int_equal(st.masked + st.benign + st.sdc1 + st.due, 100);
    assert_int_equal(st.masked, fx_number(f.db, "SELECT sum(masked) FROM outcome"));
    assert_int_equal(st.benign, fx_number(f.db, "SELECT sum(benign) FROM outcome"));
    assert_int_equal(st.sdc1, fx_number(f.db, "SELECT sum(sdc1) FROM outcome"));
    assert_int_equal(st.due, fx_number(f.db, "SELECT sum(due) FROM outcome"));
    assert_int_equal(st.exit_status, 0);
    assert_int_equal(st.run_trials, 100);
    assert_int_equal(st.strata, FX_STRATA);
    bs_file_status_clear(&st);
    /* While a run has the file open and rows are not committed yet. */
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_ok(bs_store_begin_run(s, &f.run));
    assert_ok(fx_add(&f, s, 100, 101)); /* the first rows of a run are committed at once */
    assert_ok(fx_add(&f, s, 101, 120));
    assert_ok(bs_store_status(f.db, &st));
    assert_int_equal(st.trials, 101);
    assert_int_equal(st.exit_status, -1);
    assert_int_equal(st.runs, 2);
    bs_file_status_clear(&st);
    bs_store_close(s);
    assert_ok(bs_store_status(f.db, &st));
    assert_int_equal(st.trials, 101); /* closing without bs_store_end_run() rolls back */
    bs_file_status_clear(&st);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_come_back),      cmocka_unit_test(digest_ignores_order_and_runs),
        cmocka_unit_test(resume_finds_ledger), cmocka_unit_test(bad_batches_are_refused),
        cmocka_unit_test(numerics_do_not_mix), cmocka_unit_test(repeated_units_are_fine),
        cmocka_unit_test(status_tells),
    };
    return run_suite(tests, NULL, NULL);
}
