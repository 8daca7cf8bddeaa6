/* Proves that campaigns treat images that cannot be read as documented: the commands run on the bundled
 * network. */
#include "support/data_fixture.h"

#include "base/log.h"
#include "cli/cli.h"
#include "store/status.h"
#include "store/store.h"

#include <limits.h>
#include <sqlite3.h>

enum { IMAGES = 40, STRATA = 2, TRIALS = 3, PER_IMAGE = STRATA * TRIALS };

static void write_png(void **state, int i)
{
    char name[32];
    snprintf(name, sizeof name, "%02d.png", i);
    fixture_write_grey(state, name, i, SIZE_MAX);
}

static void break_png(void **state, int i)
{
    char name[32];
    snprintf(name, sizeof name, "%02d.png", i);
    fixture_text(state, name, "\x89PNG\r\n\x1a\nnothing behind it");
}

static void write_job(void **state, int trials, const char *more)
{
    char text[PATH_MAX + 512], model[PATH_MAX];
    assert_non_null(realpath("tests/models/fashion_vgg.onnx", model));
    snprintf(text, sizeof text,
             "model: %s\nimages: {labels: labels.csv%s}\nfaults:\n"
             "  - {id: 1, targets: logits, fault: flip, trials: %d}\n"
             "  - {id: 2, targets: fc2.weight, fault: flip, trials: %d}\n",
             model, more, trials, trials);
    fixture_text(state, "job.yaml", text);
}

/* Whole images, a list of them, the job; no result file. */
static void prepare(void **state, const char *more)
{
    char list[16 * IMAGES];
    size_t n = 0;
    for (int i = 0; i < IMAGES; i++) {
        write_png(state, i);
        n += (size_t)snprintf(list + n, sizeof list - n, "%02d.png,%d\n", i, i % 10);
    }
    fixture_text(state, "labels.csv", list);
    write_job(state, TRIALS, more);
    unlink(fixture_path(state, "r.db"));
}

static bs_status run(void **state)
{
    char db[512];
    bs_args args;
    strcpy(db, fixture_path(state, "r.db"));
    char *words[] = {(char *)fixture_path(state, "job.yaml"),
                     (char *)"--db",
                     db,
                     (char *)"--threads",
                     (char *)"2",
                     (char *)"--self-test",
                     (char *)"off"};
    assert_ok(bs_args_parse(&args, &bs_cmd_run, 7, words));
    return bs_cmd_run.run(&args);
}

static bs_file_status status_of(void **state)
{
    bs_file_status s;
    assert_ok(bs_store_status(fixture_path(state, "r.db"), &s));
    return s;
}

static void assert_status(void **state, uint64_t trials, uint64_t goldens, uint64_t broken, uint64_t left_out)
{
    bs_file_status s = status_of(state);
    assert_int_equal(s.trials, trials);
    assert_int_equal(s.goldens, goldens);
    assert_int_equal(s.broken, broken);
    assert_int_equal(s.left_out, left_out);
    bs_file_status_clear(&s);
}

static void assert_reason(void **state, int image, const char *wanted)
{
    sqlite3 *h;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(fixture_path(state, "r.db"), &h), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(h, "SELECT reason FROM broken_image WHERE image = ?", -1, &q, NULL),
                     SQLITE_OK);
    sqlite3_bind_int(q, 1, image);
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    const char *reason = (const char *)sqlite3_column_text(q, 0);
    if (!strstr(reason, wanted))
        fail_msg("'%s' lacks '%s'", reason, wanted);
    sqlite3_finalize(q);
    sqlite3_close(h);
}

static void digest(void **state, char out[33])
{
    assert_ok(bs_store_digest(fixture_path(state, "r.db"), out, NULL));
}

static void test_left_out_then_repaired(void **state)
{
    char whole[33], repaired[33];
    prepare(state, "");
    assert_ok(run(state));
    assert_status(state, IMAGES * PER_IMAGE, IMAGES, 0, 0);
    digest(state, whole);

    prepare(state, "");
    break_png(state, 7);
    for (int attempt = 0; attempt < 2; attempt++) {
        assert_ok(run(state));
        assert_status(state, (IMAGES - 1) * PER_IMAGE, IMAGES - 1, 1, PER_IMAGE);
        assert_reason(state, 7, "cannot decode image '07.png': PNG: ");
    }
    bs_file_status s = status_of(state);
    assert_true(s.exit_status == 0 && s.runs == 2 && s.run_trials == 0);
    assert_int_equal(s.trials + s.left_out, s.planned);
    bs_file_status_clear(&s);

    write_png(state, 7);
    assert_ok(run(state));
    assert_status(state, IMAGES * PER_IMAGE, IMAGES, 0, 0);
    digest(state, repaired);
    assert_string_equal(repaired, whole);
}

