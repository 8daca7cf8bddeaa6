/* Draws the policy "run again if the answer is in S": silent data corruptions caught against extra
 * inferences, as S grows. */
#include "report/data.h"
#include "report/figure.h"

#include <math.h>
#include <stdio.h>

enum { SCOPE, BUDGET, EXTRA, CHOSEN, CAUGHT, LOW, HIGH, ALLOWED, PICKED, CONFIDENCE };
enum { LEFT = 70, TOP = 44, WIDTH = 480, HEIGHT = 340, RIGHT = 230 };

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

static void draw_legend(const bs_page *p, const bs_data *d, size_t picked)
{
    static const double dash[] = {5, 4};
    char text[64];
    double x = LEFT + WIDTH + 16, y = TOP + 14;
    bs_set_color(p, BS_BLUE, 1);
    cairo_set_line_width(p->cr, 2);
    bs_draw_line(p, x, y - 4, x + 24, y - 4);
    bs_set_color(p, BS_ORANGE, 1);
    cairo_set_dash(p->cr, dash, 2, 0);
    bs_draw_line(p, x, y + 16, x + 24, y + 16);
    cairo_set_dash(p->cr, NULL, 0, 0);
    bs_set_color(p, BS_INK, 1);
    snprintf(text, sizeof text, "images that judge (%.4g %%)", 100 * bs_data_value(d, 0, CONFIDENCE));
    bs_draw_text(p, (bs_text){.x = x + 30, .y = y, .size = 11, .across = -1}, text);
    bs_draw_text(p, (bs_text){.x = x + 30, .y = y + 20, .size = 11, .across = -1}, "images that chose S");
    bs_draw_dot(p, x + 12, y + 36, 4);
    snprintf(text, sizeof text, "budget of %.3g %%: S has %zu class%s,", 100 * bs_data_value(d, 0, ALLOWED),
             picked, picked == 1 ? "" : "es");
    bs_draw_text(p, (bs_text){.x = x + 30, .y = y + 40, .size = 11, .across = -1}, text);
    snprintf(text, sizeof text, "catches %.1f %% for %.1f %% more", 100 * bs_data_value(d, picked, CAUGHT),
             100 * bs_data_value(d, picked, EXTRA));
    bs_draw_text(p, (bs_text){.x = x + 30, .y = y + 55, .size = 11, .across = -1}, text);
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
    BS_TRY_GOTO(bs_page_begin(p, LEFT + WIDTH + RIGHT, TOP + HEIGHT + 50), out);
    bs_axes a = {.left = LEFT,
                 .top = TOP,
                 .width = WIDTH,
                 .height = HEIGHT,
                 .x_max = fmin(1, most),
                 .y_max = 1,
                 .x_percent = true,
                 .y_percent = true,
                 .x_name = "extra inferences",
                 .y_name = "silent corruptions caught"};
    bs_str_printf(&title, "Run again if the answer is in S, scope %s", bs_data_text(&d, 0, SCOPE));
    a.title = title.ptr;
    bs_axes_draw(p, &a);
    static const double dash[] = {5, 4};
    draw_band(p, &a, &d);
    bs_set_color(p, BS_ORANGE, 1);
    cairo_set_line_width(p->cr, 1.6);
    cairo_set_dash(p->cr, dash, 2, 0);
    trace(p, &a, &d, BUDGET, CHOSEN);
    cairo_set_dash(p->cr, NULL, 0, 0);
    bs_set_color(p, BS_BLUE, 1);
    cairo_set_line_width(p->cr, 2);
    trace(p, &a, &d, EXTRA, CAUGHT);
    bs_set_color(p, BS_INK, 1);
    bs_draw_dot(p, bs_axes_x(&a, bs_data_value(&d, picked, EXTRA)),
                bs_axes_y(&a, bs_data_value(&d, picked, CAUGHT)), 4);
    draw_legend(p, &d, picked);
    st = bs_page_end(p);
out:
    bs_str_clear(&title);
    bs_data_clear(&d);
    return st;
}
