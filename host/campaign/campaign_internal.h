/* Shared by the campaign's workers and its writer. */
#ifndef BS_CAMPAIGN_INTERNAL_H
#define BS_CAMPAIGN_INTERNAL_H

#include "campaign/campaign.h"
#include "campaign/queue.h"

#include <stdatomic.h>

typedef struct bs_campaign {
    const bs_engine *engine;
    bs_proofs *proofs;
    const bs_input *input;
    bs_store *store; /* workers only read its ledger, which does not change during the campaign */
    bs_queue *queue;
    volatile sig_atomic_t *stop;
    atomic_bool failed; /* a thread has failed: the others stop */
    /* A work item is a tile of images x a part of the strata. Several parts keep all workers busy when images
     * are few. */
    atomic_uint next_item;
    uint32_t n_tiles, n_parts;
    uint64_t planned, found;
    double since;              /* when the first trial could begin; written by the writer */
    atomic_uint_fast64_t done; /* rows handed to the store */
    atomic_bool *broken;       /* by image: found unreadable by this run */
    atomic_uint n_broken;
    uint32_t max_broken;
    size_t goldens, next_look; /* of the writer: golden runs stored, and their number when it looks at them */
    bool warned;               /* that the golden accuracy is low */
} bs_campaign;

static inline bool bs_campaign_lacks_trials(const bs_campaign *c)
{
    return c->found < c->planned;
}

/* Divides the work into n_tiles x n_parts items; c->engine is set. */
void bs_campaign_divide(bs_campaign *c);
/* Runs work items until none is left. Called by each worker. */
bs_status bs_campaign_work(bs_campaign *c, int worker);

#endif
