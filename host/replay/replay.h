/* The replayer: runs batches of trials along a schedule. It computes the tensors that the fault changes,
 * reads all others from the golden run, and drops a trial as soon as no live tensor differs from golden
 * (masked).
 *
 * Inside a region of element-wise nodes (backend/find_regions.h) a trial is compared with golden where its
 * own sites are injected, and else not before the region's end: whichever way it goes, it is masked at the
 * same tensor. */
#ifndef BS_REPLAY_REPLAY_H
#define BS_REPLAY_REPLAY_H

#include "replay/golden.h"
#include "replay/schedule.h"

/* Outcome of one trial. */
typedef struct bs_result {
    int32_t died_at;  /* target at which all live tensors equalled golden (masked), -1: never */
    bs_answer answer; /* the golden answer where died_at >= 0 */
} bs_result;

/* A batch of trials. Arrays have n elements and are borrowed for the call. */
typedef struct bs_trial_batch {
    int n;
    const int32_t *golden_row; /* by trial: its image's row in the golden tile */
    int targets;               /* of the schedules, which a trial may hit; 0 stands for 1 */
    bs_faults faults; /* its array `before` is filled. Sites of trial i in the k-th target: first[i * targets
                         + k] .. first[i * targets + k + 1] */
    bool keep_masked; /* compute masked trials to the end, too (self-test, audit) */
    bool dense_parameters; /* evaluate faulty parameters by BS_FAULTY_DENSE in any mode */
    float *output;         /* n x classes outputs, or NULL; of dropped trials the golden ones */
    bs_result *result;
} bs_trial_batch;

/* Returns the targets that the trials may hit. */
static inline int bs_trial_batch_targets(const bs_trial_batch *t)
{
    return t->targets > 1 ? t->targets : 1;
}

typedef struct bs_replayer bs_replayer;

/* Makes a replayer on golden's stream (`golden` must outlive it), for batches of at most max_batch trials and
 * arena_bytes of device memory. Free with bs_replayer_free(). */
bs_status bs_replayer_create(bs_replayer **out, bs_golden *golden, int max_batch, size_t arena_bytes);
void bs_replayer_free(bs_replayer *p);

int bs_replayer_classes(const bs_replayer *p);
bs_golden *bs_replayer_golden(const bs_replayer *p);
/* Has the replayer read another golden run on the same stream, until the next call. */
void bs_replayer_read(bs_replayer *p, bs_golden *golden);
/* Reserves device memory at the end of the arena, which batches then do not use. Release in reverse order.
 * Returns NULL if the arena is too small. bytes: a multiple of 64. */
void *bs_replayer_reserve(bs_replayer *p, size_t bytes);
void bs_replayer_release(bs_replayer *p, size_t bytes);
/* Returns the free bytes of the arena; sets *most to the largest batch. */
size_t bs_replayer_room(const bs_replayer *p, int *most);
/* Returns the multiply-accumulates computed so far, of all trials: a dropped trial counts up to its drop. */
double bs_replayer_macs(const bs_replayer *p);
/* Returns trials from .. from + n - 1 of t; shares t's arrays. */
bs_trial_batch bs_trial_batch_part(const bs_replayer *p, const bs_trial_batch *t, int from, int n);
/* Sets *n to the number of trials of this schedule that fit into one batch: at least 1, or BS_ERR if the
 * arena is too small for one. */
bs_status bs_replayer_batch(const bs_replayer *p, const bs_schedule *schedule, int *n);
/* Runs one batch along a schedule to the output. t->n must be at most the number that bs_replayer_batch()
 * gives. */
bs_status bs_replay(bs_replayer *p, const bs_schedule *schedule, const bs_trial_batch *t);

/* A batch on one segment: from the fault or a cut point to the next cut point or the output. */
typedef struct bs_segment_batch {
    const bs_schedule *schedule;
    const bs_trial_batch *trials; /* result[i].died_at is kept where the batch starts at a cut point */
    bs_view from;                 /* device: first tensor; base NULL: golden and the fault. Where trials join:
                                     row -1 of a trial that is golden here */
    const int32_t *at[2];         /* with `from`: first changed row and column of each trial */
    int steps;       /* with `to`: run only the first so many steps, of which the last makes a whole tensor or
                      * the segment's last; 0: all */
    void *to;        /* device: the last tensor of the trials not dropped; NULL: it is the output */
    int *survivor;   /* with `to`: by row, the trial's number in the batch */
    int n_survivors; /* out */
} bs_segment_batch;
/* Sets the result and output of trial i, which has no site: it is masked where the schedule's first fault
 * could be. */
void bs_replay_settle_golden(const bs_golden *golden, const bs_schedule *schedule, const bs_trial_batch *t,
                             int i);
/* Runs one batch on one segment. */
bs_status bs_replay_segment(bs_replayer *p, bs_segment_batch *segment);
#endif
