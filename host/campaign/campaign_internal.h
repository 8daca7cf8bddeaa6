/* What the campaign's workers and its writer share. */
#ifndef BS_CAMPAIGN_INTERNAL_H
#define BS_CAMPAIGN_INTERNAL_H

#include "campaign/campaign.h"
#include "campaign/queue.h"

#include <stdatomic.h>

typedef struct bs_campaign {
    const bs_engine *engine;
    const bs_dataset *images;
    bs_store *store; /* workers only read its ledger, which is fixed while the campaign runs */
    bs_queue *queue;
    volatile sig_atomic_t *stop;
    atomic_bool failed; /* some thread has given up: the others shall, too */
    /* Work items: tile of images x part of the strata. Parts > 1 keep all workers busy when images are few.
     */
    atomic_uint next_item;
    uint32_t n_tiles, n_parts;
    uint64_t planned, found;
    atomic_uint_fast64_t done; /* rows handed to the store */
    atomic_bool *broken;       /* by image: found unreadable by this run */
    atomic_uint n_broken;
    uint32_t max_broken;
} bs_campaign;

/* Takes items until none is left. */
bs_status bs_campaign_work(bs_campaign *c, int worker);

#endif
