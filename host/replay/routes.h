/* The routes of one target: several where the sites of a trial may lie apart, so that each trial takes the
 * narrowest that serves it. */
#ifndef BS_REPLAY_ROUTES_H
#define BS_REPLAY_ROUTES_H

#include "replay/replay.h"

enum { BS_MAX_ROUTES = 5 };

typedef struct bs_routes {
    bs_route *route[BS_MAX_ROUTES]; /* narrowest first; the last one serves every trial of the stratum */
    int n;
} bs_routes;

/* single_site: no trial has more than one site. Clear with bs_routes_clear(), also after an error. */
bs_status bs_routes_create(bs_routes *out, const bs_graph *g, const bs_backend *backend, bs_network *network,
                           int target, bs_replay_mode mode, bool single_site);
void bs_routes_clear(bs_routes *r);

/* Runs any number of trials of one route in batches of at most `most` that fit. */
bs_status bs_replay_all(bs_replayer *p, const bs_route *r, const bs_trials *t, int most);
/* The same for all routes of a target: each trial by its own, in batches of at most `most` that fit. */
bs_status bs_replay_routes(bs_replayer *p, const bs_routes *r, const bs_trials *t, int most);

#endif
