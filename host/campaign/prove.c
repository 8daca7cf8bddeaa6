/* Makes the proofs: those that every trial needs at the start, others when they are due. */
#include "campaign/proof_internal.h"

#include "base/log.h"
#include "base/resources.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Makes the golden runs of the test images. */
static bs_status run_probe(bs_prover *p)
{
    const bs_engine *e = p->worker->engine;
    uint64_t fingerprint;
    if (p->probed)
        return BS_OK;
    BS_TRY(bs_engine_fingerprint(e, p->worker->probe, &fingerprint));
    p->probed = true;
    if (fingerprint == e->fingerprint)
        return BS_OK;
    bs_fail(BS_SELFTEST, "self-test failed: two golden runs of the same image differ");
    return bs_hint("the arithmetic of this device or library is not deterministic; try another --device");
}

static bs_selftest selftest_of(const bs_prover *p)
{
    return (bs_selftest){p->worker->replayer, bs_engine_network(p->worker->engine), p->proofs->bottleneck,
                         p->worker->test_rows};
}

bs_status bs_prover_check(bs_prover *p, const bs_schedule *schedule, int steps, bool at_cut_point,
                          bs_selftest_result *out)
{
    const bs_selftest t = selftest_of(p);
    BS_TRY(run_probe(p));
    bs_replayer_read(p->worker->replayer, p->worker->probe);
    bs_status st = bs_selftest_schedule(&t, schedule, steps, at_cut_point, out);
    bs_replayer_read(p->worker->replayer, p->worker->golden);
    if (st != BS_OK || out->reproducible)
        return st;
    st = bs_fail(BS_SELFTEST, "self-test failed: %s", out->what);
    bs_hint("the arithmetic of this device or library depends on the batch; try another --device");
    return st;
}

/* Checks some trials from the input to the output; with sites in several targets where these join. */
static bs_status check_whole(bs_prover *p, const bs_schedules *schedules, int which, bs_selftest_result *out)
{
    const bs_selftest t = selftest_of(p);
    bool several = schedules->schedule[schedules->n - 1]->joins;
    BS_TRY(run_probe(p));
    bs_replayer_read(p->worker->replayer, p->worker->probe);
    bs_status st =
        several ? bs_selftest_several(&t, schedules, out) : bs_selftest_whole(&t, schedules, which, out);
    bs_replayer_read(p->worker->replayer, p->worker->golden);
    return st;
}

const char *bs_proof_target_name(const bs_proofs *p, int target)
{
    return target < 0 ? "network" : bs_graph_label(p->engine->graph, target);
}

/* --- The composition of a kind --- */

/* Returns schedules whose trials pass through this segment; of one target, unless there are none but of
 * several. NULL: there are none. */
static const bs_schedules *schedules_before(const bs_engine *e, int segment)
{
    const bs_schedules *several = NULL;
    for (int i = 0; i < e->plan->n_strata; i++)
        for (int k = 0; k < bs_schedules_parts(&e->schedules[i]); k++) {
            const bs_schedules *s = bs_schedules_part(&e->schedules[i], k);
            if (s->segments && s->several)
                several = s;
            else if (s->segments && s->next <= segment)
                return s;
        }
    return several;
}

/* Runs trials along the schedules of a segment. */
static bs_status compose_segment(bs_prover *p, bs_schedule *schedule, const bs_proof *proof,
                                 const bs_schedules *all, bs_selftest_result *out)
{
    int segment = proof->kind - BS_KIND_SEGMENT;
    bs_schedules lone = *all;
    bs_segments segments = *all->segments;
    BS_TRY(bs_calloc(&segments.segment, (size_t)segments.n, sizeof *segments.segment, "proofs"));
    memcpy(segments.segment, all->segments->segment, (size_t)segments.n * sizeof *segments.segment);
    bs_schedules *there = &segments.segment[segment].schedules;
    for (int k = 0; k < there->n; k++)
        if (there->schedule[k] == proof->schedule)
            there->schedule[k] = schedule;
    lone.segments = &segments;
    lone.schedule[0] = all->schedule[all->n - 1];
    lone.n = 1;
    bs_status st = check_whole(p, &lone, proof->kind, out);
    free(segments.segment);
    return st;
}

/* Runs trials along a schedule that is not allowed yet, and all that are, to the end. */
static bs_status compose(bs_prover *p, const bs_proof *proof, bs_selftest_result *out)
{
    const bs_engine *e = p->proofs->engine;
    bs_schedule copy = *proof->schedule;
    bool segment = proof->kind >= BS_KIND_SEGMENT;
    const bs_schedules *all = segment ? schedules_before(e, proof->kind - BS_KIND_SEGMENT) : proof->of;
    *out = (bs_selftest_result){.exact = true, .reproducible = true};
    if (!all)
        return BS_OK;
    copy.use = NULL;
    if (segment)
        return compose_segment(p, &copy, proof, all, out);
    if (proof->kind == BS_KIND_FULL)
        return check_whole(p, &(bs_schedules){.schedule = {&copy}, .n = 1}, proof->kind, out);
    bs_schedules lone = {.segments = all->segments, .next = all->next};
    if (proof->schedule != all->schedule[all->n - 1])
        lone.schedule[lone.n++] = &copy;
    lone.schedule[lone.n++] = all->schedule[all->n - 1];
    return check_whole(p, &lone, proof->kind, out);
}

