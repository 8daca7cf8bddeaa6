/* Draws P(the answer c is correct | the network answers c) against the probability of a fault. Up to ten
 * classes: all of them, with intervals. More: those whose answers lose most trust, with all others in grey
 * below them. */
#include "report/axes.h"
#include "report/data.h"
#include "report/figure.h"
#include "report/key.h"

#include <math.h>
#include <stdio.h>

enum { SCOPE, CLASS, NAME, P, TRUST, LOW, HIGH, ORDER, NOTION };
enum { LEFT = 66, TOP = 34, WIDTH = 430, HEIGHT = 320, RIGHT = 20, BANDS = 3, SHOWN = 8, POINTS = 37 };

/* Trust by label if there are labels (then only for classes that are one), for classes that some image shows
 * without faults. The last column but one ranks them by their loss between p = 0 and p = 1. ?1: scope, or -2:
 * the lowest. */
static const char sql[] =
    "WITH every AS MATERIALIZED (SELECT scope, class, p, trust_label, "
    "trust_label_low, trust_label_high, "
    "trust_golden, trust_golden_low, trust_golden_high FROM bn_trust_curve WHERE scope "
    "= iif(?1 = -2, (SELECT min(scope) "
    "FROM bn_trust_curve), ?1)), curve AS MATERIALIZED (SELECT * FROM every WHERE "
    "trust_label IS NOT NULL OR NOT EXISTS "
    "(SELECT 1 FROM every WHERE trust_label IS NOT NULL)), loss AS MATERIALIZED "
    "(SELECT b.class, row_number() OVER (ORDER BY "
    "round(max(iif(c.p = 1.0, coalesce(c.trust_label, c.trust_golden), 0)) - max(iif(c.p = "
    "1e-9, coalesce(c.trust_label, "
    "c.trust_golden), 0)), 12), b.class) AS place FROM bn_class b JOIN curve c ON c.class = "
    "b.class AND c.scope = b.scope WHERE "
    "b.golden_images > 0 GROUP BY b.class) SELECT c.scope, c.class, s.name, c.p, "
    "coalesce(trust_label, trust_golden), "
    "coalesce(trust_label_low, trust_golden_low), coalesce(trust_label_high, "
    "trust_golden_high), l.place, trust_label IS "
    "NOT NULL FROM curve c JOIN loss l ON l.class = c.class JOIN class_shown s ON s.class = c.class ORDER BY "
    "l.place, "
    "c.p";

static void trace(const bs_page *p, const bs_axes *a, const bs_data *d, size_t first, int column)
{
    for (size_t i = first; i < first + POINTS; i++)
        cairo_line_to(p->cr, bs_axes_x(a, bs_data_value(d, i, P)), bs_axes_y(a, bs_data_value(d, i, column)));
}

static void draw_band(const bs_page *p, const bs_axes *a, const bs_data *d, size_t first, int k)
{
    bs_set_series(p, k, 1, 0.1);
    cairo_new_path(p->cr);
    trace(p, a, d, first, LOW);
    for (size_t i = first + POINTS; i-- > first;)
        cairo_line_to(p->cr, bs_axes_x(a, bs_data_value(d, i, P)), bs_axes_y(a, bs_data_value(d, i, HIGH)));
    cairo_close_path(p->cr);
    cairo_fill(p->cr);
}

