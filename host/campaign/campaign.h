/* The campaign: workers turn tiles of images into result batches, and one writer adds these to the store. */
#ifndef BS_CAMPAIGN_CAMPAIGN_H
#define BS_CAMPAIGN_CAMPAIGN_H

#include "campaign/golden_accuracy.h"
#include "campaign/input.h"
#include "campaign/proof.h"
#include "store/store.h"

#include <signal.h>

typedef struct bs_campaign_summary {
    uint64_t planned;          /* trials of the plan */
    uint64_t found;            /* already in the file before */
    uint64_t done;             /* done by this run */
    uint64_t broken;           /* images that cannot be read */
    uint64_t left_out;         /* trials of these that are not in the file */
    uint64_t decoded;          /* images */
    uint64_t golden_runs;      /* images run fault-free: again by each worker that computes trials on them */
    double seconds;            /* from the first trial on */
    bs_golden_accuracy golden; /* of all golden runs in the file; none where a device makes up answers */
} bs_campaign_summary;

/* Runs the trials of the proofs' engine's plan that the store lacks. The store must be open with a run begun;
 * the run stays open. *stop may be set by a signal handler: the workers finish their batches, and BS_STOPPED
 * is returned with all finished rows committed. An image that cannot be read is reported and recorded, and
 * its trials are left out; more such images than the job allows are an error. A low golden accuracy is warned
 * of as soon as it is certain. After any other error, finished
 * rows are committed, too, if the store still works. */
bs_status bs_campaign_run(bs_proofs *proofs, const bs_input *input, bs_store *store,
                          volatile sig_atomic_t *stop, bs_campaign_summary *out);

#endif
