/* The benchmark: the cost of trials of a network on a device, and the speed-up of replay. It runs the same
 * random faults by every way of computing trials, times each operation, measures the device's own rates for
 * comparison, writes rows to a result file, and sums up memory. */
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

/* X(enum suffix, name, replay mode, keeps masked trials to the end). Where no trial is dropped all take the
 * same time, so a few are enough. DENSE_SUFFIX is the way of injectors that run "from the faulty layer on".
 * DELTA is the last: the answers of all others are compared with its. */
#define BS_BENCH_WAYS(X)                                                                                     \
    X(FULL, "full", BS_REPLAY_FULL, true)                                                                    \
    X(DENSE_SUFFIX, "dense_suffix", BS_REPLAY_SUFFIX, true)                                                  \
    X(SUFFIX, "suffix", BS_REPLAY_SUFFIX, false)                                                             \
    X(DELTA, "delta", BS_REPLAY_DELTA, false)

typedef enum bs_bench_way {
#define X(suffix, name, mode, keeps) BS_BENCH_##suffix,
    BS_BENCH_WAYS(X)
#undef X
        BS_BENCH_WAY_COUNT
} bs_bench_way;

const char *bs_bench_way_name(bs_bench_way way);

/* Measurements of one way on the trials of one target. */
typedef struct bs_bench_cell {
    double seconds; /* sum over the workers */
    uint64_t trials, masked;
    double macs;         /* multiply-accumulates as computed, without those of dropped trials */
    int64_t static_macs; /* of a trial that is never masked */
} bs_bench_cell;

typedef struct bs_bench {
    /* Replay */
    int *targets; /* those measured, of the outputs of Conv, Gemm and MatMul nodes */
    int n_targets, of_targets;
    int trials, reruns; /* of a target and worker, by suffix and delta; by full and dense suffix */
    bs_bench_cell (*cells)[BS_BENCH_WAY_COUNT]; /* by target */
    uint64_t *masked_at;   /* [target][target id of the graph]: masked trials, by died_at */
    int n_ids;             /* target ids */
    double golden_seconds; /* sum over the workers */
    uint64_t goldens;
    int golden_tile; /* images that a worker computed at a time */
    bool exact;      /* all ways gave the same answers */
    /* The same delta replay again, operation by operation; sums over the workers */
    int kernel_targets;                                 /* so many of the targets */
    bs_timed_cell kernels[BS_TIMED_COUNT][BS_OP_COUNT]; /* see backend/timed.h */
    double kernel_seconds;                              /* including the time between operations */
    /* Rates of the device, with all workers at once */
    double layer_macs[BS_BENCH_LAYER_COUNT]; /* per second, fp32 */
    double copy_bytes;                       /* per second, read and written, within device memory */
    /* The result file */
    double rows; /* trials per second that SQLite takes, at the measured masked share; 0: $TMPDIR failed */
    double row_bytes;
    /* Memory */
    size_t host_peak;                                  /* peak bytes of the process so far */
    size_t parameter_bytes, golden_bytes, trial_bytes; /* on the device, planned for all workers */
    size_t golden_image_bytes;                         /* of one image */
    double seconds;                                    /* that all of this took */
} bs_bench;

typedef struct bs_bench_options {
    int trials;     /* of a target and worker, at most */
    double seconds; /* that the measurements may take, or about so many */
    uint64_t seed;
    bool golden; /* golden runs only, all the time */
} bs_bench_options;

/* Runs single bit flips for each target in turn: a random bit of a random element of its output each, on two
 * synthetic images, all workers by the same way at a time. Then measures the rest. Where the time is short it
 * takes fewer full re-runs, then fewer trials, then an even choice of the targets. The engine must have been
 * opened for `bench`, without a plan, in delta mode; for golden runs any engine will do. Free with
 * bs_bench_clear(). */
bs_status bs_bench_run(bs_bench *out, const bs_engine *e, const bs_bench_options *options);
void bs_bench_clear(bs_bench *b);

/* Returns the multiply-accumulates per second of the fastest of the layers, as the device's peak. */
double bs_bench_best_macs(const bs_bench *b);
/* Returns the sum over all targets, each weighted with delta's number of trials: seconds and macs are scaled
 * to it, `masked` counts the trials that were run. */
bs_bench_cell bs_bench_sum(const bs_bench *b, bs_bench_way way);

#endif
