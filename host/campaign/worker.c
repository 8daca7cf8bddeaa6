/* A worker: loads a tile of images, runs it fault-free, then replays the missing trials of each stratum. */
#include "base/buf.h"
#include "base/log.h"
#include "base/resources.h"
#include "campaign/audit.h"
#include "campaign/input.h"
#include "campaign/internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BATCH_ROWS = 4096 };
static const double batch_seconds = 0.5;

typedef struct bench {
    bs_campaign *c;
    bs_worker w;
    bs_batch *results; /* the rows of the trials being computed are made behind those that are done */
    double since;      /* when that began */
    uint32_t image[BS_MAX_TILE]; /* of the tile, those that lack trials and can be read */
    int n_images;
    /* The batch under construction: */
    const bs_stratum *stratum;
    int stratum_index;
    bs_route *full; /* for audits, else NULL */
    int n;
    int32_t *row;
    uint32_t *first;
    bs_sites sites;
    uint32_t *before;
    size_t before_cap;
    bs_result *result;
    float *output; /* for audits, else NULL */
} bench;

static bs_status bench_open(bench *b, bs_campaign *c)
{
    const bs_engine *e = c->engine;
    size_t n = (size_t)e->max_batch;
    b->c = c;
    BS_TRY(bs_worker_open(&b->w, e));
    if (e->audit > 0)
        BS_TRY(bs_calloc(&b->output, n * (size_t)e->graph->classes, sizeof *b->output, "batch"));
    BS_TRY(bs_calloc(&b->row, n, sizeof *b->row, "batch"));
    BS_TRY(bs_calloc(&b->first, n + 1, sizeof *b->first, "batch"));
    BS_TRY(bs_calloc(&b->result, n, sizeof *b->result, "batch"));
    return bs_calloc(&b->results, 1, sizeof *b->results, "results");
}

static void bench_close(bench *b)
{
    bs_batch_free(b->results);
    free(b->output);
    bs_route_free(b->full);
    free(b->row);
    free(b->first);
    free(b->before);
    free(b->result);
    bs_sites_clear(&b->sites);
    bs_worker_close(&b->w);
}

static bs_status flush(bench *b)
{
    bs_batch *done = b->results;
    if (bs_batch_is_empty(done))
        return BS_OK;
    b->results = NULL;
    bs_batch_sort(done);
    BS_TRY(bs_queue_push(b->c->queue, done));
    b->since = bs_resources_clock();
    return bs_calloc(&b->results, 1, sizeof *b->results, "results");
}

/* Completes the rows of the trials that were computed, and their units' progress. */
static bs_status collect(bench *b)
{
    for (int i = 0; i < b->n; i++) {
        bs_row *row = &b->results->rows[b->results->n_rows];
        bs_trial t = bs_trial_from_id(row->id);
        uint32_t at = b->first[i];
        row->n_sites = b->first[i + 1] - at;
        row->died_at = b->result[i].died_at;
        row->answer = b->result[i].answer;
        if (row->n_sites > 0) {
            row->element = b->sites.site[at].element;
            row->keep = b->sites.site[at].keep;
            row->toggle = b->sites.site[at].toggle;
            row->before = b->before[at];
        }
        bs_unit unit = {t.entry, t.target, t.image, t.repetition + 1};
        BS_TRY(bs_batch_add_unit(b->results, &unit));
        b->results->n_rows++;
    }
    return BS_OK;
}

/* A trial that differs keeps its batch out of the file; what was done before, and both answers, go there. */
static bs_status audit(bench *b, const bs_trials *t)
{
    bs_status st = bs_audit_trials(&b->w, b->full, t, b->results);
    if (st == BS_SELFTEST) {
        bs_error error;
        bs_error_save(&error);
        flush(b);
        bs_error_restore(&error);
    }
    return st;
}

/* Where memory runs out (another program may have taken it), halves take less. */
static bs_status replay(bench *b, const bs_routes *r, const bs_trials *t)
{
    bs_status st = bs_replay_routes(b->w.replayer, r, t, t->n);
    if (st != BS_NO_MEMORY || t->n < 2)
        return st;
    int half = t->n / 2;
    bs_trials first = bs_trials_part(b->w.replayer, t, 0, half);
    bs_trials rest = bs_trials_part(b->w.replayer, t, half, t->n - half);
    BS_TRY(replay(b, r, &first));
    return replay(b, r, &rest);
}

