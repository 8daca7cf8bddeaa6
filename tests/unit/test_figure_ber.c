/* Proves which entries figure ber joins to a curve, and what it does without labels, bounds, or any row. */
#include "support/testing.h"

#include "report/figure.h"
#include "store/db.h"

/* What cairo writes for a colour of the first three curves, in whatever form its version has. */
static const char *const colors[] = {"44.705882%", "90.196078%", "61.960784%"};

typedef struct fixture {
    bs_db db;
    bs_page page;
} fixture;

static int set_up(void **state)
{
    static fixture f;
    memset(&f, 0, sizeof f);
    *state = &f;
    assert_int_equal(sqlite3_open(":memory:", &f.db.handle), SQLITE_OK);
    assert_ok(bs_db_exec(
        &f.db, "fill",
        "CREATE TABLE bn_confidence AS SELECT 0.95 AS confidence;"
        "CREATE TABLE ber_curve (entry, name, ber, hits, trials, golden, accuracy, accuracy_low, "
        "accuracy_high, "
        "sdc1, sdc1_low, sdc1_high, due, due_low, due_high, unit, units);"
        "INSERT INTO ber_curve SELECT 10 + value, 'acts ' || r, r, 'activations', 40, 0.9, 0.8 - value * "
        "0.1, "
        "0.6, 0.9, 0.1, 0.0, 0.2, 0.1, 0.0, 0.2, 'trial', 40 FROM (SELECT 0 AS value, 1e-7 AS r UNION ALL "
        "SELECT 1, 1e-6 UNION ALL SELECT 2, 1e-5)"));
    return 0;
}

static int tear_down(void **state)
{
    fixture *f = *state;
    bs_page_drop(&f->page);
    bs_str_clear(&f->page.bytes);
    sqlite3_close(f->db.handle);
    return 0;
}

/* Draws the figure and returns how many curves it has, found by their colours. */
static int curves(fixture *f, long long entry)
{
    const bs_figure_options o = {entry, BS_FIGURE_ANY, BS_FIGURE_ANY};
    int n = 0;
    bs_str_clear(&f->page.bytes);
    assert_ok(bs_figure_ber(&f->page, &f->db, &o));
    assert_non_null(f->page.bytes.ptr);
    while (n < 3 && strstr(f->page.bytes.ptr, colors[n]))
        n++;
    return n;
}

static void sql(fixture *f, const char *text)
{
    assert_ok(bs_db_exec(&f->db, "change", text));
}

static void test_rates_of_one_name_are_one_curve(void **state)
{
    fixture *f = *state;
    assert_int_equal(curves(f, BS_FIGURE_ANY), 1);
    assert_int_equal(curves(f, 11), 1);
}

static void test_other_names_and_targets_are_other_curves(void **state)
{
    fixture *f = *state;
    sql(f,
        "INSERT INTO ber_curve SELECT entry + 10, 'acts and ' || name, ber, hits, trials, golden, accuracy, "
        "accuracy_low, accuracy_high, sdc1, sdc1_low, sdc1_high, due, due_low, due_high, unit, units FROM "
        "ber_curve");
    assert_int_equal(curves(f, BS_FIGURE_ANY), 2);
    sql(f, "INSERT INTO ber_curve SELECT entry + 20, name, ber, 'both', trials, golden, accuracy, "
           "accuracy_low, accuracy_high, sdc1, sdc1_low, sdc1_high, due, due_low, due_high, unit, units FROM "
           "ber_curve WHERE entry < 20");
    assert_int_equal(curves(f, BS_FIGURE_ANY), 3);
    assert_int_equal(curves(f, 31), 1);
}

/* A name that ends in something else than the rate is kept: these are two curves of one point each. */
static void test_numbers_in_names(void **state)
{
    fixture *f = *state;
    sql(f, "DELETE FROM ber_curve WHERE entry = 12; UPDATE ber_curve SET name = 'conv' || entry");
    assert_int_equal(curves(f, BS_FIGURE_ANY), 2);
    sql(f, "UPDATE ber_curve SET name = NULL");
    assert_int_equal(curves(f, BS_FIGURE_ANY), 1);
}

static void test_without_labels_and_bounds(void **state)
{
    fixture *f = *state;
    sql(f, "UPDATE ber_curve SET golden = NULL, accuracy = NULL, accuracy_low = NULL, accuracy_high = NULL, "
           "sdc1_low = NULL, sdc1_high = NULL WHERE entry < 12");
    assert_int_equal(curves(f, BS_FIGURE_ANY), 1);
    sql(f, "UPDATE ber_curve SET golden = NULL, accuracy = NULL, accuracy_low = NULL, accuracy_high = NULL");
    assert_int_equal(curves(f, BS_FIGURE_ANY), 1);
    assert_null(strstr(f->page.bytes.ptr, "nan"));
    sql(f, "DELETE FROM ber_curve WHERE entry > 10");
    assert_int_equal(curves(f, BS_FIGURE_ANY), 1);
    assert_null(strstr(f->page.bytes.ptr, "nan"));
}

static void test_nothing(void **state)
{
    fixture *f = *state;
    const bs_figure_options o = {7, BS_FIGURE_ANY, BS_FIGURE_ANY};
    assert_int_equal(bs_figure_ber(&f->page, &f->db, &o), BS_ERR);
    assert_non_null(strstr(bs_error_message(), "nothing to draw"));
}

static void test_sheets(void **state)
{
    (void)state;
    bs_str name = {0};
    assert_ok(bs_figure_sheet(&name, "out.d/talk.png", "sinks"));
    assert_string_equal(name.ptr, "out.d/talk-sinks.png");
    assert_ok(bs_figure_sheet(&name, ".svg", "accuracy"));
    assert_string_equal(name.ptr, "-accuracy.svg");
    bs_str_clear(&name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_rates_of_one_name_are_one_curve, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_names_and_targets_are_other_curves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_numbers_in_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_without_labels_and_bounds, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_nothing, set_up, tear_down),
        cmocka_unit_test(test_sheets),
    };
    return run_suite(tests, NULL, NULL);
}
