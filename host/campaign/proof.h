/* The proof that a run's replay is exact on its device, and what the result file says of it. */
#ifndef BS_CAMPAIGN_PROOF_H
#define BS_CAMPAIGN_PROOF_H

#include "base/buf.h"
#include "campaign/engine.h"
#include "store/store.h"

typedef enum bs_proof_when {
    BS_PROOF_AUTO, /* once a result file and arithmetic */
    BS_PROOF_ALWAYS,
    BS_PROOF_OFF,
} bs_proof_when;

/* Computes the engine's fingerprint and proves its schedules, unless `when` or the file says that this is not
 * needed: where the file records a proof for the same fingerprint, mode, version and choice of schedules.
 * *text (appended to): what goes into the column `selftest` of the run. Errors, and *stop: as
 * bs_engine_selftest().
 */
bs_status bs_engine_prove(bs_engine *e, const bs_store *store, bs_proof_when when,
                          volatile sig_atomic_t *stop, bs_str *text);

#endif
