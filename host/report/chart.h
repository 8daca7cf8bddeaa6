/* Drawing of figures: a page (PNG or SVG), text, colours, axes with ticks, legends, colour scales.
 *
 *     bs_page page = {.path = "x.svg"};
 *     BS_TRY(bs_page_begin(&page, 640, 360));
 *     bs_axes a = {.left = 60, .top = 30, .width = 560, .height = 280, .y_max = 1};
 *     bs_axes_draw(&page, &a);
 *     ... cairo calls on page.cr at bs_axes_x(&a, v), bs_axes_y(&a, v) ...
 *     return bs_page_end(&page);
 *
 * Units are CSS pixels; PNG has twice as many. Colours are distinguishable with any kind of colour vision. */
#ifndef BS_REPORT_CHART_H
#define BS_REPORT_CHART_H

#include "base/buf.h"
#include "base/error.h"

#include <cairo.h>
#include <stdbool.h>

typedef struct bs_page {
    const char *path; /* ends in .png or .svg; NULL: SVG into `bytes` */
    bs_str bytes;     /* without a path, the caller clears it */
    cairo_surface_t *surface;
    cairo_t *cr;
    double width, height;
} bs_page;

bs_status bs_page_begin(bs_page *p, double width, double height);
/* Writes the file. Call once, after bs_page_begin() has succeeded. */
bs_status bs_page_end(bs_page *p);
/* Discards a page without writing it; does nothing after bs_page_end(). */
void bs_page_drop(bs_page *p);
/* Returns BS_USAGE unless bs_page_begin() can write a file of this name. */
bs_status bs_page_check_path(const char *path);

typedef enum bs_color {
    BS_INK,
    BS_GREY,
    BS_FAINT,
    BS_BLUE,
    BS_ORANGE,
    BS_GREEN,
    BS_SKY,
    BS_RED, /* kept for sinks */
    BS_PURPLE,
    BS_YELLOW,
    BS_WHITE
} bs_color;
void bs_set_color(const bs_page *p, bs_color color, double alpha);
/* Sets the style of a chart's k-th line: a colour and, from the sixth line on, another dash pattern. */
void bs_set_series(const bs_page *p, int k, double width, double alpha);
/* Sets the colour of a share v on the scale from 0 (nearly white) to 1 (dark). */
void bs_set_scale_color(const bs_page *p, double v);

/* Text at (x, y): with `across` -1 it starts there, with 0 it is centred, with 1 it ends there. y is its
 * baseline, or with `middle` the middle of its letters. angle in degrees, counter-clockwise. */
typedef struct bs_text {
    double x, y, size, angle;
    int across;
    bool middle, bold;
    bool is_path;     /* the name of a tensor, which tells more at its end */
    double max_width; /* longer texts end in "...", paths begin with it; 0: no limit */
} bs_text;
void bs_draw_text(const bs_page *p, bs_text where, const char *text);
double bs_text_width(const bs_page *p, double size, const char *text);
void bs_draw_dot(const bs_page *p, double x, double y, double radius);
void bs_draw_line(const bs_page *p, double x1, double y1, double x2, double y2);

typedef struct bs_axes {
    double left, top, width, height;
    double x_min, x_max, y_min, y_max;
    bool x_log; /* x_min > 0 */
    bool x_percent, y_percent;
    bool no_x; /* the caller labels the x axis */
    const char *title, *subtitle, *x_name, *y_name;
} bs_axes;
double bs_axes_x(const bs_axes *a, double v);
double bs_axes_y(const bs_axes *a, double v);
/* Draws frame, grid, ticks, names and title. */
void bs_axes_draw(const bs_page *p, const bs_axes *a);
/* Widens y_min..y_max to hold both values with a margin, within 0..1. */
void bs_axes_fit_share(bs_axes *a, double low, double high);

/* Draws a vertical colour scale right of x, from 0 to `max` (a share); the colour follows the square root of
 * the share. */
void bs_draw_color_bar(const bs_page *p, double x, double y, double height, double max, const char *name);

#endif
