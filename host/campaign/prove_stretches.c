/* Proves what every trial needs: each stretch of the network with whole tensors, and that they compose. */
#include "campaign/proof_internal.h"

#include "base/log.h"
#include "base/resources.h"
#include "base/team.h"

/* Checks a schedule of stretch k, unless that is known. */
static bs_status check_once(bs_prover *p, const bs_schedule *schedule, bool at_cut_point, const char *what,
                            bs_selftest_result *out)
{
    bs_proofs *all = p->proofs;
    XXH128_hash_t key =
        bs_proof_key(all, schedule, schedule->n_steps, at_cut_point ? BS_SALT_CUT_POINT : BS_SALT_FAULT);
    double start = bs_resources_clock();
    bool known = bs_proof_known(all, key, schedule->target, what);
    if (!known)
        BS_TRY(bs_prover_check(p, schedule, schedule->n_steps, at_cut_point, out));
    bs_proof *same = out->exact ? bs_proof_find(all, key) : NULL;
    pthread_mutex_lock(&all->lock);
    if (same)
        same->checked = true;
    pthread_mutex_unlock(&all->lock);
    return known ? BS_OK
                 : bs_proof_note(all, key, schedule->target, what, out->exact, bs_resources_clock() - start);
}

static bool is_cut_point(const bs_engine *e, int tensor)
{
    const bs_segments *segments = e->context.segments;
    for (int k = 0; segments && k < segments->n; k++)
        if (segments->segment[k].tensor == tensor)
            return true;
    return false;
}

/* Checks stretch k of the network in a mode; after a cut point, also for trials that are taken over there. */
static bs_status check_stretch(bs_prover *p, int k, bs_replay_mode mode, bs_selftest_result *out)
{
    const bs_proofs *all = p->proofs;
    const bs_engine *e = all->engine;
    const bs_graph *g = e->graph;
    bs_schedule *schedule;
    bool full = mode == BS_REPLAY_FULL;
    const bs_schedule_request request = {
        .target = g->tensors[all->chain[k]].target,
        .mode = mode,
        .until = k + 1 < all->n_chain ? all->chain[k + 1] : g->output,
        .fields = e->context.fields,
    };
    *out = (bs_selftest_result){.exact = true, .reproducible = true};
    BS_TRY(bs_schedule_create_as(&schedule, g, e->backend, bs_engine_network(e), &request));
    bs_status st = check_once(p, schedule, false, full ? "full" : "dense", out);
    if (st == BS_OK && out->exact && !full && is_cut_point(e, all->chain[k]))
        st = check_once(p, schedule, true, "segment", out);
    bs_schedule_free(schedule);
    return st;
}

/* Proves stretch k of the network with whole tensors. Where it differs, all trials are full re-runs, which
 * must not differ. */
static bs_status prove_stretch(bs_prover *p, int k)
{
    bs_proofs *all = p->proofs;
    bs_selftest_result r;
    int target = all->engine->graph->tensors[all->chain[k]].target;
    bool full = all->engine->mode == BS_REPLAY_FULL;
    BS_TRY(check_stretch(p, k, full ? BS_REPLAY_FULL : BS_REPLAY_SUFFIX, &r));
    if (r.exact)
        return BS_OK;
    if (full)
        return bs_proof_not_reproducible(all, target, r.what);
    if (!atomic_exchange(&all->in_full, true))
        bs_warn("suffix replay from '%s' on is not exact on this device (%s): trying full",
                bs_proof_target_name(all, target), r.what);
    BS_TRY(check_stretch(p, k, BS_REPLAY_FULL, &r));
    return r.exact ? BS_OK : bs_proof_not_reproducible(all, target, r.what);
}

static bs_status stopped(void)
{
    bs_fail(BS_STOPPED, "stopped during the self-test; nothing was run");
    return bs_hint("the same command starts again");
}

