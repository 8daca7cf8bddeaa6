/* What the files of the benchmark share: bench_batch.c (the trials), above it bench_kernels.c (times of
 * operations), bench_rates.c (the device's rates), bench_rows.c (the result file), on top bench.c. */
#ifndef BS_CAMPAIGN_BENCH_INTERNAL_H
#define BS_CAMPAIGN_BENCH_INTERNAL_H

#include "campaign/bench.h"

#include <pthread.h>

/* Of all workers. They begin each thing together: a way that is timed while other workers are busy with
 * another one would be timed on a device that is busy with something else. */
typedef struct bs_bench_share {
    const bs_engine *e;
    bs_bench *out;
    int trials;
    uint64_t seed;
    pthread_mutex_t lock;                          /* of `out` */
    bs_schedules (*schedules)[BS_BENCH_WAY_COUNT]; /* by target */
} bs_bench_share;

/* Of one worker: the faults of one target, and what became of them. */
typedef struct bs_bench_batch {
    int32_t *row;
    bs_site *site;
    uint32_t *first, *before; /* the bits before are asked for, as campaigns do */
    bs_result *result[BS_BENCH_WAY_COUNT];
    int most[BS_BENCH_WAY_COUNT]; /* trials */
} bs_bench_batch;

/* The replay mode of a way; true if masked trials go on to the end; trials of a target that it runs. */
bs_replay_mode bs_bench_mode(int way);
bool bs_bench_keeps(int way);
int bs_bench_count(const bs_bench_share *s, const bs_bench_batch *b, int way);
bs_status bs_bench_batch_open(bs_bench_batch *b, size_t n);
void bs_bench_batch_close(bs_bench_batch *b);
/* One random bit of one random element a trial; workers draw different ones. */
void bs_bench_draw(const bs_bench_share *s, bs_bench_batch *b, int target, int worker);
/* The faults of target number `index` in one way. */
bs_status bs_bench_trials(bs_replayer *p, const bs_bench_share *s, const bs_bench_batch *b, int index,
                          bs_bench_way way);

bs_status bs_bench_kernels(bs_bench_share *s);
bs_status bs_bench_rates(bs_bench *out, const bs_engine *e);
/* masked: the share of masked rows. */
bs_status bs_bench_rows(bs_bench *out, const bs_graph *g, double masked);

#endif
