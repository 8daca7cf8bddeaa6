/* A schedule: the steps that replay the trials of one target or several, and where each intermediate result
 * lies in device memory. It is made once and used for every batch of trials.
 *
 * A step runs one node of the network for a whole batch. Tensors that the fault cannot change are read from
 * the golden run; each changed tensor has a buffer until its last reader has run. */
#ifndef BS_REPLAY_SCHEDULE_H
#define BS_REPLAY_SCHEDULE_H

#include "backend/backend.h"
#include "box.h"
#include "backend/planes.h"
#include "replay/autotune.h"
#include "replay/receptive_field.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <xxhash.h>

/* X(enum suffix, name). All modes give the same bits; they differ in how much they recompute. */
#define BS_REPLAY_MODES(X)                                                                                   \
    X(FULL, "full")     /* the whole network for every trial: the reference */                               \
    X(SUFFIX, "suffix") /* the nodes after the fault, without trials that are masked */                      \
    X(DELTA, "delta")   /* of those, only the rows and columns that the fault can reach */

typedef enum bs_replay_mode {
#define X(suffix, name) BS_REPLAY_##suffix,
    BS_REPLAY_MODES(X)
#undef X
        BS_REPLAY_MODE_COUNT
} bs_replay_mode;

const char *bs_replay_mode_name(bs_replay_mode mode);
/* Returns the mode of that name, -1 if there is none. */
int bs_replay_mode_parse(const char *name);

enum { BS_FROM_GOLDEN = -1, BS_FROM_CONSTANT = -2 };

/* One changed tensor. Each trial of a batch has a whole row of it, or a patch (see bs_patches).
 *
 * Patches. All sites of a trial lie in `extent` rows and columns of the faulty tensor, from row y and column
 * x on. Which rows of another tensor such a change can reach depends on y alone, and which columns on x
 * alone. The widest range over all y (all x) gives the size of the buffer's patches; origin[0][y] is the
 * patch's first row, moved inwards where the patch would leave the plane, and origin[1][x] its first column.
 * So all trials of a schedule have patches of the same size, and a table look-up tells where each lies.
 *
 * Of tokens, only the rows are computed that the output can depend on (bs_plane.needed). Where a change can
 * have reached all of them, the patch is *fixed*: the same for every fault, in all schedules. */
typedef struct bs_buffer {
    int tensor;
    size_t offset; /* bytes into the arena for a batch of one; multiply by the batch size */
    size_t row_bytes;
    int first, last; /* written by step `first` (-1: before the steps), read last by step `last` */
    int same; /* an earlier buffer that it shares its memory with, since it holds the same bytes; -1: none */
    bool partly; /* where trials join: the output depends on some rows of the tensor only */
    bool patched;
    bool fixed;         /* of a gathered input: it is whole */
    int plane[2];       /* rows and columns of the tensor; this and what follows: patched buffers only */
    int size[2];        /* rows and columns of a patch */
    int32_t *origin[2]; /* by the fault's first row (column): bs_schedule_places() of them */
} bs_buffer;

/* An input of a node that is a faulty parameter. */
typedef struct bs_step_fault {
    int input;
    int target; /* number of the parameter among the schedule's targets */
} bs_step_fault;

typedef struct bs_step {
    int node;
    int region;   /* the region that the step runs as one, whose last node is `node`; -1: it runs the node */
    int64_t macs; /* of one trial */
    int n_inputs;
    int *source;           /* by input of the node: a buffer, BS_FROM_GOLDEN or BS_FROM_CONSTANT */
    int *gathered;         /* by input: the buffer it is gathered into before the run, -1: read in place */
    int out;               /* the buffer of the output */
    bs_step_fault *faulty; /* the inputs that are faulty parameters */
    int n_faulty;
    int injects;  /* number of the target that is this step's output, -1: none */
    bool copied;  /* no fault reaches the node: the output is golden before faults go into it */
    bool patched; /* the inputs and the output are patches */
    int in_size[2];
    int32_t *in_origin[2]; /* as origin: first row (column) of input patches; may be outside the plane */
    float fill;            /* value of input patches outside the plane */
    int *live;             /* the live set: buffers that later steps, or the ranking, still read */
    int n_live;
} bs_step;

/* Whether the schedule may be used, for all schedules of the same content. Several threads read and write it.
 */
typedef struct bs_schedule_use {
    atomic_bool allowed; /* proven to be exact (see replay/selftest.h) */
    atomic_uint wanted;  /* trials that would have used it, had it been allowed */
} bs_schedule_use;

