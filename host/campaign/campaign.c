#include "campaign/campaign.h"

#include "base/buf.h"
#include "base/team.h"
#include "base/log.h"
#include "base/resources.h"
#include "campaign/campaign_internal.h"

#include <stdlib.h>
#include <string.h>

/* Enough to bridge a transaction of the writer. */
enum { QUEUE_BATCHES = 16 };

static void show_progress(const bs_campaign *c, double since, double *shown)
{
    double now = bs_resources_clock();
    if (now - *shown < 0.25)
        return;
    *shown = now;
    double done = (double)atomic_load(&c->done), rate = done / (now - since);
    double left = (double)(c->planned - c->found) - done;
    bs_progress("%5.1f %%  %.0f of %llu trials  %.0f trials/s  %.0f s left",
                100.0 * (1.0 - left / (double)(c->planned ? c->planned : 1)), done + (double)c->found,
                (unsigned long long)c->planned, rate, rate > 0 ? left / rate : 0.0);
}

/* Returns the accuracy of the golden runs in the file; none where answers are made up. */
static bs_golden_accuracy golden_accuracy(const bs_campaign *c)
{
    bs_golden_accuracy a = {0};
    if (c->engine->backend->needs_pixels)
        bs_store_golden_accuracy(c->store, &a.labelled, &a.correct);
    return a;
}

static void look_at_goldens(bs_campaign *c)
{
    bs_golden_accuracy a = golden_accuracy(c);
    c->warned = c->warned || bs_golden_accuracy_warn(&a, c->engine->graph->classes);
}

/* Looks at 16 golden runs, 32, 64, ...: whoever made a mistake in the job should hear of it early. */
static void note_goldens(bs_campaign *c, size_t added)
{
    enum { FIRST_LOOK = 16 };
    c->goldens += added;
    if (c->goldens < (c->next_look ? c->next_look : FIRST_LOOK))
        return;
    c->next_look = 2 * c->goldens;
    look_at_goldens(c);
}

/* Writes batches until the queue is closed. This is the only thread that uses the store's connection while
 * the campaign runs. */
static bs_status write_rows(bs_campaign *c)
{
    if (bs_campaign_lacks_trials(c))
        bs_proofs_wait(c->proofs);
    c->since = bs_resources_clock();
    double shown = c->since;
    bs_result_batch *b;
    bs_status st = BS_OK;
    while (st == BS_OK && (b = bs_queue_pop(c->queue))) {
        st = bs_store_add(c->store, b);
        if (st == BS_OK)
            atomic_fetch_add(&c->done, b->n_rows);
        if (st == BS_OK)
            note_goldens(c, b->n_golden);
        bs_result_batch_free(b);
        show_progress(c, c->since, &shown);
    }
    bs_progress_end();
    if (st != BS_OK) {
        bs_campaign_fail(c);
        bs_queue_close(c->queue);
    }
    return st;
}

/* Worker 0 writes, so that it is there if any is; the others compute. The last of these to finish closes the
 * queue, which ends the writer. */
typedef struct team_share {
    bs_campaign *c;
    atomic_int finished;
} team_share;

static bs_status team_member(void *shared, int worker)
{
    team_share *s = shared;
    int computing = bs_team_size() - 1;
    if (worker == 0 && computing == 0) {
        bs_fail(BS_NO_MEMORY, "cannot start a thread for a worker");
        return bs_hint_memory();
    }
    if (worker == 0)
        return write_rows(s->c);
    bs_status st = bs_campaign_work(s->c, worker - 1);
    bs_error error;
    bs_error_save(&error);
    if (atomic_fetch_add(&s->finished, 1) == computing - 1)
        bs_queue_close(s->c->queue);
    return st == BS_OK ? st : bs_error_restore(&error);
}

