/* A worker: loads a tile of images, runs it fault-free, then replays the missing trials of each stratum. */
#include "base/log.h"
#include "campaign/input.h"
#include "campaign/campaign_internal.h"
#include "campaign/worker_batch.h"

#include <stdio.h>

typedef struct worker_state {
    bs_campaign *c;
    bs_worker w;
    bs_worker_batch batch;
    uint32_t image[BS_MAX_TILE]; /* of the tile: those that lack trials and can be read */
    int n_images;
    bool has_tile;
    uint32_t tile; /* whose golden runs there are */
    bool has_item;
    uint32_t item; /* taken and not done */
} worker_state;

/* The batch first: it takes the news if the device is lost. */
static bs_status state_open(worker_state *state, bs_campaign *c, int worker)
{
    state->c = c;
    BS_TRY(bs_worker_batch_open(&state->batch, c, &state->w, bs_engine_device_of(c->engine, worker)));
    return bs_worker_open(&state->w, c->engine, worker);
}

static void state_close(worker_state *state)
{
    bs_worker_batch_close(&state->batch);
    bs_worker_close(&state->w);
}

/* Runs a stratum on the tile. Activation faults: one image after the other. Parameter faults: one fault on
 * all images of the tile before the next fault, so that a batch has few distinct faults. Either way a unit's
 * repetitions come in order. */
static bs_status run_stratum(worker_state *state, int index)
{
    const bs_engine *e = state->c->engine;
    const bs_stratum *s = &e->plan->strata[index];
    uint32_t from[BS_MAX_TILE], to[BS_MAX_TILE], most = 0;
    uint64_t trials = 0;
    for (int i = 0; i < state->n_images; i++) {
        from[i] = bs_campaign_done(state->c, index, state->image[i]);
        to[i] = bs_plan_repetitions(e->plan, s, state->image[i]);
        most = to[i] > most ? to[i] : most;
        trials += to[i] > from[i] ? to[i] - from[i] : 0;
    }
    if (trials == 0)
        return BS_OK;
    BS_TRY(bs_worker_batch_begin(&state->batch, index, trials));
    if (s->is_parameter) {
        for (uint32_t rep = 0; rep < most; rep++)
            for (int i = 0; i < state->n_images; i++)
                if (rep >= from[i] && rep < to[i])
                    BS_TRY(bs_worker_batch_add(&state->batch, i, state->image[i], rep));
    } else {
        for (int i = 0; i < state->n_images; i++)
            for (uint32_t rep = from[i]; rep < to[i]; rep++)
                BS_TRY(bs_worker_batch_add(&state->batch, i, state->image[i], rep));
    }
    return BS_OK;
}

static bool anything_missing(const bs_campaign *c, uint32_t image)
{
    const bs_plan *plan = c->engine->plan;
    for (int s = 0; s < plan->n_strata; s++)
        if (bs_campaign_done(c, s, image) < bs_plan_repetitions(plan, &plan->strata[s], image))
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
    for (int i = 0; i < state->n_images; i++)
        BS_TRY(bs_worker_batch_add_golden(&state->batch, i, &rows[i]));
    return BS_OK;
}

static bs_status run_item(worker_state *state, uint32_t item)
{
    const bs_campaign *c = state->c;
    BS_TRY(golden_tile(state, item / c->n_parts));
    for (int s = (int)(item % c->n_parts); state->n_images > 0 && s < c->engine->plan->n_strata;
         s += (int)c->n_parts)
        BS_TRY(run_stratum(state, s));
    return bs_worker_batch_run(&state->batch);
}

static bs_status run_items(worker_state *state)
{
    bs_work *work = &state->c->work;
    do {
        while (bs_work_take(work, &state->item)) {
            state->has_item = true;
            BS_TRY(run_item(state, state->item));
            state->has_item = false;
            bs_work_done(work);
        }
        BS_TRY(bs_worker_batch_flush(&state->batch)); /* not to keep rows while it waits */
    } while (bs_work_await(work));
    return BS_OK;
}

/* Ends after an error. What is finished goes to the writer: whole batches only, so it is valid. If this
 * worker has lost its device and others are left, its item is for them, and nothing has failed. */
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
        if (state->has_item)
            bs_work_give_back(&c->work, state->item);
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
        st = run_items(&state);
    if (st != BS_OK)
        st = give_up(&state, st);
    state_close(&state);
    return st;
}
