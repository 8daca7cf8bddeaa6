/* The trials that a worker computes together: completes their rows, audits them, and hands them to the
 * writer. */
#include "campaign/worker_batch.h"

#include "base/buf.h"
#include "base/resources.h"
#include "campaign/audit.h"
#include "campaign/campaign_internal.h"
#include "store/identity.h"

#include <stdlib.h>

enum { BATCH_ROWS = 4096 };
/* Sites after which a batch is run, and after which results are stored, however few their trials: whole
 * tensors have millions. */
enum { BATCH_SITES = 1 << 22 };
/* Bytes of rankings after which results are stored, however few their trials. */
enum { BATCH_RANKS = 1 << 24 };
static const double batch_seconds = 0.5;
/* Seconds of a batch: with fewer than the first it may grow, with more than the second it shrinks. One that
 * is not larger than the engine's may take longer, as its trials share the reading of weights. */
static const double large_seconds[] = {0.25, 1.0}, small_seconds[] = {2.0, 8.0};

bs_status bs_worker_batch_open(bs_worker_batch *out, bs_campaign *c, const bs_worker *worker, int device)
{
    const bs_engine *e = c->engine;
    *out = (bs_worker_batch){.campaign = c, .worker = worker, .device = device};
    out->most = e->info.memory ? e->max_batch : e->dense_batch;
    out->prover = (bs_prover){.proofs = c->proofs, .worker = worker};
    out->top_k = (int)bs_identity_top_k(c->engine->plan);
    return bs_calloc(&out->results, 1, sizeof *out->results, "results");
}

static void clear_parts(bs_worker_batch *b)
{
    for (size_t k = 0; k < b->n_parts; k++)
        bs_schedules_clear(&b->part[k].full);
    b->n_parts = 0;
}

void bs_worker_batch_close(bs_worker_batch *b)
{
    bs_result_batch_free(b->results);
    clear_parts(b);
    free(b->part);
    free(b->group);
    free(b->output);
    free(b->row);
    free(b->before);
    free(b->result);
    bs_sites_clear(&b->sites);
    bs_ranker_clear(&b->ranker);
}

bs_status bs_worker_batch_flush(bs_worker_batch *b)
{
    bs_result_batch *done = b->results;
    if (bs_campaign_lacks_trials(b->campaign))
        BS_TRY(bs_proofs_hand_out(b->campaign->proofs, done));
    if (bs_result_batch_is_empty(done))
        return BS_OK;
    b->results = NULL;
    done->device = b->device;
    bs_result_batch_sort(done);
    BS_TRY(bs_queue_push(b->campaign->queue, done));
    b->since = bs_resources_clock();
    return bs_calloc(&b->results, 1, sizeof *b->results, "results");
}

/* Adds the first sites of a trial that hits several targets. */
static bs_status collect_sites(bs_worker_batch *b, const bs_stratum *s, uint64_t trial, const uint32_t *bound)
{
    const bs_plan *plan = b->campaign->engine->plan;
    uint32_t most = plan->job->entries[s->entry].store_sites, n = 0;
    for (int k = 0; k < bs_stratum_targets(s); k++)
        for (uint32_t at = bound[k]; at < bound[k + 1] && n < most; at++, n++) {
            const bs_site *site = &b->sites.site[at];
            bs_trial_site row = {.trial = trial,
                                 .layer = (uint32_t)bs_stratum_at(s, k)->target,
                                 .element = site->element,
                                 .keep = site->keep,
                                 .toggle = site->toggle,
                                 .before = b->before[at]};
            BS_TRY(bs_result_batch_add_site(b->results, &row));
        }
    return BS_OK;
}

/* Adds the raw ranking of the output of a golden run or a trial to the results. */
static bs_status collect_ranking(bs_worker_batch *b, bool golden, uint64_t of, const float *output)
{
    BS_TRY(bs_rank_raw(&b->ranker, output, b->campaign->engine->graph->classes, b->top_k));
    return bs_result_batch_add_ranking(b->results, golden, of, b->ranker.ranked, (size_t)b->top_k);
}

/* Completes the row of trial i of those just computed, adds what belongs to it, and its unit's progress. */
static bs_status collect_row(bs_worker_batch *b, const bs_stratum *s, int i, bs_row *row)
{
    int targets = bs_stratum_targets(s);
    bs_trial_coords t = bs_trial_coords_from_id(row->id);
    const uint32_t *bound = &b->sites.bound[(size_t)i * (size_t)targets];
    uint32_t at = bound[0];
    row->n_sites = bound[targets] - at;
    row->died_at = b->result[i].died_at;
    row->answer = b->result[i].answer;
    if (t.target == BS_NETWORK_TARGET) {
        BS_TRY(collect_sites(b, s, row->id, bound));
    } else if (row->n_sites > 0) {
        row->element = b->sites.site[at].element;
        row->keep = b->sites.site[at].keep;
        row->toggle = b->sites.site[at].toggle;
        row->before = b->before[at];
    }
    if (b->top_k > 0 && row->died_at < 0)
        BS_TRY(collect_ranking(b, false, row->id,
                               b->output + (size_t)i * (size_t)b->campaign->engine->graph->classes));
    bs_unit unit = {t.entry, t.target, t.image, t.repetition + 1};
    return bs_result_batch_add_unit(b->results, &unit);
}

