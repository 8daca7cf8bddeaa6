/* The executor: runs batches of faulty trials along a schedule, reading golden activations. */
#ifndef BS_REPLAY_REPLAY_H
#define BS_REPLAY_REPLAY_H

#include "replay/golden.h"
#include "replay/schedule.h"

/* What became of one trial. */
typedef struct bs_result {
    int32_t died_at;  /* target id of the tensor at which all live data equalled golden again, -1: never */
    bs_answer answer; /* the golden answer where died_at >= 0 */
} bs_result;

/* One batch. Arrays have n elements and are borrowed for the call. */
typedef struct bs_trial_batch {
    int n;
    const int32_t *golden_row; /* which image of the golden tile each trial is about */
    bs_faults faults;          /* `before` is filled */
    bool keep_masked;          /* compute masked trials to the end (self-test, audit) */
    bool dense_parameters;     /* evaluate faulty parameters by BS_FAULTY_DENSE in any mode */
    float *output;             /* n x classes outputs of the network, or NULL; golden ones where masked trials
                                  are dropped */
    bs_result *result;
} bs_trial_batch;

typedef struct bs_replayer bs_replayer;

/* Replays on `stream` against `golden` (both must outlive it), in batches of at most max_batch trials and
 * arena_bytes of device memory. Free with bs_replayer_free(). */
bs_status bs_replayer_create(bs_replayer **out, bs_golden *golden, int max_batch, size_t arena_bytes);
void bs_replayer_free(bs_replayer *p);

int bs_replayer_classes(const bs_replayer *p);
bs_golden *bs_replayer_golden(const bs_replayer *p);
/* Device memory at the end of the arena, taken from the batches until it is released, last taken first; NULL
 * if there is not so much. bytes: a multiple of 64. */
void *bs_replayer_reserve(bs_replayer *p, size_t bytes);
void bs_replayer_release(bs_replayer *p, size_t bytes);
/* Free bytes of the arena; *most: the largest batch. */
size_t bs_replayer_room(const bs_replayer *p, int *most);
/* Multiply-accumulates of all its trials so far, as they were computed: without trials that had died. */
double bs_replayer_macs(const bs_replayer *p);
/* Trials from .. from + n - 1 of t. */
bs_trial_batch bs_trial_batch_part(const bs_replayer *p, const bs_trial_batch *t, int from, int n);
/* Trials of this schedule that fit into one batch; at least 1, or BS_ERR if the arena is too small for one.
 */
bs_status bs_replayer_batch(const bs_replayer *p, const bs_schedule *r, int *n);
/* Runs one batch, t->n <= bs_replayer_batch(), along a schedule to the output. */
bs_status bs_replay(bs_replayer *p, const bs_schedule *r, const bs_trial_batch *t);

/* One batch along one schedule: from the fault or a cut point to the next cut point or the output. */
typedef struct bs_segment_batch {
    const bs_schedule *schedule;
    const bs_trial_batch *trials; /* result[i].died_at is kept where the batch starts at a cut point */
    bs_view from; /* device: the schedule's first tensor in each trial; base NULL: golden and the fault */
    const int32_t *at[2]; /* with `from`: first changed row and column of each trial */
    void *to;             /* device: rows of the last tensor, of the survivors; NULL: it is the output */
    int *survivor;        /* with `to`: numbers of the trials in its rows */
    int n_survivors;      /* out */
} bs_segment_batch;
bs_status bs_replay_segment(bs_replayer *p, bs_segment_batch *segment);
#endif
