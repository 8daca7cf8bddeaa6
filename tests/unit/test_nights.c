/* Proves the order of campaigns in figure trend, their labels, and which points it joins. */
#include "support/svg.h"
#include "support/testing.h"

#include "report/figure_trend.h"

#include <math.h>

enum { N = 4 };

typedef struct fixture {
    bs_night night[N];
    bs_night_entry entry[N];
    bs_nights nights;
} fixture;

/* Nights 2, 0, 1, 3 in order of time, with one entry that is the same in all. */
static int set_up(void **state)
{
    static fixture f;
    static const char *const times[] = {"2026-02-01T03:00:00Z", "2026-02-02T03:00:00Z",
                                        "2025-12-31T23:59:59Z", "2026-02-02T03:00:00Z"};
    static const char *const labels[] = {"b", "c", "a", "d"};
    static const double rates[] = {0.1, 0.15, 0.14, 0.19}; /* cairo drops points on straight lines */
    memset(&f, 0, sizeof f);
    for (int i = 0; i < N; i++) {
        f.entry[i] =
            (bs_night_entry){1, (char *)"flips", (char *)"flip", {rates[i], 0.05, 0.2}, {0, NAN, NAN}};
        f.night[i] = (bs_night){.time = (char *)times[i],
                                .label = (char *)labels[i],
                                .model = (char *)"m",
                                .job = (char *)"j",
                                .device = (char *)"d",
                                .fingerprint = (char *)"f",
                                .golden = NAN,
                                .confidence = 95,
                                .entry = &f.entry[i],
                                .n_entries = 1};
    }
    f.nights = (bs_nights){f.night, N};
    *state = &f;
    return 0;
}

static void test_order_of_time(void **state)
{
    fixture *f = *state;
    bs_nights_order(&f->nights);
    for (int i = 0; i < N; i++) {
        assert_int_equal(f->night[i].label[0], "abcd"[i]); /* c and d have one time */
        assert_int_equal(f->night[i].changed, 0);
        assert_int_equal(bs_nights_joined(&f->nights, (size_t)i, 1), i > 0);
    }
    assert_false(bs_nights_joined(&f->nights, 1, 2));
}

static void test_what_changed(void **state)
{
    fixture *f = *state;
    f->night[0].fingerprint = (char *)"other"; /* b: with the same model */
    f->night[1].model = (char *)"other";       /* c: has another fingerprint, of course */
    f->night[3].model = (char *)"other";       /* d: as c, but for the job and the device */
    f->night[3].job = (char *)"other";
    f->night[3].device = (char *)"other";
    bs_nights_order(&f->nights);
    assert_int_equal(f->night[1].changed, BS_CHANGED_DEVICE);
    assert_int_equal(f->night[2].changed, BS_CHANGED_MODEL);
    assert_int_equal(f->night[3].changed, BS_CHANGED_JOB | BS_CHANGED_DEVICE);
    assert_false(bs_nights_joined(&f->nights, 1, 1));
}

static void test_labels(void **state)
{
    static const char *const cases[][2] = {{"/data/net.db", "2026-02-01 net"},
                                           {"nightly-2026-02-01.db", "nightly-2026-02-01"},
                                           {"nightly-2026-02-02.db", "2026-02-01 nightly-2026-02-02"},
                                           {".db", "2026-02-01 .db"},
                                           {"a.db.v3", "2026-02-01 a.db.v3"}};
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bs_str text = {0};
        bs_night_put_label(&text, "2026-02-01T03:00:00Z", cases[i][0]);
        assert_string_equal(text.ptr, cases[i][1]);
        bs_str_clear(&text);
    }
}

/* Draws the figure. Sets *joins to the number of pieces that join points of SDC-1, *points to its points.
 * Returns the number of changes that are marked. */
static size_t draw(fixture *f, size_t *joins, size_t *points)
{
    svg_point p[4 * N];
    bs_page page = {0};
    *joins = 0;
    bs_nights_order(&f->nights);
    assert_ok(bs_figure_trend(&page, &f->nights));
    const char *at = page.bytes.ptr, *path = svg_path(&at, "stroke:rgb(0%", SVG_BLUE);
    assert_non_null(path);
    for (const char *c = path; *c != '"'; c++)
        *joins += *c == 'L';
    *points = svg_circles(p, 4 * N, page.bytes.ptr, SVG_BLUE, 3.6);
    size_t marks = svg_count(page.bytes.ptr, "stroke-dasharray:1,3");
    assert_null(strstr(page.bytes.ptr, "nan"));
    bs_str_clear(&page.bytes);
    return marks;
}

static void test_lines(void **state)
{
    fixture *f = *state;
    size_t joins, points;
    assert_int_equal(draw(f, &joins, &points), 0);
    assert_int_equal(joins, 3);
    assert_int_equal(points, 2 * N + 1);                  /* and one in the key */
    f->night[3].entry->definition = (char *)"flip twice"; /* joined no more, without a mark */
    assert_int_equal(draw(f, &joins, &points), 0);
    assert_int_equal(joins, 2);
    f->night[1].model = f->night[2].model = f->night[3].model = (char *)"other";
    assert_int_equal(draw(f, &joins, &points), 1);
    assert_int_equal(joins, 1);
    f->night[2].n_entries = 0; /* a night without the entry: nothing is joined over it */
    assert_int_equal(draw(f, &joins, &points), 1);
    assert_int_equal(points, 2 * N - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_order_of_time, set_up),
        cmocka_unit_test_setup(test_what_changed, set_up),
        cmocka_unit_test(test_labels),
        cmocka_unit_test_setup(test_lines, set_up),
    };
    return run_suite(tests, NULL, NULL);
}
