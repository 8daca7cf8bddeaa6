/* Proves the base helpers: errors and hints, strings, buffers, files, numbers read strictly. */
#include "support/testing.h"

#include "base/buf.h"
#include "base/noise.h"
#include "base/team.h"
#include "base/resources.h"
#include "base/text.h"

#include <stdatomic.h>

static void test_errors(void **state)
{
    (void)state;
    assert_int_equal(bs_fail(BS_USAGE, "bad %s", "thing"), BS_USAGE);
    assert_int_equal(bs_hint("try %d", 7), BS_USAGE);
    assert_string_equal(bs_error_hint(), "try 7");
    assert_int_equal(bs_context("file %s", "x"), BS_USAGE);
    assert_string_equal(bs_error_message(), "file x: bad thing");
    /* The message may be an argument of the next one. */
    bs_fail(BS_ERR, "again: %s", bs_error_message());
    assert_string_equal(bs_error_message(), "again: file x: bad thing");
    assert_string_equal(bs_error_hint(), "");
    /* Endless text is cut, not overrun. */
    char long_text[4000];
    memset(long_text, 'a', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    bs_fail(BS_ERR, "%s", long_text);
    bs_context("%s", long_text);
    assert_true(strlen(bs_error_message()) < 1024);
}

static void test_strings(void **state)
{
    (void)state;
    bs_str s = {0};
    bs_str_json(&s, "a\"b\\c\n\xff\xc3\xa9");
    assert_string_equal(s.ptr, "\"a\\\"b\\\\c\\u000a\\\\xff\xc3\xa9\"");
    bs_str_clear(&s);
    bs_str_csv(&s, "plain");
    bs_str_puts(&s, ",");
    bs_str_csv(&s, "a \"b\", c");
    assert_string_equal(s.ptr, "plain,\"a \"\"b\"\", c\"");
    bs_str_clear(&s);
    for (int i = 0; i < 1000; i++)
        bs_str_printf(&s, "%03d", i);
    assert_int_equal(s.len, 3000);
    assert_memory_equal(s.ptr + 2997, "999", 4);
    bs_str_clear(&s);
}

static void test_files(void **state)
{
    (void)state;
    char *text;
    size_t len;
    assert_error(bs_read_file(&text, &len, "/nonexistent/x", 100), "cannot open '/nonexistent/x'");
    assert_error(bs_read_file(&text, &len, "LICENSE", 10), "larger than the limit");
    assert_ok(bs_read_file(&text, &len, "LICENSE", 1 << 20));
    assert_true(len > 500 && text[len] == '\0' && strlen(text) == len);
    free(text);
    assert_ok(bs_path_beside(&text, "a/b/job.yaml", "../m.onnx"));
    assert_string_equal(text, "a/b/../m.onnx");
    free(text);
    assert_ok(bs_path_beside(&text, "a/b/job.yaml", "/m.onnx"));
    assert_string_equal(text, "/m.onnx");
    free(text);
}

static void test_nearest(void **state)
{
    (void)state;
    const char *names[] = {"conv1", "conv5", "fc"};
    assert_int_equal(bs_nearest("conv9", names, 3), 0);
    assert_int_equal(bs_nearest("conv55", names, 3), 1);
    assert_int_equal(bs_nearest("softmax", names, 3), -1);
}

static bs_status team_fn(void *shared, int worker)
{
    atomic_fetch_add((atomic_int *)shared, 1);
    if (worker == 3)
        return bs_fail(BS_STOPPED, "stopped");
    return worker == 5 ? bs_fail(BS_ERR, "worker %d broke", worker) : BS_OK;
}

/* Each round is complete before the next begins, though one member is slow and another one leaves early. */
typedef struct rounds {
    atomic_int here[4];
    int breaks; /* this worker fails in round 2; -1: none */
} rounds;

static bs_status rounds_fn(void *shared, int worker)
{
    rounds *r = shared;
    for (int round = 0; round < 4; round++) {
        if (worker == 1 && round == 3)
            return BS_OK;
        if (worker == 2)
            usleep(2000);
        if (worker == r->breaks && round == 2)
            return bs_fail(BS_ERR, "worker %d broke", worker);
        atomic_fetch_add(&r->here[round], 1);
        BS_TRY(bs_team_barrier());
        if (atomic_load(&r->here[round]) != (round == 3 ? 3 : 4))
            return bs_fail(BS_ERR, "round %d was not complete", round);
    }
    return BS_OK;
}

static void test_team_barrier(void **state)
{
    (void)state;
    rounds r = {.breaks = -1};
    assert_ok(bs_team_run(4, rounds_fn, &r));
    r = (rounds){.breaks = 3};
    assert_error(bs_team_run(4, rounds_fn, &r), "worker 3 broke");
    assert_int_equal(atomic_load(&r.here[3]), 0);
}

static void test_team(void **state)
{
    (void)state;
    atomic_int n = 0;
    assert_ok(bs_team_run(3, team_fn, &n));
    assert_int_equal(n, 3);
    assert_int_equal(bs_team_run(5, team_fn, &n), BS_STOPPED);
    /* A real error outranks a stop. */
    assert_error(bs_team_run(8, team_fn, &n), "worker 5 broke");
    assert_int_equal(n, 16);
}

static void test_resources(void **state)
{
    (void)state;
    assert_in_range(bs_resources_cores(), 1, 4096);
    assert_true(bs_resources_memory() > (size_t)16 << 20);
    double t = bs_resources_clock();
    assert_true(bs_resources_clock() >= t);
}

/* Every length gives the beginning of one sequence, which is that of the generator. */
static void test_noise(void **state)
{
    (void)state;
    float all[40], some[40];
    uint64_t x = 1;
    bs_noise_fill(all, 40);
    for (int n = 0; n < 40; n++) {
        memset(some, 0, sizeof some);
        bs_noise_fill(some, n);
        assert_memory_equal(some, all, (size_t)n * sizeof *all);
        assert_true(some[n] == 0);
        x = x * 6364136223846793005u + 1442695040888963407u;
        assert_true(all[n] == (float)(int32_t)(x >> 32) * 0x1p-31f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),    cmocka_unit_test(test_strings), cmocka_unit_test(test_files),
        cmocka_unit_test(test_nearest),   cmocka_unit_test(test_team),    cmocka_unit_test(test_team_barrier),
        cmocka_unit_test(test_resources), cmocka_unit_test(test_noise),
    };
    return run_suite(tests, NULL, NULL);
}