static bs_status run_batch(bench *b)
{
    if (b->n == 0)
        return BS_OK;
    const bs_engine *e = b->c->engine;
    b->first[b->n] = (uint32_t)b->sites.n;
    BS_TRY(bs_grow(&b->before, &b->before_cap, b->sites.n + 1, sizeof *b->before, "batch"));
    bs_trials t = {
        .n = b->n,
        .golden_row = b->row,
        .faults = {b->sites.site, b->first, b->before},
        .keep_masked = bs_engine_mode(e, b->stratum_index) == BS_REPLAY_FULL,
        .output = b->output,
        .result = b->result,
    };
    BS_TRY(replay(b, &e->routes[b->stratum_index], &t));
    if (b->full)
        BS_TRY(audit(b, &t));
    BS_TRY(collect(b));
    b->n = 0;
    b->sites.n = 0;
    if (b->results->n_rows >= BATCH_ROWS || bs_resources_clock() - b->since > batch_seconds)
        BS_TRY(flush(b));
    if (*b->c->stop || atomic_load(&b->c->failed))
        return bs_fail(BS_STOPPED, "stopped");
    return BS_OK;
}

static bs_status add_trial(bench *b, int image, uint32_t repetition, int room)
{
    const bs_plan *plan = b->c->engine->plan;
    bs_trial t = {
        .entry = (uint32_t)plan->job->entries[b->stratum->entry].id,
        .target = (uint32_t)b->stratum->target,
        .image = b->image[image],
        .repetition = repetition,
    };
    BS_TRY(bs_batch_reserve(b->results, (size_t)b->n + 1));
    b->results->rows[b->results->n_rows + (size_t)b->n] = (bs_row){.id = bs_trial_id(t)};
    b->row[b->n] = image;
    b->first[b->n] = (uint32_t)b->sites.n;
    BS_TRY(bs_plan_sites(plan, b->stratum, t, &b->sites));
    b->n++;
    return b->n == room ? run_batch(b) : BS_OK;
}

/* Activation faults: one image after the other. Parameter faults: one fault meets all images of the tile
 * before the next, so that a batch has few distinct faults. Either way a unit's repetitions come in order. */
static bs_status run_stratum(bench *b, int index)
{
    const bs_engine *e = b->c->engine;
    int room;
    uint32_t from[BS_MAX_TILE], to[BS_MAX_TILE], most = 0;
    b->stratum = &e->plan->strata[index];
    b->stratum_index = index;
    BS_TRY(bs_routes_batch(b->w.replayer, &e->routes[index], &room));
    bs_route_free(b->full);
    b->full = NULL;
    if (e->audit > 0)
        BS_TRY(
            bs_route_create(&b->full, e->graph, e->backend, e->network, b->stratum->target, BS_REPLAY_FULL));
    for (int i = 0; i < b->n_images; i++) {
        from[i] = bs_store_done(b->c->store, index, b->image[i]);
        to[i] = bs_plan_repetitions(e->plan, b->stratum, b->image[i]);
        most = to[i] > most ? to[i] : most;
    }
    if (b->stratum->is_parameter) {
        for (uint32_t rep = 0; rep < most; rep++)
            for (int i = 0; i < b->n_images; i++)
                if (rep >= from[i] && rep < to[i])
                    BS_TRY(add_trial(b, i, rep, room));
    } else {
        for (int i = 0; i < b->n_images; i++)
            for (uint32_t rep = from[i]; rep < to[i]; rep++)
                BS_TRY(add_trial(b, i, rep, room));
    }
    return run_batch(b);
}

static bool anything_missing(const bs_campaign *c, uint32_t image, uint32_t part)
{
    const bs_plan *plan = c->engine->plan;
    for (int s = (int)part; s < plan->n_strata; s += (int)c->n_parts)
        if (bs_store_done(c->store, s, image) < bs_plan_repetitions(plan, &plan->strata[s], image))
            return true;
    return false;
}

