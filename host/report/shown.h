/* How the report shows values to people: numbers rounded by their intervals, times on the clock of this
 * machine, preprocessing without what it leaves undone. */
#ifndef BS_REPORT_SHOWN_H
#define BS_REPORT_SHOWN_H

#include "base/buf.h"
#include "base/common_path.h"
#include "store/db.h"

/* Appends a number, rounded so that the interval from `low` to `high` keeps two significant digits: 0.67 in
 * 0.387 to 1.118. What would be rounded to 0 (or, in percent, to 100) but is not keeps one. Without an
 * interval (NaN, or no width): three significant digits. Commas separate thousands. */
void bs_shown_number(bs_str *out, double x, double low, double high);
/* Appends a share in percent, rounded likewise, to four decimals at most: "0.67 %". */
void bs_shown_percent(bs_str *out, double share, double low, double high);
/* Appends a share with its interval, "0.67 % (0.39 to 1.12 %)", or "exactly 0.67 %" if there is none. */
void bs_shown_rate(bs_str *out, double share, double low, double high);
/* Appends an interval: "0.39 to 1.12", and of shares in percent: "0.39 to 1.12 %". A bound that is next to
 * nothing is 0. */
void bs_shown_interval(bs_str *out, double low, double high);
void bs_shown_percents(bs_str *out, double low, double high);
/* Appends a time that is stored as "2026-11-27T23:00:44Z" by the local clock: "27 November 2026, 23:00 UTC".
 * Any other text stays as it is. */
void bs_shown_time(bs_str *out, const char *utc);
/* Appends campaign.preprocess without parts that do nothing, numbers as short as the same float32 can be:
 * "scale 0.003921569, mean 0.286, std 0.353". */
void bs_shown_preprocess(bs_str *out, const char *text);

/* Adds these to the SQL of a connection: shown(x, low, high), percent(x, low, high), rate(x, low, high),
 * interval(low, high), percents(low, high), local_time(text), preprocessing(text), NULL if the first argument
 * is; and fault(entry), what a trial of an entry meets (bs_figure_put_fault() without the number of trials),
 * short(label), a layer's name without `path`; and low_accuracy(right, labelled, classes),
 * bs_golden_accuracy_is_low(). `db` and `path` must stay until the connection is closed.
 */
bs_status bs_shown_functions(const bs_db *db, const bs_common_path *path);

#endif