static void draw_curves(const bs_page *p, const bs_axes *a, const bs_data *d, size_t classes, size_t shown)
{
    cairo_save(p->cr);
    cairo_rectangle(p->cr, a->left, a->top - 1, a->width, a->height + 2);
    cairo_clip(p->cr);
    bs_set_color(p, BS_GREY, classes > 200 ? 0.25 : 0.5);
    cairo_set_line_width(p->cr, 0.8);
    for (size_t k = shown; k < classes; k++) {
        cairo_new_path(p->cr);
        trace(p, a, d, k * POINTS, TRUST);
        cairo_stroke(p->cr);
    }
    for (size_t k = 0; k < shown && k < BANDS; k++)
        draw_band(p, a, d, k * POINTS, (int)k);
    for (size_t k = 0; k < shown; k++) {
        bs_set_series(p, (int)k, 2, 1);
        cairo_new_path(p->cr);
        trace(p, a, d, k * POINTS, TRUST);
        cairo_stroke(p->cr);
    }
    cairo_set_dash(p->cr, NULL, 0, 0);
    for (size_t k = 0; k < shown; k++) {
        bs_set_series(p, (int)k, 1, 1);
        for (size_t i = k; i < POINTS; i += shown) /* those of no two curves at one place */
            bs_draw_mark(p, (int)k, bs_axes_x(a, bs_data_value(d, k * POINTS + i, P)),
                         bs_axes_y(a, bs_data_value(d, k * POINTS + i, TRUST)));
    }
    cairo_set_dash(p->cr, NULL, 0, 0);
    cairo_restore(p->cr);
}

/* Returns the lines of the key: curves in two columns, others, and the note. */
static size_t key_lines(size_t classes, size_t shown, const char *note)
{
    return (shown + 1) / 2 + (classes > shown) + (size_t)bs_key_lines(note, WIDTH);
}

static void draw_key(const bs_page *p, const bs_data *d, size_t classes, size_t shown, const char *note)
{
    bs_key key = {p, LEFT, TOP + HEIGHT + 60, WIDTH}, column = {p, LEFT, key.y, WIDTH / 2.0};
    for (size_t k = 0; k < shown; k++) {
        if (k == (shown + 1) / 2) {
            column.x += column.width;
            column.y = key.y;
        }
        bs_key_series(&column, (int)k, true, bs_data_text(d, k * POINTS, NAME));
    }
    key.y += (double)((shown + 1) / 2) * BS_KEY_LINE;
    if (classes > shown) {
        bs_set_color(p, BS_GREY, 0.5);
        bs_key_swatch(&key, "all other classes");
    }
    bs_key_note(&key, note);
}

bs_status bs_figure_trust(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data d = {0};
    bs_str title = {0};
    double low = 1, high = 0, confidence;
    char note[256];
    bs_status st;
    BS_TRY(bs_figure_confidence(&confidence, db));
    BS_TRY(bs_data_load(&d, db, sql, 1, &o->entry));
    size_t classes = d.n / POINTS, shown = classes <= 10 ? classes : SHOWN;
    if (classes == 0)
        BS_TRY_GOTO(bs_figure_empty("no trust curve", "it needs trials of an entry without a bit error rate"),
                    out);
    for (size_t i = 0; i < shown * POINTS; i++) {
        low = fmin(low, bs_data_value(&d, i, TRUST));
        high = fmax(high, bs_data_value(&d, i, TRUST));
    }
    snprintf(note, sizeof note,
             "The answers that lose most trust come first. Bands, of the first %d: %g %% intervals.%s", BANDS,
             confidence, classes > shown ? " Other classes are lines without marks." : "");
    BS_TRY_GOTO(bs_page_begin(p, LEFT + WIDTH + RIGHT,
                              TOP + HEIGHT + 56 + (double)key_lines(classes, shown, note) * BS_KEY_LINE),
                out);
    bs_axes a = {.left = LEFT,
                 .top = TOP,
                 .width = WIDTH,
                 .height = HEIGHT,
                 .x_min = 1e-9,
                 .x_max = 1,
                 .x_log = true,
                 .x_name = "probability of a fault in an inference",
                 .y_percent = true,
                 .y_name = bs_data_value(&d, 0, NOTION) > 0 ? "trust: answer is the label"
                                                            : "trust: answer is golden"};
    bs_axes_fit_share(&a, low, high);
    bs_str_puts(&title, "Trust in an answer: ");
    BS_TRY_GOTO(bs_figure_put_scope(&title, db, (long long)bs_data_value(&d, 0, SCOPE)), out);
    a.title = title.ptr;
    bs_axes_draw(p, &a);
    draw_curves(p, &a, &d, classes, shown);
    draw_key(p, &d, classes, shown, note);
    st = bs_page_end(p);
out:
    bs_str_clear(&title);
    bs_data_clear(&d);
    return st;
}
