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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_room_for_names, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_colours_of_cells, set_up, tear_down),
    };
    return run_suite(tests, NULL, NULL);
}
