/* Trials on their way from one cut point to the next: which lane each takes, and batches of those in one
 * lane. For replay_groups.c and replay_trials.c. */
#ifndef BS_REPLAY_TRIAL_RUN_H
#define BS_REPLAY_TRIAL_RUN_H

#include "replay/schedules.h"

/* A way that trials can take from one cut point to the next. */
typedef struct bs_lane {
    bs_schedule *schedule;
    const int
        *numbers;   /* by the schedule's targets: numbers among those of the trials; NULL: no sites there */
    bool from_rows; /* it starts with the rows at the cut point; else with golden ones */
    int n;          /* trials that take it */
} bs_lane;

typedef struct bs_trial_run {
    bs_replayer *p;
    const bs_golden *golden;
    const bs_trial_batch *t;
    const bs_several *several; /* NULL: all sites are injected in the first piece */
    int targets;               /* of a trial */
    int most;                  /* largest batch */
    /* The trials that go on: */
    int *id, n; /* numbers of the trials */
    int *place; /* rows at the last cut point, -1: golden there */
    int32_t (*bounds)[4];
    int *choice; /* lanes that they take, -1: none */
    int *next_id, *next_place, next_n, next_rows;
    char *here, *there; /* device: rows of the last and the next cut point */
    bs_lane *lane;
    int n_lanes;
    size_t lane_cap;
    int *identity; /* 0, 1, ...: all targets */
    /* One batch: */
    int *item;
    int32_t *row, *at[2], *from;
    bs_site *site;
    uint32_t *first, *before, *origin; /* origin: index of each site among the caller's */
    bs_result *result;
    float *output;
    int *survivor;
    bool *survives;
    size_t classes; /* floats of an output, 0: none requested */
} bs_trial_run;

/* Call bs_trial_run_close() after an error, too. */
bs_status bs_trial_run_open(bs_trial_run *run, bs_replayer *p, const bs_trial_batch *t, int most);
void bs_trial_run_close(bs_trial_run *run);

/* Returns where the sites of a trial in a target begin and, by the next element, end. */
static inline const uint32_t *bs_trial_run_sites(const bs_trial_run *run, int id, int target)
{
    return run->t->faults.first + (size_t)id * (size_t)run->targets + target;
}

bs_status bs_trial_run_add_lane(bs_trial_run *run, bs_schedule *schedule, const int *numbers, bool from_rows);
/* Adds a lane for each schedule, in their order. */
bs_status bs_trial_run_add_lanes(bs_trial_run *run, const bs_schedules *schedules, const int *numbers,
                                 bool from_rows);
/* Returns the narrowest of n lanes that serves item i and is allowed. Notes it where a narrower one would be,
 * if it were allowed. */
int bs_trial_run_choose(const bs_trial_run *run, int first, int n, int i);
/* Enters a trial among those that go on to the next piece. */
void bs_trial_run_go_on(bs_trial_run *run, int id, int place);
/* Runs all trials along the lanes that they take, to `tensor`, the next cut point; -1: to the output. */
bs_status bs_trial_run_lanes(bs_trial_run *run, int tensor, int piece);
/* Finds where the trials with rows at a cut point differ from golden. */
bs_status bs_trial_run_measure(bs_trial_run *run, int tensor);
/* Makes the trials that go on, and the rows that they have, the present ones. */
void bs_trial_run_turn(bs_trial_run *run);

#endif
