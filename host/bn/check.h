/* Compares rates of a result file with limits: `bitsink check`, a gate for nightly jobs. */
#ifndef BS_BN_CHECK_H
#define BS_BN_CHECK_H

#include "bn/print_rows.h"

#include <stdbool.h>

/* Texts as on the command line; NULL: not given. */
typedef struct bs_check_options {
    const char *max, *min;     /* NAME=LIMIT,...: largest and smallest values (check_names.h has the names) */
    const char *bound;         /* bound to be within the limit; NULL: one-sided, else two-sided */
    const char *entry, *layer; /* only these, by id or name; entry "-1": the strata of bn_prior_layer */
    const char *weights;       /* weights of strata in the rates of a network: bits (also NULL), uniform */
    bool partial;              /* judge the trials in the file although others are missing */
} bs_check_options;

/* X(name, meaning). The verdict on a row. */
#define BS_VERDICTS(X)                                                                                       \
    X(kept, "the bound is within the limit")                                                                 \
    X(broken, "the bound of the other side is beyond it, too: proven worse")                                 \
    X(open, "neither: more trials would tell")                                                               \
    X(incomplete, "trials that the job asks for are missing")

enum {
#define X(name, meaning) BS_VERDICT_##name,
    BS_VERDICTS(X)
#undef X
        BS_VERDICTS_N
};
extern const char *const bs_verdict_name[BS_VERDICTS_N];

typedef struct bs_check_counts {
    long long rows[BS_VERDICTS_N]; /* by verdict */
    long long no_value; /* rows without a value, not judged: such as the trust in an answer that is no image's
                           label */
    long long untried;  /* strata or entries without trials that `partial` left out */
    long long missing;  /* trials of the whole job that the file lacks */
    long long broken;   /* images that could not be read */
    long long inexact;  /* audited trials whose full re-run gave other values */
    int last_exit;      /* of the last run; -1: it is running, or was killed */
} bs_check_counts;

/* Prints one row for each rate and each entry, layer, ... that has it: those that are not kept first,
 * otherwise in the order of the lists. Counts the verdicts, and warns of entries without such a rate.
 * BS_USAGE: an unknown name, a bound that a view lacks, ...; BS_NOTHING_COMMON: a name has no row, or the
 * null device made up the answers; BS_LIMIT: a row is broken; BS_OPEN: none is broken, but one is open or
 * incomplete. Never writes to the file; works while a run writes it. *counts is filled up to the error. */
bs_status bs_check(bs_check_counts *counts, FILE *out, const char *db_path, const bs_check_options *o,
                   bs_rows_format format);

#endif
