/* The benchmark: what a network costs on a device, and what the replay saves. The same random faults by every
 * way of computing trials, the time of each operation, the device's own rates to hold both against, the rows
 * that the result file takes, and memory. */
#ifndef BS_CAMPAIGN_BENCH_H
#define BS_CAMPAIGN_BENCH_H

#include "backend/timed.h"
#include "campaign/engine.h"

#include <limits.h>

/* X(enum suffix, name, channels, filters, kernel, side): large layers whose fp32 rate is measured, see
 * bs_synth_layer. */
#define BS_BENCH_LAYERS(X)                                                                                   \
    X(GEMM, "gemm", 4096, 4096, 0, 0)                                                                        \
    X(CONV1X1, "conv1x1", 1024, 1024, 1, 32)                                                                 \
    X(CONV3X3, "conv3x3", 256, 256, 3, 32)

typedef enum bs_bench_layer {
#define X(suffix, name, channels, filters, kernel, side) BS_BENCH_##suffix,
    BS_BENCH_LAYERS(X)
#undef X
        BS_BENCH_LAYER_COUNT
} bs_bench_layer;

const char *bs_bench_layer_name(bs_bench_layer layer);

/* X(enum suffix, name, replay mode, masked trials go on to the end, trials of a target and worker at most).
 * Where nothing is dropped all trials take the same time, so that a few are enough: on a slow device a
 * quarter of that after the first target. DENSE_SUFFIX is what injectors do that run "from the faulty layer
 * on". DELTA is the last: the others' answers are held against it. */
#define BS_BENCH_WAYS(X)                                                                                     \
    X(FULL, "full", BS_REPLAY_FULL, true, 32)                                                                \
    X(DENSE_SUFFIX, "dense_suffix", BS_REPLAY_SUFFIX, true, 32)                                              \
    X(SUFFIX, "suffix", BS_REPLAY_SUFFIX, false, INT_MAX)                                                    \
    X(DELTA, "delta", BS_REPLAY_DELTA, false, INT_MAX)

typedef enum bs_bench_way {
#define X(suffix, name, mode, keeps, most) BS_BENCH_##suffix,
    BS_BENCH_WAYS(X)
#undef X
        BS_BENCH_WAY_COUNT
} bs_bench_way;

const char *bs_bench_way_name(bs_bench_way way);

/* What one way did with the trials of one target. */
typedef struct bs_bench_cell {
    double seconds; /* sum over the workers */
    uint64_t trials, masked;
    double macs;         /* multiply-accumulates of all its trials as they were computed: after early out */
    int64_t static_macs; /* a trial that never dies */
} bs_bench_cell;

typedef struct bs_bench {
    /* Replay */
    int *targets; /* outputs of Conv, Gemm and MatMul nodes */
    int n_targets;
    bs_bench_cell (*cells)[BS_BENCH_WAY_COUNT]; /* by target */
    uint64_t *died;        /* [target][target id of the graph]: masked trials by where their change died */
    int n_ids;             /* target ids */
    double golden_seconds; /* sum over the workers */
    uint64_t goldens;
    bool exact; /* did all ways give the same answers? */
    /* The same delta replay once more, operation by operation; sums over the workers */
    bs_timed_cell kernels[BS_TIMED_COUNT][BS_OP_COUNT]; /* see backend/timed.h */
    double kernel_seconds;                              /* with what lies between the operations */
    /* Rates of the device, all workers at once */
    double layer_macs[BS_BENCH_LAYER_COUNT]; /* a second, fp32 */
    double copy_bytes; /* a second, read and written, from device memory to device memory */
    /* The result file */
    double rows; /* trials a second that SQLite takes, the masked share as measured; 0: $TMPDIR failed */
    double row_bytes;
    /* Memory */
    size_t host_peak;                                  /* bytes that the process has had so far */
    size_t parameter_bytes, golden_bytes, trial_bytes; /* on the device, as planned for all workers */
} bs_bench;

/* For each target in turn: `trials` single bit flips, a random bit of a random element of its output each, on
 * two synthetic images, all workers by the same way at a time; then the rest. The engine must have been
 * opened for `bench`, without a plan, in delta mode. Free with bs_bench_clear(). */
bs_status bs_bench_run(bs_bench *out, const bs_engine *e, int trials, uint64_t seed);
void bs_bench_clear(bs_bench *b);

/* Multiply-accumulates a second that the best of the layers reaches: the rate to hold others against. */
double bs_bench_best_macs(const bs_bench *b);
/* All targets together, equally likely: seconds and macs of as many trials of each as delta had, `masked` of
 * those that were run. */
bs_bench_cell bs_bench_sum(const bs_bench *b, bs_bench_way way);

#endif
