/* The figure of several result files: `bitsink plot trend FILE...`. */
#ifndef BS_REPORT_FIGURE_TREND_H
#define BS_REPORT_FIGURE_TREND_H

#include "report/chart.h"
#include "report/nights.h"

/* Draws the rates of nights, of which there are two or more, from bs_nights_load(). */
bs_status bs_figure_trend(bs_page *page, const bs_nights *nights);

#endif
