/* Proves that a pilot run estimates all trials: from all strata or a few, also where images cannot be read.
 */
#include "support/data_fixture.h"

#include "campaign/pilot.h"
#include "cli/cli.h"

#include <limits.h>

enum { IMAGES = 6, TRIALS = 4 };

static void prepare(void **state, int broken)
{
    char list[16 * IMAGES], model[PATH_MAX], text[PATH_MAX + 512];
    size_t n = 0;
    for (int i = 0; i < IMAGES; i++) {
        char name[32];
        snprintf(name, sizeof name, "%d.png", i);
        fixture_write_grey(state, name, i, i < broken ? 8 : SIZE_MAX);
        n += (size_t)snprintf(list + n, sizeof list - n, "%d.png,%d\n", i, i);
    }
    fixture_text(state, "labels.csv", list);
    assert_non_null(realpath("tests/models/fashion_vgg.onnx", model));
    snprintf(text, sizeof text,
             "model: %s\nimages: {labels: labels.csv}\nfaults:\n"
             "  - {id: 1, targets: {op: Conv, kind: activation}, fault: flip, trials: %d}\n"
             "  - {id: 2, targets: {op: Conv, kind: weight}, fault: flip, trials: %d}\n",
             model, TRIALS, TRIALS);
    fixture_text(state, "job.yaml", text);
}

/* Returns the number of strata. */
static int run_pilot(void **state, double seconds, bs_pilot *out)
{
    bs_session s;
    bs_engine *e;
    bs_engine_options o = {.device = "cpu", .threads = 2, .mode = BS_REPLAY_DELTA};
    assert_ok(bs_session_open(&s, fixture_path(state, "job.yaml")));
    assert_ok(bs_engine_open(&e, s.graph, s.plan, &o));
    assert_ok(bs_pilot_run(out, e, &s.input, seconds));
    int strata = s.plan->n_strata;
    bs_engine_close(e);
    bs_session_close(&s);
    return strata;
}

static void a_few_strata_stand_for_all(void **state)
{
    bs_pilot all, few;
    prepare(state, 0);
    int strata = run_pilot(state, 60, &all);
    assert_int_equal(all.n_timed, strata);
    assert_true(all.image_seconds > 0 && all.golden_seconds > 0 && all.work_seconds > 0 && all.macs > 0);
    run_pilot(state, 0, &few);
    assert_true(few.n_timed >= 1 && few.n_timed <= 2 &&
                few.n_timed < strata); /* one each, when time is over */
    assert_true(few.work_seconds > 0);
    assert_true(few.macs > all.macs / 10 && few.macs < all.macs * 10);
}

static void broken_images_are_skipped(void **state)
{
    bs_pilot r;
    prepare(state, IMAGES - 1);
    assert_true(run_pilot(state, 60, &r) > 0);
    assert_true(r.image_seconds > 0 && r.work_seconds > 0);
    prepare(state, IMAGES); /* synthetic ones take their place */
    assert_true(run_pilot(state, 60, &r) > 0);
    assert_true(r.image_seconds == 0 && r.golden_seconds > 0 && r.work_seconds > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_few_strata_stand_for_all, fixture_open, fixture_close),
        cmocka_unit_test_setup_teardown(broken_images_are_skipped, fixture_open, fixture_close),
    };
    return run_suite(tests, NULL, NULL);
}
