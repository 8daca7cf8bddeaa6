/* Proves that figures of several entries have one axis of layers and one scale, with gaps where an entry does
 * not hit a layer, and that names of layers do not overlap. */
#include "support/svg.h"
#include "support/testing.h"

#include "report/axes.h"
#include "report/figure.h"
#include "store/db.h"

#include <math.h>

/* Entry 1 hits layers 10, 30, 20 in the order of the network, entry 2 only the last of them and the network.
 */
static const char *const tables =
    "CREATE TABLE bn_confidence AS SELECT 0.95 AS confidence;"
    "CREATE TABLE entry (id, name, kind, bits, burst, count, ber, probability, value, low, high);"
    "INSERT INTO entry SELECT value, 'e' || value, 'flip', 1, 1, 1, 0, 1, NULL, NULL, NULL FROM (SELECT 1 AS "
    "value "
    "UNION SELECT 2);"
    "CREATE TABLE fault_kind AS SELECT 'flip' AS kind, 1 AS bitwise;"
    "CREATE TABLE layer (id, kind, label, ordinal, type);"
    "INSERT INTO layer VALUES (10, 'activation', 'a', 1, 'fp32'), (20, 'activation', 'c', 5, 'fp32'), (30, "
    "'activation', 'b', 2, 'fp32'), (4095, 'network', 'network', 9, 'fp32');"
    "CREATE TABLE stratum (entry, layer);"
    "CREATE TABLE network_target (entry, layer);"
    "INSERT INTO stratum VALUES (1, 10), (1, 20), (1, 30), (2, 20), (2, 4095);"
    "CREATE TABLE layer_summary AS SELECT entry, layer, 7 AS n FROM stratum;"
    "CREATE TABLE bn_correct_given_layer AS SELECT entry, layer, label AS layer_name, 0.9 AS "
    "label_without_fault, 0.5 "
    "* entry - 0.1 AS correct_label, 0.5 * entry - 0.2 AS label_low, 0.5 * entry - 0.05 AS label_high, NULL "
    "AS "
    "correct_golden, NULL AS golden_low, NULL AS golden_high FROM stratum JOIN layer ON id = layer;"
    "CREATE TABLE bit_accuracy AS SELECT entry, layer, label AS layer_name, 30 AS bit, type, 0.25 * entry AS "
    "sdc1_rate FROM stratum JOIN layer ON id = layer;";

static const bs_figure_options all = {BS_FIGURE_ANY, BS_FIGURE_ANY, BS_FIGURE_ANY};

static int set_up(void **state)
{
    static bs_db db;
    db = (bs_db){0};
    *state = &db;
    if (sqlite3_open(":memory:", &db.handle) != SQLITE_OK)
        return -1;
    return bs_db_exec(&db, "fill", tables) == BS_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    return sqlite3_close(((bs_db *)*state)->handle);
}

static void test_accuracy_has_one_axis(void **state)
{
    svg_point p[8];
    bs_page page = {0};
    assert_ok(bs_figure_accuracy(&page, *state, &all));
    assert_int_equal(svg_circles(p, 8, page.bytes.ptr, SVG_BLUE, 3), 4);
    assert_true(p[0].x < p[1].x && p[1].x < p[2].x);
    assert_true(fabs(p[3].x - p[2].x) < 1e-6); /* the last place, with two empty ones before it */
    bs_str_clear(&page.bytes);
}

/* The panels differ by one step down the page: what stands at 0.9 there stands at 0.9 here. */
static void test_accuracy_has_one_scale(void **state)
{
    svg_point p[8], q[8];
    bs_page page = {0};
    assert_ok(bs_figure_accuracy(&page, *state, &all));
    assert_int_equal(svg_circles(p, 8, page.bytes.ptr, SVG_BLUE, 3), 4);
    bs_str_clear(&page.bytes);
    assert_ok(bs_db_exec(*state, "change",
                         "UPDATE bn_correct_given_layer SET correct_label = 0.4 WHERE entry = 2"));
    assert_ok(bs_figure_accuracy(&page, *state, &all));
    assert_int_equal(svg_circles(q, 8, page.bytes.ptr, SVG_BLUE, 3), 4);
    double panel = q[3].y - p[0].y, unit = (q[3].y - p[3].y) / 0.5;
    /* The axis goes from the lowest bound to the highest, with margins, for both: 190 pixels of 0.3 to 0.95.
     */
    assert_true(fabs(unit - 190 / 0.752) < 0.1);
    assert_true(panel > 190);
    bs_str_clear(&page.bytes);
}

static void test_bits_have_one_axis_and_scale(void **state)
{
    bs_page page = {0};
    double y[8];
    size_t n = 0;
    assert_ok(bs_figure_bits(&page, *state, &all));
    /* The row of each layer is grey before its cells: 32 of 13 pixels. */
    for (const char *at = page.bytes.ptr, *path;
         (path = svg_path(&at, "88.235294%", "fill-rule")) && n < 8;) {
        double left, top, right, bottom;
        char *rest;
        left = strtod(path + 1, &rest);
        top = strtod(rest, &rest);
        rest = strchr(rest, 'L');
        right = strtod(rest + 1, &rest);
        bottom = strtod(rest, NULL);
        if (fabs(right - left) > 32 * 13 - 1 && fabs(bottom - top) < 1)
            y[n++] = top;
    }
    assert_int_equal(n, 4);
    double row = y[1] - y[0], step = y[3] - y[2];
    assert_true(fabs(y[2] - y[1] - row) < 1e-6);
    assert_true(step > 3 * row); /* the third place of the next panel */
    bs_str_clear(&page.bytes);
    /* Half of the largest rate of all entries is no end of the scale. */
    assert_ok(bs_figure_bits(&page, *state, &all));
    size_t darkest = svg_count(page.bytes.ptr, "rgb(26.666667%");
    bs_str_clear(&page.bytes);
    assert_ok(bs_db_exec(*state, "change", "UPDATE bit_accuracy SET sdc1_rate = 0.5"));
    assert_ok(bs_figure_bits(&page, *state, &all));
    assert_int_equal(svg_count(page.bytes.ptr, "rgb(26.666667%"), darkest + 3);
    bs_str_clear(&page.bytes);
}

static void test_names_leave_room(void **state)
{
    (void)state;
    bs_page page = {0};
    bs_axes a = {.left = 60, .width = 400, .height = 100, .x_min = -0.5, .x_max = 99.5, .y_max = 1};
    bs_names names = {-HUGE_VAL, 100, false};
    int drawn = 0;
    double last = -HUGE_VAL;
    assert_ok(bs_page_begin(&page, 500, 200));
    for (int i = 0; i < 100; i++)
        if (bs_axes_draw_name(&page, &a, &names, i, "name")) {
            assert_true(bs_axes_x(&a, i) - last >= 11); /* a line of its size */
            last = bs_axes_x(&a, i);
            drawn++;
        }
    assert_true(drawn >= 20 && drawn <= 36);
    assert_ok(bs_page_end(&page));
    bs_str_clear(&page.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_accuracy_has_one_axis, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_accuracy_has_one_scale, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bits_have_one_axis_and_scale, set_up, tear_down),
        cmocka_unit_test(test_names_leave_room),
    };
    return run_suite(tests, NULL, NULL);
}
