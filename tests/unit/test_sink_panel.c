/* Proves that panels of figure sinks make room for names of classes, and which colours their cells have. */
#include "support/testing.h"

#include "report/sink_panel.h"

/* The green in red as cairo writes it, in whatever form its version has. */
static const char *const red = "9.411765%";

static void load(bs_data *out, const bs_db *db, const char *sql)
{
    assert_ok(bs_data_load(out, db, sql, 0, NULL));
}

static int set_up(void **state)
{
    static bs_db db;
    db = (bs_db){0};
    *state = &db;
    return sqlite3_open(":memory:", &db.handle);
}

static int tear_down(void **state)
{
    return sqlite3_close(((bs_db *)*state)->handle);
}

/* Returns the width of a page of one panel with these names, and its height. */
static double page_width(const bs_db *db, const char *names, double *height)
{
    bs_panel n = {.classes = 3};
    bs_page page = {0};
    load(&n.names, db, names);
    assert_ok(bs_panel_page(&n, &page, 1, false));
    double width = page.width;
    *height = page.height;
    bs_page_drop(&page);
    bs_str_clear(&page.bytes);
    bs_data_clear(&n.names);
    return width;
}

static void test_room_for_names(void **state)
{
    double plain, named, cut, longest, fewer;
    double width = page_width(*state, "SELECT 1 WHERE 0", &plain);
    assert_true(page_width(*state, "VALUES ('cat'), ('automobile'), ('dog')", &named) > width);
    assert_true(named > plain);
    double most = page_width(*state, "VALUES ('a'), (printf('%.30c', 'x')), ('c')", &cut);
    assert_true(page_width(*state, "VALUES ('a'), (printf('%.300c', 'x')), ('c')", &longest) == most);
    assert_true(longest == cut);
    /* Not every class has one. */
    assert_true(page_width(*state, "VALUES ('automobile'), ('automobile')", &fewer) == width);
    assert_true(fewer == plain);
}

/* Draws pairs with class 1 as the sink. Returns whether red occurs. */
static bool draws_red(const bs_db *db, const char *pairs, bool *has_halves)
{
    bs_panel n = {.classes = 3};
    bs_page page = {0};
    bs_data d = {0};
    load(&n.sinks, db, "SELECT 1, 'bird'");
    load(&d, db, pairs);
    assert_ok(bs_panel_page(&n, &page, 1, false));
    bs_panel_place(&n, 0);
    bs_panel_draw_pairs(&n, &d);
    *has_halves = n.has_halves;
    assert_ok(bs_page_end(&page));
    bool found = strstr(page.bytes.ptr, red) != NULL;
    bs_str_clear(&page.bytes);
    bs_data_clear(&d);
    bs_data_clear(&n.sinks);
    return found;
}

static void test_colours_of_cells(void **state)
{
    bool halves;
    assert_false(draws_red(*state, "VALUES (0, 1, 5, 0), (1, 1, 9, 0), (2, 0, 3, 1)", &halves));
    assert_false(halves);
    assert_true(draws_red(*state, "VALUES (1, 1, 9, 0), (0, 1, 5, 1)", &halves));
    assert_false(halves);
    /* Class 0 is answered as 1 without faults, too. */
    assert_true(draws_red(*state, "VALUES (0, 1, 5, 0), (0, 1, 2, 1)", &halves));
    assert_true(halves);
}

/* Returns how many letters stand on the axes of a panel of so many classes. */
static size_t letters(const bs_db *db, int classes)
{
    bs_panel n = {.classes = classes};
    bs_page page = {0};
    char names[128];
    size_t count = 0;
    snprintf(
        names, sizeof names,
        "WITH RECURSIVE k (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM k WHERE i < %d) SELECT 'name' FROM k",
        classes);
    if (classes <= BS_PANEL_FEW)
        load(&n.names, db, names);
    assert_ok(bs_panel_page(&n, &page, 1, false));
    bs_panel_place(&n, 0);
    bs_panel_draw_frame(&n, "", "");
    assert_ok(bs_page_end(&page));
    for (const char *at = page.bytes.ptr; (at = strstr(at, "<use")) != NULL; at++)
        count++;
    bs_str_clear(&page.bytes);
    bs_data_clear(&n.names);
    return count;
}

static void test_up_to_20_classes_have_names(void **state)
{
    const size_t axes = strlen("trueclassanswer") + 1; /* with the space */
    assert_int_equal(letters(*state, 20), 2 * 20 * strlen("name") + axes);
    assert_int_equal(letters(*state, 1000), 2 * strlen("0250500750999") + axes);
}

/* A shade is a share of the true class, whatever else is in the panel. */
static void test_shades_have_one_scale(void **state)
{
    static const char *const pairs[] = {"VALUES (0, 2, 0.1, 0)", "VALUES (0, 2, 0.1, 0), (1, 1, 1.0, 0)"};
    for (int i = 0; i < 2; i++) {
        bs_panel n = {.classes = 3};
        bs_page page = {0};
        bs_data d = {0};
        load(&d, *state, pairs[i]);
        assert_ok(bs_panel_page(&n, &page, 1, false));
        bs_panel_place(&n, 0);
        bs_panel_draw_pairs(&n, &d);
        assert_ok(bs_page_end(&page));
        assert_non_null(strstr(page.bytes.ptr, "fill-opacity:0.733333")); /* two decades of three */
        bs_str_clear(&page.bytes);
        bs_data_clear(&d);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_room_for_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_colours_of_cells, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_up_to_20_classes_have_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_shades_have_one_scale, set_up, tear_down),
    };
    return run_suite(tests, NULL, NULL);
}
