/* Pieces of an HTML page: escaped text, tables from queries, figures as inline SVG. */
#ifndef BS_REPORT_HTML_H
#define BS_REPORT_HTML_H

#include "base/buf.h"
#include "report/figure.h"

/* Text on one line, made visible (base/text.h), with markup characters escaped; and text of many lines. */
void bs_html_text(bs_str *out, const char *text);
void bs_html_lines(bs_str *out, const char *text);
/* The rows of a view; column names are headings, columns of numbers sit right; at most 64 columns. Nothing
 * but a short remark where there are no rows. `fold`: closed until clicked, for long tables. */
bs_status bs_html_table(bs_str *out, const bs_db *db, const char *caption, const char *view, bool fold);
/* A figure; `number` keeps the names inside its SVG apart from those of other figures. A figure without data
 * leaves a remark. */
bs_status bs_html_figure(bs_str *out, const bs_db *db, bs_figure draw, int number, const char *caption);

#endif
