/* Proofs: which schedules of an engine have been shown to be exact on this machine (see replay/selftest.h),
 * and showing it for more of them while the campaign runs.
 *
 * Nothing is computed by a schedule that is not proven. What every trial needs is proven first: each stretch
 * of the network with whole tensors, by all workers side by side; then, when the first trials of a stratum
 * are due, its dense schedule on the stretch of its fault. That is enough to run it. Narrower schedules,
 * which save arithmetic, are proven once as many trials have wanted one as its proof costs; until then their
 * trials take the dense schedule, with the same bits. So a campaign starts after a few re-runs of the
 * network, a small one proves no more than it can use, and no row ever rests on a proof that is still to
 * come.
 *
 * A stratum with several targets needs the dense schedule of each of them, and that trials join and leave as
 * they should (bs_selftest_several()).
 *
 * A proof has a key: a hash of the model, the arithmetic (device, library, instruction set, selected
 * implementations, golden outputs of two test images), the program's version and the schedule. It is not
 * repeated where the result file or the cache has the key. */
#ifndef BS_CAMPAIGN_PROOF_H
#define BS_CAMPAIGN_PROOF_H

#include "base/buf.h"
#include "campaign/engine.h"
#include "store/store.h"

#include <signal.h>

typedef enum bs_proof_when {
    BS_PROOF_AUTO,   /* when it pays, and once for each key */
    BS_PROOF_ALWAYS, /* all schedules before the first trial, whatever file and cache say */
    BS_PROOF_OFF,    /* every schedule counts as proven */
} bs_proof_when;

typedef struct bs_proofs bs_proofs;

/* Computes the engine's fingerprint, lists what there is to prove, and finds out what of it the file (may be
 * NULL) and the engine's cache know. Free with bs_proofs_free() before the engine is closed. */
bs_status bs_proofs_create(bs_proofs **out, bs_engine *e, const bs_store *store, bs_proof_when when);
void bs_proofs_free(bs_proofs *p);
bs_engine *bs_proofs_engine(const bs_proofs *p);
/* Moves what was proven, or found in file and cache, since the last call to a batch of results. Thread-safe.
 */
bs_status bs_proofs_hand_out(bs_proofs *p, bs_result_batch *batch);
/* Appends what the run's column `selftest` is to hold. */
bs_status bs_proofs_text(bs_proofs *p, bs_str *text);

/* A schedule with patches is proven once this many trials have wanted it. Its proof computes seven trials
 * alone and seven in batches, so it is paid back by about as many trials; nobody knows how many will come,
 * and to wait until that many have come costs at most twice the best that could be done. */
enum { BS_WORTH_PROVING = 16 };

/* What a run will still prove, counted in trials that the checked schedules compute, each as a share of the
 * whole network. */
typedef struct bs_proof_forecast {
    bool start;     /* what every trial needs is not known yet */
    double dense;   /* of the strata's schedules of whole tensors */
    double patched; /* of those with patches that have enough trials */
} bs_proof_forecast;
/* Also allows the use of what the run will have proven, for a pilot run whose results nobody keeps. */
bs_proof_forecast bs_proofs_forecast(bs_proofs *p);

/* Waits until the workers have proven what every trial needs. Called once by members of the team that do not
 * compute. */
void bs_proofs_wait(const bs_proofs *p);

/* One worker's part in proving. Fill in the first two, zero the rest. */
typedef struct bs_prover {
    bs_proofs *proofs;
    const bs_worker *worker;
    bool probed; /* the worker's probe has been run */
} bs_prover;

/* Proves what every trial needs. Called once by every worker of the campaign's team; returns when all have
 * finished. Where it fails, all trials are full re-runs. *stop as in bs_campaign_run(): BS_STOPPED.
 * BS_SELFTEST: the device does not reproduce full re-runs. */
bs_status bs_prover_begin(bs_prover *p, volatile sig_atomic_t *stop);
/* Sets *out to the schedules of a stratum of which `trials` are due. Proves its dense schedule if necessary,
 * or waits for the worker that does. BS_SELFTEST: not even full re-runs of its faults are reproducible. */
bs_status bs_prover_stratum(bs_prover *p, int stratum, uint64_t trials, const bs_schedules **out);
/* Proves one schedule that trials have wanted often enough, if there is one. Called between batches. */
bs_status bs_prover_go_on(bs_prover *p);

#endif
