/* Draws accuracy, SDC-1 and DUE of the whole network against the bit error rate: panels one above the other
 * on one logarithmic axis, a curve for each list of rates in the job. */
#include "report/data.h"
#include "report/figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CURVE, HITS, NAME, BER, UNIT, UNITS, GOLDEN, ACCURACY, SDC1 = ACCURACY + 3, DUE = SDC1 + 3 };
enum { LEFT = 70, TOP = 44, WIDTH = 560, RIGHT = 236, GAP = 34, TALL = 220, LOW = 140, DODGE = 7 };

/* The entries of a list of rates have one name, with the rate behind it. ?1: an entry, whose curve is drawn,
 * or -2. After a rate follow its two bounds. */
static const char sql[] =
    "WITH named AS (SELECT *, rtrim(name, '0123456789.e+-') AS head FROM ber_curve), cut AS (SELECT *, "
    "iif(abs(CAST(substr(name, length(head) + 1) AS REAL) - ber) <= 1e-6 * ber, rtrim(head, ' ,:=@('), name) "
    "AS curve_name FROM named), curve AS (SELECT *, min(entry) OVER w AS curve, max(entry = ?1) OVER w AS "
    "wanted FROM cut WINDOW w AS (PARTITION BY hits, curve_name)) SELECT curve, hits, ifnull(curve_name, "
    "hits), ber, unit, units, golden, accuracy, accuracy_low, accuracy_high, sdc1, sdc1_low, sdc1_high, due, "
    "due_low, due_high FROM curve WHERE ?1 = -2 OR wanted ORDER BY curve, ber";

/* Returns n such that rows [first, first + n) are one curve. */
static size_t curve_rows(const bs_data *d, size_t first)
{
    size_t n = 1;
    while (first + n < d->n && bs_data_value(d, first + n, CURVE) == bs_data_value(d, first, CURVE))
        n++;
    return n;
}

static size_t count_curves(const bs_data *d)
{
    size_t curves = 0;
    for (size_t i = 0; i < d->n; i += curve_rows(d, i))
        curves++;
    return curves;
}

/* Draws the mark of the k-th curve: each has another form, too. */
static void draw_mark(const bs_page *p, int k, double x, double y)
{
    if (k % 3 == 0) {
        bs_draw_dot(p, x, y, 3.6);
        return;
    }
    cairo_new_path(p->cr);
    if (k % 3 == 1)
        cairo_rectangle(p->cr, x - 3.2, y - 3.2, 6.4, 6.4);
    else {
        cairo_move_to(p->cr, x, y - 4.6);
        cairo_line_to(p->cr, x + 4.3, y + 3.2);
        cairo_line_to(p->cr, x - 4.3, y + 3.2);
    }
    cairo_fill(p->cr);
}

/* Draws rows [first, first + n) as the k-th of `curves`, a little aside of the others so that bars do not
 * cover each other. */
static void draw_curve(const bs_page *p, const bs_axes *a, const bs_data *d, size_t first, size_t n, int k,
                       size_t curves, int column)
{
    double aside = ((double)k - ((double)curves - 1) / 2) * fmin(DODGE, 28.0 / (double)curves);
    bs_set_series(p, k, 1.6, 1);
    cairo_new_path(p->cr);
    for (size_t i = first; i < first + n; i++)
        if (!bs_data_is_null(d, i, column))
            cairo_line_to(p->cr, bs_axes_x(a, bs_data_value(d, i, BER)) + aside,
                          bs_axes_y(a, bs_data_value(d, i, column)));
    cairo_stroke(p->cr);
    cairo_set_dash(p->cr, NULL, 0, 0);
    for (size_t i = first; i < first + n; i++) {
        double x = bs_axes_x(a, bs_data_value(d, i, BER)) + aside;
        if (bs_data_is_null(d, i, column))
            continue;
        if (!bs_data_is_null(d, i, column + 1)) { /* no census */
            double low = bs_axes_y(a, bs_data_value(d, i, column + 1)),
                   high = bs_axes_y(a, bs_data_value(d, i, column + 2));
            bs_draw_line(p, x, low, x, high);
            bs_draw_line(p, x - 2.5, low, x + 2.5, low);
            bs_draw_line(p, x - 2.5, high, x + 2.5, high);
        }
        draw_mark(p, k, x, bs_axes_y(a, bs_data_value(d, i, column)));
    }
}

static void draw_golden_line(const bs_page *p, double left, double right, double y)
{
    static const double dash[] = {5, 4};
    bs_set_color(p, BS_INK, 1);
    cairo_set_line_width(p->cr, 1.6);
    cairo_set_dash(p->cr, dash, 2, 0);
    bs_draw_line(p, left, y, right, y);
    cairo_set_dash(p->cr, NULL, 0, 0);
}

