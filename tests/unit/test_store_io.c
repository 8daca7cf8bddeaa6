/* Proves that a campaign, a merge and an upgrade survive every failure of a write, sync, truncation, deletion
 * or opening of their files: the error is reported, nothing that was committed is lost, and the next run
 * gives the same file. */
#include "support/store_campaign.h"

#include "support/failing_vfs.h"

/* Of the calls that can fail, most go on with a sequence, such as the pages of one commit: every REPEATED-th
 * of them is tried, and every OTHER-th of those that begin or end a sequence or stand alone. All with
 * BITSINK_FULL=1 in the environment. Sanitizers make it slow. */
#ifdef BITSINK_SANITIZE
enum { REPEATED = 61, OTHER = 4 };
#else
enum { REPEATED = 23, OTHER = 1 };
#endif

static long ask(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *q;
    if (sqlite3_prepare_v2(db, sql, -1, &q, NULL) != SQLITE_OK || sqlite3_step(q) != SQLITE_ROW)
        fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    long answer = (long)sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return answer;
}

/* Whatever a file holds, the ledger and the summaries count it; `made`: it must have its tables. One
 * connection, as each parses all views first. */
static void assert_consistent(const char *path, bool made)
{
    sqlite3 *db;
    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
    assert_int_equal(ask(db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
    if (made || ask(db, "SELECT count(*) FROM sqlite_master WHERE name = 'unit'") == 1)
        assert_int_equal(
            ask(db,
                "SELECT (SELECT count(*) FROM (SELECT entry, layer, image, done FROM unit EXCEPT SELECT "
                "entry, "
                "layer, image, count(*) FROM trial GROUP BY 1, 2, 3)) + "
                "(SELECT (t.n <> ifnull(u.n, 0)) + (t.n <> ifnull(s.n, 0)) + (t.n <> ifnull(l.n, 0)) FROM "
                "(SELECT count(*) AS n FROM trial) t, (SELECT sum(done) AS n FROM unit) u, "
                "(SELECT sum(n) AS n FROM summary) s, (SELECT sum(n) AS n FROM layer_summary) l)"),
            0);
    sqlite3_close(db);
}

typedef bs_status work(fixture *f, const char *db);

/* Lets call n of the work fail, and does the work again; returns true if the failure ended it. A failure may
 * hit what needs not succeed, such as the tidying up after the last commit. */
static bool fail_one(fixture *f, work *work, failing_state how, const char *want, int version)
{
    char have[33];
    sc_remove(f->db);
    failing_vfs = how;
    bs_error_clear();
    bs_status st = work(f, f->db);
    bool failed = failing_vfs.failed > 0;
    failing_vfs = (failing_state){0};
    if (!failed)
        fail_msg("the work made no call %d", how.fail_at);
    if (st != BS_OK) {
        assert_int_equal(st, BS_ERR);
        assert_non_null(strstr(bs_error_message(), "result"));
    }
    if (access(f->db, F_OK) == 0)
        assert_consistent(f->db, st == BS_OK); /* which undoes what a journal says, too */
    if (st == BS_OK) {                         /* then all is there */
        assert_ok(bs_store_digest(f->db, have, NULL));
        assert_string_equal(want, have);
        assert_int_equal(fx_number(f->db, "PRAGMA user_version"), version);
    }
    assert_ok(work(f, f->db));
    assert_consistent(f->db, true);
    assert_ok(bs_store_digest(f->db, have, NULL));
    assert_string_equal(want, have);
    return st != BS_OK;
}

/* `step`: 2 where the work itself takes long. `network`: with rows of all tables. */
static void fail_each(work *work, void (*prepare)(fixture *f), int code, bool forever, int step, bool network)
{
    static bool repeats[FAILING_MOST + 1];
    fixture f;
    char clean[128], want[33];
    int errors = 0, tried = 0, seen[2] = {0};
    fixture_open(&f);
    if (network)
        fx_add_network(&f, true);
    if (prepare)
        prepare(&f);
    snprintf(clean, sizeof clean, "%s/clean.db", f.dir);
    fx_run(&f, clean, 0, f.n_rows, FX_REPETITIONS);
    assert_ok(bs_store_digest(clean, want, NULL));
    failing_vfs = (failing_state){0};
    assert_ok(work(&f, f.db));
    int last = failing_vfs.calls, version = (int)fx_number(clean, "PRAGMA user_version");
    assert_in_range(last, 100, FAILING_MOST);
    for (int n = 1; n <= last; n++)
        repeats[n] = failing_vfs_repeats(n, last);
    for (int n = 1; n <= last; n++) {
        if (seen[repeats[n]]++ % (step * (repeats[n] ? REPEATED : OTHER)) && !getenv("BITSINK_FULL"))
            continue;
        tried++;
        errors += fail_one(&f, work, (failing_state){.fail_at = n, .forever = forever, .code = code}, want,
                           version);
    }
    print_message("%d calls can fail, %d of them in sequences; of %d tried %d ended the work\n", last,
                  seen[1], tried, errors);
    assert_true(seen[0] > 20 && errors > tried / 4);
    fixture_close(&f);
}

static void a_full_disk(void **state)
{
    (void)state;
    fail_each(sc_run, NULL, SQLITE_FULL, true, 1, false);
}

static void one_bad_write(void **state)
{
    (void)state;
    fail_each(sc_run, NULL, SQLITE_IOERR_WRITE, false, 1, true);
}

static void one_bad_write_while_merging(void **state)
{
    (void)state;
    fail_each(sc_merge, sc_make_halves, SQLITE_IOERR_WRITE, false, 2, true);
}

static void one_bad_write_while_upgrading(void **state)
{
    (void)state;
    fail_each(sc_upgrade, sc_make_old, SQLITE_IOERR_WRITE, false, 2, false);
}

static void a_full_disk_while_upgrading(void **state)
{
    (void)state;
    fail_each(sc_upgrade, sc_make_old, SQLITE_FULL, true, 2, true);
}

int main(void)
{
    failing_vfs_register();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(one_bad_write),
        cmocka_unit_test(one_bad_write_while_merging),
        cmocka_unit_test(one_bad_write_while_upgrading),
        cmocka_unit_test(a_full_disk_while_upgrading),
    };
    return run_suite(tests, NULL, NULL);
}
