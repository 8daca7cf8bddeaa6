/* A worker: loads a tile of images, runs it fault-free, then replays the missing trials of each stratum. */
#include "base/buf.h"
#include "base/log.h"
#include "base/resources.h"
#include "campaign/audit.h"
#include "campaign/input.h"
#include "campaign/campaign_internal.h"
#include "campaign/ranking.h"
#include "store/identity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_ROWS = 4096 };
/* Sites after which a batch is run, and after which results are stored, however few their trials: whole
 * tensors have millions. */
enum { BATCH_SITES = 1 << 22 };
/* Bytes of rankings after which results are stored, however few their trials. */
enum { BATCH_RANKS = 1 << 24 };
static const double batch_seconds = 0.5;

typedef struct worker_state {
    bs_campaign *c;
    bs_worker w;
    bs_prover prover;
    bs_result_batch *results;    /* finished rows, and after them those of the trials being computed */
    double since;                /* when the batch was begun */
    uint32_t image[BS_MAX_TILE]; /* of the tile: those that lack trials and can be read */
    int n_images;
    bool has_tile;
    uint32_t tile; /* whose golden runs there are */
    /* The batch under construction: */
    const bs_stratum *stratum;
    const bs_schedules *schedules;
    bs_schedules full; /* for audits */
    int n;
    int32_t *row;
    bs_sites sites;
    uint32_t *before;
    size_t before_cap;
    bs_result *result;
    float *output; /* for audits and rankings, else NULL */
    int top_k;     /* classes of the raw rankings to store; 0: none */
    bs_ranker ranker;
} worker_state;

static bs_status state_open(worker_state *state, bs_campaign *c)
{
    const bs_engine *e = c->engine;
    size_t n = (size_t)e->max_batch;
    state->c = c;
    BS_TRY(bs_worker_open(&state->w, e));
    state->prover = (bs_prover){.proofs = c->proofs, .worker = &state->w};
    state->top_k = (int)bs_identity_top_k(e->plan);
    if (e->audit > 0 || state->top_k > 0)
        BS_TRY(bs_calloc(&state->output, n * (size_t)e->graph->classes, sizeof *state->output, "batch"));
    BS_TRY(bs_calloc(&state->row, n, sizeof *state->row, "batch"));
    BS_TRY(bs_calloc(&state->result, n, sizeof *state->result, "batch"));
    return bs_calloc(&state->results, 1, sizeof *state->results, "results");
}

static void state_close(worker_state *state)
{
    bs_result_batch_free(state->results);
    free(state->output);
    bs_schedules_clear(&state->full);
    free(state->row);
    free(state->before);
    free(state->result);
    bs_sites_clear(&state->sites);
    bs_ranker_clear(&state->ranker);
    bs_worker_close(&state->w);
}

static bs_status flush(worker_state *state)
{
    bs_result_batch *done = state->results;
    if (bs_campaign_lacks_trials(state->c))
        BS_TRY(bs_proofs_hand_out(state->c->proofs, done));
    if (bs_result_batch_is_empty(done))
        return BS_OK;
    state->results = NULL;
    bs_result_batch_sort(done);
    BS_TRY(bs_queue_push(state->c->queue, done));
    state->since = bs_resources_clock();
    return bs_calloc(&state->results, 1, sizeof *state->results, "results");
}

/* Adds the first sites of a trial that hits several targets. */
static bs_status collect_sites(worker_state *state, uint64_t trial, const uint32_t *bound)
{
    const bs_plan *plan = state->c->engine->plan;
    uint32_t most = plan->job->entries[state->stratum->entry].store_sites, n = 0;
    for (int k = 0; k < bs_stratum_targets(state->stratum); k++)
        for (uint32_t at = bound[k]; at < bound[k + 1] && n < most; at++, n++) {
            const bs_site *s = &state->sites.site[at];
            bs_trial_site site = {.trial = trial,
                                  .layer = (uint32_t)bs_stratum_at(state->stratum, k)->target,
                                  .element = s->element,
                                  .keep = s->keep,
                                  .toggle = s->toggle,
                                  .before = state->before[at]};
            BS_TRY(bs_result_batch_add_site(state->results, &site));
        }
    return BS_OK;
}

