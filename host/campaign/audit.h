/* Audits: re-runs a random share of the trials in full, one by one, and compares every output bit. */
#ifndef BS_CAMPAIGN_AUDIT_H
#define BS_CAMPAIGN_AUDIT_H

#include "campaign/engine.h"
#include "store/result_batch.h"

/* Returns true if the trial belongs to the share: the same answer on every machine and shard. */
bool bs_audit_chosen(uint64_t seed, uint64_t trial, double share);

/* Audits trials that just ran with their outputs. rows: theirs, under construction; sets the member `audit`
 * of those whose full re-run gave the same. Adds both answers of each audited trial to the batch. Returns
 * BS_SELFTEST, naming the trial, at the first difference. */
bs_status bs_audit_trials(const bs_worker *w, const bs_schedule *full, const bs_trial_batch *t, bs_row *rows,
                          bs_result_batch *batch);

#endif
