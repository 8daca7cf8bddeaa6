/* Proves that, at whatever moment a run dies, the file holds whole batches, and that resuming completes it
 * to the same rows. */
#include "support/store_fixture.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

static void assert_consistent(const fixture *f, int step)
{
    assert_int_equal(fx_number(f->db,
                               "SELECT count(*) FROM (SELECT entry, layer, image, done FROM unit EXCEPT "
                               "SELECT entry, layer, image, count(*) FROM trial GROUP BY 1, 2, 3)"),
                     0);
    assert_int_equal(fx_number(f->db, "SELECT sum(n) FROM summary"),
                     fx_number(f->db, "SELECT count(*) FROM trial"));
    assert_int_equal(fx_number(f->db, "SELECT sum(n) FROM layer_summary"),
                     fx_number(f->db, "SELECT count(*) FROM trial"));
    assert_int_equal(fx_number(f->db, "SELECT sum(trials) FROM run"),
                     fx_number(f->db, "SELECT count(*) FROM trial"));
    assert_int_equal((int)fx_number(f->db, "SELECT count(*) FROM trial") % step, 0);
    assert_int_equal(
        fx_number(f->db, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok'"), 0);
}

/* Rows already in the file, from the ledger. */
static size_t rows_done(const fixture *f, const bs_store *s)
{
    size_t n = 0;
    for (int k = 0; k < f->plan.n_strata; k++)
        for (uint32_t i = 0; i < FX_IMAGES; i++)
            n += bs_store_done(s, k, i);
    return n;
}

/* Every commit is one batch: end_run() commits, begin_run() starts the next run. */
static void write_slowly(fixture *f, int step)
{
    bs_store *s;
    if (bs_store_open(&s, f->db, &f->plan, f->images, NULL) != BS_OK)
        _exit(9);
    for (size_t i = rows_done(f, s); i < f->n_rows; i += (size_t)step) {
        bs_store_close(s);
        if (bs_store_open(&s, f->db, &f->plan, f->images, NULL) != BS_OK ||
            bs_store_begin_run(s, &f->run) != BS_OK || fx_add(f, s, i, i + (size_t)step) != BS_OK ||
            bs_store_end_run(s, 0, NULL) != BS_OK)
            _exit(9);
    }
    bs_store_close(s);
    _exit(0);
}

static void kill_and_resume(void **state)
{
    (void)state;
    fixture f;
    enum { STEP = 48 };
    char clean[128], want[33], have[33];
    int killed = 0, status = 0;
    fixture_open(&f);
    fx_add_network(&f, false);
    snprintf(clean, sizeof clean, "%s/clean.db", f.dir);
    fx_run(&f, clean, 0, f.n_rows, f.n_rows);
    assert_ok(bs_store_digest(clean, want, NULL));
    for (int attempt = 0; attempt < 60; attempt++) {
        pid_t child = fork();
        if (child == 0)
            write_slowly(&f, STEP);
        struct timespec wait = {0, 1000 * (long)(500 + fx_random(&f, 30000))};
        nanosleep(&wait, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) {
            assert_int_equal(WEXITSTATUS(status), 0);
            break;
        }
        killed++;
        if (access(f.db, F_OK) == 0 && fx_number(f.db, "SELECT count(*) FROM sqlite_master") > 0)
            assert_consistent(&f, STEP);
    }
    if (!WIFEXITED(status)) { /* a slow machine: the last attempt is left alone */
        pid_t child = fork();
        if (child == 0)
            write_slowly(&f, STEP);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    }
    assert_true(killed > 0);
    assert_consistent(&f, STEP);
    assert_ok(bs_store_digest(f.db, have, NULL));
    assert_string_equal(want, have);
    fixture_close(&f);
}

static void disk_full(void **state)
{
    (void)state;
    fixture f;
    bs_store *s;
    char want[33], have[33];
    struct rlimit old, low;
    fixture_open(&f);
    fx_run(&f, f.db, 0, 480, 48);
    assert_ok(bs_store_digest(f.db, want, NULL));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_ok(bs_store_open(&s, f.db, &f.plan, f.images, NULL));
    assert_ok(bs_store_begin_run(s, &f.run));
    low = old;
    low.rlim_cur = 60000;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &low), 0);
    bs_status st = BS_OK;
    for (size_t i = 480; i < FX_ROWS && st == BS_OK; i += 48)
        st = fx_add(&f, s, i, i + 48);
    if (st == BS_OK)
        st = bs_store_end_run(s, 0, NULL);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(st, BS_ERR);
    assert_non_null(strstr(bs_error_message(), "cannot write result file"));
    assert_non_null(strstr(bs_error_message(), "bytes are free"));
    assert_non_null(strstr(bs_error_hint(), "make room"));
    bs_store_close(s);
    assert_ok(bs_store_digest(f.db, have, NULL));
    assert_string_equal(want, have);
    assert_consistent(&f, 48);
    fx_run(&f, f.db, 480, FX_ROWS, 48); /* and with room again it goes on */
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(kill_and_resume), cmocka_unit_test(disk_full)};
    return run_suite(tests, NULL, NULL);
}