/* Draws the panel of a column, whose bounds are in the next two. */
static void draw_panel(const bs_page *p, bs_axes a, const bs_data *d, int column)
{
    double low = 1, high = 0;
    int k = 0;
    for (size_t i = 0; i < d->n; i++) {
        low = fmin(low, fmin(bs_data_value(d, i, column), bs_data_value(d, i, column + 1)));
        high = fmax(high, fmax(bs_data_value(d, i, column), bs_data_value(d, i, column + 2)));
        if (column == ACCURACY)
            high = fmax(high, bs_data_value(d, i, GOLDEN));
    }
    bs_axes_fit_share(&a, column == ACCURACY ? low : 0, high);
    bs_axes_draw(p, &a);
    if (column == ACCURACY && !bs_data_is_null(d, 0, GOLDEN))
        draw_golden_line(p, a.left, a.left + a.width, bs_axes_y(&a, bs_data_value(d, 0, GOLDEN)));
    cairo_save(p->cr);
    cairo_rectangle(p->cr, a.left, a.top - 4, a.width, a.height + 8);
    cairo_clip(p->cr);
    for (size_t i = 0, n; i < d->n; i += n) {
        n = curve_rows(d, i);
        draw_curve(p, &a, d, i, n, k++, count_curves(d), column);
    }
    cairo_restore(p->cr);
}

/* Says of each curve what it hits, and what its intervals count at each rate. */
static void draw_legend(const bs_page *p, const bs_data *d, bool labelled)
{
    double x = LEFT + WIDTH + 16, y = TOP + 14;
    char text[96];
    int k = 0;
    if (labelled) {
        draw_golden_line(p, x, x + 24, y - 4);
        bs_draw_text(p, (bs_text){.x = x + 30, .y = y, .size = 11, .across = -1}, "without faults");
        y += 26;
    }
    for (size_t i = 0, n; i < d->n; i += n, y += 50) {
        n = curve_rows(d, i);
        double least = HUGE_VAL, most = 0;
        for (size_t j = i; j < i + n; j++) {
            least = fmin(least, bs_data_value(d, j, UNITS));
            most = fmax(most, bs_data_value(d, j, UNITS));
        }
        bs_set_series(p, k, 2, 1);
        bs_draw_line(p, x, y - 4, x + 24, y - 4);
        cairo_set_dash(p->cr, NULL, 0, 0);
        draw_mark(p, k++, x + 12, y - 4);
        bs_set_color(p, BS_INK, 1);
        bs_text at = {.x = x + 30, .y = y, .size = 11, .across = -1, .max_width = RIGHT - 52, .bold = true};
        bs_draw_text(p, at, bs_data_text(d, i, NAME));
        at.bold = false;
        at.y = y + 14;
        snprintf(text, sizeof text, "hits %s",
                 strcmp(bs_data_text(d, i, HITS), "both") == 0 ? "activations and parameters"
                                                               : bs_data_text(d, i, HITS));
        bs_draw_text(p, at, text);
        at.y = y + 28;
        if (least < most)
            snprintf(text, sizeof text, "%.0f to %.0f %ss a rate", least, most, bs_data_text(d, i, UNIT));
        else
            snprintf(text, sizeof text, "%.0f %ss a rate", most, bs_data_text(d, i, UNIT));
        bs_draw_text(p, at, text);
    }
}

static void draw(const bs_page *p, const bs_data *d, bool labelled, double confidence)
{
    static const struct {
        int column;
        const char *name;
    } panels[] = {{ACCURACY, "accuracy"}, {SDC1, "SDC-1"}, {DUE, "DUE"}};
    char title[96];
    double top = TOP, least = 1, most = 0;
    for (size_t i = 0; i < d->n; i++) {
        least = fmin(least, bs_data_value(d, i, BER));
        most = fmax(most, bs_data_value(d, i, BER));
    }
    snprintf(title, sizeof title, "Bit errors in the whole network (bars: %g %%)", confidence);
    for (int i = labelled ? 0 : 1; i < 3; i++) {
        bs_axes a = {.left = LEFT,
                     .top = top,
                     .width = WIDTH,
                     .height = i == 0 ? TALL : LOW,
                     .x_min = least / 2,
                     .x_max = most * 2,
                     .x_log = true,
                     .y_percent = true,
                     .title = top == TOP ? title : NULL,
                     .x_name = i == 2 ? "bit error rate: the probability that a bit is hit" : NULL,
                     .y_name = panels[i].name};
        draw_panel(p, a, d, panels[i].column);
        top += a.height + GAP;
    }
}

bs_status bs_figure_ber(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data d = {0};
    bool labelled = false;
    double confidence;
    bs_status st;
    BS_TRY(bs_figure_confidence(&confidence, db));
    BS_TRY(bs_data_load(&d, db, sql, 1, &o->entry));
    if (d.n == 0)
        BS_TRY_GOTO(bs_figure_empty("no trials of an entry with a bit error rate in the whole network",
                                    "it needs an entry with scope: inference and ber: [1e-7, 1e-6, ...]"),
                    out);
    for (size_t i = 0; i < d.n; i++)
        labelled |= !bs_data_is_null(&d, i, ACCURACY);
    double panels = (labelled ? TALL + GAP : 0) + 2 * LOW + GAP, legend = 50 * (double)count_curves(&d);
    BS_TRY_GOTO(bs_page_begin(p, LEFT + WIDTH + RIGHT, TOP + fmax(panels, legend) + 50), out);
    draw(p, &d, labelled, confidence);
    draw_legend(p, &d, labelled);
    st = bs_page_end(p);
out:
    bs_data_clear(&d);
    return st;
}
