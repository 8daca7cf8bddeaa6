#include "campaign/audit.h"

#include "base/buf.h"
#include "rng.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

bool bs_audit_chosen(uint64_t seed, uint64_t trial, double share)
{
    /* 53 bits: exact in a double. */
    return (double)(bs_draw(seed, trial, 0, BS_PURPOSE_AUDIT) >> 11) * 0x1p-53 < share;
}

/* Runs trial i of t alone, in full. */
static bs_status run_again(const bs_worker *w, const bs_schedule *full, const bs_trial_batch *t, int i,
                           float *output, bs_result *result)
{
    bs_trial_batch one = bs_trial_batch_part(w->replayer, t, i, 1);
    one.faults.before = NULL;
    one.keep_masked = true;
    one.output = output;
    one.result = result;
    return bs_replay(w->replayer, full, &one);
}

static bs_status record(bs_result_batch *batch, bs_audit_row row, const bs_result *r, const float *output,
                        size_t classes)
{
    row.died_at = r->died_at;
    row.answer = r->answer;
    row.logits_hash = XXH3_64bits(output, classes * sizeof *output);
    return bs_result_batch_add_audit(batch, &row);
}

bs_status bs_audit_trials(const bs_worker *w, const bs_schedule *full, const bs_trial_batch *t, bs_row *rows,
                          bs_result_batch *batch)
{
    const bs_plan *plan = w->engine->plan;
    size_t classes = (size_t)w->engine->graph->classes;
    float *output;
    bs_status st = BS_OK;
    BS_TRY(bs_calloc(&output, classes, sizeof *output, "audit"));
    for (int i = 0; i < t->n && st == BS_OK; i++) {
        const float *replayed = t->output + (size_t)i * classes;
        bs_result r;
        bs_row *trial = &rows[i];
        if (!bs_audit_chosen(plan->job->seed, trial->id, w->engine->audit))
            continue;
        BS_TRY_GOTO(run_again(w, full, t, i, output, &r), out);
        trial->audit = memcmp(replayed, output, classes * sizeof *output) == 0 &&
                       r.died_at == t->result[i].died_at &&
                       memcmp(&r.answer, &t->result[i].answer, sizeof r.answer) == 0;
        bs_audit_row row = {.trial = trial->id, .full = true, .equal = trial->audit};
        BS_TRY_GOTO(record(batch, row, &r, output, classes), out);
        row.full = false;
        BS_TRY_GOTO(record(batch, row, &t->result[i], replayed, classes), out);
        if (trial->audit)
            continue;
        st = bs_fail(BS_SELFTEST, "audit: trial %" PRIu64 " differs from its full re-run", trial->id);
        bs_hint("table audit of the result file holds both answers; run with --self-test always, or --replay "
                "full");
    }
out:
    free(output);
    return st;
}
