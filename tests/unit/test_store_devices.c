/* What each device of a run did, in the result file: counted, lost, and merged. */
#include "support/store_fixture.h"

#include "store/merge.h"
#include "store/status.h"

enum { DEVICES = 3 };

/* A run on three devices. The first makes the first unit, the second nothing but the news that it is lost,
 * and the third the second unit. */
static void run_on_several(fixture *f, const char *db)
{
    static const int numbers[DEVICES] = {4, 0, 2};
    bs_result_batch news = {.device = 1};
    bs_store *s;
    memcpy(f->run.ordinal, numbers, sizeof numbers);
    f->run.n_devices = DEVICES;
    f->run.threads = 7;
    assert_ok(bs_store_open(&s, db, &f->plan, f->images, NULL));
    assert_ok(bs_store_begin_run(s, &f->run));
    f->device = 0;
    assert_ok(fx_add(f, s, 0, FX_REPETITIONS));
    assert_true(bs_result_batch_is_empty(&news));
    snprintf(news.lost, sizeof news.lost, "it fell off the bus");
    assert_false(bs_result_batch_is_empty(&news));
    assert_ok(bs_store_add(s, &news));
    f->device = 2;
    assert_ok(fx_add(f, s, FX_REPETITIONS, 2 * FX_REPETITIONS));
    assert_ok(bs_store_end_run(s, 0, NULL));
    bs_store_close(s);
}

static void check(const char *db, int run)
{
    bs_file_status st;
    assert_ok(bs_store_status(db, &st));
    assert_int_equal(st.n_devices, DEVICES);
    const bs_device_status *d = st.devices; /* by number */
    assert_true(d[0].ordinal == 0 && d[1].ordinal == 2 && d[2].ordinal == 4);
    assert_true(d[0].workers == 2 && d[1].workers == 2 && d[2].workers == 3);
    assert_true(d[0].trials == 0 && d[1].trials == FX_REPETITIONS && d[2].trials == FX_REPETITIONS);
    assert_int_equal(d[0].goldens + d[1].goldens + d[2].goldens,
                     (int)fx_number(db, "SELECT goldens FROM run ORDER BY id DESC LIMIT 1"));
    assert_string_equal(d[0].reason, "it fell off the bus");
    assert_true(d[0].lost && !d[1].lost && !d[1].reason && !d[2].lost);
    bs_file_status_clear(&st);
    assert_int_equal(fx_number(db, "SELECT max(run) FROM run_device"), run);
}

static void each_device_is_counted(void **state)
{
    (void)state;
    fixture f;
    char several[33], one[33], other[112];
    fixture_open(&f);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    fx_run(&f, other, 0, 2 * FX_REPETITIONS, 5);
    assert_int_equal(
        fx_number(other, "SELECT sum(workers = 1 AND ordinal = 0 AND lost IS NULL AND d.trials = r.trials) "
                         "FROM run_device d JOIN run r ON r.id = run"),
        1);
    run_on_several(&f, f.db);
    check(f.db, 1);
    assert_ok(bs_store_digest(f.db, several, NULL));
    assert_ok(bs_store_digest(other, one, NULL));
    assert_string_equal(several, one);
    fixture_close(&f);
}

/* The rows follow their run, whose number changes; a later copy of a file adds what it knows. */
static void merging_keeps_devices(void **state)
{
    (void)state;
    fixture f;
    char out[112], other[112];
    bs_merge_report report = {0};
    fixture_open(&f);
    snprintf(out, sizeof out, "%s/out.db", f.dir);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    char *const inputs[] = {other, f.db};
    fx_run(&f, other, 0, 5, 5);
    run_on_several(&f, f.db);
    for (int again = 0; again < 2; again++) {
        bs_status st = bs_store_merge(&report, out, inputs, 2, false, NULL);
        assert_true(st == BS_OK || st == BS_STOPPED);
        bs_merge_report_clear(&report);
        assert_int_equal(fx_number(out, "SELECT count(*) FROM run_device"), 1 + DEVICES);
        assert_int_equal(fx_number(out, "SELECT sum(d.trials) FROM run_device d JOIN run r ON r.id = d.run"),
                         5 + 2 * FX_REPETITIONS);
        check(out, 2);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_device_is_counted),
        cmocka_unit_test(merging_keeps_devices),
    };
    return run_suite(tests, NULL, NULL);
}
