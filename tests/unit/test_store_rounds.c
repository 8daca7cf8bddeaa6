/* Proves the proposal of a campaign's next round. */
#include "support/store_fixture.h"

#include "fault/sample.h"
#include "store/rounds.h"

#include <math.h>

static bs_round *rounds(const fixture *f, double margin, double relative)
{
    bs_round *r;
    bs_rounds_goal goal = {margin, relative, 0.95};
    assert_ok(bs_rounds_plan(&r, &f->plan, f->db, &goal));
    return r;
}

static double half(double rate, double n)
{
    double low, high;
    bs_share_bounds(&low, &high, rate, n, 0.95);
    return (high - low) / 2;
}

/* Intervals are those of the views. */
static void intervals_are_those_of_the_views(void **state)
{
    (void)state;
    fixture f;
    char sql[160];
    fixture_open(&f);
    fx_add_network(&f, false);
    fx_run(&f, f.db, 0, f.n_rows, 100);
    bs_round *r = rounds(&f, 0.02, 0);
    for (int s = 0; s < f.plan.n_strata; s++) {
        const char *const columns[] = {"rate", "low", "high", "observations", "trials"};
        const double have[] = {r[s].rate, r[s].low, r[s].high, r[s].observations, (double)r[s].trials};
        for (int c = 0; c < 5; c++) {
            snprintf(sql, sizeof sql,
                     "SELECT %s FROM layer_outcome WHERE outcome = 'sdc1' AND entry = %d AND layer = %d",
                     columns[c], f.entry[f.stratum[s].entry].id, f.stratum[s].target);
            assert_true(fabs(have[c] - fx_number(f.db, sql)) < 1e-9);
        }
        assert_true(r[s].margin == 0.02 && r[s].confidence == 0.95 && r[s].relative == 0);
    }
    free(r);
    fixture_close(&f);
}

/* A proposal that is followed is enough where it says so, and not far too much; none grows more than
 * threefold. */
static void rounds_reach_the_margin(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    for (double margin = 0.01; margin < 0.2; margin *= 1.3) {
        bs_round *r = rounds(&f, margin, 0);
        for (int s = 0; s < FX_STRATA; s++) {
            double images = f.stratum[s].is_parameter ? 1 : FX_IMAGES;
            assert_int_equal(r[s].trials, FX_IMAGES * FX_REPETITIONS);
            assert_true(r[s].next <= 3 * r[s].now && r[s].now == FX_REPETITIONS);
            assert_int_equal(r[s].narrow, half(r[s].rate, r[s].observations) <= margin);
            assert_true(r[s].all_images);
            assert_int_equal(r[s].next > r[s].now, !r[s].narrow);
            if (r[s].narrow)
                continue;
            /* Without a finite population the interval is a little wider, never narrower. */
            if (!r[s].enough)
                assert_true(r[s].next == 3 * r[s].now);
            else if (r[s].next > 16)
                assert_true(half(r[s].rate, r[s].next * images) <= 1.03 * margin);
            if (s == 3 && r[s].enough && r[s].next > 16) /* a bit error rate: no population */
                assert_true(half(r[s].high, (r[s].next - 1) * images) > margin);
        }
        free(r);
    }
    fixture_close(&f);
}

/* A weight's faults count, however many images they met: 12 faults never reach what 288 trials would. */
static void parameters_count_faults(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_add_network(&f, true);
    f.stratum[4].population = FX_REPETITIONS; /* of single sites: no limit of a trial's */
    fx_run(&f, f.db, 0, f.n_rows, 100);
    bs_round *r = rounds(&f, 0.1, 0);
    for (int s = 2; s <= 4; s += 2) { /* the weight, and a network that has one */
        assert_true(r[s].is_parameter && r[s].observations < FX_REPETITIONS + 0.1 && !r[s].narrow);
        assert_true(r[s].next == 3 * FX_REPETITIONS && !r[s].enough && !r[s].exhausted);
    }
    assert_true(half(r[2].rate, FX_IMAGES * FX_REPETITIONS) < 0.1);
    free(r);
    fixture_close(&f);
}

