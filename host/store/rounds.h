/* Rounds: from the intervals that a campaign has reached to the trials that the next round needs. */
#ifndef BS_STORE_ROUNDS_H
#define BS_STORE_ROUNDS_H

#include "fault/plan.h"

typedef struct bs_round {
    uint64_t trials;   /* in the file */
    bool is_parameter; /* observations are faults, whatever the number of images they met */
    /* SDC-1 rate and its interval (bs_share_bounds at `confidence`); the rate itself where observations is
     * INFINITY. */
    double rate, low, high;
    double observations; /* n of the interval (layer_outcome); INFINITY: a census */
    /* Wanted: half the interval's width at most margin, or relative x rate, whichever is wider; 0: not
     * wanted. */
    double margin, relative;
    double confidence;
    /* Trials for each image: of the job or, where that is more, of the file; and proposed (now, where nothing
     * is to be done). */
    uint32_t now, next;
    bool all_images; /* every image of the job was tried in the stratum; those of weight 0 need not be */
    bool narrow;     /* the margin is reached on the images tried; with all_images it is reached */
    bool exhausted;  /* all faults of the stratum were tried, once or more, on the images tried */
    bool enough;     /* `next` reaches the margin if the rate stays what it is */
} bs_round;

/* What is wanted where an entry wants nothing itself; 0: nothing. */
typedef struct bs_rounds_goal {
    double margin, relative, confidence;
} bs_rounds_goal;

/* After a round there are at most this many times the trials before it. */
enum { BS_ROUND_GROWTH = 3 };

/* One for each stratum of the plan, in its order; the caller frees. `db` holds the campaign of the plan,
 * merged or in one piece; BS_ERR if it holds another.
 *
 * `next` is the smallest number of trials whose interval (bs_share_bounds at its observations) is narrow
 * enough (they grow with the trials from those that the views count today, weights of images included): for
 * an absolute margin at the value inside today's interval that asks for most, for a relative one
 * at the rate seen; at least a quarter more than now where now is in the file in full, at most
 * BS_ROUND_GROWTH times now. A rate of 0 has no relative margin. */
bs_status bs_rounds_plan(bs_round **out, const bs_plan *plan, const char *db, const bs_rounds_goal *goal);

#endif
