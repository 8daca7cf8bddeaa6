#include "replay/trial_run.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

bs_status bs_trial_run_open(bs_trial_run *run, bs_replayer *p, const bs_trial_batch *t, int most)
{
    const char *what = "trials";
    int targets = bs_trial_batch_targets(t);
    size_t n = (size_t)t->n, bounds = n * (size_t)targets,
           sites = t->faults.first[bounds] - t->faults.first[0];
    *run = (bs_trial_run){
        .p = p, .golden = bs_replayer_golden(p), .t = t, .targets = targets, .most = most, .n = t->n};
    run->classes = t->output ? (size_t)bs_replayer_classes(p) : 0;
    int **const numbers[] = {&run->id,         &run->place, &run->choice,  &run->next_id,
                             &run->next_place, &run->item,  &run->survivor};
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        BS_TRY(bs_calloc(numbers[k], n, sizeof **numbers[k], what));
    BS_TRY(bs_calloc(&run->survives, n, sizeof *run->survives, what));
    BS_TRY(bs_calloc(&run->identity, (size_t)targets, sizeof *run->identity, what));
    BS_TRY(bs_calloc(&run->bounds, n, sizeof *run->bounds, what));
    BS_TRY(bs_calloc(&run->row, n, sizeof *run->row, what));
    for (int a = 0; a < 2; a++)
        BS_TRY(bs_calloc(&run->at[a], n, sizeof *run->at[a], what));
    BS_TRY(bs_calloc(&run->from, n, sizeof *run->from, what));
    BS_TRY(bs_calloc(&run->site, sites, sizeof *run->site, what));
    BS_TRY(bs_calloc(&run->before, sites, sizeof *run->before, what));
    BS_TRY(bs_calloc(&run->origin, sites, sizeof *run->origin, what));
    BS_TRY(bs_calloc(&run->first, bounds + 1, sizeof *run->first, what));
    BS_TRY(bs_calloc(&run->result, n, sizeof *run->result, what));
    BS_TRY(bs_calloc(&run->output, n * run->classes, sizeof *run->output, what));
    for (int i = 0; i < t->n; i++) {
        run->id[i] = i;
        run->place[i] = -1;
    }
    for (int k = 0; k < targets; k++)
        run->identity[k] = k;
    return BS_OK;
}

void bs_trial_run_close(bs_trial_run *run)
{
    void *const all[] = {
        run->id,       run->place,    run->choice, run->next_id, run->next_place, run->item,   run->survivor,
        run->survives, run->identity, run->bounds, run->row,     run->at[0],      run->at[1],  run->from,
        run->site,     run->before,   run->origin, run->first,   run->result,     run->output, run->lane};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        free(all[k]);
}

/* --- Lanes --- */

bs_status bs_trial_run_add_lane(bs_trial_run *run, bs_schedule *schedule, const int *numbers, bool from_rows)
{
    BS_TRY(bs_grow(&run->lane, &run->lane_cap, (size_t)run->n_lanes + 1, sizeof *run->lane, "trials"));
    run->lane[run->n_lanes++] = (bs_lane){schedule, numbers, from_rows, 0};
    return BS_OK;
}

bs_status bs_trial_run_add_lanes(bs_trial_run *run, const bs_schedules *schedules, const int *numbers,
                                 bool from_rows)
{
    for (int k = 0; k < schedules->n; k++)
        BS_TRY(bs_trial_run_add_lane(run, schedules->schedule[k], numbers, from_rows));
    return BS_OK;
}

static bool serves(const bs_trial_run *run, const bs_lane *l, int i)
{
    int32_t at[2];
    if (l->schedule->joins)
        return true;
    if (l->from_rows)
        return bs_schedule_holds(l->schedule, run->bounds[i] + 2);
    const uint32_t *first = bs_trial_run_sites(run, run->id[i], l->numbers[0]);
    return bs_schedule_serves(l->schedule, run->t->faults.sites + first[0], first[1] - first[0], at);
}

int bs_trial_run_choose(const bs_trial_run *run, int first, int n, int i)
{
    bool noted = false;
    for (int k = first; k < first + n - 1; k++) {
        bs_schedule_use *use = run->lane[k].schedule->use;
        if (!serves(run, &run->lane[k], i))
            continue;
        if (!use || atomic_load(&use->allowed))
            return k;
        if (!noted)
            atomic_fetch_add_explicit(&use->wanted, 1, memory_order_relaxed);
        noted = true;
    }
    return first + n - 1;
}

/* --- One batch --- */

/* Copies a trial's sites in the lane's targets to the batch. */
static void copy_sites(bs_trial_run *run, const bs_lane *l, int id, int n)
{
    int targets = l->schedule->n_targets;
    uint32_t *first = run->first + (size_t)n * (size_t)targets;
    for (int k = 0; k < targets; k++) {
        const uint32_t *from = l->numbers ? bs_trial_run_sites(run, id, l->numbers[k]) : NULL;
        uint32_t sites = from ? from[1] - from[0] : 0;
        for (uint32_t j = 0; j < sites; j++) {
            run->site[first[k] + j] = run->t->faults.sites[from[0] + j];
            run->origin[first[k] + j] = from[0] + j;
        }
        first[k + 1] = first[k] + sites;
    }
}

