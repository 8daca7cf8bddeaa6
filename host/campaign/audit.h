/* Audits: a random share of the trials is run again in full, one by one, and every output bit compared. */
#ifndef BS_CAMPAIGN_AUDIT_H
#define BS_CAMPAIGN_AUDIT_H

#include "campaign/engine.h"
#include "store/result_batch.h"

/* Is this trial one of the share? The same answer on every machine and shard. */
bool bs_audit_chosen(uint64_t seed, uint64_t trial, double share);

/* Audits trials that just ran, with their outputs, whose rows are being made at batch->rows[n_rows ..]:
 * `audit` of those that were run again and gave the same becomes 1. Both answers of each go into the batch. A
 * difference is BS_SELFTEST, naming the trial. */
bs_status bs_audit_trials(const bs_worker *w, const bs_schedule *full, const bs_trial_batch *t,
                          bs_result_batch *batch);

#endif
