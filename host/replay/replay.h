/* The executor: runs batches of faulty trials along a route, reading golden activations. */
#ifndef BS_REPLAY_REPLAY_H
#define BS_REPLAY_REPLAY_H

#include "replay/golden.h"
#include "replay/route.h"

/* What became of one trial. */
typedef struct bs_result {
    int32_t died_at;  /* target id of the tensor at which all live data equalled golden again, -1: never */
    bs_answer answer; /* the golden answer where died_at >= 0 */
} bs_result;

/* One batch. Arrays have n elements and are borrowed for the call. */
typedef struct bs_trials {
    int n;
    const int32_t *golden_row; /* which image of the golden tile each trial is about */
    bs_faults faults;          /* `before` is filled */
    bool keep_masked;          /* compute masked trials to the end (self-test, audit) */
    bool dense_parameters;     /* evaluate faulty parameters by BS_FAULTY_DENSE in any mode */
    float *output;             /* n x classes outputs of the network, or NULL; golden ones where masked trials
                                  are dropped */
    bs_result *result;
} bs_trials;

typedef struct bs_replayer bs_replayer;

/* Replays on `lane` against `golden` (both must outlive it), in batches of at most max_batch trials and
 * arena_bytes of device memory. Free with bs_replayer_free(). */
bs_status bs_replayer_create(bs_replayer **out, bs_golden *golden, int max_batch, size_t arena_bytes);
void bs_replayer_free(bs_replayer *p);

int bs_replayer_classes(const bs_replayer *p);
/* Multiply-accumulates of all its trials so far, as they were computed: without trials that had died. */
double bs_replayer_macs(const bs_replayer *p);
/* Trials of this route that fit into one batch; at least 1, or BS_ERR if the arena is too small for one. */
bs_status bs_replayer_batch(const bs_replayer *p, const bs_route *r, int *n);
/* Runs one batch, t->n <= bs_replayer_batch(). */
bs_status bs_replay(bs_replayer *p, const bs_route *r, const bs_trials *t);
#endif
