/* Proves that a program whose tests were all skipped reports itself skipped, that one skipped in part passes
 * and says so, and that a failure beside skips is one. The program runs itself, with the names of tests to
 * run. */
#include "support/testing.h"

#include <sys/wait.h>

static void passes(void **state)
{
    (void)state;
}

static void fails(void **state)
{
    (void)state;
    fail();
}

static void skips(void **state)
{
    (void)state;
    skip("no %s", "first");
}

static void skips_too(void **state)
{
    (void)state;
    skip("no second");
}

static int setup_fails(void **state)
{
    (void)state;
    return -1;
}

static int setup_skips(void **state)
{
    (void)state;
    skip("no third");
    return 0;
}

/* Runs the tests that `words` names, and stores all that the program prints. */
static int exit_code(const char *words, char *printed, size_t size)
{
    char command[128];
    snprintf(command, sizeof command, "exec /proc/%d/exe %s 2>&1", (int)getpid(), words);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    printed[fread(printed, 1, size - 1, f)] = '\0';
    int status = pclose(f);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static const struct {
    const char *words;
    int code;
    const char *says; /* NULL: nothing of skipped tests */
} runs[] = {
    {"skips", 77, "\nskipped: 1 of 1 tests: no first\n"},
    {"skips skips skips_too", 77, "\nskipped: 3 of 3 tests: no first; no second\n"},
    {"skips passes skips_too", 0, "\nskipped: 2 of 3 tests: no first; no second\n"},
    {"skips fails", 1, "\nskipped: 1 of 2 tests: no first\n"},
    {"fails skips", 1, "\nskipped: 1 of 2 tests: no first\n"},
    {"skips setup_fails", 1, "\nskipped: 1 of 2 tests: no first\n"},
    {"setup_skips", 1, "\nskipped: 1 of 1 tests: no third\n"}, /* an error: it must be noticed */
    {"setup_skips passes", 1, "\nskipped: 1 of 2 tests: no third\n"},
    {"passes passes", 0, NULL},
    {"fails", 1, NULL},
    {"all", 77, "skipped: no device\n"},
};

static void every_outcome(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        char printed[8192];
        int code = exit_code(runs[i].words, printed, sizeof printed);
        if (code != runs[i].code)
            fail_msg("'%s': exit code %d, expected %d: %s", runs[i].words, code, runs[i].code, printed);
        if (runs[i].says ? !strstr(printed, runs[i].says) : strstr(printed, "skipped:") != NULL)
            fail_msg("'%s' does not say '%s': %s", runs[i].words, runs[i].says ? runs[i].says : "nothing",
                     printed);
    }
}

/* An exit code is what is left of a number modulo 256, and 77 is taken. */
static void many_failures(void **state)
{
    (void)state;
    static const int many[] = {77, 256};
    for (size_t i = 0; i < sizeof many / sizeof *many; i++) {
        char printed[1 << 16], words[16];
        snprintf(words, sizeof words, "%d", many[i]);
        assert_int_equal(exit_code(words, printed, sizeof printed), 1);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_outcome), cmocka_unit_test(many_failures)};
    const struct CMUnitTest named[] = {
        cmocka_unit_test(passes),
        cmocka_unit_test(fails),
        cmocka_unit_test(skips),
        cmocka_unit_test(skips_too),
        {"setup_fails", passes, setup_fails, NULL, NULL},
        {"setup_skips", passes, setup_skips, NULL, NULL},
    };
    static struct CMUnitTest given[256];
    size_t n = 0;
    if (argc < 2)
        return run_suite(tests, NULL, NULL);
    if (strcmp(argv[1], "all") == 0)
        return skip_all("no device");
    for (long left = strtol(argv[1], NULL, 10); left > 0; left--)
        given[n++] = named[1];
    for (int i = 1; i < argc; i++)
        for (size_t k = 0; k < sizeof named / sizeof *named; k++)
            if (strcmp(argv[i], named[k].name) == 0)
                given[n++] = named[k];
    return run_suite_of(given, n, NULL, NULL);
}
