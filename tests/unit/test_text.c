/* Proves what counts as UTF-8, and how names are shown on terminals, in JSON, in CSV and to a shell. */
#include "support/testing.h"

#include "base/text.h"

#include <math.h>

typedef void writer(bs_str *s, const char *text);

static void assert_written(writer *write, const char *text, const char *expected)
{
    bs_str s = {0};
    write(&s, text);
    assert_ok(bs_str_status(&s));
    assert_string_equal(s.ptr ? s.ptr : "", expected);
    bs_str_clear(&s);
}

static void test_utf8(void **state)
{
    (void)state;
    static const char *const good[] = {"", "a\n\x1b\x7f", "\xc2\x80\xdf\xbf",
                                       "\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf",
                                       "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"};
    static const char *const bad[] = {"\x80",
                                      "\xbf",
                                      "\xc0\xaf",
                                      "\xc1\xbf",
                                      "\xc2",
                                      "\xc2z",
                                      "\xe0\x9f\xbf",
                                      "\xed\xa0\x80",
                                      "\xed\xbf\xbf",
                                      "\xe2\x82",
                                      "\xf0\x8f\xbf\xbf",
                                      "\xf4\x90\x80\x80",
                                      "\xf5\x80\x80",
                                      "\xf8\x88\x80",
                                      "\xfe",
                                      "\xff"};
    uint32_t c;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        assert_true(bs_utf8_valid(good[i]));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_int_equal(bs_utf8_decode(&c, bad[i]), 0);
        assert_false(bs_utf8_valid(bad[i]));
    }
    assert_int_equal(bs_utf8_decode(&c, "\xe2\x82\xac."), 3);
    assert_int_equal(c, 0x20ac);
    assert_int_equal(bs_utf8_decode(&c, "\xf4\x8f\xbf\xbf"), 4);
    assert_int_equal(c, 0x10ffff);
}

static bs_status check(const char *text, const char *path, bs_status status)
{
    return bs_utf8_check(text, strlen(text), path, status);
}

static void test_check(void **state)
{
    (void)state;
    assert_ok(check("caf\xc3\xa9\n", "f", BS_ERR));
    assert_int_equal(check("a\nb\ncaf\xe9 x\n", "a/b.txt", BS_USAGE), BS_USAGE);
    assert_string_equal(bs_error_message(), "a/b.txt:3: byte 0xe9 is not UTF-8, after 'caf'");
    assert_non_null(strstr(bs_error_hint(), "iconv -f ISO-8859-1 -t UTF-8 a/b.txt >NEW"));
    assert_error(check("\x93q\x94", "it's", BS_ERR), "it's:1: byte 0x93 is not UTF-8, after ''");
    assert_non_null(strstr(bs_error_hint(), "iconv -f WINDOWS-1252 -t UTF-8 'it'\\''s' >NEW"));
    /* Windows has no character for this byte, iconv would fail. */
    assert_error(check("\x93\x81", "f", BS_ERR), "f:1");
    assert_non_null(strstr(bs_error_hint(), "ISO-8859-1"));
    assert_error(check("caf\xc3\xa9\ncaf\xe9", "f", BS_ERR), "f:2");
    assert_non_null(strstr(bs_error_hint(), "correct this line"));
    assert_error(check("\x7f\x01\xff", "f", BS_ERR), "f:1");
    assert_non_null(strstr(bs_error_hint(), "does not look like text"));
    assert_error(bs_utf8_check("a\0\n\xff", 4, "f", BS_ERR), "f:2: byte 0xff");
}

static void test_visible(void **state)
{
    (void)state;
    assert_written(bs_str_visible, "", "");
    assert_written(bs_str_visible, "caf\xc3\xa9 \\n \xe2\x82\xac", "caf\xc3\xa9 \\n \xe2\x82\xac");
    assert_written(bs_str_visible, "\x1b[31m\x07\x7f\n\r\t", "\\x1b[31m\\x07\\x7f\\n\\r\\t");
    assert_written(bs_str_visible, "\xc2\x9b\xe2\x80\xae\xef\xbb\xbf", "\\u009b\\u202e\\ufeff");
    assert_written(bs_str_visible, "\xe2\x80\xa8\xe2\x81\xa6\xd8\x9c\xe2\x80\x8b",
                   "\\u2028\\u2066\\u061c\\u200b");
    assert_written(bs_str_visible, "\xf3\xa0\x81\x81", "\\U000e0041");
    assert_written(bs_str_visible, "\xff\xc3z\xed\xa0\x80", "\\xff\\xc3z\\xed\\xa0\\x80");
    /* Joiners belong to scripts and emoji. */
    assert_written(bs_str_visible, "\xe2\x80\x8c\xe2\x80\x8d", "\xe2\x80\x8c\xe2\x80\x8d");
    assert_written(bs_str_visible_lines, "a\r\n\tb\x1b", "a\r\n\tb\\x1b");
    assert_written(bs_str_utf8, "a\n\x1b\xff\xe2\x80\xae", "a\n\x1b\\xff\xe2\x80\xae");
}

