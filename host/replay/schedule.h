/* A schedule: what must be computed for faults in one target, and where each intermediate result lives.
 * Made once a target, reused for every batch of trials. */
#ifndef BS_REPLAY_SCHEDULE_H
#define BS_REPLAY_SCHEDULE_H

#include "backend/backend.h"
#include "box.h"
#include "backend/planes.h"
#include "replay/autotune.h"
#include "replay/receptive_field.h"

#include <stdbool.h>
#include <stddef.h>

/* X(enum suffix, name, help). All modes give the same bits; they differ in what they compute again. */
#define BS_REPLAY_MODES(X)                                                                                   \
    X(FULL, "full", "re-run the whole network for every trial (the reference)")                              \
    X(SUFFIX, "suffix", "re-run only the nodes behind the fault, drop trials whose change has died")         \
    X(DELTA, "delta", "of those, re-run only the rows and columns that the fault can reach")

typedef enum bs_replay_mode {
#define X(suffix, name, help) BS_REPLAY_##suffix,
    BS_REPLAY_MODES(X)
#undef X
        BS_REPLAY_MODE_COUNT
} bs_replay_mode;

const char *bs_replay_mode_name(bs_replay_mode mode);
/* Mode of that name, -1 if there is none. */
int bs_replay_mode_parse(const char *name);

enum { BS_FROM_GOLDEN = -1, BS_FROM_CONSTANT = -2 };

/* One live tensor: each trial of a batch has its own row of it, or its own patch (see bs_patches).
 *
 * Patches. All sites of a trial lie in `extent` rows and columns from row y, column x of the faulty tensor
 * on. Such a change reaches a range of rows that depends on y alone and a range of columns that depends on x
 * alone. Over all y the widest range gives a buffer's static patch size; origin[0][y] is the patch's first
 * row, moved inwards where it would leave the plane, and origin[1][x] its first column. So all trials of a
 * schedule have the same shapes, and where each lies is a table look-up. */
typedef struct bs_buffer {
    int tensor;
    size_t offset; /* bytes into the arena for a batch of one; multiply by the batch size */
    size_t row_bytes;
    int first, last; /* written by step `first` (-1: at the start), read last by step `last` */
    bool patched;
    int size[2];        /* patched buffers only, as what follows */
    int32_t *origin[2]; /* by first row and column of the fault */
} bs_buffer;

typedef struct bs_step {
    int node;
    int64_t macs;     /* a trial */
    int *source;      /* for each input of the node: a buffer, BS_FROM_GOLDEN or BS_FROM_CONSTANT */
    int *gathered;    /* for each input: the buffer into which it is gathered first, -1: read where it is */
    int out;          /* buffer */
    int faulty_input; /* the input that is the faulty parameter, -1: none */
    bool injects;     /* the fault goes into this step's output */
    bool patched;     /* inputs and output are patches */
    int in_size[2];
    int32_t *in_origin[2]; /* of the input patches, by row and column of the fault; may hang over */
    float fill;            /* what input patches hold outside the plane */
    int *live;             /* buffers that later steps (or the ranking) still read after this one */
    int n_live;
} bs_step;

typedef struct bs_schedule {
    int target;
    bs_replay_mode mode;
    int start; /* buffer that is copied from golden before the first step, -1: none (parameter faults) */
    bool start_injects;
    int last_faulty; /* last step with a faulty parameter, -1: none; no trial is dropped before it */
    int result; /* buffer of the last tensor: the network's output, or (may be patched) where another schedule
                   takes over */
    bs_buffer *buffers;
    int n_buffers;
    bs_step *steps;
    int n_steps;
    size_t row_bytes;         /* arena bytes a trial needs */
    int64_t macs;             /* a trial, without early out and without the saving on faulty filters */
    int plane[2];             /* rows and columns of the faulty tensor where its buffer is patched, else 0 */
    int64_t cell;             /* its elements that lie in one row and column and one behind the other */
    int extent[2];            /* rows and columns that a trial's sites may span */
    int n_patched;            /* patched steps */
    int *sources, *live_sets; /* storage of the steps' arrays */
} bs_schedule;

/* `network` tells the row sizes and which patches it can do. A delta schedule serves trials with one site at
 * most; where nothing can be patched it is the suffix schedule. Free with bs_schedule_free(). */
bs_status bs_schedule_create(bs_schedule **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network, int target, bs_replay_mode mode);
/* What a schedule is for, where it is not one trial site all the way. */
typedef struct bs_schedule_request {
    int target;
    bs_replay_mode mode;
    int extent;            /* delta: the trials' sites lie within so many rows and columns, in any channels */
    int until;             /* the tensor to end at, whole; every path from the fault leads through it */
    bs_autotune *autotune; /* tells where patches pay; NULL: the arithmetic does */
    const bs_receptive_fields *fields; /* delta: of the network; NULL: made for this schedule alone */
} bs_schedule_request;

bs_status bs_schedule_create_as(bs_schedule **out, const bs_graph *g, const bs_backend *backend,
                                bs_network *network, const bs_schedule_request *request);
void bs_schedule_free(bs_schedule *r);

/* Does the schedule serve changes from row and column at[] on that are size[] rows and columns wide? */
bool bs_schedule_holds(const bs_schedule *r, const int size[2]);
/* Does the schedule serve a trial with these sites? at: their first row and column (0 where the schedule
 * starts densely, or where there are no sites). */
bool bs_schedule_serves(const bs_schedule *r, const bs_site *sites, size_t n, int32_t at[2]);
/* What the schedule expects to change of a tensor in a trial that it serves: empty where nothing does. */
bs_box bs_schedule_box(const bs_schedule *r, const bs_plane *planes, int tensor, const int32_t at[2]);

#endif
