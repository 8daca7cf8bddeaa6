/* A square of true class against answer, several of which are one page of figure sinks. */
#ifndef BS_REPORT_SINK_PANEL_H
#define BS_REPORT_SINK_PANEL_H

#include "report/chart.h"
#include "report/data.h"

enum { BS_PANEL_FEW = 20 /* classes, of which each has a tick */ };

typedef struct bs_panel {
    const bs_page *p;
    double left, top;
    double bottom; /* of all panels */
    double axis;   /* width of the names on the axes, 0: numbers */
    size_t across; /* panels in a line */
    int classes;
    bs_data names, sinks;
    bool has_halves; /* set if cells are split in two colours */
} bs_panel;

/* Begins a page for so many panels, and with `layers` for a key of sinks. The caller has set classes and
 * names. */
bs_status bs_panel_page(bs_panel *n, bs_page *p, size_t panels, bool layers);
/* Makes n the k-th panel of the page. */
void bs_panel_place(bs_panel *n, size_t k);
/* Draws a mark for each pair of d, whose columns are true class, answer, its share among the answers
 * of that class, and whether a fault made it: a cell if there are few classes, else a dot on a grid. */
void bs_panel_draw_pairs(bs_panel *n, const bs_data *d);
/* Draws the frame, its axes, and the names of the sinks. */
void bs_panel_draw_frame(const bs_panel *n, const char *title, const char *subtitle);
/* Writes a line over all panels. */
void bs_panel_draw_headline(const bs_panel *n, const char *text);
/* Says below the panels what shades and colours mean. */
void bs_panel_draw_key(const bs_panel *n, bool layers);

#endif
