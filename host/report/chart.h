/* Drawing of figures: a page (PNG or SVG), text, colours. Axes are in axes.h, what explains a figure in
 * key.h.
 *
 *     bs_page page = {.path = "x.svg"};
 *     BS_TRY(bs_page_begin(&page, 480, 360));
 *     ... cairo calls on page.cr ...
 *     return bs_page_end(&page);
 *
 * Units are CSS pixels; PNG has twice as many. Texts have 11 pixels or more, and pages are no wider than
 * their data need: phones show them at less than their width. Colours are distinguishable with any kind of
 * colour vision. */
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

#endif
