/* Axes of a figure: frame, grid, ticks and names.
 *
 *     bs_axes a = {.left = 60, .top = 30, .width = 560, .height = 280, .y_max = 1};
 *     bs_axes_draw(&page, &a);
 *     ... cairo calls on page.cr at bs_axes_x(&a, v), bs_axes_y(&a, v) ... */
#ifndef BS_REPORT_AXES_H
#define BS_REPORT_AXES_H

#include "report/chart.h"

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

/* Names that slant downwards to the left below the x axis. */
typedef struct bs_names {
    double last;  /* x of the last name drawn, in pixels; begin with -HUGE_VAL */
    double width; /* of the longest one: longer ones are cut */
    bool is_path; /* as in bs_text */
} bs_names;
/* Draws the name of place v, unless it would cover the last one. Returns whether it did. */
bool bs_axes_draw_name(const bs_page *p, const bs_axes *a, bs_names *names, double v, const char *text);
/* Returns the width that names of so many characters take, at most `most`. */
double bs_names_width(size_t characters, double most);
/* Return how far names of this width reach below the axis, and to the left of their place. */
double bs_names_depth(double width);
double bs_names_left(double width);

#endif
