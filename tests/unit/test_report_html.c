/* Proves that the report page has tables of views of any form. */
#include "support/testing.h"

#include "report/html.h"
#include "store/db.h"

static void test_views(void **state)
{
    (void)state;
    bs_db db = {0};
    bs_str page = {0};
    const bs_common_path path = {.slash = (char *)"model/"};
    assert_int_equal(sqlite3_open(":memory:", &db.handle), SQLITE_OK);
    assert_ok(bs_db_exec(
        &db, "fill",
        "CREATE TEMP VIEW report_plain AS\nSELECT 1 AS one;"
        "CREATE TEMP VIEW report_with AS\nWITH t AS (SELECT 3 AS n) SELECT 2 * n AS twice FROM t;"
        "CREATE TEMP VIEW report_values AS VALUES ('<a>');"
        "CREATE TEMP VIEW report_intervals AS VALUES ('0.1 to 2 %', NULL, 'to'), ('census', '', '1');"
        "CREATE TEMP VIEW report_layers AS SELECT 'model/\"1\"' AS layer UNION SELECT 'other';"));
    assert_ok(bs_html_table(&page, &db, &path, "Plain", "report_plain", false));
    assert_ok(bs_html_table(&page, &db, &path, "With", "report_with", false));
    assert_ok(bs_html_table(&page, &db, &path, "Values", "report_values", true));
    assert_non_null(
        strstr(page.ptr, "<th scope=col class=n>one</th></tr></thead><tbody>\n<tr><td class=n>1</td>"));
    assert_non_null(
        strstr(page.ptr, "<th scope=col class=n>twice</th></tr></thead><tbody>\n<tr><td class=n>6</td>"));
    assert_non_null(strstr(page.ptr, "<caption>Plain</caption>"));
    assert_non_null(strstr(page.ptr, "<summary>Values (1 row)</summary>"));
    assert_non_null(strstr(page.ptr, "<td>&lt;a&gt;</td>"));
    assert_ok(bs_html_table(&page, &db, &path, "Layers", "report_layers", false));
    assert_non_null(strstr(page.ptr, "<td title=\"model/&quot;1&quot;\">&quot;1&quot;</td>"));
    assert_non_null(strstr(page.ptr, "<td>other</td>"));
    assert_ok(bs_html_table(&page, &db, &path, "Intervals", "report_intervals", false));
    assert_non_null(strstr(page.ptr, "<td class=n>0.1 to 2 %</td><td>to</td>"));
    assert_non_null(strstr(page.ptr, "<td class=n>census</td><td>1</td>"));
    bs_str_clear(&page);
    sqlite3_close(db.handle);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_views)};
    return run_suite(tests, NULL, NULL);
}