typedef struct bs_schedule {
    int *targets, n_targets; /* ascending; a trial has sites in any of them */
    int target;              /* the first; the only one unless trials join */
    bool joins;              /* trials join the batch where their first site is (replay/joins.h) */
    int *last_injection;     /* by number of a target: the last step that injects its sites, -1: the start */
    bs_replay_mode mode;
    bs_schedule_use *use; /* borrowed; NULL: it is allowed */
    int start;            /* buffer filled before the first step, -1: none (the first fault comes later) */
    int start_injects;    /* number of the target that is that buffer, -1: none */
    int last_faulty;      /* last step with a faulty parameter, -1: none; no trial is dropped before it */
    int result;           /* buffer of the last tensor: output or next cut point (patched only there) */
    bs_buffer *buffers;
    int n_buffers;
    bs_step *steps;
    int n_steps;
    size_t row_bytes;         /* bytes of the arena that one trial needs */
    int64_t macs;             /* of one trial that is never dropped; faulty filters count as whole nodes */
    int plane[2];             /* rows and columns of the faulty tensor if its buffer is patched, else 0 */
    int64_t cell;             /* elements of the faulty tensor that share a row and column and are adjacent */
    int extent[2];            /* rows and columns that a trial's sites may span */
    int n_patched;            /* patched steps */
    int *sources, *live_sets; /* storage of the steps' arrays */
    bs_step_fault *faults;
} bs_schedule;

/* Makes the schedule of a target, from the fault to the network's output. `network` gives the sizes of rows
 * and says which nodes can run on patches. A delta schedule serves trials with at most one site; where no
 * node can run on patches it equals the suffix schedule. Free with bs_schedule_free(). */
bs_status bs_schedule_create(bs_schedule **out, const bs_graph *g, const bs_backend *backend,
                             bs_network *network, int target, bs_replay_mode mode);
/* Parameters of bs_schedule_create_as(). */
typedef struct bs_schedule_request {
    int target;
    const int *targets; /* any number of targets, ascending; NULL: the one above. Not for delta */
    int n_targets;
    bs_replay_mode mode;
    int extent;            /* delta: a trial's sites lie within this many rows and columns, in any channels */
    int until;             /* the last tensor; every path from the fault leads through it */
    const int *from;       /* a bottleneck before the faults to start at. Full: golden; NULL: the input.
                              Several targets: what it holds is given with the trials; NULL: golden */
    bs_autotune *autotune; /* decides where patches pay, by measurement; NULL: the arithmetic decides */
    const bs_receptive_fields *fields; /* of the network; NULL: delta makes them for this schedule, suffix
                                          computes whole tensors */
} bs_schedule_request;

/* Makes a schedule as requested. As bs_schedule_create() otherwise. */
bs_status bs_schedule_create_as(bs_schedule **out, const bs_graph *g, const bs_backend *backend,
                                bs_network *network, const bs_schedule_request *request);
void bs_schedule_free(bs_schedule *schedule);

/* Returns the node that the step runs, or the one that stands for its region. */
static inline const bs_node *bs_step_node(const bs_graph *g, const bs_step *s)
{
    return s->region < 0 ? &g->nodes[s->node] : &g->regions[s->region].node;
}

/* Returns the number of first rows (axis 0) or columns of a fault that tables of patches have an entry for.
 */
static inline int bs_schedule_places(const bs_schedule *schedule, int axis)
{
    return schedule->plane[axis] > 0 ? schedule->plane[axis] : 1;
}

/* Returns the first step after which a trial with sites in all targets can be masked: before it, its faults
 * are not fully injected. */
int bs_schedule_maskable(const bs_schedule *schedule);
/* Returns whether the step injects sites of target k (a number among the schedule's). */
bool bs_step_hits(const bs_step *s, int k);
/* Returns the first step that injects sites of any target, -1 for the start. */
int bs_schedule_first_injection(const bs_schedule *schedule);
/* Returns a hash of what the first `steps` steps compute, for which trials, and from what: schedules of one
 * network with equal hashes compute the same in them. Where buffers lie is not part of it. */
XXH128_hash_t bs_schedule_signature(const bs_schedule *schedule, int steps);
/* Returns true if the schedule serves changes that span size[0] rows and size[1] columns. */
bool bs_schedule_holds(const bs_schedule *schedule, const int size[2]);
/* Sets at[] to the first row and column of the sites, and size[] to the rows and columns that they span; both
 * are 0 if the schedule starts with a whole tensor, or without sites. */
void bs_schedule_span(const bs_schedule *schedule, const bs_site *sites, size_t n, int32_t at[2],
                      int size[2]);
/* Returns true if the schedule serves a trial with these sites. Sets at[] to their first row and column; 0 if
 * the schedule starts with a whole tensor, or without sites. */
bool bs_schedule_serves(const bs_schedule *schedule, const bs_site *sites, size_t n, int32_t at[2]);
/* Returns the part of a tensor that may change in a trial whose sites begin at row at[0], column at[1]; empty
 * where nothing can. */
bs_box bs_schedule_box(const bs_schedule *schedule, const bs_graph *g, const bs_plane *planes, int tensor,
                       const int32_t at[2]);

#endif
