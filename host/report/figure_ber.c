/* Draws accuracy, SDC-1 and DUE of the whole network against the bit error rate: panels one above the other
 * on one logarithmic axis, a curve for each list of rates in the job. */
#include "report/axes.h"
#include "report/data.h"
#include "report/figure.h"
#include "report/key.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { CURVE, HITS, NAME, BER, UNIT, UNITS, GOLDEN, ACCURACY, SDC1 = ACCURACY + 3, DUE = SDC1 + 3 };
enum { LEFT = 66, TOP = 34, WIDTH = 430, RIGHT = 16, GAP = 34, TALL = 220, LOW = 140, DODGE = 7 };

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
        if (!bs_data_is_null(d, i, column + 1)) /* no census */
            bs_draw_interval(p, x, bs_axes_y(a, bs_data_value(d, i, column + 1)),
                             bs_axes_y(a, bs_data_value(d, i, column + 2)));
        bs_draw_mark(p, k, x, bs_axes_y(a, bs_data_value(d, i, column)));
    }
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
        bs_draw_fault_free_line(p, a.left, a.left + a.width, bs_axes_y(&a, bs_data_value(d, 0, GOLDEN)));
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
static void draw_key(const bs_page *p, const bs_data *d, double top, bool labelled, const char *note)
{
    bs_key key = {p, LEFT, top, WIDTH};
    bs_str text = {0};
    int k = 0;
    if (labelled)
        bs_key_fault_free(&key, "without faults");
    for (size_t i = 0, n; i < d->n; i += n) {
        n = curve_rows(d, i);
        double least = HUGE_VAL, most = 0;
        for (size_t j = i; j < i + n; j++) {
            least = fmin(least, bs_data_value(d, j, UNITS));
            most = fmax(most, bs_data_value(d, j, UNITS));
        }
        bs_key_series(&key, k++, true, bs_data_text(d, i, NAME));
        text.len = 0;
        bs_str_printf(&text, "hits %s; counted: ",
                      strcmp(bs_data_text(d, i, HITS), "both") == 0 ? "activations and parameters"
                                                                    : bs_data_text(d, i, HITS));
        if (least < most)
            bs_str_printf(&text, "%.0f to ", least);
        bs_str_printf(&text, "%.0f %ss a rate", most, bs_data_text(d, i, UNIT));
        key.x += 34;
        key.y -= 3;
        bs_key_note(&key, text.ptr ? text.ptr : "");
        key.x -= 34;
        key.y += 5;
    }
    bs_key_note(&key, note);
    bs_str_clear(&text);
}

static void draw(const bs_page *p, const bs_data *d, bool labelled)
{
    static const struct {
        int column;
        const char *name;
    } panels[] = {{ACCURACY, "accuracy"}, {SDC1, "SDC-1, of trials"}, {DUE, "DUE, of trials"}};
    double top = TOP, least = 1, most = 0;
    for (size_t i = 0; i < d->n; i++) {
        least = fmin(least, bs_data_value(d, i, BER));
        most = fmax(most, bs_data_value(d, i, BER));
    }
    for (int i = labelled ? 0 : 1; i < 3; i++) {
        bs_axes a = {.left = LEFT,
                     .top = top,
                     .width = WIDTH,
                     .height = i == 0 ? TALL : LOW,
                     .x_min = least / 2,
                     .x_max = most * 2,
                     .x_log = true,
                     .y_percent = true,
                     .title = top == TOP ? "Bit errors in the whole network" : NULL,
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
    char note[256];
    bs_status st;
    BS_TRY(bs_figure_confidence(&confidence, db));
    BS_TRY(bs_data_load(&d, db, sql, 1, &o->entry));
    if (d.n == 0)
        BS_TRY_GOTO(bs_figure_empty("no trials of an entry with a bit error rate in the whole network",
                                    "it needs an entry with scope: inference and ber: [1e-7, 1e-6, ...]"),
                    out);
    for (size_t i = 0; i < d.n; i++)
        labelled |= !bs_data_is_null(&d, i, ACCURACY);
    snprintf(note, sizeof note,
             "Bars: %g %% intervals. SDC-1: another answer than without the fault. DUE: NaN or Inf in the "
             "output.",
             confidence);
    double panels = (labelled ? TALL + GAP : 0) + 2 * LOW + GAP, below = TOP + panels + 58,
           lines = labelled + bs_key_lines(note, WIDTH) + 2.2 * (double)count_curves(&d);
    BS_TRY_GOTO(bs_page_begin(p, LEFT + WIDTH + RIGHT, below + lines * BS_KEY_LINE), out);
    draw(p, &d, labelled);
    draw_key(p, &d, below, labelled, note);
    st = bs_page_end(p);
out:
    bs_data_clear(&d);
    return st;
}
