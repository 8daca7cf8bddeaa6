/* Shared by the campaign's workers and its writer. */
#ifndef BS_CAMPAIGN_INTERNAL_H
#define BS_CAMPAIGN_INTERNAL_H

#include "campaign/campaign.h"
#include "campaign/loader.h"
#include "campaign/queue.h"
#include "campaign/work.h"

#include <stdatomic.h>

typedef struct bs_campaign {
    const bs_engine *engine;
    bs_proofs *proofs;
    const bs_input *input;
    bs_store *store; /* workers only read its ledger, which does not change during the campaign */
    bs_queue *queue;
    volatile sig_atomic_t *stop;
    atomic_bool failed; /* a thread has failed: the others stop */
    uint32_t *image;    /* those of the plan that lack trials, in its order */
    uint32_t n_images;
    bs_loader *loader; /* of these */
    /* A piece of work is a tile of the images x a part of the strata. Several parts keep all workers busy
     * when tiles are few. */
    bs_work work;
    uint32_t tile, n_tiles, n_parts;
    atomic_uint_fast64_t golden_runs; /* images run fault-free */
    /* Of several devices, some may be lost: */
    atomic_bool lost[BS_MAX_DEVICES];
    atomic_int n_lost;
    atomic_uint *handed; /* repetitions handed to the writer, and those in the file, by stratum and image;
                            NULL with one device: as the store's ledger */
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

/* Divides the work into tiles and parts; c->engine and c->n_images are set. */
void bs_campaign_divide(bs_campaign *c);
/* Sets c->handed if there are several devices. */
bs_status bs_campaign_copy_ledger(bs_campaign *c);
/* Returns the repetitions of a unit that are in the file, or on their way to it. */
uint32_t bs_campaign_done(const bs_campaign *c, int stratum, uint32_t image);
/* Records that. A unit belongs to one worker at a time. */
void bs_campaign_note_done(bs_campaign *c, int stratum, uint32_t image, uint32_t done);
/* Returns BS_STOPPED if the campaign is to end. */
bs_status bs_campaign_go_on(const bs_campaign *c);
/* Makes all workers stop. */
void bs_campaign_fail(bs_campaign *c);
/* A worker has lost its device; the last error says how. Returns true if others are left; then the first
 * worker of the device warns. *first: it is this one. */
bool bs_campaign_lose_device(bs_campaign *c, int device, bool *first);
/* Runs pieces of work until none is left. Called by each worker. The loss of its device is no failure while
 * there are others, which do the rest. */
bs_status bs_campaign_work(bs_campaign *c, int worker);

#endif
