/* Draws the policy "run again if the answer is in S": silent data corruptions caught against extra
 * inferences, as S grows. */
#include "report/axes.h"
#include "report/data.h"
#include "report/figure.h"
#include "report/key.h"

#include <math.h>
#include <stdio.h>

enum { SCOPE, BUDGET, EXTRA, CHOSEN, CAUGHT, LOW, HIGH, ALLOWED, PICKED, CONFIDENCE };
enum { LEFT = 66, TOP = 34, WIDTH = 400, HEIGHT = 300, RIGHT = 24 };

static const char sql[] =
    "SELECT c.scope, c.budget, c.extra, c.caught_chosen, ifnull(c.caught, 0.0), c.caught_low, c.caught_high, "
    "x.rerun_budget, c.size = (SELECT p.size FROM rerun_policy p WHERE p.scope = c.scope), c.confidence "
    "FROM rerun_curve c CROSS JOIN bn_setting x WHERE c.scope = iif(?1 = -2, (SELECT min(scope) FROM "
    "rerun_curve), ?1) ORDER BY c.size";

static void trace(const bs_page *p, const bs_axes *a, const bs_data *d, int x, int y)
{
    cairo_new_path(p->cr);
    for (size_t i = 0; i < d->n; i++)
        cairo_line_to(p->cr, bs_axes_x(a, fmin(1, bs_data_value(d, i, x))),
                      bs_axes_y(a, bs_data_value(d, i, y)));
    cairo_stroke(p->cr);
}

static void draw_band(const bs_page *p, const bs_axes *a, const bs_data *d)
{
    bs_set_color(p, BS_BLUE, 0.12);
    cairo_new_path(p->cr);
    for (size_t i = 1; i < d->n; i++)
        cairo_line_to(p->cr, bs_axes_x(a, fmin(1, bs_data_value(d, i, EXTRA))),
                      bs_axes_y(a, bs_data_value(d, i, LOW)));
    for (size_t i = d->n; i-- > 1;)
        cairo_line_to(p->cr, bs_axes_x(a, fmin(1, bs_data_value(d, i, EXTRA))),
                      bs_axes_y(a, bs_data_value(d, i, HIGH)));
    cairo_close_path(p->cr);
    cairo_fill(p->cr);
}

static void draw_key(const bs_page *p, const bs_data *d, size_t picked)
{
    bs_key key = {p, LEFT, TOP + HEIGHT + 60, WIDTH};
    char text[160];
    snprintf(text, sizeof text, "images that judge, with a %.4g %% interval",
             100 * bs_data_value(d, 0, CONFIDENCE));
    bs_key_series(&key, 0, false, text);
    bs_key_series(&key, 1, false, "images that chose S");
    bs_set_color(p, BS_INK, 1);
    bs_draw_dot(p, key.x + 13, key.y - 4, 4);
    key.x += 34;
    key.width -= 34;
    snprintf(text, sizeof text,
             "budget of %.3g %%: S has %zu class%s, catches %.1f %% for %.1f %% more inferences",
             100 * bs_data_value(d, 0, ALLOWED), picked, picked == 1 ? "" : "es",
             100 * bs_data_value(d, picked, CAUGHT), 100 * bs_data_value(d, picked, EXTRA));
    bs_key_note(&key, text);
}

bs_status bs_figure_rerun(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data d = {0};
    bs_str title = {0};
    size_t picked = 0;
    double most = 0.01;
    bs_status st;
    BS_TRY(bs_data_load(&d, db, sql, 1, &o->entry));
    if (d.n < 2)
        BS_TRY_GOTO(bs_figure_empty("no transient silent corruptions to catch",
                                    "it needs trials of activations, with a fault that does not stay"),
                    out);
    for (size_t i = 0; i < d.n; i++) {
        picked = bs_data_value(&d, i, PICKED) > 0 ? i : picked;
        most = fmax(most, fmax(bs_data_value(&d, i, EXTRA), bs_data_value(&d, i, BUDGET)));
    }
    BS_TRY_GOTO(bs_page_begin(p, LEFT + WIDTH + RIGHT, TOP + HEIGHT + 60 + 4 * BS_KEY_LINE), out);
    bs_axes a = {.left = LEFT,
                 .top = TOP,
                 .width = WIDTH,
                 .height = HEIGHT,
                 .x_max = fmin(1, most),
                 .y_max = 1,
                 .x_percent = true,
                 .y_percent = true,
                 .x_name = "extra inferences, share of all",
                 .y_name = "silent corruptions caught"};
    bs_str_puts(&title, "Run again if the answer is in S: ");
    BS_TRY_GOTO(bs_figure_put_scope(&title, db, (long long)bs_data_value(&d, 0, SCOPE)), out);
    a.title = title.ptr;
    bs_axes_draw(p, &a);
    draw_band(p, &a, &d);
    bs_set_series(p, 1, 2, 1);
    trace(p, &a, &d, BUDGET, CHOSEN);
    bs_set_series(p, 0, 2, 1);
    trace(p, &a, &d, EXTRA, CAUGHT);
    bs_set_color(p, BS_INK, 1);
    bs_draw_dot(p, bs_axes_x(&a, bs_data_value(&d, picked, EXTRA)),
                bs_axes_y(&a, bs_data_value(&d, picked, CAUGHT)), 4);
    draw_key(p, &d, picked);
    st = bs_page_end(p);
out:
    bs_str_clear(&title);
    bs_data_clear(&d);
    return st;
}
