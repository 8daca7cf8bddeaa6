/* Parts of an HTML page: escaped text, tables from queries, figures as inline SVG. */
#ifndef BS_REPORT_HTML_H
#define BS_REPORT_HTML_H

#include "base/buf.h"
#include "report/figure.h"

/* Appends text made visible (base/text.h), with markup characters escaped: on one line, or with its line
 * breaks. */
void bs_html_text(bs_str *out, const char *text);
void bs_html_lines(bs_str *out, const char *text);
/* Appends the rows of a view as a table: column names are headings, columns of numbers are right-aligned,
 * those without any value are left out; at most 64 columns. Without rows, only a short remark. `fold`: closed
 * until clicked, for long tables. `path` is left out of what column "layer" shows; the whole name is its
 * title. */
bs_status bs_html_table(bs_str *out, const bs_db *db, const bs_common_path *path, const char *caption,
                        const char *view, bool fold);
/* Appends a figure; `number` keeps the names inside its SVG distinct from those of other figures. A figure
 * without data leaves a remark. */
bs_status bs_html_figure(bs_str *out, const bs_db *db, bs_figure draw, int number, const char *caption);

#endif
