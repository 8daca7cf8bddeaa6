#include "report/axes.h"

#include <math.h>
#include <stdio.h>

enum { SLANT = 55 /* degrees */, NAME_SIZE = 11, NAME_STEP = 14 /* pixels between names */ };

double bs_axes_x(const bs_axes *a, double v)
{
    double f =
        a->x_log ? log(v / a->x_min) / log(a->x_max / a->x_min) : (v - a->x_min) / (a->x_max - a->x_min);
    return a->left + f * a->width;
}

double bs_axes_y(const bs_axes *a, double v)
{
    return a->top + a->height * (1 - (v - a->y_min) / (a->y_max - a->y_min));
}

/* Returns 1, 2 or 5 times a power of ten, for about n steps. */
static double nice_step(double range, int n)
{
    double raw = range / n, power = pow(10, floor(log10(raw))), f = raw / power;
    return power * (f < 1.5 ? 1 : f < 3.5 ? 2 : f < 7.5 ? 5 : 10);
}

static void tick_text(char *out, size_t size, double v, double step, bool percent)
{
    double shown = percent ? v * 100 : v, unit = percent ? step * 100 : step;
    int digits = unit >= 1 ? 0 : (int)ceil(-log10(unit) - 1e-9);
    snprintf(out, size, "%.*f%s", digits, fabs(shown) < unit * 1e-6 ? 0.0 : shown, percent ? " %" : "");
}

static void draw_y_ticks(const bs_page *p, const bs_axes *a)
{
    char text[32];
    double step = nice_step(a->y_max - a->y_min, a->height > 150 ? 5 : 3);
    for (double v = ceil(a->y_min / step - 1e-9) * step; v <= a->y_max + step * 1e-6; v += step) {
        double y = bs_axes_y(a, v);
        bs_set_color(p, BS_FAINT, 1);
        bs_draw_line(p, a->left, y, a->left + a->width, y);
        bs_set_color(p, BS_INK, 1);
        tick_text(text, sizeof text, v, step, a->y_percent);
        bs_draw_text(p, (bs_text){.x = a->left - 6, .y = y, .size = 11, .across = 1, .middle = true}, text);
    }
}

static void draw_x_tick(const bs_page *p, const bs_axes *a, double v, const char *text)
{
    double x = bs_axes_x(a, v), bottom = a->top + a->height;
    bs_set_color(p, BS_FAINT, 1);
    bs_draw_line(p, x, a->top, x, bottom);
    bs_set_color(p, BS_INK, 1);
    bs_draw_text(p, (bs_text){.x = x, .y = bottom + 15, .size = 11}, text);
}

static void draw_x_ticks(const bs_page *p, const bs_axes *a)
{
    char text[32];
    if (a->x_log) {
        for (double k = ceil(log10(a->x_min) - 1e-9); k <= log10(a->x_max) + 1e-9; k++) {
            if (k > -3)
                snprintf(text, sizeof text, "%g", pow(10, k));
            else
                snprintf(text, sizeof text, "1e%.0f", k);
            draw_x_tick(p, a, pow(10, k), text);
        }
        return;
    }
    double step = nice_step(a->x_max - a->x_min, a->width > 250 ? 6 : 4);
    for (double v = ceil(a->x_min / step - 1e-9) * step; v <= a->x_max + step * 1e-6; v += step) {
        tick_text(text, sizeof text, v, step, a->x_percent);
        draw_x_tick(p, a, v, text);
    }
}

void bs_axes_draw(const bs_page *p, const bs_axes *a)
{
    cairo_set_dash(p->cr, NULL, 0, 0);
    cairo_set_line_width(p->cr, 1);
    draw_y_ticks(p, a);
    if (!a->no_x)
        draw_x_ticks(p, a);
    bs_set_color(p, BS_GREY, 1);
    cairo_rectangle(p->cr, a->left, a->top, a->width, a->height);
    cairo_stroke(p->cr);
    bs_set_color(p, BS_INK, 1);
    if (a->title)
        bs_draw_text(p,
                     (bs_text){.x = a->left,
                               .y = a->top - (a->subtitle ? 26 : 10),
                               .size = 13,
                               .across = -1,
                               .bold = true,
                               .max_width = a->width},
                     a->title);
    if (a->subtitle)
        bs_draw_text(
            p, (bs_text){.x = a->left, .y = a->top - 9, .size = 11, .across = -1, .max_width = a->width},
            a->subtitle);
    if (a->x_name)
        bs_draw_text(p, (bs_text){.x = a->left + a->width / 2, .y = a->top + a->height + 34, .size = 12},
                     a->x_name);
    if (a->y_name)
        bs_draw_text(p, (bs_text){.x = a->left - 52, .y = a->top + a->height / 2, .size = 12, .angle = 90},
                     a->y_name);
}

void bs_axes_fit_share(bs_axes *a, double low, double high)
{
    double margin = fmax(0.01, (high - low) * 0.08);
    a->y_min = fmax(0, low - margin);
    a->y_max = fmin(1, high + margin);
}

bool bs_axes_draw_name(const bs_page *p, const bs_axes *a, bs_names *names, double v, const char *text)
{
    double x = bs_axes_x(a, v), bottom = a->top + a->height;
    if (fabs(x - names->last) < NAME_STEP)
        return false;
    names->last = x;
    cairo_set_line_width(p->cr, 1);
    bs_set_color(p, BS_GREY, 1);
    bs_draw_line(p, x, bottom, x, bottom + 4);
    bs_set_color(p, BS_INK, 1);
    bs_draw_text(p,
                 (bs_text){.x = x + 4,
                           .y = bottom + 13,
                           .size = NAME_SIZE,
                           .angle = SLANT,
                           .across = 1,
                           .is_path = names->is_path,
                           .max_width = names->width},
                 text);
    return true;
}

double bs_names_width(size_t characters, double most)
{
    return fmin(most, (double)characters * 6.6);
}

double bs_names_depth(double width)
{
    return 20 + width * sin(SLANT * M_PI / 180);
}

double bs_names_left(double width)
{
    return width * cos(SLANT * M_PI / 180);
}
