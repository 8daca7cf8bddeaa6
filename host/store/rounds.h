/* Rounds: from the intervals that a campaign has reached to the trials that the next round needs. */
#ifndef BS_STORE_ROUNDS_H
#define BS_STORE_ROUNDS_H

#include "fault/plan.h"

typedef struct bs_round {
    uint64_t trials;        /* in the file */
    double rate, low, high; /* SDC-1 rate and its Wilson interval at the wanted confidence */
    double margin;          /* wanted: half the interval's width at most; 0: none is */
    uint32_t now,
        next; /* trials for each image: of the job, and proposed (now, where nothing is to be done) */
    bool reached, exhausted; /* the margin; all faults of the stratum */
} bs_round;

/* One for each stratum of the plan, in its order; the caller frees. `db` holds the campaign of the plan,
 * merged or in one piece; BS_ERR if it holds another. `margin` > 0 is for entries that give none, and
 * `confidence` theirs. */
bs_status bs_rounds_plan(bs_round **out, const bs_plan *plan, const char *db, double margin,
                         double confidence);

#endif