static void relative_margins(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    for (int i = 0; i < FX_ROWS; i++)
        if (fx_stratum_of(&f, &f.row[i]) == 0)
            f.row[i].died_at = 0; /* no event */
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    bs_round *r = rounds(&f, 0, 0.3);
    assert_true(r[0].rate == 0 && !r[0].narrow && !r[0].enough && r[0].next == 3 * FX_REPETITIONS);
    assert_true(r[1].rate > 0.2 && r[1].narrow);
    free(r);
    r = rounds(&f, 0, 0.15);
    assert_true(!r[1].narrow && r[1].enough && r[1].next > r[1].now);
    assert_true(half(r[1].rate, r[1].next * FX_IMAGES) <= 0.155 * r[1].rate);
    free(r);
    /* The wider one of two is enough. */
    r = rounds(&f, 0.02, 0.15);
    assert_true(r[0].narrow && !r[1].narrow && r[1].enough);
    free(r);
    r = rounds(&f, 0.2, 0.15);
    assert_true(r[1].narrow);
    free(r);
    /* An entry's own margin comes first. */
    f.entry[0].relative_margin = 0.4;
    f.entry[0].confidence = 0.9;
    r = rounds(&f, 0.02, 0);
    assert_true(r[1].narrow && r[1].relative == 0.4 && r[1].margin == 0 && r[1].confidence == 0.9);
    assert_true(r[3].margin == 0.02 && r[3].relative == 0 && r[3].confidence == 0.95);
    free(r);
    fixture_close(&f);
}

/* A population of 12 faults, each tried on every image. */
static void all_faults_tried(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    f.stratum[2].population = FX_REPETITIONS;
    f.stratum[0].population = 20;
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    bs_round *r = rounds(&f, 1e-4, 0);
    assert_true(r[2].exhausted && r[2].next == r[2].now && isinf(r[2].observations));
    assert_true(r[2].low == r[2].rate && r[2].high == r[2].rate);
    assert_true(!r[0].exhausted && r[0].next == 20 && r[0].enough);
    free(r);
    fixture_close(&f);
}

/* More trials than faults: all were tried all the same, and no round is proposed or waited for. */
static void more_trials_than_faults(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    f.stratum[2].population = FX_REPETITIONS - 2;
    f.stratum[0].population = FX_REPETITIONS - 5;
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    bs_round *r = rounds(&f, 1e-4, 0);
    for (int s = 0; s < 3; s += 2) {
        assert_true(r[s].exhausted && r[s].all_images && r[s].next == r[s].now && !r[s].narrow);
        assert_true(isfinite(r[s].observations) && r[s].low < r[s].high); /* some faults count twice */
    }
    assert_true(!r[1].exhausted && r[1].next == 3 * FX_REPETITIONS);
    free(r);
    /* One image lacks a few: not all, and nothing but to finish. */
    unlink(f.db);
    fx_run(&f, f.db, 0, FX_IMAGES * FX_REPETITIONS - 7, 100);
    r = rounds(&f, 1e-4, 0);
    assert_true(!r[0].exhausted && r[0].all_images && r[0].next == r[0].now && r[0].enough);
    free(r);
    fixture_close(&f);
}

/* A margin that some images reach, or all faults on them, says nothing about the others. */
static void some_images(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    f.stratum[0].population = FX_REPETITIONS;
    fx_run(&f, f.db, 0, FX_IMAGES * FX_REPETITIONS / 2, 50);
    fx_run(&f, f.db, FX_IMAGES * FX_REPETITIONS, FX_IMAGES * FX_REPETITIONS * 3 / 2, 50);
    bs_round *r = rounds(&f, 0.2, 0);
    assert_true(r[0].exhausted && !r[0].all_images && r[0].next == r[0].now);
    assert_true(r[1].narrow && !r[1].all_images && r[1].next == r[1].now);
    free(r);
    /* The job has grown since. */
    unlink(f.db);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    r = rounds(&f, 0.2, 0);
    assert_true(r[1].narrow && r[1].all_images);
    free(r);
    f.plan.n_images++;
    r = rounds(&f, 0.2, 0);
    assert_true(r[1].narrow && !r[1].all_images);
    free(r);
    f.plan.n_images--;
    /* Images that weigh nothing are not waited for. */
    fx_number(f.db, "INSERT INTO bn_prior_image SELECT id, id < 20 FROM image");
    fx_number(f.db, "DELETE FROM unit WHERE image >= 20");
    r = rounds(&f, 0.2, 0);
    assert_true(r[1].narrow && r[1].all_images);
    free(r);
    fixture_close(&f);
}

