/* What every unit test needs: cmocka with the headers it wants first, and where optional data is. */
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

/* A program whose tests are all skipped is skipped itself, by the exit code that ctest knows. */
static size_t tests_skipped;
static inline int test_exit_code(int failed, size_t n)
{
    return failed == 0 && tests_skipped == n ? 77 : failed;
}
#undef skip
#define skip() (tests_skipped++, _skip(__FILE__, __LINE__))
#undef cmocka_run_group_tests
#define cmocka_run_group_tests(tests, setup, teardown)                                                       \
    test_exit_code(_cmocka_run_group_tests(#tests, tests, sizeof(tests) / sizeof *(tests), setup, teardown), \
                   sizeof(tests) / sizeof *(tests))

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

/* Path of a file of the optional test data (BITSINK_TEST_DATA, else ../shared/data); NULL if it is absent.
 * Static buffer. */
static inline const char *test_data(const char *name)
{
    static char path[4096];
    const char *root = getenv("BITSINK_TEST_DATA");
    snprintf(path, sizeof path, "%s/%s", root && *root ? root : "../shared/data", name);
    return access(path, R_OK) == 0 ? path : NULL;
}

/* The device that tests of what every device must do run on: $BITSINK_TEST_DEVICE, else the CPU. */
static inline const char *test_device(void)
{
    const char *device = getenv("BITSINK_TEST_DEVICE");
    return device ? device : "cpu";
}

#endif