static void test_too_many(void **state)
{
    prepare(state, ""); /* 1 % of 40 images, at least one */
    break_png(state, 3);
    break_png(state, 30);
    assert_error(run(state),
                 "2 image(s) cannot be read, the job allows 1; the last one: cannot decode image '");
    assert_non_null(strstr(bs_error_hint(), "max_broken"));
    bs_file_status s = status_of(state);
    assert_true(s.broken == 2 && s.exit_status == 1);
    bs_file_status_clear(&s);
    write_job(state, TRIALS, ", max_broken: 2");
    assert_ok(run(state));
    assert_status(state, (IMAGES - 2) * PER_IMAGE, IMAGES - 2, 2, 2 * PER_IMAGE);

    prepare(state, ", max_broken: 0");
    break_png(state, 0);
    assert_error(run(state), "1 image(s) cannot be read, the job allows 0");
}

/* What `plan` asks of the first images. */
static bs_status try_first(void **state)
{
    bs_session s;
    bs_engine *e = NULL;
    assert_ok(bs_session_open(&s, fixture_path(state, "job.yaml")));
    assert_ok(bs_engine_open(&e, s.graph, s.plan, &(bs_engine_options){.device = "cpu", .threads = 1}));
    bs_status st = bs_input_try(&s.input, e);
    bs_engine_close(e);
    bs_session_close(&s);
    return st;
}

/* No trials are promised that a run would not begin. */
static void test_plan(void **state)
{
    char *path = NULL;
    bs_args args;
    prepare(state, "");
    break_png(state, 3);
    break_png(state, 30); /* is not tried */
    assert_ok(try_first(state));
    break_png(state, 15);
    assert_error(try_first(state),
                 "2 image(s) cannot be read, the job allows 1; the last one: cannot decode image '15.png'");
    assert_non_null(strstr(bs_error_hint(), "max_broken"));
    path = strdup(fixture_path(state, "job.yaml"));
    assert_ok(bs_args_parse(&args, &bs_cmd_plan, 1, &path));
    assert_error(bs_cmd_plan.run(&args), "2 image(s) cannot be read, the job allows 1");
    free(path);
    write_job(state, TRIALS, ", max_broken: 2");
    assert_ok(try_first(state));
}

static void test_all_broken(void **state)
{
    prepare(state, ", max_broken: 1000");
    for (int i = 0; i < IMAGES; i++)
        break_png(state, i);
    assert_ok(run(state));
    assert_status(state, 0, 0, IMAGES, IMAGES * PER_IMAGE);
}

/* A campaign grows after an image went bad: its finished trials stay, the new ones are left out. Images whose
 * trials are all there are not even opened. */
static void test_broken_later(void **state)
{
    prepare(state, "");
    write_job(state, 1, "");
    assert_ok(run(state));
    for (int i = 0; i < IMAGES; i++)
        break_png(state, i);
    assert_ok(run(state));
    assert_status(state, IMAGES * STRATA, IMAGES, 0, 0);
    for (int i = 0; i < IMAGES; i++)
        if (i != 5)
            write_png(state, i);
    write_job(state, TRIALS, "");
    assert_ok(run(state));
    assert_status(state, IMAGES * PER_IMAGE - (PER_IMAGE - STRATA), IMAGES, 1, PER_IMAGE - STRATA);
    write_png(state, 5);
    assert_ok(run(state));
    assert_status(state, IMAGES * PER_IMAGE, IMAGES, 0, 0);
}

/* A size that does not fit the network is the job's fault, not the image's. */
static void test_wrong_size_is_no_broken_image(void **state)
{
    prepare(state, ", max_broken: 40");
    uint8_t px[20 * 20] = {0};
    struct fixture_bytes file = fixture_png(px, 20, 20, 20, 8, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE);
    fixture_write(state, "09.png", file.ptr, file.len);
    free(file.ptr);
    assert_error(run(state), "image '09.png': the image has 20 x 20 pixels");
    bs_file_status s = status_of(state);
    assert_int_equal(s.broken, 0);
    bs_file_status_clear(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_left_out_then_repaired),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_plan),
        cmocka_unit_test(test_all_broken),
        cmocka_unit_test(test_broken_later),
        cmocka_unit_test(test_wrong_size_is_no_broken_image),
    };
    bs_log_set_level(BS_LOG_QUIET);
    return run_suite(tests, fixture_open, fixture_close);
}
