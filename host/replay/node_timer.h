/* Times the two ways of running a node, whole and on patches, as the replayer runs them. For autotune.c. */
#ifndef BS_REPLAY_NODE_TIMER_H
#define BS_REPLAY_NODE_TIMER_H

#include "replay/autotune.h"

typedef struct bs_node_timer {
    const bs_graph *g;
    const bs_backend *backend;
    bs_network *network;
    bs_stream *stream;
    bs_plane *planes; /* by tensor */
} bs_node_timer;

/* Sets seconds[way] to the time of one trial where wanted[way]; way 0: the whole node, 1: the patch. */
bs_status bs_node_timer_run(const bs_node_timer *c, const bs_autotune_query *q, const bool wanted[2],
                            double seconds[2]);

#endif
