/* What explains a figure: the styles of its lines and marks, scales of colours, and the key below it. The key
 * is below, not beside, so that the page stays narrow. */
#ifndef BS_REPORT_KEY_H
#define BS_REPORT_KEY_H

#include "report/chart.h"

/* Sets the style of a chart's k-th line: neighbours differ in colour and in their dashes, which
 * black-and-white prints keep. */
void bs_set_series(const bs_page *p, int k, double width, double alpha);
/* Draws the mark of the k-th line: neighbours have another form, too. */
void bs_draw_mark(const bs_page *p, int k, double x, double y);
/* Draws the bar of an interval; low and high in pixels. */
void bs_draw_interval(const bs_page *p, double x, double low, double high);
/* Draws the dashed line of what the network does without faults. */
void bs_draw_fault_free_line(const bs_page *p, double left, double right, double y);

/* Sets the colour of a share v on the scale from 0 (pale, unlike white) to 1 (dark). */
void bs_set_scale_color(const bs_page *p, double v);
/* Draws a vertical colour scale right of x, from 0 to `max` (a share); the colour follows the square root of
 * the share. */
void bs_draw_color_bar(const bs_page *p, double x, double y, double height, double max, const char *name);

enum { BS_KEY_LINE = 19 /* pixels */ };
/* The key: samples with their meaning, and notes, line by line. */
typedef struct bs_key {
    const bs_page *p;
    double x, y, width; /* y: the baseline of the next line, which each function below moves down */
} bs_key;
void bs_key_series(bs_key *k, int series, bool mark, const char *text);
void bs_key_fault_free(bs_key *k, const char *text);
/* Explains the colour that is set. */
void bs_key_swatch(bs_key *k, const char *text);
/* Writes text without a sample, on as many lines as bs_key_lines() says. */
void bs_key_note(bs_key *k, const char *text);
int bs_key_lines(const char *text, double width);

#endif
