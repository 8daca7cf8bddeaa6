/* Audits: a random share of the trials is run again in full, one by one, and every output bit compared. */
#ifndef BS_CAMPAIGN_AUDIT_H
#define BS_CAMPAIGN_AUDIT_H

#include "campaign/engine.h"
#include "campaign/packet.h"

/* Is this trial one of the share? The same answer on every machine and shard. */
bool bs_audit_chosen(uint64_t seed, uint64_t trial, double share);

/* The trials of a batch that just ran, with their outputs; id[i] is the trial's, audited[i] receives 1 for
 * those that were run again and gave the same. Both answers of each go into the packet. A difference is
 * BS_SELFTEST, naming the trial. */
bs_status bs_audit_trials(const bs_worker *w, const bs_route *full, const bs_trials *t, const uint64_t *id,
                          bs_packet *packet, uint8_t *audited);

#endif
