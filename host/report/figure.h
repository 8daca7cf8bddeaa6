/* The figures of a result file: `bitsink plot FILE KIND`. Each reads views and draws them; none computes. */
#ifndef BS_REPORT_FIGURE_H
#define BS_REPORT_FIGURE_H

#include "base/common_path.h"
#include "report/chart.h"
#include "store/db.h"

/* X(name, help). Figure NAME is drawn by bs_figure_NAME() in figure_NAME.c. */
#define BS_FIGURES(X)                                                                                        \
    X(accuracy, "accuracy of each layer under one fault, with intervals and the fault-free line")            \
    X(sinks, "true class against answer: fault-free, and by layer, sinks in red")                            \
    X(trust, "trust in each answer against the probability of a fault")                                      \
    X(bits, "silent corruptions by layer and bit position")                                                  \
    X(rerun, "silent corruptions caught against extra inferences")                                           \
    X(ber, "accuracy, SDC-1 and DUE against the bit error rate in the whole network")                        \
    X(talk, "the accuracy of each layer and the sinks of an early and of a late layer, a sheet each")

enum { BS_FIGURE_ANY = -2 };

/* The part of a campaign to draw. Zero is not "any". */
typedef struct bs_figure_options {
    long long entry; /* an entry, or BS_FIGURE_ANY: all (trust, rerun: the lowest scope) */
    long long layer; /* sinks: only this layer; or BS_FIGURE_ANY */
    long long late;  /* sinks: `layer` and this one, in the order of the network; or BS_FIGURE_ANY */
} bs_figure_options;

typedef bs_status (*bs_figure)(bs_page *page, const bs_db *db, const bs_figure_options *options);
/* Returns the figure of that name; NULL, with BS_USAGE recorded, if there is none. */
bs_figure bs_figure_find(const char *name);
/* Draw a figure. `db` is from bs_bn_open(), for figure bits with counts by bit position. Without data, BS_ERR
 * with a hint. */
#define X(name, help) bs_status bs_figure_##name(bs_page *, const bs_db *, const bs_figure_options *);
BS_FIGURES(X)
#undef X

/* Figure talk writes two files: sets *out to the name of one, sheet "accuracy" or "sinks", for a page of this
 * path: talk.png gives talk-sinks.png. Zero-initialise *out; the caller clears it. */
bs_status bs_figure_sheet(bs_str *out, const char *path, const char *sheet);

/* Finds the path that all layers that trials hit have in common, which figures and tables leave out.
 * Zero-initialise; free with bs_common_path_clear(). */
bs_status bs_figure_paths(bs_common_path *out, const bs_db *db);
/* Writes into the lower right corner what was left out of names, if anything was. */
void bs_figure_note(const bs_page *p, const bs_common_path *path);
/* Sets *percent to the confidence of the file's intervals: 95 by default. In figure_common.c, like the
 * others here. */
bs_status bs_figure_confidence(double *percent, const bs_db *db);
/* Appends the fault of an entry and its trials: "flip, exponent bits, one site a trial, 2000 trials a layer".
 */
bs_status bs_figure_put_fault(bs_str *out, const bs_db *db, long long entry);
/* Appends what people call a scope: the name of its entry, or "all entries of the prior of layers" for -1. */
bs_status bs_figure_put_scope(bs_str *out, const bs_db *db, long long scope);
/* Reports a figure without data. */
bs_status bs_figure_empty(const char *what, const char *hint);
/* Fails if all trials hit several layers at once: figures by layer are empty then. */
bs_status bs_figure_check_layers(const bs_db *db);

#endif
