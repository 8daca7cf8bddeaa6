/* The schedules of one target: several where the sites of a trial may lie apart, so that each trial takes the
 * narrowest that serves it.
 *
 * Segments. The boxes of a schedule have the size that the worst trial needs, and they grow the farther the
 * change travels. At a few *cut points*, tensors through which every path leads, the changes of the trials
 * are measured, and each trial goes on by the narrowest schedule from there. A *segment* is the part of the
 * network from one cut point to the next. A target's schedules end at the first cut point after it, and all
 * targets share the segments that follow. At a cut point, trials of all sizes meet again in one batch. */
#ifndef BS_REPLAY_SCHEDULES_H
#define BS_REPLAY_SCHEDULES_H

#include "replay/replay.h"

enum { BS_MAX_SCHEDULES = 12 };

typedef struct bs_segments bs_segments;

typedef struct bs_schedules {
    bs_schedule
        *schedule[BS_MAX_SCHEDULES]; /* narrowest first; the last one serves every trial of the stratum */
    int n;
    const bs_segments *segments; /* NULL: the schedules lead to the output */
    int next; /* with segments: the one at whose cut point the schedules end, or their number */
} bs_schedules;

typedef struct bs_segment {
    int tensor;             /* the cut point it starts at: the output of a node, and a target */
    bs_schedules schedules; /* from there to the next cut point, or the output */
} bs_segment;

struct bs_segments {
    bs_segment *segment;
    int n;
    size_t row_bytes; /* of the largest tensor that is a cut point */
};

/* What the schedules of all targets share. Any may be NULL; all outlive the schedules. */
typedef struct bs_guide {
    bs_segments *segments;
    bs_autotune *autotune;
    const bs_receptive_fields *fields;
} bs_guide;

/* Chooses the cut points and makes the schedules between them. *out is NULL where the backend cannot measure
 * changes or no tensor of the network suits. Does not read guide->segments; the guide may be NULL. */
bs_status bs_segments_create(bs_segments **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network, const bs_guide *guide);
void bs_segments_free(bs_segments *r);
/* Arena bytes that a trial takes at cut points; 0 without segments. */
size_t bs_segments_trial_bytes(const bs_segments *r);
/* Adds delta schedules of several extents, ascending, in front of the one that is there. */
bs_status bs_schedules_add(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                           bs_network *network, bs_schedule_request request, const int *extent, int n);

/* single_site: no trial has more than one site. The guide (may be NULL) is for delta schedules. Clear with
 * bs_schedules_clear(), also after an error. */
bs_status bs_schedules_create(bs_schedules *out, const bs_graph *g, const bs_backend *backend,
                              bs_network *network, int target, bs_replay_mode mode, bool single_site,
                              const bs_guide *guide);
void bs_schedules_clear(bs_schedules *r);

/* Arena bytes that one trial needs at most. */
size_t bs_schedules_row_bytes(const bs_schedules *r);
/* Multiply-accumulates of a trial that takes the widest schedules and never dies. */
int64_t bs_schedules_macs(const bs_schedules *r);
/* Trials that one batch of them takes. */
bs_status bs_schedules_batch(const bs_replayer *p, const bs_schedules *r, int *n);
/* Runs any number of trials of one schedule in batches of at most `most` that fit. */
bs_status bs_replay_all(bs_replayer *p, const bs_schedule *r, const bs_trial_batch *t, int most);
/* The same for all schedules of a target: each trial by its own, in batches of at most `most` that fit. */
bs_status bs_replay_trials(bs_replayer *p, const bs_schedules *r, const bs_trial_batch *t, int most);

#endif
