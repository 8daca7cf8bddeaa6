/* A worker: takes a tile of images, runs it fault-free, then replays the missing trials of each stratum. */
#include "base/buf.h"
#include "base/log.h"
#include "campaign/input.h"
#include "campaign/campaign_internal.h"
#include "campaign/worker_batch.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct tile_image {
    bs_golden_row facts;
    uint32_t from, to; /* repetitions missing in the stratum being run */
} tile_image;

typedef struct worker_state {
    bs_campaign *c;
    int number;
    bs_worker w;
    bs_worker_batch batch;
    tile_image *images; /* of the tile: those that can be read */
    int n_images;
    bool has_tile;
    uint32_t tile; /* whose golden runs there are */
} worker_state;

/* The batch first: it takes the news if the device is lost. */
static bs_status state_open(worker_state *state, bs_campaign *c, int worker)
{
    state->c = c;
    state->number = worker;
    BS_TRY(bs_calloc(&state->images, c->tile, sizeof *state->images, "tile"));
    BS_TRY(bs_worker_batch_open(&state->batch, c, &state->w, bs_engine_device_of(c->engine, worker)));
    return bs_worker_open(&state->w, c->engine, worker);
}

static void state_close(worker_state *state)
{
    bs_worker_batch_close(&state->batch);
    bs_worker_close(&state->w);
    free(state->images);
}

static bs_status add_trial(worker_state *state, const tile_image *i, uint32_t repetition)
{
    return bs_worker_batch_add(&state->batch, (int)(i - state->images), i->facts.image, repetition);
}

/* Runs a stratum on the tile. Activation faults: one image after the other. Parameter faults: one fault on
 * all images of the tile before the next fault, so that a batch has few distinct faults. Either way a unit's
 * repetitions come in order. */
static bs_status run_stratum(worker_state *state, int index)
{
    const bs_engine *e = state->c->engine;
    const bs_stratum *s = &e->plan->strata[index];
    tile_image *end = state->images + state->n_images;
    uint32_t most = 0;
    uint64_t trials = 0;
    for (tile_image *i = state->images; i < end; i++) {
        i->from = bs_campaign_done(state->c, index, i->facts.image);
        i->to = bs_plan_repetitions(e->plan, s, i->facts.image);
        most = i->to > most ? i->to : most;
        trials += i->to > i->from ? i->to - i->from : 0;
    }
    if (trials == 0)
        return BS_OK;
    BS_TRY(bs_worker_batch_begin(&state->batch, index, trials));
    if (s->is_parameter) {
        for (uint32_t rep = 0; rep < most; rep++)
            for (const tile_image *i = state->images; i < end; i++)
                if (rep >= i->from && rep < i->to)
                    BS_TRY(add_trial(state, i, rep));
    } else {
        for (const tile_image *i = state->images; i < end; i++)
            for (uint32_t rep = i->from; rep < i->to; rep++)
                BS_TRY(add_trial(state, i, rep));
    }
    return BS_OK;
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
    BS_TRY(bs_result_batch_add_broken(state->batch.results, &row));
    unsigned n = atomic_fetch_add(&c->n_broken, 1) + 1;
    if (n <= c->max_broken)
        return BS_OK;
    BS_TRY(bs_worker_batch_flush(&state->batch)); /* the file must list them */
    bs_fail(BS_ERR, "%u image(s) cannot be read, the job allows %u; the last one: %s", n, c->max_broken,
            row.reason);
    return bs_hint("table broken_image of the result file lists them: repair the files, or allow more with "
                   "'max_broken: N' in the job's 'images'");
}

