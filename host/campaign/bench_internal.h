/* Shared by the files of the benchmark: bench_batch.c (the trials); above it bench_budget.c (what there is
 * time for); above that bench_golden.c (golden runs), bench_kernels.c (times of operations), bench_rates.c
 * (the device's rates) and bench_rows.c (the result file); bench.c on top. */
#ifndef BS_CAMPAIGN_BENCH_INTERNAL_H
#define BS_CAMPAIGN_BENCH_INTERNAL_H

#include "campaign/bench.h"

#include <pthread.h>

/* When a measurement ends, as parts of the time, and the parts that golden runs and the pilot may take. */
#define BS_BENCH_SCHEDULES_END 0.15
#define BS_BENCH_TRIALS_END    0.65
#define BS_BENCH_KERNELS_END   0.88
#define BS_BENCH_GOLDEN_PART   0.05
#define BS_BENCH_PILOT_PART    0.1

/* What the pilot measured, summed over workers. */
typedef struct bs_bench_pilot {
    double first, again; /* seconds of trials by suffix and delta, the first time and the second */
    int targets, trials;
} bs_bench_pilot;

/* Shared by all workers. They start each measurement together: else one would be timed while the device is
 * busy with another's work. */
typedef struct bs_bench_share {
    const bs_engine *e;
    bs_bench *out;
    double start, seconds; /* when the measurements began, and how long they may take */
    bool golden;           /* golden runs are all that is measured */
    int *order;            /* indices of targets: the first few of them are an even choice, however few */
    int n_made;            /* targets, in this order, that have schedules */
    int most;              /* trials of a target and worker that were asked for */
    int trials, reruns;    /* of a target and worker; reruns: where no trial is dropped */
    double *spent;         /* by target: seconds of its delta replay, run twice; sum over the workers */
    bs_bench_pilot pilot;
    bool warm, warm_reruns; /* they run once before they are timed, to make the library's primitives */
    bool over;              /* there is no time for another target */
    uint64_t seed;
    pthread_mutex_t lock;                          /* of `out`, `spent` and `pilot` */
    bs_schedules (*schedules)[BS_BENCH_WAY_COUNT]; /* by target */
} bs_bench_share;

/* One worker's faults of one target, and their results. */
typedef struct bs_bench_batch {
    int32_t *row;
    bs_site *site;
    uint32_t *first, *before; /* the bits before the fault are recorded, as in campaigns */
    bs_result *result[BS_BENCH_WAY_COUNT];
} bs_bench_batch;

/* Properties of a way: its replay mode; true if it keeps masked trials to the end; its number of trials of a
 * target. */
bs_replay_mode bs_bench_mode(int way);
bool bs_bench_keeps(int way);
int bs_bench_count(const bs_bench_share *s, int way);
bs_status bs_bench_batch_open(bs_bench_batch *b, size_t n);
void bs_bench_batch_close(bs_bench_batch *b);
/* Draws one random bit of one random element for each trial; different ones for each worker. */
void bs_bench_draw(const bs_bench_share *s, bs_bench_batch *b, int target, int worker);
/* Runs the faults of target number `index` by one way. */
bs_status bs_bench_trials(bs_replayer *p, const bs_bench_share *s, const bs_bench_batch *b, int index,
                          bs_bench_way way);

/* Returns the seconds that are left until this part of the time is over; may be negative. */
double bs_bench_left(const bs_bench_share *s, double part);
/* Fills order[] with 0 .. n - 1 such that any number of the first ones lie evenly, and in step with no period
 * of the network's layers. */
void bs_bench_order(int *order, int n);
/* Runs a few trials of a few targets, and sets from their time how many there are to be.
 */
bs_status bs_bench_choose_counts(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int worker);
/* Sets s->over if the trials of another target, after `done` since `start`, would take too long. The same for
 * all workers. */
bs_status bs_bench_go_on(bs_bench_share *s, int worker, double start, int done);

/* Times golden runs; w->golden holds the probe. */
bs_status bs_bench_golden(bs_bench_share *s, bs_worker *w, int worker);

/* The measurements after the trials; each fills its part of the result. pace: the part of the
 * usual time that they take. masked: the share of masked rows. */
bs_status bs_bench_kernels(bs_bench_share *s);
bs_status bs_bench_rates(bs_bench *out, const bs_engine *e, double pace);
bs_status bs_bench_rows(bs_bench *out, const bs_graph *g, double masked, double pace);

#endif
