/* The work of a campaign: tiles of images, each divided into parts of the strata. A tile's images must be run
 * fault-free by each worker that takes a part of it. So a worker walks through all parts of a tile of its
 * own, and takes parts of another's only when no tile is left without a worker. A part whose worker cannot
 * finish it is given back; so workers that find nothing to take wait until nothing can come back. */
#ifndef BS_CAMPAIGN_WORK_H
#define BS_CAMPAIGN_WORK_H

#include "base/error.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct bs_work_tile {
    uint32_t left, done; /* parts not taken, and parts done */
    int workers;         /* that walk through it */
} bs_work_tile;

/* Where a worker is. */
typedef struct bs_work_place {
    bool has_tile, busy; /* busy: it has taken a part and not done it */
    uint32_t tile, part;
} bs_work_place;

typedef struct bs_work {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t n_tiles, n_parts;
    bs_work_tile *tile;
    bool *taken;           /* by tile and part */
    bs_work_place *worker; /* by its number */
    uint32_t first;        /* no tile before has parts left */
    uint32_t n_done;       /* tiles */
    bool ended;
} bs_work;

/* n_tiles x n_parts for so many workers, each of which has at most one part at a time. Zero-initialise
 * before; clear with bs_work_clear(), also after an error. */
bs_status bs_work_init(bs_work *w, uint32_t n_tiles, uint32_t n_parts, int workers);
void bs_work_clear(bs_work *w);
/* Takes a part of a tile; false: there is none for this worker now. Tiles without a worker are taken in
 * order. */
bool bs_work_take(bs_work *w, int worker, uint32_t *tile, uint32_t *part);
/* Waits until there is a part to take: true; or until there will never be one: false. */
bool bs_work_await(bs_work *w, int worker);
/* The part taken is done. Returns whether all of its tile are. */
bool bs_work_done(bs_work *w, int worker);
/* The worker takes nothing any more. The part taken is not done, if there is one, and what was stored of it
 * is known (bs_campaign_done()). */
void bs_work_leave(bs_work *w, int worker);
/* No part is taken any more: the campaign has failed or been stopped. */
void bs_work_end(bs_work *w);

#endif
