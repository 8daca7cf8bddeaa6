/* A route: what must be computed for faults in one target, and where each intermediate result lives.
 * Made once a target, reused for every batch of trials. */
#ifndef BS_REPLAY_ROUTE_H
#define BS_REPLAY_ROUTE_H

#include "backend/backend.h"
#include "model/graph.h"

#include <stdbool.h>
#include <stddef.h>

/* X(enum suffix, name, help). All modes give the same bits; they differ in what they compute again. */
#define BS_REPLAY_MODES(X)                                                                                   \
    X(FULL, "full", "re-run the whole network for every trial (the reference)")                              \
    X(SUFFIX, "suffix", "re-run only the nodes behind the fault, drop trials whose change has died")

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

/* One live tensor: each trial of a batch has its own row of it. */
typedef struct bs_slot {
    int tensor;
    size_t offset; /* bytes into the arena for a batch of one; multiply by the batch size */
    size_t row_bytes;
    int first, last; /* written by step `first` (-1: at the start), read last by step `last` */
} bs_slot;

typedef struct bs_step {
    int node;
    int *source;      /* for each input of the node: a slot, BS_FROM_GOLDEN or BS_FROM_CONSTANT */
    int out;          /* slot */
    int faulty_input; /* the input that is the faulty parameter, -1: none */
    bool injects;     /* the fault goes into this step's output */
    int *frontier;    /* slots that later steps (or the ranking) still read after this one */
    int n_frontier;
} bs_step;

typedef struct bs_route {
    int target;
    bs_replay_mode mode;
    int start; /* slot that is copied from golden before the first step, -1: none (parameter faults) */
    bool start_injects;
    int last_faulty; /* last step with a faulty parameter, -1: none; no trial is dropped before it */
    int result;      /* slot of the network's output */
    bs_slot *slots;
    int n_slots;
    bs_step *steps;
    int n_steps;
    size_t row_bytes;         /* arena bytes a trial needs */
    int64_t macs;             /* a trial, without early out and without the saving on faulty filters */
    int *sources, *frontiers; /* storage of the steps' arrays */
} bs_route;

/* `network` tells the row sizes. Free with bs_route_free(). */
bs_status bs_route_create(bs_route **out, const bs_graph *g, const bs_backend *backend,
                          const bs_network *network, int target, bs_replay_mode mode);
void bs_route_free(bs_route *r);

#endif