static void test_printf_copies(void **state)
{
    (void)state;
    const char *plain = "caf\xc3\xa9";
    assert_ptr_equal(bs_visible(plain), plain);
    char text[128];
    snprintf(text, sizeof text, "%s %s %s", bs_visible("a\n"), bs_visible("b\x1b"), bs_visible("c"));
    assert_string_equal(text, "a\\n b\\x1b c");
    assert_string_equal(bs_visible_cut("abc", 3), "abc");
    assert_string_equal(bs_visible_cut("ab\xc3\xa9z", 3), "ab");
    assert_string_equal(bs_visible_cut("ab\xc3\xa9z", 4), "ab\xc3\xa9");
    assert_string_equal(bs_visible_cut("a\nb\nc", 3), "a\\n");
    assert_string_equal(bs_visible_cut("abc", 0), "");
}

static void test_json(void **state)
{
    (void)state;
    assert_written(bs_str_json, "\x1b\x7f\xc2\x85", "\"\\u001b\\u007f\\u0085\"");
    assert_written(bs_str_json, "\xe2\x80\xa8\xe2\x80\xae\xf3\xa0\x81\x81",
                   "\"\\u2028\\u202e\\udb40\\udc41\"");
    assert_written(bs_str_json, "\xed\xa0\x80\xc0\xaf", "\"\\\\xed\\\\xa0\\\\x80\\\\xc0\\\\xaf\"");
}

static void test_json_numbers(void **state)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0.25, "0.25"}, {INFINITY, "\"Infinity\""}, {-INFINITY, "\"-Infinity\""}, {NAN, "\"NaN\""}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bs_str s = {0};
        bs_str_json_number(&s, cases[i].v);
        assert_string_equal(s.ptr, cases[i].text);
        bs_str_clear(&s);
    }
}

static void test_csv(void **state)
{
    (void)state;
    static const char *const plain[] = {"", "a", "-0.5", "+1e-7", "12", "'", "'a", "a=1", "\\x"};
    for (size_t i = 0; i < sizeof plain / sizeof *plain; i++)
        assert_written(bs_str_csv, plain[i], plain[i]);
    assert_written(bs_str_csv, "=1+1", "'=1+1");
    assert_written(bs_str_csv, "-x,\"", "\"'-x,\"\"\"");
    assert_written(bs_str_csv, "@a;b", "\"'@a;b\"");
    assert_written(bs_str_csv, "-", "'-");
    assert_written(bs_str_csv, "'+a", "''+a");
    assert_written(bs_str_csv, " a", "\" a\"");
    assert_written(bs_str_csv, "\t=1\r\n", "\\t=1\\r\\n");
    static const char *const names[] = {"=1+1", "'=x", "''-x", "-0.5", "@",
                                        "'",    "'a",  "",     "+1e",  "caf\xc3\xa9"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        bs_str s = {0};
        bs_str_csv(&s, names[i]);
        bs_csv_unguard(s.ptr);
        assert_string_equal(s.ptr, names[i]);
        bs_str_clear(&s);
    }
}

/* A shell reads the quoted word as what was quoted. */
static void test_shell(void **state)
{
    (void)state;
    static const char *const words[] = {"a/b-c.txt", "",     "a b",  "$(x)`y`;&|<>*?[]{}~#!\\",    "it's",
                                        "-n",        "a\"b", "a\nb", "\x1b\'\\x\xff\xe2\x80\xae.7"};
    if (system("bash -c true") != 0)
        skip("bash is not installed");
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        char script[] = "/tmp/bitsink_shell_XXXXXX", command[64], out[64] = "";
        bs_str s = {0};
        int fd = mkstemp(script);
        bs_str_puts(&s, "printf '%s' ");
        bs_str_shell(&s, words[i]);
        assert_ok(bs_str_status(&s));
        assert_ptr_equal(bs_visible(s.ptr), s.ptr);
        assert_int_equal(write(fd, s.ptr, s.len), (ssize_t)s.len);
        close(fd);
        snprintf(command, sizeof command, "bash %s", script);
        FILE *p = popen(command, "r");
        assert_non_null(p);
        out[fread(out, 1, sizeof out - 1, p)] = '\0';
        assert_int_equal(pclose(p), 0);
        assert_string_equal(out, words[i]);
        unlink(script);
        bs_str_clear(&s);
    }
    assert_written(bs_str_shell, "a/b-c.txt", "a/b-c.txt");
    assert_written(bs_str_shell, "a b", "'a b'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_utf8),    cmocka_unit_test(test_check),
        cmocka_unit_test(test_visible), cmocka_unit_test(test_printf_copies),
        cmocka_unit_test(test_json),    cmocka_unit_test(test_json_numbers),
        cmocka_unit_test(test_csv),     cmocka_unit_test(test_shell),
    };
    return run_suite(tests, NULL, NULL);
}
