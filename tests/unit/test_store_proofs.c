/* Proofs of runs, the time to the first row, and the text about the self-test, in the result file. */
#include "support/store_fixture.h"

#include "base/resources.h"
#include "store/merge.h"
#include "store/status.h"

#include <math.h>

static const char one[] = "00000000000000000000000000000001", two[] = "00000000000000000000000000000002";

static bs_proof_row make(const char *key, bs_proof_outcome outcome)
{
    bs_proof_row p = {.layer = 2, .what = "segment 2x2", .outcome = outcome, .seconds = 0.5};
    snprintf(p.key, sizeof p.key, "%s", key);
    return p;
}

static bs_store *begin(fixture *f)
{
    bs_store *s;
    assert_ok(bs_store_open(&s, f->db, &f->plan, f->images, NULL));
    assert_ok(bs_store_begin_run(s, &f->run));
    return s;
}

static void end(bs_store *s)
{
    assert_ok(bs_store_end_run(s, 0, NULL));
    bs_store_close(s);
}

/* A run whose only batch has this proof, twice, the second time with another outcome. */
static void run_with(fixture *f, const char *key, bs_proof_outcome outcome)
{
    bs_result_batch b = {0};
    bs_proof_row p = make(key, outcome);
    bs_store *s = begin(f);
    assert_true(bs_result_batch_is_empty(&b));
    assert_ok(bs_result_batch_add_proof(&b, &p));
    assert_false(bs_result_batch_is_empty(&b));
    p.outcome = BS_PROOF_FROM_FILE;
    p.layer = -1;
    assert_ok(bs_result_batch_add_proof(&b, &p));
    assert_ok(bs_store_add(s, &b));
    assert_false(bs_store_proof_known(s, key)); /* as of the open */
    end(s);
    bs_result_batch_clear(&b);
}

static void proofs_are_stored_and_known(void **state)
{
    (void)state;
    fixture f;
    bs_file_status st;
    fixture_open(&f);
    run_with(&f, two, BS_PROOF_MADE);
    run_with(&f, one, BS_PROOF_FAILED);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM proof"), 2); /* the first of a run stays */
    assert_int_equal(fx_number(f.db,
                               "SELECT count(*) FROM proof WHERE run = 1 AND layer = 2 AND what = 'segment "
                               "2x2' AND outcome = 'proven' AND made GLOB '20*Z' AND seconds = 0.5"),
                     1);
    bs_store *s = begin(&f);
    assert_true(bs_store_proof_known(s, two));
    assert_false(bs_store_proof_known(s, one)); /* it failed */
    assert_false(bs_store_proof_known(s, ""));
    bs_proof_row p[] = {make(two, BS_PROOF_FROM_FILE), make(one, BS_PROOF_FROM_CACHE)};
    p[1].layer = -1;
    snprintf(p[1].made, sizeof p[1].made, "2026-01-31T12:00:00Z");
    bs_result_batch b = {.proofs = p, .n_proofs = 2};
    assert_ok(bs_store_add(s, &b));
    end(s);
    assert_int_equal(fx_number(f.db,
                               "SELECT count(*) FROM proof WHERE run = 3 AND layer IS NULL AND outcome = "
                               "'cache' AND made = '2026-01-31T12:00:00Z'"),
                     1);
    assert_ok(bs_store_status(f.db, &st)); /* of the last run */
    assert_int_equal(st.proofs[BS_PROOF_MADE], 0);
    assert_int_equal(st.proofs[BS_PROOF_FROM_CACHE], 1);
    assert_int_equal(st.proofs[BS_PROOF_FROM_FILE], 1);
    assert_int_equal(st.proofs[BS_PROOF_FAILED], 0);
    assert_true(st.start_seconds < 0);
    bs_file_status_clear(&st);
    fixture_close(&f);
}

/* The time counts from the start of the command; a run that stores nothing has none. */
static void first_row_is_timed(void **state)
{
    (void)state;
    fixture f;
    bs_file_status st;
    fixture_open(&f);
    f.run.command = bs_resources_clock() - 100;
    bs_store *s = begin(&f);
    assert_true(bs_store_start_seconds(s) < 0);
    assert_ok(fx_add(&f, s, 0, 1));
    double first = bs_store_start_seconds(s);
    assert_true(first >= 100 && first < 200);
    assert_int_equal(fx_number(f.db, "SELECT count(*) FROM trial"), 1); /* committed at once */
    assert_ok(fx_add(&f, s, 1, 2));
    assert_true(bs_store_start_seconds(s) == first);
    end(s);
    assert_true(fabs(fx_number(f.db, "SELECT start_seconds FROM run") - first) < 1e-9);
    assert_ok(bs_store_status(f.db, &st));
    assert_true(fabs(st.start_seconds - first) < 1e-9);
    bs_file_status_clear(&st);
    end(begin(&f));
    assert_int_equal(fx_number(f.db, "SELECT start_seconds IS NULL FROM run WHERE id = 2"), 1);
    fixture_close(&f);
}

static void the_end_completes_the_selftest(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    bs_store *s = begin(&f);
    assert_ok(fx_add(&f, s, 0, 1));
    assert_int_equal(fx_number(f.db, "SELECT selftest = 'passed' FROM run"), 1);
    assert_ok(bs_store_end_run(s, 0, "passed; fell back \xff"));
    bs_store_close(s);
    assert_int_equal(fx_number(f.db, "SELECT selftest = 'passed; fell back \\xff' FROM run"), 1);
    fixture_close(&f);
}

/* Proofs follow their run, whose number changes; merged again, nothing changes. */
static void merging_keeps_proofs(void **state)
{
    (void)state;
    fixture f;
    char out[112], other[112];
    bs_merge_report report = {0};
    fixture_open(&f);
    snprintf(out, sizeof out, "%s/out.db", f.dir);
    snprintf(other, sizeof other, "%s/other.db", f.dir);
    char *const inputs[] = {f.db, other};
    fx_run(&f, other, 0, 5, 5);
    fx_run(&f, f.db, FX_REPETITIONS, 2 * FX_REPETITIONS, 5);
    run_with(&f, one, BS_PROOF_MADE);
    for (int again = 0; again < 2; again++) {
        bs_status st = bs_store_merge(&report, out, inputs, 2, false, NULL);
        assert_true(st == BS_OK || st == BS_STOPPED);
        bs_merge_report_clear(&report);
        assert_int_equal(fx_number(out, "SELECT count(*) FROM run"), 3);
        assert_int_equal(fx_number(out, "SELECT count(*) FROM run WHERE start_seconds IS NOT NULL"), 2);
        assert_int_equal(fx_number(out, "SELECT count(*) FROM proof"), 1);
        assert_int_equal(fx_number(out,
                                   "SELECT count(*) FROM proof p JOIN run r ON r.id = p.run WHERE r.trials "
                                   "= 0"),
                         1);
    }
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(proofs_are_stored_and_known),
        cmocka_unit_test(first_row_is_timed),
        cmocka_unit_test(the_end_completes_the_selftest),
        cmocka_unit_test(merging_keeps_proofs),
    };
    return run_suite(tests, NULL, NULL);
}
