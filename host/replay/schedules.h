/* The schedules of a target, from narrow to wide. The last computes whole tensors and serves every trial.
 * Each trial takes the narrowest one that serves it and may be used: there are several where the sites of a
 * trial may lie apart.
 *
 * Segments. The patches of a schedule have the size that its worst trial needs, and they grow with every
 * window the change passes. So the network is divided at a few *cut points*: tensors through which every path
 * leads. There the actual change of each trial is measured, and the trial continues on the narrowest schedule
 * that serves it. A *segment* is the part of the network from one cut point to the next. A target's own
 * schedules end at the first cut point after it; the segments from there on are shared by all targets. At a
 * cut point, trials of all schedules form common batches again.
 *
 * Several targets. One schedule computes whole tensors from the first target on; trials join it at their
 * first site. Delta replay goes on segment by segment: a trial that is golden so far, and has sites in one
 * target here, takes that target's own schedules; one that has changed, and has no site here, those of the
 * segment; any other a schedule of whole tensors for the targets of this segment. A trial that is golden, and
 * has no site here, computes nothing. */
#ifndef BS_REPLAY_SCHEDULES_H
#define BS_REPLAY_SCHEDULES_H

#include "replay/replay.h"

enum { BS_MAX_SCHEDULES = 12 };

typedef struct bs_segments bs_segments;

typedef struct bs_several bs_several;

typedef struct bs_schedules {
    bs_schedule *schedule[BS_MAX_SCHEDULES]; /* narrowest first; the last serves every trial */
    int n;
    const bs_segments *segments; /* NULL: the schedules lead to the output */
    int next; /* with segments: the next one, or their number if the schedules lead to the output */
    bs_several *several; /* of several targets, unless in full; else NULL */
} bs_schedules;

/* The part of the network before the first cut point is piece 0, the segment that starts at cut point k is
 * piece k + 1. */
typedef struct bs_piece {
    bs_schedule *dense; /* of the targets that are hit in it; NULL: there are none */
    int *numbers;       /* by the schedule's targets: numbers among all targets */
} bs_piece;

struct bs_several {
    bs_schedules *own; /* by number of a target: its own schedules */
    int n_targets;
    bs_piece *piece; /* this and the rest: delta replay only */
    int n_pieces;
    bool *hits; /* [target][piece]: sites of the target are hit there; a parameter may be in several */
};

typedef struct bs_segment {
    int tensor;             /* the cut point it starts at: the output of a node, and a target */
    bs_schedules schedules; /* from there to the next cut point or the output */
} bs_segment;

enum { BS_CUT_POINT_ALIGNMENT = 256 };

struct bs_segments {
    bs_segment *segment;
    int n;
    size_t row_bytes; /* of the largest cut point */
    size_t all_bytes; /* of the rows of all cut points, each a multiple of BS_CUT_POINT_ALIGNMENT */
};

static inline size_t bs_cut_point_aligned(size_t bytes)
{
    return (bytes + BS_CUT_POINT_ALIGNMENT - 1) / BS_CUT_POINT_ALIGNMENT * BS_CUT_POINT_ALIGNMENT;
}

/* Data that the schedules of all targets share. Any member may be NULL; all must outlive the schedules. */
typedef struct bs_schedule_context {
    bs_segments *segments;
    bs_autotune *autotune;
    const bs_receptive_fields *fields;
} bs_schedule_context;

/* Chooses the cut points and makes the schedules between them. *out is NULL if the backend cannot measure
 * changes or no tensor of the network is suitable. Does not read context->segments; the context may be NULL.
 * Free with bs_segments_free(). */
bs_status bs_segments_create(bs_segments **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network, const bs_schedule_context *context);
void bs_segments_free(bs_segments *segments);
/* Returns the bytes of the arena that a trial may take at cut points; 0 without segments. Of one target it
 * takes a row of each, of several targets two of the largest. */
size_t bs_segments_trial_bytes(const bs_segments *segments);
/* Adds delta schedules of n ascending extents before the one schedule that `out` holds, without those that
 * save too little. */
bs_status bs_schedules_add(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                           bs_network *network, bs_schedule_request request, const int *extent, int n);

/* Makes all schedules of a target. single_site: no trial has more than one site. The context (may be NULL) is
 * for delta schedules. Clear with bs_schedules_clear(), also after an error. */
bs_status bs_schedules_create(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                              bs_network *network, int target, bs_replay_mode mode, bool single_site,
                              const bs_schedule_context *context);
/* The same for trials that hit any of n targets, ascending. n may be 1: the same as above. */
bs_status bs_schedules_create_several(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                                      bs_network *network, const int *targets, int n, bs_replay_mode mode,
                                      bool single_site, const bs_schedule_context *context);
void bs_schedules_clear(bs_schedules *schedules);

/* Schedules and, of several targets, those of each: bs_schedules_part() of 0 .. bs_schedules_parts() - 1. */
static inline int bs_schedules_parts(const bs_schedules *schedules)
{
    return schedules->several ? 1 + schedules->several->n_targets : 1;
}

static inline bs_schedules *bs_schedules_part(bs_schedules *schedules, int k)
{
    return k > 0 ? &schedules->several->own[k - 1] : schedules;
}

/* Returns the bytes of the arena that one trial needs at most. */
size_t bs_schedules_row_bytes(const bs_schedules *schedules);
/* Returns the multiply-accumulates of a trial that takes the narrowest schedule of its target and the widest
 * of each segment, and is never masked. */
int64_t bs_schedules_macs(const bs_schedules *schedules);
/* Sets *n to the number of trials that bs_replay_trials() replays at once; BS_ERR if there is no memory for
 * one. */
bs_status bs_schedules_batch(const bs_replayer *p, const bs_schedules *schedules, int *n);
/* Runs any number of trials on one schedule, in batches of at most `most` that fit. */
bs_status bs_replay_all(bs_replayer *p, const bs_schedule *schedule, const bs_trial_batch *t, int most);
/* The next n trials of a batch, which take these schedules of one target. */
typedef struct bs_trial_group {
    const bs_schedules *schedules;
    int n;
} bs_trial_group;

/* Returns whether trials of both may be groups of one batch: they share what follows the next cut points. */
static inline bool bs_schedules_share(const bs_schedules *a, const bs_schedules *b)
{
    return a->segments && a->segments == b->segments && !a->several && !b->several;
}

/* Runs any number of trials in groups that share (bs_schedules_share(); one group need not), as
 * bs_replay_trials() does. replay_groups.c. */
bs_status bs_replay_groups(bs_replayer *p, const bs_trial_group *groups, int n_groups,
                           const bs_trial_batch *t, int most);
/* Runs any number of trials, each on the narrowest schedules that serve it, in batches of at most `most` that
 * fit. t->targets: as many as the schedules were made for. */
bs_status bs_replay_trials(bs_replayer *p, const bs_schedules *schedules, const bs_trial_batch *t, int most);

#endif