/* Adds the raw ranking of the output of a golden run or a trial to the results. */
static bs_status collect_ranking(worker_state *state, bool golden, uint64_t of, const float *output)
{
    BS_TRY(bs_rank_raw(&state->ranker, output, state->c->engine->graph->classes, state->top_k));
    return bs_result_batch_add_ranking(state->results, golden, of, state->ranker.ranked,
                                       (size_t)state->top_k);
}

/* Completes the row of trial i of those just computed, adds what belongs to it, and its unit's progress. */
static bs_status collect_row(worker_state *state, int i, bs_row *row)
{
    int targets = bs_stratum_targets(state->stratum);
    bs_trial_coords t = bs_trial_coords_from_id(row->id);
    const uint32_t *bound = &state->sites.bound[(size_t)i * (size_t)targets];
    uint32_t at = bound[0];
    row->n_sites = bound[targets] - at;
    row->died_at = state->result[i].died_at;
    row->answer = state->result[i].answer;
    if (t.target == BS_NETWORK_TARGET) {
        BS_TRY(collect_sites(state, row->id, bound));
    } else if (row->n_sites > 0) {
        row->element = state->sites.site[at].element;
        row->keep = state->sites.site[at].keep;
        row->toggle = state->sites.site[at].toggle;
        row->before = state->before[at];
    }
    if (state->top_k > 0 && row->died_at < 0)
        BS_TRY(collect_ranking(state, false, row->id,
                               state->output + (size_t)i * (size_t)state->c->engine->graph->classes));
    bs_unit unit = {t.entry, t.target, t.image, t.repetition + 1};
    return bs_result_batch_add_unit(state->results, &unit);
}

/* Completes the rows of the trials just computed. If memory runs out, those before stay whole. */
static bs_status collect(worker_state *state)
{
    bs_result_batch *results = state->results;
    for (int i = 0; i < state->n; i++) {
        size_t sites = results->n_sites, rankings = results->n_rankings, ranks = results->n_ranks;
        bs_status st = collect_row(state, i, &results->rows[results->n_rows]);
        if (st != BS_OK) {
            results->n_sites = sites;
            results->n_rankings = rankings;
            results->n_ranks = ranks;
            return st;
        }
        results->n_rows++;
    }
    return BS_OK;
}

/* Audits the batch. If a trial differs, only the rows before this batch, and both answers, go into the
 * file. */
static bs_status audit(worker_state *state, const bs_trial_batch *t)
{
    bs_status st = bs_audit_trials(&state->w, state->full.schedule[0], t, state->results);
    if (st == BS_SELFTEST) {
        bs_error error;
        bs_error_save(&error);
        flush(state);
        bs_error_restore(&error);
    }
    return st;
}

/* Replays trials. Splits the batch if memory runs out, because another program may have taken it. */
static bs_status replay(worker_state *state, const bs_schedules *schedules, const bs_trial_batch *t)
{
    bs_status st = bs_replay_trials(state->w.replayer, schedules, t, t->n);
    if (st != BS_NO_MEMORY || t->n < 2)
        return st;
    int half = t->n / 2;
    bs_trial_batch first = bs_trial_batch_part(state->w.replayer, t, 0, half);
    bs_trial_batch rest = bs_trial_batch_part(state->w.replayer, t, half, t->n - half);
    BS_TRY(replay(state, schedules, &first));
    return replay(state, schedules, &rest);
}