/* Completes the rows of n trials of a stratum, from number `first` on. If memory runs out, those before stay
 * whole. */
static bs_status collect_part(bs_worker_batch *b, const bs_stratum *s, int first, int n)
{
    bs_result_batch *results = b->results;
    const bs_plan *plan = b->campaign->engine->plan;
    for (int i = first; i < first + n; i++) {
        size_t sites = results->n_sites, rankings = results->n_rankings, ranks = results->n_ranks;
        bs_status st = collect_row(b, s, i, &results->rows[results->n_rows]);
        if (st != BS_OK) {
            results->n_sites = sites;
            results->n_rankings = rankings;
            results->n_ranks = ranks;
            return st;
        }
        const bs_trial_coords t = bs_trial_coords_from_id(results->rows[results->n_rows++].id);
        bs_campaign_note_done(b->campaign, (int)(s - plan->strata), t.image, t.repetition + 1);
    }
    return BS_OK;
}

static bs_status collect(bs_worker_batch *b)
{
    for (int k = 0, first = 0; k < (int)b->n_parts; first += b->group[k++].n)
        BS_TRY(collect_part(b, b->part[k].stratum, first, b->group[k].n));
    return BS_OK;
}

/* Audits the batch. If a trial differs, only the rows before this batch, and both answers, go into the
 * file. After another error the batch has no audits, as it has no rows. */
static bs_status audit(bs_worker_batch *b, const bs_trial_batch *t)
{
    size_t before = b->results->n_audits;
    bs_status st = BS_OK;
    bs_row *rows = b->results->rows + b->results->n_rows;
    for (int k = 0, first = 0; k < (int)b->n_parts && st == BS_OK; first += b->group[k++].n) {
        bs_trial_batch part = bs_trial_batch_part(b->worker->replayer, t, first, b->group[k].n);
        st = bs_audit_trials(b->worker, b->part[k].full.schedule[0], &part, rows + first, b->results);
    }
    if (st == BS_SELFTEST) {
        bs_error error;
        bs_error_save(&error);
        bs_worker_batch_flush(b);
        bs_error_restore(&error);
    } else if (st != BS_OK) {
        b->results->n_audits = before;
    }
    return st;
}

/* Replays trials of one stratum. Splits the batch if memory runs out, because another program may have taken
 * it. */
static bs_status replay(bs_worker_batch *b, const bs_schedules *schedules, const bs_trial_batch *t)
{
    bs_status st = bs_replay_trials(b->worker->replayer, schedules, t, t->n);
    if (st != BS_NO_MEMORY || t->n < 2)
        return st;
    int half = t->n / 2;
    bs_trial_batch first = bs_trial_batch_part(b->worker->replayer, t, 0, half);
    bs_trial_batch rest = bs_trial_batch_part(b->worker->replayer, t, half, t->n - half);
    BS_TRY(replay(b, schedules, &first));
    return replay(b, schedules, &rest);
}

static bs_status replay_parts(bs_worker_batch *b, const bs_trial_batch *t)
{
    const bs_engine *e = b->campaign->engine;
    bs_status st = BS_NO_MEMORY;
    if (b->n_parts > 1)
        st = bs_replay_groups(b->worker->replayer, b->group, (int)b->n_parts, t, e->max_batch);
    for (int k = 0, first = 0; st == BS_NO_MEMORY && k < (int)b->n_parts; first += b->group[k++].n) {
        bs_trial_batch part = bs_trial_batch_part(b->worker->replayer, t, first, b->group[k].n);
        BS_TRY(replay(b, b->group[k].schedules, &part));
    }
    return st == BS_NO_MEMORY ? BS_OK : st;
}

/* Lets batches grow until one takes so long that whoever stops the campaign would wait for it. On the host's
 * cores a few trials of a large network may. */
static void adapt(bs_worker_batch *b, double seconds)
{
    enum { MOST_BATCHES = 64 };
    const bs_engine *e = b->campaign->engine;
    const int least = e->info.memory ? e->max_batch : 1;
    if (b->n >= b->most && b->most < MOST_BATCHES * e->max_batch &&
        seconds < (b->most < e->max_batch ? small_seconds : large_seconds)[0])
        b->most *= 2;
    else if (b->most > least && seconds > (b->most > e->max_batch ? large_seconds : small_seconds)[1])
        b->most /= 2;
}

