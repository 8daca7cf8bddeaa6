/* Every write, sync, truncation and deletion that a campaign, a merge or an upgrade does on its file fails
 * once, in turn: the error is reported, nothing that was committed is lost, and the next run gives the same
 * file. */
#include "support/store_campaign.h"

#include "support/failing_vfs.h"

/* Every one with BITSINK_FULL=1 in the environment; else some, and fewer where sanitizers make it slow. */
#ifdef BITSINK_SANITIZE
enum { STEP = 23 };
#else
enum { STEP = 3 };
#endif

#define COUNT(db, sql) ((long)fx_number(db, sql))

/* One query, as every connection parses all views first. */
static void assert_consistent(const char *db)
{
    if (COUNT(db,
              "SELECT (SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok') * 1000 + "
              "(SELECT count(*) FROM sqlite_master WHERE name = 'unit')") == 0)
        return;
    assert_int_equal(
        COUNT(db, "SELECT (SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok') + "
                  "(SELECT count(*) FROM (SELECT entry, layer, image, done FROM unit EXCEPT SELECT entry, "
                  "layer, image, count(*) FROM trial GROUP BY 1, 2, 3)) + "
                  "(SELECT (t.n <> ifnull(u.n, 0)) + (t.n <> ifnull(s.n, 0)) + (t.n <> ifnull(l.n, 0)) FROM "
                  "(SELECT count(*) AS n FROM trial) t, (SELECT sum(done) AS n FROM unit) u, "
                  "(SELECT sum(n) AS n FROM summary) s, (SELECT sum(n) AS n FROM layer_summary) l)"),
        0);
}

typedef bs_status work(fixture *f, const char *db);

/* A failure may hit what needs not succeed, such as the tidying up after the last commit. */
static void fail_each(work *work, void (*prepare)(fixture *f), int code, bool forever, int step)
{
    fixture f;
    char clean[128], want[33], have[33];
    int errors = 0, n;
    if (getenv("BITSINK_FULL"))
        step = 1;
    fixture_open(&f);
    if (prepare)
        prepare(&f);
    snprintf(clean, sizeof clean, "%s/clean.db", f.dir);
    fx_run(&f, clean, 0, FX_ROWS, FX_REPETITIONS);
    assert_ok(bs_store_digest(clean, want, NULL));
    for (n = 1;; n += step) {
        sc_remove(f.db);
        failing_vfs = (failing_state){.fail_at = n, .forever = forever, .code = code};
        bs_error_clear();
        bs_status st = work(&f, f.db);
        int failed = failing_vfs.failed;
        failing_vfs = (failing_state){0};
        if (failed == 0)
            break;
        if (st != BS_OK) {
            errors++;
            assert_int_equal(st, BS_ERR);
            assert_non_null(strstr(bs_error_message(), "result"));
        }
        if (access(f.db, F_OK) == 0)
            assert_consistent(f.db);
        assert_ok(work(&f, f.db));
        assert_consistent(f.db);
        assert_ok(bs_store_digest(f.db, have, NULL));
        assert_string_equal(want, have);
    }
    print_message("about %d calls that can fail, %d of those tried ended the work\n", n - 1, errors);
    assert_true(n > 100 && errors > 100 / (2 * step));
    fixture_close(&f);
}

static void a_full_disk(void **state)
{
    (void)state;
    fail_each(sc_run, NULL, SQLITE_FULL, true, STEP);
}

static void one_bad_write(void **state)
{
    (void)state;
    fail_each(sc_run, NULL, SQLITE_IOERR_WRITE, false, STEP);
}

static void one_bad_write_while_merging(void **state)
{
    (void)state;
    fail_each(sc_merge, sc_make_halves, SQLITE_IOERR_WRITE, false, STEP);
}

/* Which waits for the disk. */
static void one_bad_write_while_upgrading(void **state)
{
    (void)state;
    fail_each(sc_upgrade, sc_make_old, SQLITE_IOERR_WRITE, false, 2 * STEP);
}

static void a_full_disk_while_upgrading(void **state)
{
    (void)state;
    fail_each(sc_upgrade, sc_make_old, SQLITE_FULL, true, 2 * STEP);
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
