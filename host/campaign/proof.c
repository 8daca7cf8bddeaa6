#include "campaign/proof.h"

#include "base/log.h"

#include <inttypes.h>

/* The text names the autotuner's choices, so that other choices are tested again. */
static bs_status passed_text(const bs_engine *e, bs_str *out)
{
    uint64_t timed = bs_autotune_signature(e->context.autotune);
    bs_str_puts(out, "passed");
    if (timed)
        bs_str_printf(out, "; timed schedules %016" PRIx64, timed);
    return bs_str_status(out);
}

static bs_status prove_schedules(bs_engine *e, volatile sig_atomic_t *stop, bs_str *text)
{
    int fallbacks;
    bool segmented = e->context.segments != NULL;
    bs_info("self-test of %d schedules ...", e->plan->n_strata);
    BS_TRY(bs_engine_selftest(e, stop, &fallbacks));
    if (segmented && !e->context.segments)
        bs_str_puts(text, "; fell back to schedules without segments");
    if (fallbacks)
        bs_str_puts(text, "; fell back (entry:layer mode):");
    for (int i = 0; i < e->plan->n_strata; i++)
        if (e->fell_back[i])
            bs_str_printf(text, " %d:%d %s", e->plan->job->entries[e->plan->strata[i].entry].id,
                          e->plan->strata[i].target, bs_replay_mode_name(bs_engine_mode(e, i)));
    return bs_str_status(text);
}

bs_status bs_engine_prove(bs_engine *e, const bs_store *store, bs_proof_when when,
                          volatile sig_atomic_t *stop, bs_str *text)
{
    bs_autotune_log(e->context.autotune);
    BS_TRY(bs_engine_probe(e));
    bs_str passed = {0};
    bs_status st = passed_text(e, &passed);
    bool seen = st == BS_OK && bs_store_selftest_passed(store, e->fingerprint, bs_replay_mode_name(e->mode),
                                                        BITSINK_VERSION, passed.ptr);
    bool skip = when == BS_PROOF_OFF || (when == BS_PROOF_AUTO && seen);
    if (st == BS_OK)
        bs_str_puts(text, seen || !skip ? passed.ptr : "skipped");
    bs_str_clear(&passed);
    if (st != BS_OK || skip)
        return st == BS_OK ? bs_str_status(text) : st;
    return prove_schedules(e, stop, text);
}
