/* A backend around another one that measures how long each operation takes. It waits for the device before
 * and after each, so operations do not overlap and the whole run is slower: only the shares count.
 *
 *     bs_timed *t;
 *     BS_TRY(bs_timed_create(&t, e->backend, e->network, e->graph));
 *     ... use &t->backend with t->network: open streams, golden runs, replay; close the streams ...
 *     t->cell[BS_TIMED_RUN][BS_OP_CONV].seconds
 *     bs_timed_free(t);
 *
 * Schedules made for the inner network are valid for this one. The table has no load, unload, open and close,
 * since the network is loaded already. Each stream measures for itself and adds to `cell` when it is
 * closed. */
#ifndef BS_BACKEND_TIMED_H
#define BS_BACKEND_TIMED_H

#include "backend/backend.h"

#include <pthread.h>

/* X(enum suffix, name). Operations on patches count as the others do, except running nodes. */
#define BS_TIMED_OPERATIONS(X)                                                                               \
    X(RUN, "run")                                                                                            \
    X(RUN_PATCH, "run patches")                                                                              \
    X(RUN_FAULTY, "run faulty")                                                                              \
    X(GATHER, "gather")                                                                                      \
    X(COPY_ROWS, "copy rows")                                                                                \
    X(MOVE_ROWS, "move rows")                                                                                \
    X(INJECT, "inject")                                                                                      \
    X(COMPARE, "compare")                                                                                    \
    X(BOUNDS, "bounds")                                                                                      \
    X(RANK, "rank")                                                                                          \
    X(UPLOAD, "upload")                                                                                      \
    X(DOWNLOAD, "download")

typedef enum bs_timed_operation {
#define X(suffix, name) BS_TIMED_##suffix,
    BS_TIMED_OPERATIONS(X)
#undef X
        BS_TIMED_COUNT
} bs_timed_operation;

const char *bs_timed_name(bs_timed_operation what);

typedef struct bs_timed_cell {
    uint64_t calls;
    double seconds; /* of all streams together */
} bs_timed_cell;

typedef struct bs_timed {
    bs_backend backend;
    bs_network *network;
    bs_timed_cell cell[BS_TIMED_COUNT][BS_OP_COUNT]; /* by operator where a node runs, else only [0] */
    pthread_mutex_t lock;
} bs_timed;

/* `inner`, `network` and `g` must outlive *out. Free with bs_timed_free(). */
bs_status bs_timed_create(bs_timed **out, const bs_backend *inner, bs_network *network, const bs_graph *g);
void bs_timed_free(bs_timed *t);
/* Clears what the stream has measured so far. */
void bs_timed_restart(bs_stream *stream);

#endif
