/* Proves how the report rounds numbers, and how it shows times and preprocessing. */
#include "support/testing.h"

#include "report/shown.h"

#include <math.h>
#include <stdlib.h>
#include <time.h>

/* Returns what `call` appended, in memory that lasts until the next call. */
static const char *taken(bs_str *s)
{
    static char text[256];
    snprintf(text, sizeof text, "%s", s->ptr ? s->ptr : "");
    bs_str_clear(s);
    return text;
}

static const char *number(double x, double low, double high)
{
    bs_str s = {0};
    bs_shown_number(&s, x, low, high);
    return taken(&s);
}

static const char *rate(double share, double low, double high)
{
    bs_str s = {0};
    bs_shown_rate(&s, share, low, high);
    return taken(&s);
}

static void test_rounding(void **state)
{
    (void)state;
    assert_string_equal(number(0.6748, 0.3867, 1.1181), "0.67");
    assert_string_equal(number(12345678.9, 12e6, 13e6), "12,345,679");
    assert_string_equal(number(-1234.5, -1300, -1200), "-1,234");
    assert_string_equal(number(-0.001, -5, 5), "0");
    assert_string_equal(number(0.25, NAN, NAN), "0.25");
    assert_string_equal(number(123456, 123456, 123456), "123,456");
    assert_string_equal(rate(0.006748, 0.003867, 0.011181), "0.67 % (0.39 to 1.12 %)");
    assert_string_equal(rate(0.0029, 8.6e-6, 0.3709), "0.3 % (0.0009 to 37 %)");
    assert_string_equal(rate(0, 0, 0.5), "0 % (0 to 50 %)");
    assert_string_equal(rate(0.9999, 0.4, 0.99999), "99.99 % (40 to 100 %)");
    assert_string_equal(rate(1, 0.9999, 1), "100.000 % (99.990 to 100.000 %)");
    assert_string_equal(rate(0.999999999, 0.4, 1), "100 % (40 to 100 %)");
    assert_string_equal(rate(0.99999, 0.99999999, 1), "99.9990 % (99.999999 to 100.0000 %)");
    assert_string_equal(rate(0.125, NAN, NAN), "exactly 12.5 %");
}

static const char *preprocess(const char *text)
{
    bs_str s = {0};
    bs_shown_preprocess(&s, text);
    return taken(&s);
}

static void test_preprocessing(void **state)
{
    (void)state;
    assert_string_equal(
        preprocess("resize-short 0, crop-fraction 0, resize 0x0, crop 0x0, rgb, scale 0.00392156886, "
                   "mean 0.286000013, std 0.352999985"),
        "rgb, scale 0.003921569, mean 0.286, std 0.353");
    assert_string_equal(
        preprocess("resize-short 256, crop-fraction 0.875, resize 0x0, crop 227x227, bgr, scale 1, "
                   "mean 104 117 0, std 1 1 1, bicubic"),
        "resize-short 256, crop-fraction 0.875, crop 227x227, bgr, mean 104 117 0, bicubic");
    assert_string_equal(preprocess("resize 224x0, flatten rows"), "resize 224x0, flatten rows");
    assert_string_equal(preprocess(""), "");
}

static void test_time(void **state)
{
    bs_str s = {0};
    (void)state;
    setenv("TZ", "XYZ-5:30", 1);
    tzset();
    bs_shown_time(&s, "2026-11-27T23:00:44Z");
    assert_string_equal(taken(&s), "28 November 2026, 04:30 XYZ");
    bs_shown_time(&s, "2026-11-27T23:00:44Z or so");
    assert_string_equal(taken(&s), "2026-11-27T23:00:44Z or so");
    bs_shown_time(&s, "yesterday");
    assert_string_equal(taken(&s), "yesterday");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rounding), cmocka_unit_test(test_preprocessing),
                                       cmocka_unit_test(test_time)};
    return run_suite(tests, NULL, NULL);
}
