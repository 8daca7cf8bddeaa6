/* Rounds: computes from the intervals that a campaign has reached the trials that the next round needs. */
#ifndef BS_STORE_ROUNDS_H
#define BS_STORE_ROUNDS_H

#include "fault/plan.h"

typedef struct bs_round {
    uint64_t trials;   /* in the file */
    bool is_parameter; /* observations are faults, each on any number of images */
    /* SDC-1 rate and its interval (bs_share_bounds at `confidence`); the rate itself if observations is
     * INFINITY. */
    double rate, low, high;
    double observations; /* n of the interval (layer_outcome); INFINITY: a census */
    /* Goal: half the interval's width is at most margin, or relative x rate, whichever is larger; 0: no
     * goal. */
    double margin, relative;
    double confidence;
    /* Trials for each image: `now` of the job or, if that is more, of the file; `next` proposed (= now if
     * nothing is to be done). */
    uint32_t now, next;
    bool all_images; /* every image of the job has trials in the stratum, but for those of weight 0 */
    bool narrow;     /* the goal is reached on the images tried; with all_images it is reached */
    bool exhausted;  /* every fault of the stratum was tried on the images tried */
    bool enough;     /* `next` reaches the goal if the rate stays as it is */
} bs_round;

/* The goal of entries that have none themselves; 0: none. */
typedef struct bs_rounds_goal {
    double margin, relative, confidence;
} bs_rounds_goal;

/* A round multiplies the trials by at most this number. */
enum { BS_ROUND_GROWTH = 3 };

/* Makes one bs_round for each stratum of the plan, in its order; the caller frees them. `db` must hold the
 * campaign of the plan, merged or in one piece; else BS_ERR.
 *
 * `next` is the smallest number of trials whose interval (bs_share_bounds at its observations) is narrow
 * enough. Observations grow with the trials from those that the views count now, with the weights of images.
 * An absolute margin is judged at the rate inside the present interval that needs most trials, a relative one
 * at the observed rate. `next` is at least a quarter more than `now` if `now` is in the file in full, and at
 * most BS_ROUND_GROWTH times now. A rate of 0 has no relative margin. */
bs_status bs_rounds_plan(bs_round **out, const bs_plan *plan, const char *db, const bs_rounds_goal *goal);

#endif
