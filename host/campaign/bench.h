/* The benchmark: the same random faults by every replay mode, side by side on the same machine. */
#ifndef BS_CAMPAIGN_BENCH_H
#define BS_CAMPAIGN_BENCH_H

#include "campaign/engine.h"

/* What one mode did with the trials of one target. */
typedef struct bs_bench_cell {
    double seconds; /* sum over the workers */
    uint64_t trials, masked;
    double macs;         /* multiply-accumulates of all its trials as they were computed: after early out */
    int64_t static_macs; /* a trial that never dies */
} bs_bench_cell;

typedef struct bs_bench {
    int *targets; /* outputs of Conv, Gemm and MatMul nodes */
    int n_targets;
    bs_bench_cell *cells;  /* [target][mode], BS_REPLAY_MODE_COUNT modes each */
    uint64_t *died;        /* [target][target id of the graph]: masked trials by where their change died */
    int n_ids;             /* target ids */
    double golden_seconds; /* sum over the workers */
    uint64_t goldens;
    bool exact; /* did all modes give the same answers? */
} bs_bench;

/* For each target in turn: `trials` single bit flips, a random bit of a random element of its output each, on
 * two synthetic images, by delta and suffix, and the first 32 of them in full, one mode after the other in
 * each worker. The engine must have been opened without a plan. Free with bs_bench_clear(). */
bs_status bs_bench_run(bs_bench *out, const bs_engine *e, int trials, uint64_t seed);
void bs_bench_clear(bs_bench *b);

#endif
