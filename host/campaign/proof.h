/* Decides whether a run needs the self-test, runs it, and states the outcome for the result file. */
#ifndef BS_CAMPAIGN_PROOF_H
#define BS_CAMPAIGN_PROOF_H

#include "base/buf.h"
#include "campaign/engine.h"
#include "store/store.h"

typedef enum bs_proof_when {
    BS_PROOF_AUTO, /* once for each result file and fingerprint of the arithmetic */
    BS_PROOF_ALWAYS,
    BS_PROOF_OFF,
} bs_proof_when;

/* Computes the engine's fingerprint and tests its schedules, unless `when` is BS_PROOF_OFF, or BS_PROOF_AUTO
 * and the file records that the same fingerprint, mode, version and choice of schedules passed. Appends to
 * *text what the run's column `selftest` is to hold. Errors, and *stop: as bs_engine_selftest(). */
bs_status bs_engine_prove(bs_engine *e, const bs_store *store, bs_proof_when when,
                          volatile sig_atomic_t *stop, bs_str *text);

#endif