/* Checks the compositions of dense schedules, which most campaigns need, side by side. */
static bs_status compose_dense(bs_prover *p)
{
    bs_proofs *all = p->proofs;
    bs_selftest_result r = {.exact = true};
    for (int i = 0; i < all->dense_of[all->engine->plan->n_strata] && r.exact; i++) {
        const bs_proof *proof = &all->proof[all->dense[i]];
        if (proof->kind != BS_KIND_FULL && proof->kind != BS_KIND_SEVERAL)
            BS_TRY(bs_prover_compose(p, proof, false, &r));
    }
    return BS_OK; /* where it is not exact, the stratum's own proof says so, and falls back */
}

/* Proves what else there is. */
static bs_status prove_all(bs_prover *p, volatile sig_atomic_t *stop)
{
    bs_proofs *all = p->proofs;
    const bs_schedules *schedules;
    for (int i; (i = atomic_fetch_add(&all->next_stratum, 1)) < all->engine->plan->n_strata;) {
        if (*stop)
            return stopped();
        bs_progress("self-test: stratum %d of %d", i + 1, all->engine->plan->n_strata);
        BS_TRY(bs_prover_stratum(p, i, 0, &schedules));
    }
    for (int i = 0; !atomic_load(&all->in_full) && i < all->n; i++) {
        bs_proof *proof = &all->proof[i];
        bool made;
        if (*stop)
            return stopped();
        bs_progress("self-test: schedule %d of %d", i + 1, all->n);
        if (proof->kind >= BS_KIND_SEGMENT || proof->kind == BS_KIND_SINGLE || proof->kind == BS_KIND_SPREAD)
            BS_TRY(bs_prover_make_narrow(p, proof, &made));
    }
    return BS_OK;
}

/* Proves the stretches that nobody has proven; those that another worker is at only if it fails and `wait`.
 */
static bs_status prove_stretches(bs_prover *p, volatile sig_atomic_t *stop, bool wait)
{
    bs_proofs *all = p->proofs;
    /* Shards that start together begin at different stretches, so that each finds in the cache what others
     * did. */
    const bs_plan *plan = all->engine->plan;
    int first = (int)((int64_t)all->n_chain * plan->shard / (plan->shards > 0 ? plan->shards : 1));
    for (int i = 0; i < all->n_chain && !atomic_load(&all->given_up); i++) {
        int k = (first + i) % all->n_chain;
        if (*stop)
            return stopped();
        if (!bs_proof_claim(all, &all->stretch[k], wait))
            continue;
        bs_progress("self-test: stretch %d of %d of the network", i + 1, all->n_chain);
        bs_status st = prove_stretch(p, k);
        bs_proof_settle(all, &all->stretch[k], st == BS_OK ? BS_PROVEN : BS_UNPROVEN);
        BS_TRY(st);
    }
    return BS_OK;
}

static bs_status begin(bs_prover *p, volatile sig_atomic_t *stop)
{
    bs_proofs *all = p->proofs;
    for (int wait = 0; wait < 2; wait++)
        BS_TRY(prove_stretches(p, stop, wait));
    BS_TRY(bs_team_barrier());
    if (!atomic_load(&all->in_full))
        BS_TRY(compose_dense(p));
    if (all->when != BS_PROOF_ALWAYS)
        return BS_OK;
    BS_TRY(prove_all(p, stop));
    return bs_team_barrier();
}

void bs_proofs_wait(const bs_proofs *p)
{
    /* As many barriers as in begin(). If one of the workers fails, there are no rows to wait for. */
    if (p->when != BS_PROOF_OFF)
        (void)bs_team_barrier();
    if (p->when == BS_PROOF_ALWAYS)
        (void)bs_team_barrier();
}

bs_status bs_prover_begin(bs_prover *p, volatile sig_atomic_t *stop)
{
    if (p->proofs->when == BS_PROOF_OFF)
        return BS_OK;
    bs_status st = begin(p, stop);
    if (st != BS_OK && st != BS_NO_DEVICE) /* a worker on another device proves what this one could not */
        atomic_store(&p->proofs->given_up, true);
    return st;
}
