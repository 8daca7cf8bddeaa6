/* Proves which devices a text names. */
#include "support/testing.h"

#include "backend/backend.h"

static void test_names(void **state)
{
    static const struct {
        const char *spec, *options;
        int n, ordinal[4];
    } good[] = {
        {"null", NULL, 1, {0}},
        {"null:2", NULL, 1, {2}},
        {"null:4,0,2", NULL, 3, {4, 0, 2}},
        {"null:1-3", NULL, 3, {1, 2, 3}},
        {"null:0,2-3,x,y", "x,y", 3, {0, 2, 3}},
        {"null:5,x2", "x2", 1, {5}},
        {"null,x", "x", 1, {0}},
        {"cpu:all", NULL, 1, {0}},
    };
    static const struct {
        const char *spec;
        bs_status status;
        const char *text;
    } bad[] = {
        {"null:0,0", BS_USAGE, "'null:0' is named twice"},
        {"null:0-3,2", BS_USAGE, "'null:2' is named twice"},
        {"null:all,1", BS_USAGE, "'null:1' is named twice"},
        {"null:3-1", BS_USAGE, "no device in the range '3-1'"},
        {"null:6-9", BS_NO_DEVICE, "no device 'null:8': the last one is 'null:7'"},
        {"null:9", BS_NO_DEVICE, "no device 'null:9'"},
        {"null:", BS_USAGE, "unknown device 'null:'"},
        {"null:0-", BS_USAGE, "unknown device 'null:0-'"},
        {"null:x", BS_USAGE, "unknown device 'null:x'"},
        {"null:allx", BS_USAGE, "unknown device 'null:allx'"},
        {"null:1x", BS_USAGE, "unknown device 'null:1x'"},
        {"null:99999999999", BS_USAGE, "unknown device"},
        {"auto:1", BS_USAGE, "unknown device 'auto:1'"},
    };
    bs_device_choice c;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(bs_backend_find(&c, good[i].spec));
        assert_int_equal(c.n, good[i].n);
        for (int k = 0; k < c.n; k++)
            assert_int_equal(c.ordinal[k], good[i].ordinal[k]);
        if (good[i].options)
            assert_string_equal(c.options, good[i].options);
        else
            assert_null(c.options);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(bs_backend_find(&c, bad[i].spec), bad[i].status);
        if (!strstr(bs_error_message(), bad[i].text))
            fail_msg("%s: %s", bad[i].spec, bs_error_message());
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names)};
    return run_suite(tests, NULL, NULL);
}