/* The file has more than the job asks for: a proposal goes on from there. */
static void a_job_behind_its_file(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    for (int s = 0; s < FX_STRATA; s++)
        f.stratum[s].repetitions = 4;
    bs_round *r = rounds(&f, 0.02, 0);
    assert_true(r[1].now == FX_REPETITIONS && r[1].next > FX_REPETITIONS && r[1].next <= 3 * FX_REPETITIONS);
    free(r);
    fixture_close(&f);
}

/* Weights of images cost observations, today and in the next round alike. */
static void weights_scale_the_forecast(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    f.stratum[1].population = 60;
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    fx_number(f.db, "INSERT INTO bn_prior_image SELECT id, 1 + 9 * (id = 3) FROM image");
    for (double margin = 0.03; margin < 0.2; margin *= 1.2) {
        bs_round *r = rounds(&f, margin, 0);
        for (int s = 0; s < 2; s++) {
            double n = r[s].observations, faults = (double)f.stratum[s].population;
            double worth = bs_without_replacement(r[s].next, faults) / bs_without_replacement(12, faults);
            assert_true(n < 0.5 * FX_IMAGES * FX_REPETITIONS);
            if (!r[s].narrow && r[s].enough)
                assert_true(half(r[s].high < 0.5 ? r[s].high : 0.5, n * worth) <= margin);
            if (!r[s].narrow && !r[s].enough)
                assert_true(r[s].next == 36 && half(r[s].high < 0.5 ? r[s].high : 0.5, n * worth) > margin);
        }
        free(r);
    }
    fixture_close(&f);
}

/* An image that is not finished makes today's bounds wide; the forecast is that of the finished round. */
static void one_image_in_progress(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    size_t first = FX_IMAGES * FX_REPETITIONS;
    fx_run(&f, f.db, first, 2 * first - FX_REPETITIONS + 1, 50);
    bs_round *r = rounds(&f, 0.07, 0);
    assert_true(r[1].observations < 30 && !r[1].narrow);
    assert_true(r[1].all_images && r[1].enough && r[1].next == r[1].now);
    free(r);
    fixture_close(&f);
}

/* Trials that were planned and are not in the file come first. */
static void a_round_is_finished_first(void **state)
{
    (void)state;
    fixture f;
    fixture_open(&f);
    fx_run(&f, f.db, FX_IMAGES * FX_REPETITIONS, FX_IMAGES * FX_REPETITIONS * 3 / 2, 50);
    bs_round *r = rounds(&f, 0.07, 0);
    assert_true(!r[1].narrow && r[1].enough && r[1].next == r[1].now);
    assert_true(r[0].trials == 0 && r[0].next == r[0].now && !r[0].narrow && r[0].low == 0 && r[0].high == 1);
    free(r);
    fixture_close(&f);
}

static void other_campaigns_are_refused(void **state)
{
    (void)state;
    fixture f;
    bs_round *r;
    bs_rounds_goal goal = {0.4, 0, 0.95};
    fixture_open(&f);
    fx_run(&f, f.db, 0, FX_ROWS, 100);
    f.job.seed++;
    assert_error(bs_rounds_plan(&r, &f.plan, f.db, &goal), "another seed");
    f.job.seed--;
    f.stratum[2].fault.bits = 1;
    assert_error(bs_rounds_plan(&r, &f.plan, f.db, &goal), "fault entry 3");
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(intervals_are_those_of_the_views),
        cmocka_unit_test(rounds_reach_the_margin),
        cmocka_unit_test(parameters_count_faults),
        cmocka_unit_test(relative_margins),
        cmocka_unit_test(all_faults_tried),
        cmocka_unit_test(more_trials_than_faults),
        cmocka_unit_test(some_images),
        cmocka_unit_test(a_job_behind_its_file),
        cmocka_unit_test(weights_scale_the_forecast),
        cmocka_unit_test(one_image_in_progress),
        cmocka_unit_test(a_round_is_finished_first),
        cmocka_unit_test(other_campaigns_are_refused),
    };
    return run_suite(tests, NULL, NULL);
}
