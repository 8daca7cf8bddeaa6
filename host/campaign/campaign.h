/* The campaign: workers turn tiles of images into result batches, one writer streams them into the store. */
#ifndef BS_CAMPAIGN_CAMPAIGN_H
#define BS_CAMPAIGN_CAMPAIGN_H

#include "campaign/engine.h"
#include "data/dataset.h"
#include "store/store.h"

#include <signal.h>

typedef struct bs_campaign_summary {
    uint64_t planned;  /* trials of the plan */
    uint64_t found;    /* already in the file */
    uint64_t done;     /* by this run */
    uint64_t broken;   /* images that cannot be read */
    uint64_t left_out; /* their trials that are not in the file */
    double seconds;
} bs_campaign_summary;

/* Does what is missing of the engine's plan. The store must be open with a run begun, and is left with the
 * run open. *stop: set from a signal handler; the workers finish their batches, and BS_STOPPED is returned
 * with all finished rows committed. An image that cannot be read is reported, recorded, and its trials are
 * left out; more of them than the job allows are an error. Any other error also leaves finished rows
 * committed where the store still works. */
bs_status bs_campaign_run(const bs_engine *e, const bs_dataset *images, bs_store *store,
                          volatile sig_atomic_t *stop, bs_campaign_summary *out);

#endif