/* Collects up to `room` trials of one lane into a batch, from item *next on. Returns how many. */
static int fill(bs_trial_run *run, int index, int room, int *next)
{
    const bs_lane *l = &run->lane[index];
    int n = 0;
    run->first[0] = 0;
    for (; *next < run->n && n < room; ++*next) {
        if (run->choice[*next] != index)
            continue;
        int id = run->id[*next];
        run->item[n] = *next;
        run->from[n] = run->place[*next];
        run->row[n] = run->t->golden_row[id];
        run->result[n] = run->t->result[id];
        for (int a = 0; a < 2; a++)
            run->at[a][n] = run->bounds[*next][a];
        copy_sites(run, l, id, n);
        n++;
    }
    return n;
}

void bs_trial_run_go_on(bs_trial_run *run, int id, int place)
{
    run->next_id[run->next_n] = id;
    run->next_place[run->next_n++] = place;
}

/* Returns whether sites of the trial are hit after this piece. */
static bool has_more(const bs_trial_run *run, int id, int piece)
{
    const bs_several *s = run->several;
    for (int k = 0; s && k < s->n_targets; k++) {
        const uint32_t *first = bs_trial_run_sites(run, id, k);
        for (int later = piece + 1; first[1] > first[0] && later < s->n_pieces; later++)
            if (s->hits[k * s->n_pieces + later])
                return true;
    }
    return false;
}

/* Copies the results of a batch to the caller's trials, and enters those that go on. A trial that became
 * golden goes on, too, if more sites are to come. */
static void hand_out(bs_trial_run *run, const bs_segment_batch *segment, int piece)
{
    const bs_trial_batch *t = run->t;
    int n = segment->trials->n, targets = segment->schedule->n_targets;
    memset(run->survives, segment->to ? false : true, (size_t)n * sizeof *run->survives);
    for (int k = 0; k < segment->n_survivors; k++)
        run->survives[segment->survivor[k]] = true;
    for (uint32_t j = 0; t->faults.before && j < run->first[n * targets]; j++)
        t->faults.before[run->origin[j]] = run->before[j];
    for (int k = 0; k < n; k++) {
        int id = run->id[run->item[k]];
        if (!run->survives[k] && has_more(run, id, piece)) {
            bs_trial_run_go_on(run, id, -1);
            continue;
        }
        t->result[id] = run->result[k];
        if (t->output && (!segment->to || !run->survives[k] || run->result[k].died_at >= 0))
            memcpy(t->output + (size_t)id * run->classes, run->output + (size_t)k * run->classes,
                   run->classes * sizeof *run->output);
    }
    for (int k = 0; k < segment->n_survivors; k++)
        bs_trial_run_go_on(run, run->id[run->item[segment->survivor[k]]], run->next_rows++);
}

/* Runs all trials of one lane to `tensor`, the next cut point; -1: to the output. */
static bs_status run_lane(bs_trial_run *run, int index, int tensor, int piece)
{
    const bs_lane *l = &run->lane[index];
    int room, next = 0;
    BS_TRY(bs_replayer_batch(run->p, l->schedule, &room));
    room = room < run->most ? room : run->most;
    for (int n; (n = fill(run, index, room, &next)) > 0;) {
        bs_trial_batch part = *run->t;
        part.n = n;
        part.golden_row = run->row;
        part.targets = l->schedule->n_targets;
        part.faults = (bs_faults){run->site, run->first, run->before};
        part.output = run->t->output ? run->output : NULL;
        part.result = run->result;
        bs_segment_batch segment = {.schedule = l->schedule, .trials = &part, .at = {run->at[0], run->at[1]}};
        if (l->from_rows)
            segment.from = (bs_view){run->here, run->from};
        if (tensor >= 0) {
            segment.survivor = run->survivor;
            segment.to = run->there + (size_t)run->next_rows *
                                          run->golden->backend->row_bytes(run->golden->network, tensor);
        }
        BS_TRY(bs_replay_segment(run->p, &segment));
        hand_out(run, &segment, piece);
    }
    return BS_OK;
}

bs_status bs_trial_run_lanes(bs_trial_run *run, int tensor, int piece)
{
    for (int i = 0; i < run->n; i++)
        if (run->choice[i] >= 0)
            run->lane[run->choice[i]].n++;
    for (int k = 0; k < run->n_lanes; k++)
        if (run->lane[k].n > 0)
            BS_TRY(run_lane(run, k, tensor, piece));
    return BS_OK;
}

bs_status bs_trial_run_measure(bs_trial_run *run, int tensor)
{
    int32_t(*bounds)[4];
    int n = 0;
    for (int i = 0; i < run->n; i++)
        if (run->place[i] >= 0) {
            run->from[n] = run->place[i];
            run->row[n++] = run->t->golden_row[run->id[i]];
        }
    BS_TRY(bs_calloc(&bounds, (size_t)n, sizeof *bounds, "trials"));
    bs_status st =
        n > 0 ? run->golden->backend->bounds(run->golden->stream, tensor, n, (bs_view){run->here, run->from},
                                             (bs_view){run->golden->rows[tensor], run->row}, bounds)
              : BS_OK;
    for (int i = 0, k = 0; st == BS_OK && i < run->n; i++)
        if (run->place[i] >= 0)
            memcpy(run->bounds[i], bounds[k++], sizeof *bounds);
    free(bounds);
    return st;
}

void bs_trial_run_turn(bs_trial_run *run)
{
    int *id = run->id, *place = run->place;
    run->id = run->next_id;
    run->place = run->next_place;
    run->n = run->next_n;
    run->next_id = id;
    run->next_place = place;
    run->here = run->there;
}