static bs_status compute(bs_worker_batch *b)
{
    const bs_engine *e = b->campaign->engine;
    bool outputs = e->audit > 0 || b->top_k > 0;
    size_t n = (size_t)b->n, classes = (size_t)e->graph->classes;
    double start = bs_resources_clock();
    BS_TRY(bs_grow(&b->before, &b->before_cap, b->sites.n + 1, sizeof *b->before, "batch"));
    BS_TRY(bs_grow(&b->result, &b->result_cap, n, sizeof *b->result, "batch"));
    if (outputs)
        BS_TRY(bs_grow(&b->output, &b->output_cap, n * classes, sizeof *b->output, "batch"));
    bs_trial_batch t = {
        .n = b->n,
        .golden_row = b->row,
        .targets = bs_stratum_targets(b->part[0].stratum),
        .faults = {b->sites.site, b->sites.bound, b->before},
        .keep_masked = b->group[0].schedules->schedule[0]->mode == BS_REPLAY_FULL,
        .output = outputs ? b->output : NULL,
        .result = b->result,
    };
    BS_TRY(replay_parts(b, &t));
    adapt(b, bs_resources_clock() - start);
    if (e->audit > 0)
        BS_TRY(audit(b, &t));
    return collect(b);
}

/* Forgets the trials, and all strata but the last. */
static void empty(bs_worker_batch *b)
{
    bs_batch_part *last = &b->part[b->n_parts - 1];
    bs_trial_group group = {b->group[b->n_parts - 1].schedules, 0};
    bs_batch_part kept = *last;
    last->full = (bs_schedules){.n = 0};
    clear_parts(b);
    b->part[0] = kept;
    b->group[0] = group;
    b->n_parts = 1;
    b->n = 0;
    bs_sites_reset(&b->sites);
}

bs_status bs_worker_batch_run(bs_worker_batch *b)
{
    if (b->n == 0)
        return BS_OK;
    BS_TRY(compute(b));
    empty(b);
    if (b->results->n_rows >= BATCH_ROWS || b->results->n_sites >= BATCH_SITES ||
        b->results->n_ranks >= BATCH_RANKS || bs_resources_clock() - b->since > batch_seconds)
        BS_TRY(bs_worker_batch_flush(b));
    BS_TRY(bs_prover_go_on(&b->prover));
    return bs_campaign_go_on(b->campaign);
}

bs_status bs_worker_batch_begin(bs_worker_batch *b, int index, uint64_t trials)
{
    const bs_engine *e = b->campaign->engine;
    const bs_stratum *s = &e->plan->strata[index];
    const bs_schedules *schedules;
    BS_TRY(bs_prover_stratum(&b->prover, index, trials, &schedules));
    bool shares = b->n_parts > 0 && bs_schedules_share(schedules, b->group[0].schedules);
    if (!shares) {
        BS_TRY(bs_worker_batch_run(b));
        clear_parts(b);
    }
    BS_TRY(bs_grow(&b->part, &b->part_cap, b->n_parts + 1, sizeof *b->part, "batch"));
    BS_TRY(bs_grow(&b->group, &b->group_cap, b->n_parts + 1, sizeof *b->group, "batch"));
    b->part[b->n_parts] = (bs_batch_part){.stratum = s};
    b->group[b->n_parts++] = (bs_trial_group){schedules, 0};
    if (e->audit > 0)
        BS_TRY(bs_engine_schedules(&b->part[b->n_parts - 1].full, e, s, BS_REPLAY_FULL));
    b->room = b->most;
    return bs_schedules_share(schedules, schedules)
               ? BS_OK
               : bs_schedules_batch(b->worker->replayer, schedules, &b->room);
}

bs_status bs_worker_batch_add(bs_worker_batch *b, int row, uint32_t image, uint32_t repetition)
{
    const bs_plan *plan = b->campaign->engine->plan;
    const bs_stratum *s = b->part[b->n_parts - 1].stratum;
    bs_trial_coords t = {
        .entry = (uint32_t)plan->job->entries[s->entry].id,
        .target = (uint32_t)s->target,
        .image = image,
        .repetition = repetition,
    };
    BS_TRY(bs_result_batch_reserve(b->results, (size_t)b->n + 1));
    b->results->rows[b->results->n_rows + (size_t)b->n] = (bs_row){.id = bs_trial_id(t)};
    BS_TRY(bs_grow(&b->row, &b->row_cap, (size_t)b->n + 1, sizeof *b->row, "batch"));
    b->row[b->n] = row;
    BS_TRY(bs_plan_sites(plan, s, t, &b->sites));
    b->n++;
    b->group[b->n_parts - 1].n++;
    return b->n >= b->room || b->sites.n >= BATCH_SITES ? bs_worker_batch_run(b) : BS_OK;
}

bs_status bs_worker_batch_add_golden(bs_worker_batch *b, int row, bs_golden_row *facts)
{
    const bs_golden *golden = b->worker->golden;
    size_t classes = (size_t)b->campaign->engine->graph->classes;
    facts->answer = golden->answer[row];
    facts->logits_hash = golden->output_hash[row];
    if (b->top_k > 0)
        BS_TRY(collect_ranking(b, true, facts->image, golden->output + (size_t)row * classes));
    return bs_result_batch_add_golden(b->results, facts);
}