/* Puts image number k of the campaign into the next row of the tile; a broken image gets no row. */
static bs_status load_image(worker_state *state, uint32_t k)
{
    bs_campaign *c = state->c;
    tile_image *next = &state->images[state->n_images];
    const bs_loaded *loaded;
    *next = (tile_image){.facts.image = c->image[k]};
    BS_TRY(bs_loader_get(c->loader, k, &loaded));
    if (loaded->broken) {
        bs_error_restore(&loaded->error);
        return note_broken(state, c->image[k]);
    }
    memcpy(next->facts.sha256, loaded->sha256, sizeof next->facts.sha256);
    memcpy(state->w.pixels, loaded->values, loaded->bytes); /* they are rounded in place */
    BS_TRY(bs_golden_upload(state->w.golden, state->n_images, state->w.pixels));
    state->n_images++;
    return bs_campaign_go_on(c);
}

/* Runs the images of a tile fault-free, unless it is that of the piece of work before. */
static bs_status golden_tile(worker_state *state, uint32_t tile)
{
    bs_campaign *c = state->c;
    uint32_t first = tile * c->tile, end = c->n_images - first < c->tile ? c->n_images : first + c->tile;
    if (state->has_tile && state->tile == tile)
        return BS_OK;
    state->has_tile = true;
    state->tile = tile;
    state->n_images = 0;
    for (uint32_t k = first; k < end; k++)
        BS_TRY(load_image(state, k));
    if (state->n_images == 0)
        return BS_OK;
    BS_TRY(bs_golden_run(state->w.golden, state->n_images));
    atomic_fetch_add(&c->golden_runs, (uint64_t)state->n_images);
    for (int i = 0; i < state->n_images; i++)
        BS_TRY(bs_worker_batch_add_golden(&state->batch, i, &state->images[i].facts));
    return BS_OK;
}

static bs_status run_part(worker_state *state, uint32_t tile, uint32_t part)
{
    const bs_campaign *c = state->c;
    BS_TRY(golden_tile(state, tile));
    for (int s = (int)part; state->n_images > 0 && s < c->engine->plan->n_strata; s += (int)c->n_parts)
        BS_TRY(run_stratum(state, s));
    return bs_worker_batch_run(&state->batch);
}

static bs_status run_parts(worker_state *state)
{
    bs_work *work = &state->c->work;
    uint32_t tile, part;
    do {
        while (bs_work_take(work, state->number, &tile, &part)) {
            BS_TRY(run_part(state, tile, part));
            if (bs_work_done(work, state->number))
                bs_loader_release(state->c->loader, tile);
        }
        BS_TRY(bs_worker_batch_flush(&state->batch)); /* not to keep rows while it waits */
    } while (bs_work_await(work, state->number));
    return BS_OK;
}

/* Ends after an error. What is finished goes to the writer: whole batches only, so it is valid. If this
 * worker has lost its device and others are left, its work is for them, and nothing has failed. */
static bs_status give_up(worker_state *state, bs_status st)
{
    bs_campaign *c = state->c;
    bs_worker_batch *batch = &state->batch;
    bool first = false, others = false;
    if (st == BS_NO_DEVICE)
        others = bs_campaign_lose_device(c, batch->device, &first);
    if (first && batch->results)
        snprintf(batch->results->lost, sizeof batch->results->lost, "%s", bs_error_message());
    bs_error error;
    bs_error_save(&error);
    bs_status flushed = st != BS_ERR && batch->results ? bs_worker_batch_flush(batch) : BS_OK;
    if (others && flushed == BS_OK) {
        bs_work_leave(&c->work, state->number);
        bs_error_clear();
        return BS_OK;
    }
    bs_campaign_fail(c);
    return bs_error_restore(&error);
}

bs_status bs_campaign_work(bs_campaign *c, int worker)
{
    worker_state state = {0};
    bs_status st = state_open(&state, c, worker);
    if (st == BS_OK && bs_campaign_lacks_trials(c))
        st = bs_prover_begin(&state.batch.prover, c->stop);
    if (st == BS_OK)
        st = run_parts(&state);
    if (st != BS_OK)
        st = give_up(&state, st);
    state_close(&state);
    return st;
}
