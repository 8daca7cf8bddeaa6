/* Included by every unit test: cmocka with the headers that it needs, skipping, and the place of optional
 * data. */
#ifndef BS_TESTS_TESTING_H
#define BS_TESTS_TESTING_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/error.h"

enum { TEST_SKIPPED = 77 }; /* the exit code that ctest reports as skipped */

/* Skipped tests of this program, with the reasons as "; REASON" each. */
static size_t tests_skipped;
static char skip_reasons[1024];

__attribute__((format(printf, 1, 2))) static inline void count_skip(const char *format, ...)
{
    char reason[256] = "; ";
    va_list args;
    va_start(args, format);
    vsnprintf(reason + 2, sizeof reason - 2, format, args);
    va_end(args);
    tests_skipped++;
    const char *known = strstr(skip_reasons, reason);
    while (known && known[strlen(reason)] && known[strlen(reason)] != ';')
        known = strstr(known + 1, reason);
    if (!known)
        strncat(skip_reasons, reason, sizeof skip_reasons - strlen(skip_reasons) - 1);
}

/* Ends the test as skipped; the reason is a format with its arguments. Not for a setup: there cmocka takes it
 * for an error. */
#undef skip
#define skip(...) (count_skip(__VA_ARGS__), _skip(__FILE__, __LINE__))

/* Ends main() of a program none of whose tests can run: `return skip_all(reason)`. */
static inline int skip_all(const char *reason)
{
    printf("skipped: %s\n", reason);
    return TEST_SKIPPED;
}

/* Runs n tests, says how many were skipped and why, and returns the exit code of the program: 1 if one
 * failed, TEST_SKIPPED if all were skipped, else 0. Once in a program, as the last of main(). */
static inline int run_suite_of(const struct CMUnitTest *tests, size_t n, CMFixtureFunction setup,
                               CMFixtureFunction teardown)
{
    int failed = _cmocka_run_group_tests("tests", tests, n, setup, teardown);
    if (tests_skipped > 0)
        printf("skipped: %zu of %zu tests: %s\n", tests_skipped, n, skip_reasons + 2);
    return failed ? EXIT_FAILURE : tests_skipped == n ? TEST_SKIPPED : EXIT_SUCCESS;
}
#define run_suite(tests, setup, teardown)                                                                    \
    run_suite_of(tests, sizeof(tests) / sizeof *(tests), setup, teardown)
#undef cmocka_run_group_tests
#pragma GCC poison cmocka_run_group_tests _cmocka_run_group_tests /* they count skipped tests as passed */

/* Fails the test with the recorded message unless the call succeeds. */
#define assert_ok(x)                                                                                         \
    do {                                                                                                     \
        if ((x) != BS_OK)                                                                                    \
            fail_msg("%s: %s (hint: %s)", #x, bs_error_message(), bs_error_hint());                          \
    } while (0)
/* The call must fail with a message that contains `text`. */
#define assert_error(x, text)                                                                                \
    do {                                                                                                     \
        if ((x) == BS_OK)                                                                                    \
            fail_msg("%s succeeded, expected an error about '%s'", #x, text);                                \
        if (!strstr(bs_error_message(), text))                                                               \
            fail_msg("%s: '%s' lacks '%s'", #x, bs_error_message(), text);                                   \
    } while (0)

/* Returns the path of a file of the optional test data (BITSINK_TEST_DATA, else ../shared/data), in a static
 * buffer. Skips the test if it is absent. */
static inline const char *test_data(const char *name)
{
    static char path[4096];
    const char *root = getenv("BITSINK_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", root && *root ? root : "../shared/data", name);
    if (access(path, R_OK) != 0)
        skip("no '%s' in the test data", name);
    return path;
}

/* Has stderr written to `fd` until stderr_back() gets what this returns. */
static inline int stderr_to(int fd)
{
    fflush(stderr);
    int before = dup(STDERR_FILENO);
    assert_int_not_equal(dup2(fd, STDERR_FILENO), -1);
    return before;
}

static inline void stderr_back(int before)
{
    fflush(stderr);
    dup2(before, STDERR_FILENO);
    close(before);
}

/* The device that tests of what every device must do run on: $BITSINK_TEST_DEVICE, else the CPU. */
static inline const char *test_device(void)
{
    const char *device = getenv("BITSINK_TEST_DEVICE");
    return device ? device : "cpu";
}

#endif
