/* Shared by the files of the benchmark: bench_batch.c (the trials); above it bench_kernels.c (times of
 * operations), bench_rates.c (the device's rates) and bench_rows.c (the result file); bench.c on top. */
#ifndef BS_CAMPAIGN_BENCH_INTERNAL_H
#define BS_CAMPAIGN_BENCH_INTERNAL_H

#include "campaign/bench.h"

#include <pthread.h>

/* Shared by all workers. They start each measurement together: else one would be timed while the device is
 * busy with another's work. */
typedef struct bs_bench_share {
    const bs_engine *e;
    bs_bench *out;
    int trials;
    uint64_t seed;
    pthread_mutex_t lock;                          /* of `out` */
    bs_schedules (*schedules)[BS_BENCH_WAY_COUNT]; /* by target */
} bs_bench_share;

/* One worker's faults of one target, and their results. */
typedef struct bs_bench_batch {
    int32_t *row;
    bs_site *site;
    uint32_t *first, *before; /* the bits before the fault are recorded, as in campaigns */
    bs_result *result[BS_BENCH_WAY_COUNT];
    int most[BS_BENCH_WAY_COUNT]; /* largest number of trials */
} bs_bench_batch;

/* Properties of a way: its replay mode; true if it keeps masked trials to the end; its number of trials of a
 * target. */
bs_replay_mode bs_bench_mode(int way);
bool bs_bench_keeps(int way);
int bs_bench_count(const bs_bench_share *s, const bs_bench_batch *b, int way);
bs_status bs_bench_batch_open(bs_bench_batch *b, size_t n);
void bs_bench_batch_close(bs_bench_batch *b);
/* Draws one random bit of one random element for each trial; different ones for each worker. */
void bs_bench_draw(const bs_bench_share *s, bs_bench_batch *b, int target, int worker);
/* Runs the faults of target number `index` by one way. */
bs_status bs_bench_trials(bs_replayer *p, const bs_bench_share *s, const bs_bench_batch *b, int index,
                          bs_bench_way way);

/* The measurements after the trials; each fills its part of the result. masked: the share of masked rows. */
bs_status bs_bench_kernels(bs_bench_share *s);
bs_status bs_bench_rates(bs_bench *out, const bs_engine *e);
bs_status bs_bench_rows(bs_bench *out, const bs_graph *g, double masked);

#endif