static bs_status run_batch(worker_state *state)
{
    if (state->n == 0)
        return BS_OK;
    BS_TRY(bs_grow(&state->before, &state->before_cap, state->sites.n + 1, sizeof *state->before, "batch"));
    bs_trial_batch t = {
        .n = state->n,
        .golden_row = state->row,
        .targets = bs_stratum_targets(state->stratum),
        .faults = {state->sites.site, state->sites.bound, state->before},
        .keep_masked = state->schedules->schedule[0]->mode == BS_REPLAY_FULL,
        .output = state->output,
        .result = state->result,
    };
    BS_TRY(replay(state, state->schedules, &t));
    if (state->c->engine->audit > 0)
        BS_TRY(audit(state, &t));
    BS_TRY(collect(state));
    state->n = 0;
    bs_sites_reset(&state->sites);
    if (state->results->n_rows >= BATCH_ROWS || state->results->n_sites >= BATCH_SITES ||
        state->results->n_ranks >= BATCH_RANKS || bs_resources_clock() - state->since > batch_seconds)
        BS_TRY(flush(state));
    BS_TRY(bs_prover_go_on(&state->prover));
    if (*state->c->stop || atomic_load(&state->c->failed))
        return bs_fail(BS_STOPPED, "stopped");
    return BS_OK;
}

static bs_status add_trial(worker_state *state, int image, uint32_t repetition, int room)
{
    const bs_plan *plan = state->c->engine->plan;
    bs_trial_coords t = {
        .entry = (uint32_t)plan->job->entries[state->stratum->entry].id,
        .target = (uint32_t)state->stratum->target,
        .image = state->image[image],
        .repetition = repetition,
    };
    BS_TRY(bs_result_batch_reserve(state->results, (size_t)state->n + 1));
    state->results->rows[state->results->n_rows + (size_t)state->n] = (bs_row){.id = bs_trial_id(t)};
    state->row[state->n] = image;
    BS_TRY(bs_plan_sites(plan, state->stratum, t, &state->sites));
    state->n++;
    return state->n == room || state->sites.n >= BATCH_SITES ? run_batch(state) : BS_OK;
}

/* Runs a stratum on the tile. Activation faults: one image after the other. Parameter faults: one fault on
 * all images of the tile before the next fault, so that a batch has few distinct faults. Either way a unit's
 * repetitions come in order. */
static bs_status run_stratum(worker_state *state, int index)
{
    const bs_engine *e = state->c->engine;
    int room;
    uint32_t from[BS_MAX_TILE], to[BS_MAX_TILE], most = 0;
    uint64_t trials = 0;
    state->stratum = &e->plan->strata[index];
    bs_schedules_clear(&state->full);
    if (e->audit > 0)
        BS_TRY(bs_engine_schedules(&state->full, e, state->stratum, BS_REPLAY_FULL));
    for (int i = 0; i < state->n_images; i++) {
        from[i] = bs_store_done(state->c->store, index, state->image[i]);
        to[i] = bs_plan_repetitions(e->plan, state->stratum, state->image[i]);
        most = to[i] > most ? to[i] : most;
        trials += to[i] > from[i] ? to[i] - from[i] : 0;
    }
    if (trials == 0)
        return BS_OK;
    BS_TRY(bs_prover_stratum(&state->prover, index, trials, &state->schedules));
    BS_TRY(bs_schedules_batch(state->w.replayer, state->schedules, &room));
    if (state->stratum->is_parameter) {
        for (uint32_t rep = 0; rep < most; rep++)
            for (int i = 0; i < state->n_images; i++)
                if (rep >= from[i] && rep < to[i])
                    BS_TRY(add_trial(state, i, rep, room));
    } else {
        for (int i = 0; i < state->n_images; i++)
            for (uint32_t rep = from[i]; rep < to[i]; rep++)
                BS_TRY(add_trial(state, i, rep, room));
    }
    return run_batch(state);
}

static bool anything_missing(const bs_campaign *c, uint32_t image)
{
    const bs_plan *plan = c->engine->plan;
    for (int s = 0; s < plan->n_strata; s++)
        if (bs_store_done(c->store, s, image) < bs_plan_repetitions(plan, &plan->strata[s], image))
            return true;
    return false;
}

/* Records an image that could not be loaded, with the last error as the reason: warns once, adds it to the
 * results, and ends the campaign if there are too many. */
