/* The self-test of all schedules of an engine, and the fallback for those that fail. */
#include "campaign/engine.h"

#include "base/team.h"
#include "base/log.h"
#include "replay/selftest.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

typedef struct selftest {
    bs_engine *e;
    volatile sig_atomic_t *stop;
    atomic_int next; /* next work item: the segments, then the strata */
    atomic_bool segments_differ;
} selftest;

/* Returns the first stratum with the same schedules: that of the same target and kind of trials. Only that
 * one is tested. */
static int first_alike(const bs_plan *plan, int i)
{
    const bs_stratum *s = plan->strata;
    for (int k = 0; k < i; k++)
        if (s[k].target == s[i].target &&
            bs_plan_single_site(plan, &s[k]) == bs_plan_single_site(plan, &s[i]))
            return k;
    return i;
}

/* Returns the mode to fall back to. The full re-run is the reference and the last. */
static bs_replay_mode plainer(bs_replay_mode mode)
{
    return mode == BS_REPLAY_DELTA ? BS_REPLAY_SUFFIX : BS_REPLAY_FULL;
}

/* Replaces the stratum's schedules by one of `mode`. */
static bs_status replace_schedules(bs_engine *e, int i, bs_replay_mode mode)
{
    bs_schedules next;
    BS_TRY(bs_schedules_create(&next, e->graph, e->backend, e->network, e->plan->strata[i].target, mode, true,
                               &e->context));
    bs_schedules_clear(&e->schedules[i]);
    e->schedules[i] = next;
    e->fell_back[i] = true;
    return BS_OK;
}

static bs_status fall_back(bs_engine *e, int i, const char *what)
{
    bs_replay_mode mode = bs_engine_mode(e, i), next = plainer(mode);
    bs_warn("%s replay of '%s' is not exact on this device (%s): trying %s", bs_replay_mode_name(mode),
            e->graph->tensors[e->graph->targets[e->plan->strata[i].target].tensor].name, what,
            bs_replay_mode_name(next));
    return replace_schedules(e, i, next);
}

/* Tests each of the schedules by itself against the full re-run. */
static bs_status test_schedules(bs_worker *w, const bs_schedules *schedules, bs_schedule *full, bool *exact,
                                char *what, size_t what_len)
{
    *exact = true;
    for (int k = 0; k < schedules->n && *exact; k++) {
        bs_schedules one = *schedules;
        one.schedule[0] = schedules->schedule[k];
        one.n = 1;
        BS_TRY(bs_selftest_target(w->replayer, w->golden, &one, full, exact, what, what_len));
    }
    return BS_OK;
}

static bs_status test_stratum(bs_engine *e, bs_worker *w, int i)
{
    bs_schedule *full;
    char what[200];
    bool exact = false;
    int target = e->plan->strata[i].target;
    BS_TRY(bs_schedule_create(&full, e->graph, e->backend, e->network, target, BS_REPLAY_FULL));
    bs_status st = bs_selftest_golden(w->replayer, w->golden, full);
    while (st == BS_OK && !exact) {
        st = test_schedules(w, &e->schedules[i], full, &exact, what, sizeof what);
        if (st != BS_OK || exact)
            break;
        if (bs_engine_mode(e, i) == BS_REPLAY_FULL) {
            st = bs_fail(BS_SELFTEST,
                         "self-test failed: full re-runs of faults in '%s' are not reproducible: %s",
                         e->graph->tensors[e->graph->targets[target].tensor].name, what);
            bs_hint("the arithmetic of this device depends on the batch: use --batch 1, or another --device");
        } else {
            st = fall_back(e, i, what);
        }
    }
    bs_schedule_free(full);
    return st;
}

/* Tests the schedules of a segment, each with faults at its cut point as far apart as it serves. */
static bs_status test_segment(selftest *t, bs_worker *w, int k)
{
    const bs_schedules *schedules = &t->e->context.segments->segment[k].schedules;
    bs_schedule *full;
    char what[200];
    bool exact;
    bs_engine *e = t->e;
    BS_TRY(bs_schedule_create(&full, e->graph, e->backend, e->network, schedules->schedule[0]->target,
                              BS_REPLAY_FULL));
    bs_status st = test_schedules(w, schedules, full, &exact, what, sizeof what);
    if (st == BS_OK && !exact) {
        if (!atomic_exchange(&t->segments_differ, true))
            bs_warn("delta replay from '%s' on is not exact on this device (%s): changes are not measured",
                    e->graph->tensors[e->context.segments->segment[k].tensor].name, what);
    }
    bs_schedule_free(full);
    return st;
}

static bs_status test_some(selftest *t, bs_worker *w)
{
    const bs_engine *e = t->e;
    int segments = e->context.segments ? e->context.segments->n : 0, i;
    while ((i = atomic_fetch_add(&t->next, 1)) < segments + e->plan->n_strata) {
        if (*t->stop) {
            bs_fail(BS_STOPPED, "stopped during the self-test; nothing was run");
            return bs_hint("the same command starts again");
        }
        if (i < segments)
            BS_TRY(test_segment(t, w, i));
        else if (first_alike(e->plan, i - segments) == i - segments)
            BS_TRY(test_stratum(t->e, w, i - segments));
    }
    return BS_OK;
}

static bs_status selftest_worker(void *shared, int worker)
{
    selftest *t = shared;
    bs_worker w;
    uint64_t fingerprint;
    (void)worker;
    BS_TRY(bs_worker_open(&w, t->e));
    bs_status st = bs_selftest_probe(w.golden, &fingerprint);
    if (st == BS_OK && fingerprint != t->e->fingerprint) {
        st = bs_fail(BS_SELFTEST, "self-test failed: two golden runs of the same image differ");
        bs_hint("the arithmetic of this device or library is not deterministic; try another --device");
    }
    if (st == BS_OK)
        st = test_some(t, &w);
    if (st != BS_OK)
        atomic_store(&t->next, INT_MAX / 2);
    bs_worker_close(&w);
    return st;
}

/* Replaces schedules that use segments by such that lead from each target to the output without
 * autotuning. */
static bs_status leave_segments(bs_engine *e)
{
    const bs_schedule_context alone = {.fields = e->context.fields};
    for (int i = 0; i < e->plan->n_strata; i++) {
        if (!e->schedules[i].segments)
            continue;
        bs_schedules next;
        const bs_stratum *s = &e->plan->strata[i];
        BS_TRY(bs_schedules_create(&next, e->graph, e->backend, e->network, s->target, e->mode,
                                   bs_plan_single_site(e->plan, s), &alone));
        bs_schedules_clear(&e->schedules[i]);
        e->schedules[i] = next;
    }
    bs_segments_free(e->context.segments);
    e->context.segments = NULL;
    return BS_OK;
}

bs_status bs_engine_selftest(bs_engine *e, volatile sig_atomic_t *stop, int *fallbacks)
{
    selftest t = {.e = e, .stop = stop};
    *fallbacks = 0;
    BS_TRY(bs_team_run(e->threads, selftest_worker, &t));
    if (atomic_load(&t.segments_differ)) {
        BS_TRY(leave_segments(e));
        atomic_store(&t.next, 0);
        BS_TRY(bs_team_run(e->threads, selftest_worker, &t));
    }
    for (int i = 0; i < e->plan->n_strata; i++) {
        int first = first_alike(e->plan, i);
        if (first != i && e->fell_back[first])
            BS_TRY(replace_schedules(e, i, bs_engine_mode(e, first)));
        *fallbacks += e->fell_back[i];
    }
    return BS_OK;
}
