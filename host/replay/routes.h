/* The routes of one target: several where the sites of a trial may lie apart, so that each trial takes the
 * narrowest that serves it.
 *
 * Relays. The boxes of a route have the size that the worst trial needs, and the farther the change travels
 * the more that is. At a few *stages*, tensors through which every path leads, the trials' changes are
 * measured, and each goes on by the narrowest route from there. So a target's routes end at the next stage
 * behind it, and all targets share what comes then. Past a stage, trials of all sizes meet again in one
 * batch. */
#ifndef BS_REPLAY_ROUTES_H
#define BS_REPLAY_ROUTES_H

#include "replay/replay.h"

enum { BS_MAX_ROUTES = 12 };

typedef struct bs_relay bs_relay;

typedef struct bs_routes {
    bs_route *route[BS_MAX_ROUTES]; /* narrowest first; the last one serves every trial of the stratum */
    int n;
    const bs_relay *relay; /* NULL: the routes lead to the output */
    int next;              /* with a relay: the stage at which they end, or the number of stages */
} bs_routes;

/* `tensor` is the output of a node and a target. */
typedef struct bs_stage {
    int tensor;
    bs_routes routes; /* from there to the next stage */
} bs_stage;

struct bs_relay {
    bs_stage *stages;
    int n;
    size_t row_bytes; /* of the largest stage tensor */
};

/* What the routes of all targets share. Any may be NULL; all outlive the routes. */
typedef struct bs_guide {
    bs_relay *relay;
    bs_cost *cost;
    const bs_fields *fields;
} bs_guide;

/* *out is NULL where the backend cannot measure changes or the network has no tensor that suits. The guide's
 * relay is not read; the guide may be NULL. */
bs_status bs_relay_create(bs_relay **out, const bs_graph *g, const bs_backend *backend, bs_network *network,
                          const bs_guide *guide);
void bs_relay_free(bs_relay *r);
/* Arena bytes that a trial takes on its way from stage to stage; 0 without a relay. */
size_t bs_relay_trial_bytes(const bs_relay *r);
/* Adds delta routes of several extents, ascending, in front of the one that is there. */
bs_status bs_routes_add(bs_routes *out, const bs_graph *g, const bs_backend *backend, bs_network *network,
                        bs_route_wish wish, const int *extent, int n);

/* single_site: no trial has more than one site. The guide (may be NULL) is for delta routes. Clear with
 * bs_routes_clear(), also after an error. */
bs_status bs_routes_create(bs_routes *out, const bs_graph *g, const bs_backend *backend, bs_network *network,
                           int target, bs_replay_mode mode, bool single_site, const bs_guide *guide);
void bs_routes_clear(bs_routes *r);

/* Arena bytes that one trial needs at most. */
size_t bs_routes_row_bytes(const bs_routes *r);
/* Multiply-accumulates of a trial that takes the widest routes and never dies. */
int64_t bs_routes_macs(const bs_routes *r);
/* Trials that one batch of them takes. */
bs_status bs_routes_batch(const bs_replayer *p, const bs_routes *r, int *n);
/* Runs any number of trials of one route in batches of at most `most` that fit. */
bs_status bs_replay_all(bs_replayer *p, const bs_route *r, const bs_trials *t, int most);
/* The same for all routes of a target: each trial by its own, in batches of at most `most` that fit. */
bs_status bs_replay_routes(bs_replayer *p, const bs_routes *r, const bs_trials *t, int most);

#endif