static bs_status note_broken(worker_state *state, uint32_t image)
{
    bs_campaign *c = state->c;
    const bs_plan *plan = c->engine->plan;
    bs_broken_row row = {.image = image};
    if (atomic_exchange(&c->broken[image], true))
        return BS_OK; /* another worker has recorded it */
    snprintf(row.reason, sizeof row.reason, "%s", bs_error_message());
    for (int s = 0; s < plan->n_strata; s++)
        row.trials += bs_plan_repetitions(plan, &plan->strata[s], image);
    bs_warn("%s; its trials are left out", row.reason);
    BS_TRY(bs_result_batch_add_broken(state->results, &row));
    unsigned n = atomic_fetch_add(&c->n_broken, 1) + 1;
    if (n <= c->max_broken)
        return BS_OK;
    BS_TRY(flush(state)); /* the file must list them */
    bs_fail(BS_ERR, "%u image(s) cannot be read, the job allows %u; the last one: %s", n, c->max_broken,
            row.reason);
    return bs_hint("table broken_image of the result file lists them: repair the files, or allow more with "
                   "'max_broken: N' in the job's 'images'");
}

/* Loads the image into the next row of the tile; a broken image gets no row. */
static bs_status load_image(worker_state *state, uint32_t image, bs_golden_row *row)
{
    bool broken;
    *row = (bs_golden_row){.image = image};
    bs_status st = bs_input_load(&state->w, state->n_images, state->c->input, image, row->sha256, &broken);
    if (broken)
        return note_broken(state, image);
    BS_TRY(st);
    state->image[state->n_images++] = image;
    return BS_OK;
}

/* Loads the images of a tile that lack trials, and runs them fault-free, unless that is the tile of the item
 * before. */
static bs_status golden_tile(worker_state *state, uint32_t tile)
{
    bs_campaign *c = state->c;
    bs_golden_row rows[BS_MAX_TILE];
    uint32_t size = (uint32_t)c->engine->tile, n = bs_plan_count_images(c->engine->plan), first = tile * size;
    uint32_t end = n - first < size ? n : first + size;
    if (state->has_tile && state->tile == tile)
        return BS_OK;
    state->has_tile = true;
    state->tile = tile;
    state->n_images = 0;
    for (uint32_t i = first; i < end; i++) {
        uint32_t image = bs_plan_image(c->engine->plan, i);
        if (anything_missing(c, image) && !atomic_load(&c->broken[image]))
            BS_TRY(load_image(state, image, &rows[state->n_images]));
    }
    if (state->n_images == 0)
        return BS_OK;
    BS_TRY(bs_golden_run(state->w.golden, state->n_images));
    size_t classes = (size_t)c->engine->graph->classes;
    for (int i = 0; i < state->n_images; i++) {
        rows[i].answer = state->w.golden->answer[i];
        rows[i].logits_hash = state->w.golden->output_hash[i];
        if (state->top_k > 0)
            BS_TRY(
                collect_ranking(state, true, rows[i].image, state->w.golden->output + (size_t)i * classes));
        BS_TRY(bs_result_batch_add_golden(state->results, &rows[i]));
    }
    return BS_OK;
}

static bs_status run_item(worker_state *state, uint32_t item)
{
    const bs_campaign *c = state->c;
    BS_TRY(golden_tile(state, item / c->n_parts));
    for (int s = (int)(item % c->n_parts); state->n_images > 0 && s < c->engine->plan->n_strata;
         s += (int)c->n_parts)
        BS_TRY(run_stratum(state, s));
    return BS_OK;
}

bs_status bs_campaign_work(bs_campaign *c, int worker)
{
    (void)worker;
    worker_state state = {0};
    bs_status st = state_open(&state, c);
    if (st == BS_OK && bs_campaign_lacks_trials(c))
        st = bs_prover_begin(&state.prover, c->stop);
    while (st == BS_OK) {
        uint32_t item = atomic_fetch_add(&c->next_item, 1);
        if (item >= c->n_tiles * c->n_parts)
            break;
        st = run_item(&state, item);
    }
    if (st == BS_OK)
        st = flush(&state);
    bs_error error;
    bs_error_save(&error);
    if (st != BS_OK && st != BS_ERR && state.results)
        flush(&state); /* whole batches only, so they are valid */
    if (st != BS_OK) {
        atomic_store(&c->failed, true);
        bs_error_restore(&error);
    }
    state_close(&state);
    return st;
}
