/* The batch of a worker: trials that are computed together, and the results that wait for the writer. */
#ifndef BS_CAMPAIGN_WORKER_BATCH_H
#define BS_CAMPAIGN_WORKER_BATCH_H

#include "campaign/proof.h"
#include "campaign/ranking.h"
#include "store/result_batch.h"

typedef struct bs_campaign bs_campaign;

/* The trials of one stratum in the batch. */
typedef struct bs_batch_part {
    const bs_stratum *stratum;
    bs_schedules full; /* for audits */
} bs_batch_part;

typedef struct bs_worker_batch {
    bs_campaign *campaign;
    const bs_worker *worker;
    int device; /* the worker's: an index of engine->devices */
    bs_prover prover;
    bs_result_batch *results; /* finished rows, and after them those of the trials being computed */
    double since;             /* when `results` was begun */
    /* Strata whose trials share batches of the replay (bs_schedules_share()); else one. */
    bs_batch_part *part;
    bs_trial_group *group; /* by part */
    size_t n_parts, part_cap, group_cap;
    int most; /* trials of such strata after which it is run */
    int room; /* the same for the present one */
    int n;
    int32_t *row;
    bs_sites sites;
    uint32_t *before;
    bs_result *result;
    float *output; /* for audits and rankings */
    size_t row_cap, before_cap, result_cap, output_cap;
    int top_k; /* classes of the raw rankings to store; 0: none */
    bs_ranker ranker;
} bs_worker_batch;

/* Call bs_worker_batch_close() after an error, too. The campaign and the worker must outlive the batch;
 * the worker may be opened later. */
bs_status bs_worker_batch_open(bs_worker_batch *out, bs_campaign *c, const bs_worker *worker, int device);
void bs_worker_batch_close(bs_worker_batch *b);

/* Begins stratum `index` of the plan, of which `trials` are due on the worker's golden rows. */
bs_status bs_worker_batch_begin(bs_worker_batch *b, int index, uint64_t trials);
/* Adds a trial of that stratum on an image, whose golden row is number `row`. Runs the batch when it is full.
 */
bs_status bs_worker_batch_add(bs_worker_batch *b, int row, uint32_t image, uint32_t repetition);
/* Runs the trials that are there. BS_STOPPED: the campaign is to end. */
bs_status bs_worker_batch_run(bs_worker_batch *b);
/* Adds the facts of golden row number `row`. */
bs_status bs_worker_batch_add_golden(bs_worker_batch *b, int row, bs_golden_row *facts);
/* Hands finished rows to the writer. */
bs_status bs_worker_batch_flush(bs_worker_batch *b);

#endif