bool bs_proof_claim(bs_proofs *p, bs_proof_state *state, bool wait)
{
    pthread_mutex_lock(&p->lock);
    while (wait && *state == BS_PROVING)
        pthread_cond_wait(&p->changed, &p->lock);
    bool mine = *state == BS_UNPROVEN;
    if (mine)
        *state = BS_PROVING;
    pthread_mutex_unlock(&p->lock);
    return mine;
}

void bs_proof_settle(bs_proofs *p, bs_proof_state *state, bs_proof_state to)
{
    pthread_mutex_lock(&p->lock);
    *state = to;
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

/* Checks the composition of the proof's kind, if that is still to be done and, unless `wait`, nobody does it.
 */
bs_status bs_prover_compose(bs_prover *p, const bs_proof *proof, bool wait, bs_selftest_result *out)
{
    bs_proofs *all = p->proofs;
    bs_proof_state *state = &all->composed[proof->kind];
    *out = (bs_selftest_result){.exact = true, .reproducible = true};
    if (!bs_proof_claim(all, state, wait))
        return BS_OK;
    double start = bs_resources_clock();
    XXH128_hash_t key = bs_proof_composition_key(all, proof->schedule, proof->kind);
    bs_status st = BS_OK;
    if (!bs_proof_known(all, key, -1, "whole")) {
        st = compose(p, proof, out);
        if (st == BS_OK)
            st = bs_proof_note(all, key, -1, "whole", out->exact, bs_resources_clock() - start);
    }
    /* If it is not exact, another schedule may do better. */
    bs_proof_settle(all, state, st == BS_OK && out->exact ? BS_PROVEN : BS_UNPROVEN);
    return st;
}

/* --- One proof --- */

static bool claim(bs_proofs *p, bs_proof *proof, bool wait)
{
    return bs_proof_claim(p, &proof->state, wait);
}

static bs_proof_state state_of(bs_proofs *p, const bs_proof *proof)
{
    pthread_mutex_lock(&p->lock);
    bs_proof_state state = proof->state;
    pthread_mutex_unlock(&p->lock);
    return state;
}

static void settle(bs_proofs *p, bs_proof *proof, bs_proof_state state, const char *why)
{
    pthread_mutex_lock(&p->lock);
    proof->state = state;
    snprintf(proof->why, sizeof proof->why, "%s", why);
    atomic_store(&proof->use.allowed, state == BS_PROVEN);
    pthread_cond_broadcast(&p->changed);
    pthread_mutex_unlock(&p->lock);
}

/* Makes a proof that this worker has claimed. After an error it is unproven, as before. */
static bs_status make(bs_prover *p, bs_proof *proof)
{
    bs_proofs *all = p->proofs;
    bs_selftest_result r = {.exact = true};
    char what[32];
    double start = bs_resources_clock();
    bs_status st = BS_OK;
    bs_proof_describe(proof, what, sizeof what);
    /* Another process may have made it in the meantime. */
    bool several = proof->schedule->joins;
    int layer = bs_proof_layer(proof->schedule);
    bool known = proof->checked || bs_proof_known(all, proof->key, layer, what);
    if (!known)
        st = several ? check_whole(p, proof->of, proof->kind, &r)
                     : bs_prover_check(p, proof->schedule, proof->steps, proof->kind >= BS_KIND_SEGMENT, &r);
    if (st == BS_OK && r.exact && !several)
        st = bs_prover_compose(p, proof, true, &r);
    if (st == BS_OK && (!known || !r.exact))
        st = bs_proof_note(all, proof->key, layer, what, r.exact, bs_resources_clock() - start);
    settle(all, proof,
           st != BS_OK ? BS_UNPROVEN
           : r.exact   ? BS_PROVEN
                       : BS_NOT_EXACT,
           st == BS_OK ? r.what : "");
    return st;
}

static void warn_narrow(const bs_proofs *p, const bs_proof *proof)
{
    const char *name = bs_proof_target_name(p, proof->schedule->target);
    if (proof->kind >= BS_KIND_SEGMENT)
        bs_warn("delta replay from '%s' on is not exact on this device (%s): it computes whole tensors there",
                name, proof->why);
    else
        bs_warn("delta replay of '%s' is not exact on this device (%s): trying suffix", name, proof->why);
}

bs_status bs_prover_make_narrow(bs_prover *p, bs_proof *proof, bool *made)
{
    *made = claim(p->proofs, proof, false);
    if (!*made)
        return BS_OK;
    bs_status st = make(p, proof);
    if (st == BS_NO_MEMORY) { /* the campaign can do without: later, perhaps */
        bs_error_clear();
        atomic_store(&proof->use.wanted, 0);
        return BS_OK;
    }
    if (st == BS_OK && proof->state == BS_NOT_EXACT)
        warn_narrow(p->proofs, proof);
    return st;
}

/* --- What a stratum needs --- */

bs_status bs_proof_not_reproducible(const bs_proofs *p, int target, const char *what)
{
    bs_fail(BS_SELFTEST, "self-test failed: full re-runs of faults in '%s' are not reproducible: %s",
            bs_proof_target_name(p, target), what);
    return bs_hint("the arithmetic of this device depends on the batch: use --batch 1, or another --device");
}

/* Makes the full re-run of a stratum, and lists its proof. */
static bs_status make_full(bs_proofs *p, int stratum)
{
    const bs_engine *e = p->engine;
    int place = bs_proof_full_place(p, stratum);
    bs_schedules *full = &p->full[place];
    bs_status st = BS_OK;
    pthread_mutex_lock(&p->lock);
    if (full->n == 0) {
        st = bs_engine_schedules(full, e, &e->plan->strata[stratum], BS_REPLAY_FULL);
        if (st == BS_OK) {
            bs_proof *proof = &p->full_proof[place];
            proof->schedule = full->schedule[0];
            proof->of = full;
            proof->kind = BS_KIND_FULL;
            proof->steps = bs_selftest_steps(proof->schedule, e->graph, p->bottleneck);
            proof->key = bs_proof_key(p, proof->schedule, proof->steps, BS_SALT_FAULT);
        }
    }
    pthread_mutex_unlock(&p->lock);
    return st;
}

/* Sets *out to the stratum's full re-run. */
static bs_status fall_back(bs_prover *p, int stratum, const bs_schedules **out)
{
    bs_proofs *all = p->proofs;
    int place = bs_proof_full_place(all, stratum);
    BS_TRY(make_full(all, stratum));
    bs_proof *proof = &all->full_proof[place];
    if (claim(all, proof, true))
        BS_TRY(make(p, proof));
    *out = &all->full[place];
    return state_of(all, proof) == BS_PROVEN
               ? BS_OK
               : bs_proof_not_reproducible(all, bs_proof_layer(proof->schedule), proof->why);
}

/* Proves a dense schedule, unless that is done. If another worker does it, waits for it or, unless `wait`,
 * leaves it to it. */
static bs_status prove_dense(bs_prover *p, bs_proof *dense, bool wait)
{
    bs_proofs *all = p->proofs;
    if (!claim(all, dense, wait))
        return BS_OK;
    BS_TRY(make(p, dense));
    if (dense->state == BS_NOT_EXACT)
        bs_warn("suffix replay of '%s' is not exact on this device (%s): trying full",
                bs_proof_target_name(all, bs_proof_layer(dense->schedule)), dense->why);
    return BS_OK;
}

/* Proves the dense schedules of a stratum. Of several targets, each by itself first: those proofs say more
 * where one is wrong. Workers share them out. */
static bs_status prove_stratum(bs_prover *p, int stratum, bool *exact)
{
    bs_proofs *all = p->proofs;
    int first = all->dense_of[stratum], end = all->dense_of[stratum + 1];
    *exact = true;
    for (int wait = end - first > 1 ? 0 : 1; wait < 2 && *exact; wait++)
        for (int i = end - 1; i >= first && *exact; i--) {
            bs_proof *dense = &all->proof[all->dense[i]];
            BS_TRY(prove_dense(p, dense, wait));
            *exact = state_of(all, dense) != BS_NOT_EXACT;
        }
    return BS_OK;
}

bs_status bs_prover_stratum(bs_prover *p, int stratum, uint64_t trials, const bs_schedules **out)
{
    bs_proofs *all = p->proofs;
    const bs_schedules *schedules = &all->engine->schedules[stratum];
    bool exact;
    *out = schedules;
    if (all->when == BS_PROOF_OFF)
        return BS_OK;
    if (all->engine->mode == BS_REPLAY_FULL || atomic_load(&all->in_full))
        return fall_back(p, stratum, out);
    BS_TRY(prove_stratum(p, stratum, &exact));
    if (!exact)
        return fall_back(p, stratum, out);
    /* Whether trials with several sites fit is seen when they run; those with one always do. */
    bool made;
    return schedules->n == 2 && trials >= BS_WORTH_PROVING
               ? bs_prover_make_narrow(p, (bs_proof *)schedules->schedule[0]->use, &made)
               : BS_OK;
}

bs_status bs_prover_go_on(bs_prover *p)
{
    bs_proofs *all = p->proofs;
    bool made = false;
    for (int i = 0; all->when != BS_PROOF_OFF && i < all->n && !made; i++) {
        bs_schedule_use *use = &all->proof[i].use;
        if (atomic_load_explicit(&use->wanted, memory_order_relaxed) >= BS_WORTH_PROVING &&
            !atomic_load(&use->allowed))
            BS_TRY(bs_prover_make_narrow(p, &all->proof[i], &made));
    }
    return BS_OK;
}