/* An image that could not be loaded, for the reason recorded last: told once, stored, and too many of them
 * end the campaign. */
static bs_status note_broken(bench *b, uint32_t image)
{
    bs_campaign *c = b->c;
    const bs_plan *plan = c->engine->plan;
    bs_broken_row row = {.image = image};
    if (atomic_exchange(&c->broken[image], true))
        return BS_OK; /* another worker has */
    snprintf(row.reason, sizeof row.reason, "%s", bs_error_message());
    for (int s = 0; s < plan->n_strata; s++)
        row.trials += bs_plan_repetitions(plan, &plan->strata[s], image);
    bs_warn("%s; its trials are left out", row.reason);
    BS_TRY(bs_batch_add_broken(b->results, &row));
    unsigned n = atomic_fetch_add(&c->n_broken, 1) + 1;
    if (n <= c->max_broken)
        return BS_OK;
    BS_TRY(flush(b)); /* the file shall say which */
    bs_fail(BS_ERR, "%u image(s) cannot be read, the job allows %u; the last one: %s", n, c->max_broken,
            row.reason);
    return bs_hint("table broken_image of the result file lists them: repair the files, or allow more with "
                   "'max_broken: N' in the job's 'images'");
}

/* Loads the image into the next row of the tile; one that is broken gets none. */
static bs_status load_image(bench *b, uint32_t image, bs_golden_row *row)
{
    bool broken;
    *row = (bs_golden_row){.image = image};
    bs_status st = bs_input_load(&b->w, b->n_images, b->c->images, image,
                                 &b->c->engine->plan->job->preprocess, row->sha256, &broken);
    if (broken)
        return note_broken(b, image);
    BS_TRY(st);
    b->image[b->n_images++] = image;
    return BS_OK;
}

/* Images first..end-1 of the shard. */
static bs_status golden_tile(bench *b, uint32_t first, uint32_t end, uint32_t part)
{
    bs_campaign *c = b->c;
    bs_golden_row rows[BS_MAX_TILE];
    b->n_images = 0;
    for (uint32_t i = first; i < end; i++) {
        uint32_t image = bs_plan_image(c->engine->plan, i);
        if (anything_missing(c, image, part) && !atomic_load(&c->broken[image]))
            BS_TRY(load_image(b, image, &rows[b->n_images]));
    }
    if (b->n_images == 0)
        return BS_OK;
    BS_TRY(bs_golden_run(b->w.golden, b->n_images));
    for (int i = 0; i < b->n_images; i++) {
        rows[i].answer = b->w.golden->answer[i];
        rows[i].logits_hash = b->w.golden->output_hash[i];
        BS_TRY(bs_batch_add_golden(b->results, &rows[i]));
    }
    return BS_OK;
}

static bs_status run_item(bench *b, uint32_t item)
{
    const bs_campaign *c = b->c;
    uint32_t tile = item / c->n_parts, part = item % c->n_parts;
    uint32_t size = (uint32_t)c->engine->tile, n = bs_plan_count_images(c->engine->plan);
    uint32_t first = tile * size;
    BS_TRY(golden_tile(b, first, n - first < size ? n : first + size, part));
    for (int s = (int)part; b->n_images > 0 && s < c->engine->plan->n_strata; s += (int)c->n_parts)
        BS_TRY(run_stratum(b, s));
    return BS_OK;
}

bs_status bs_campaign_work(bs_campaign *c, int worker)
{
    (void)worker;
    bench b = {0};
    bs_status st = bench_open(&b, c);
    while (st == BS_OK) {
        uint32_t item = atomic_fetch_add(&c->next_item, 1);
        if (item >= c->n_tiles * c->n_parts)
            break;
        st = run_item(&b, item);
    }
    if (st == BS_OK)
        st = flush(&b);
    bs_error error;
    bs_error_save(&error);
    if ((st == BS_STOPPED || st == BS_NO_DEVICE) && b.results)
        flush(&b); /* whole batches only: worth keeping */
    if (st != BS_OK) {
        atomic_store(&c->failed, true);
        bs_error_restore(&error);
    }
    bench_close(&b);
    return st;
}
