/* Draws the accuracy of each layer under one fault: one panel for each fault entry, layers in the order of
 * the model. */
#include "report/data.h"
#include "report/figure.h"

#include <math.h>
#include <string.h>

enum { ENTRY, ENTRY_NAME, LAYER, LAYER_NAME, GOLDEN, RATE, LOW, HIGH, BY_LABEL };
enum { PANEL = 190, LEFT = 70, RIGHT = 130, TOP = 60, GAP = 62, MOST_NAME = 210 };

static const char sql[] = "SELECT c.entry, e.name, c.layer, c.layer_name, coalesce(c.label_without_fault, "
                          "1.0), coalesce(c.correct_label, "
                          "c.correct_golden), coalesce(c.label_low, c.golden_low), coalesce(c.label_high, "
                          "c.golden_high), c.correct_label IS "
                          "NOT NULL FROM bn_correct_given_layer c JOIN entry e ON e.id = c.entry WHERE (?1 = "
                          "-2 OR c.entry = ?1) AND c.layer NOT IN (SELECT id FROM layer WHERE kind = "
                          "'network') ORDER BY "
                          "c.entry, (SELECT ordinal FROM layer WHERE id = c.layer)";

static const char *name_of(const bs_data *d, const bs_common_path *path, size_t row)
{
    return bs_common_path_cut(path, bs_data_text(d, row, LAYER_NAME));
}

static void draw_layer_names(const bs_page *p, const bs_axes *a, const bs_data *d, const bs_common_path *path,
                             size_t first, size_t n)
{
    size_t every = (size_t)fmax(1, ceil((double)n * 13 / a->width));
    bs_set_color(p, BS_INK, 1);
    for (size_t i = 0; i < n; i += every)
        bs_draw_text(p,
                     (bs_text){.x = bs_axes_x(a, (double)i) + 4,
                               .y = a->top + a->height + 10,
                               .size = 10,
                               .angle = 55,
                               .across = 1,
                               .is_path = true,
                               .max_width = MOST_NAME},
                     name_of(d, path, first + i));
}

static void draw_golden(const bs_page *p, const bs_axes *a, double golden, bool by_label)
{
    static const double dash[] = {5, 4};
    double y = bs_axes_y(a, golden);
    bs_set_color(p, BS_ORANGE, 1);
    cairo_set_line_width(p->cr, 2);
    cairo_set_dash(p->cr, dash, 2, 0);
    bs_draw_line(p, a->left, y, a->left + a->width, y);
    cairo_set_dash(p->cr, NULL, 0, 0);
    bs_set_color(p, BS_INK, 1);
    bs_draw_text(p, (bs_text){.x = a->left + a->width + 6, .y = y, .size = 11, .across = -1, .middle = true},
                 by_label ? "without faults" : "fault-free answer");
}

static bs_status draw_panel(const bs_page *p, bs_axes a, const bs_db *db, const bs_data *d,
                            const bs_common_path *path, size_t first, size_t n, double confidence)
{
    bs_str title = {0}, fault = {0};
    double low = 1, high = 0;
    bs_status st;
    BS_TRY_GOTO(bs_figure_put_fault(&fault, db, (long long)bs_data_value(d, first, ENTRY)), out);
    for (size_t i = first; i < first + n; i++) {
        low = fmin(low, fmin(bs_data_value(d, i, LOW), bs_data_value(d, i, GOLDEN)));
        high = fmax(high, fmax(bs_data_value(d, i, HIGH), bs_data_value(d, i, GOLDEN)));
    }
    bs_axes_fit_share(&a, low, high);
    a.x_min = -0.7;
    a.x_max = (double)n - 0.3;
    bs_str_printf(&title, "Entry %s: %s (bars: %g %%)", bs_data_text(d, first, ENTRY),
                  bs_data_text(d, first, ENTRY_NAME), confidence);
    a.title = title.ptr;
    a.subtitle = fault.ptr;
    bs_axes_draw(p, &a);
    draw_golden(p, &a, bs_data_value(d, first, GOLDEN), bs_data_value(d, first, BY_LABEL) > 0);
    bs_set_color(p, BS_BLUE, 1);
    cairo_set_line_width(p->cr, n > 150 ? 1 : 1.6);
    for (size_t i = 0; i < n; i++) {
        double x = bs_axes_x(&a, (double)i);
        bs_draw_line(p, x, bs_axes_y(&a, bs_data_value(d, first + i, LOW)), x,
                     bs_axes_y(&a, bs_data_value(d, first + i, HIGH)));
        bs_draw_dot(p, x, bs_axes_y(&a, bs_data_value(d, first + i, RATE)), n > 150 ? 1.6 : 3);
    }
    draw_layer_names(p, &a, d, path, first, n);
out:
    bs_str_clear(&title);
    bs_str_clear(&fault);
    return st;
}

/* Returns n such that rows [first, first + n) belong to one entry. */
static size_t entry_rows(const bs_data *d, size_t first)
{
    size_t n = 1;
    while (first + n < d->n && bs_data_value(d, first + n, ENTRY) == bs_data_value(d, first, ENTRY))
        n++;
    return n;
}

bs_status bs_figure_accuracy(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data d = {0};
    bs_common_path path = {0};
    size_t panels = 0, most = 1, labels = 0, n;
    double confidence;
    bs_status st;
    BS_TRY(bs_figure_confidence(&confidence, db));
    BS_TRY(bs_data_load(&d, db, sql, 1, &o->entry));
    if (d.n == 0)
        BS_TRY_GOTO(
            bs_figure_empty("no trials that hit one layer each",
                            "run the campaign, or name another --entry; figure ber is for entries that "
                            "hit the whole network"),
            out);
    BS_TRY_GOTO(bs_figure_paths(&path, db), out);
    for (size_t i = 0; i < d.n; i += n, panels++) {
        n = entry_rows(&d, i);
        most = n > most ? n : most;
        for (size_t k = i; k < i + n; k++)
            labels = strlen(name_of(&d, &path, k)) > labels ? strlen(name_of(&d, &path, k)) : labels;
    }
    double width = fmin(1000, fmax(600, (double)most * 16)), name = fmin(MOST_NAME, (double)labels * 5.6);
    double left = fmax(LEFT, 0.6 * name), below = 22 + name; /* names slant downwards to the left */
    double step = PANEL + below + GAP;
    BS_TRY_GOTO(bs_page_begin(p, left + width + RIGHT, TOP + (double)panels * step - GAP + 16), out);
    size_t row = 0;
    for (size_t i = 0; i < panels && st == BS_OK; i++, row += n) {
        n = entry_rows(&d, row);
        bs_axes a = {.left = left,
                     .top = TOP + (double)i * step,
                     .width = width,
                     .height = PANEL,
                     .no_x = true,
                     .y_percent = true,
                     .y_name = bs_data_value(&d, row, BY_LABEL) > 0 ? "correct (label)" : "correct (golden)"};
        st = draw_panel(p, a, db, &d, &path, row, n, confidence);
    }
    bs_figure_note(p, &path);
    if (st == BS_OK)
        st = bs_page_end(p);
    else
        bs_page_drop(p);
out:
    bs_common_path_clear(&path);
    bs_data_clear(&d);
    return st;
}