void bs_campaign_divide(bs_campaign *c)
{
    enum { ROUNDS = 4 }; /* with fewer tiles for each worker, some would end long before others */
    const bs_engine *e = c->engine;
    uint32_t n = c->n_images, workers = (uint32_t)e->threads, most = workers * (uint32_t)e->tile;
    uint32_t rounds = (n + most - 1) / most, strata = (uint32_t)e->plan->n_strata;
    c->tile = rounds > 0 ? (n + rounds * workers - 1) / (rounds * workers) : 1;
    c->n_tiles = (n + c->tile - 1) / c->tile;
    c->n_parts = 1;
    if (workers > 1 && rounds > 0 && rounds < ROUNDS)
        c->n_parts = c->n_tiles < workers ? (ROUNDS * workers + c->n_tiles - 1) / c->n_tiles : ROUNDS;
    if (c->n_parts > strata)
        c->n_parts = strata;
}

static bool lacks_trials(const bs_campaign *c, uint32_t image)
{
    const bs_plan *plan = c->engine->plan;
    for (int s = 0; s < plan->n_strata; s++)
        if (bs_store_done(c->store, s, image) < bs_plan_repetitions(plan, &plan->strata[s], image))
            return true;
    return false;
}

static bs_status list_images(bs_campaign *c)
{
    const bs_plan *plan = c->engine->plan;
    uint32_t n = bs_plan_count_images(plan);
    BS_TRY(bs_calloc(&c->image, n, sizeof *c->image, "images"));
    for (uint32_t i = 0; i < n; i++)
        if (lacks_trials(c, bs_plan_image(plan, i)))
            c->image[c->n_images++] = bs_plan_image(plan, i);
    return BS_OK;
}

/* Lists what is to be done, and begins to load the images for it. */
static bs_status prepare(bs_campaign *c)
{
    const bs_engine *e = c->engine;
    BS_TRY(list_images(c));
    bs_campaign_divide(c);
    BS_TRY(bs_work_init(&c->work, c->n_tiles, c->n_parts, e->threads));
    BS_TRY(bs_campaign_copy_ledger(c));
    BS_TRY(bs_calloc(&c->broken, e->plan->n_images, sizeof *c->broken, "images"));
    BS_TRY(bs_queue_create(&c->queue, QUEUE_BATCHES));
    return bs_loader_open(&c->loader, c->input, e, c->image, c->n_images, c->tile);
}

static void clear(bs_campaign *c)
{
    bs_loader_close(c->loader);
    bs_queue_free(c->queue);
    bs_work_clear(&c->work);
    free(c->handed);
    free(c->broken);
    free(c->image);
}

bs_status bs_campaign_run(bs_proofs *proofs, const bs_input *input, bs_store *store,
                          volatile sig_atomic_t *stop, bs_campaign_summary *out)
{
    *out = (bs_campaign_summary){0};
    const bs_engine *e = bs_proofs_engine(proofs);
    bs_campaign c = {.engine = e, .proofs = proofs, .input = input, .store = store, .stop = stop};
    team_share share = {.c = &c};
    c.since = bs_resources_clock();
    c.planned = e->plan->trials;
    c.found = bs_store_trials(store);
    c.max_broken = bs_input_most_broken(e->plan);
    bs_status st = prepare(&c);
    if (st == BS_OK)
        st = bs_team_run(e->threads + 1, team_member, &share);
    if (st == BS_OK || st == BS_STOPPED) {
        bs_status counted = bs_store_left_out(store, &out->broken, &out->left_out);
        st = counted == BS_OK ? st : counted;
        look_at_goldens(&c);
        out->golden = golden_accuracy(&c);
    }
    out->planned = c.planned;
    out->found = c.found;
    out->done = atomic_load(&c.done);
    out->decoded = c.loader ? bs_loader_decoded(c.loader) : 0;
    out->golden_runs = atomic_load(&c.golden_runs);
    out->seconds = bs_resources_clock() - c.since;
    clear(&c);
    return st;
}
