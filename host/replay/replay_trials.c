/* Replays trials segment by segment: along a target's schedules to the next cut point, where the changes are
 * measured, and from there along the narrowest schedule that serves each trial. */
#include "base/buf.h"
#include "replay/schedules.h"

#include <stdlib.h>
#include <string.h>

typedef struct trial_run {
    bs_replayer *p;
    const bs_golden *golden;
    const bs_trial_batch *t;
    int most; /* largest batch */
    int *id;  /* by place: number of the trial; live trials have places 0 .. n - 1 */
    int n;
    int *next_id, next_n;
    char *here, *there; /* device: rows of the last and the next cut point, by place */
    int32_t (*bounds)[4];
    int *choice; /* by place: the schedule it takes */
    /* One batch: */
    int *place;
    int32_t *row, *at[2], *from;
    bs_site *site;
    uint32_t *first, *before;
    bs_result *result;
    float *output;
    int *survivor;
    size_t classes; /* floats of an output, 0: none requested */
} trial_run;

static bs_status run_open(trial_run *run, bs_replayer *p, const bs_trial_batch *t, int most)
{
    const char *what = "trials";
    size_t n = (size_t)t->n, sites = t->faults.first[t->n] - t->faults.first[0];
    *run = (trial_run){.p = p, .golden = bs_replayer_golden(p), .t = t, .most = most, .n = t->n};
    run->classes = t->output ? (size_t)bs_replayer_classes(p) : 0;
    BS_TRY(bs_calloc(&run->id, n, sizeof *run->id, what));
    BS_TRY(bs_calloc(&run->next_id, n, sizeof *run->next_id, what));
    BS_TRY(bs_calloc(&run->bounds, n, sizeof *run->bounds, what));
    BS_TRY(bs_calloc(&run->choice, n, sizeof *run->choice, what));
    BS_TRY(bs_calloc(&run->place, n, sizeof *run->place, what));
    BS_TRY(bs_calloc(&run->row, n, sizeof *run->row, what));
    for (int a = 0; a < 2; a++)
        BS_TRY(bs_calloc(&run->at[a], n, sizeof *run->at[a], what));
    BS_TRY(bs_calloc(&run->from, n, sizeof *run->from, what));
    BS_TRY(bs_calloc(&run->site, sites, sizeof *run->site, what));
    BS_TRY(bs_calloc(&run->before, sites, sizeof *run->before, what));
    BS_TRY(bs_calloc(&run->first, n + 1, sizeof *run->first, what));
    BS_TRY(bs_calloc(&run->result, n, sizeof *run->result, what));
    BS_TRY(bs_calloc(&run->output, n * run->classes, sizeof *run->output, what));
    BS_TRY(bs_calloc(&run->survivor, n, sizeof *run->survivor, what));
    for (int i = 0; i < t->n; i++)
        run->id[i] = i;
    return BS_OK;
}

static void run_close(trial_run *run)
{
    free(run->id);
    free(run->next_id);
    free(run->bounds);
    free(run->choice);
    free(run->place);
    free(run->row);
    free(run->at[0]);
    free(run->at[1]);
    free(run->from);
    free(run->site);
    free(run->before);
    free(run->first);
    free(run->result);
    free(run->output);
    free(run->survivor);
}

static bool serves(const trial_run *run, const bs_schedule *schedule, int place)
{
    const bs_faults *f = &run->t->faults;
    int id = run->id[place];
    int32_t at[2];
    if (run->here)
        return bs_schedule_holds(schedule, run->bounds[place] + 2);
    return bs_schedule_serves(schedule, f->sites + f->first[id], f->first[id + 1] - f->first[id], at);
}

/* Returns the narrowest of the schedules that serves the trial at this place and is allowed. Notes it where a
 * narrower one would be, if it were allowed. */
static int choose(const trial_run *run, const bs_schedules *schedules, int place)
{
    bool noted = false;
    for (int k = 0; k < schedules->n - 1; k++) {
        bs_schedule_use *use = schedules->schedule[k]->use;
        if (!serves(run, schedules->schedule[k], place))
            continue;
        if (!use || atomic_load(&use->allowed))
            return k;
        if (!noted)
            atomic_fetch_add_explicit(&use->wanted, 1, memory_order_relaxed);
        noted = true;
    }
    return schedules->n - 1;
}

/* Collects up to `room` trials of one schedule into a batch, from *place on. Returns how many. */
static int fill(trial_run *run, int schedule, int room, int *place)
{
    const bs_faults *f = &run->t->faults;
    int n = 0;
    run->first[0] = 0;
    for (; *place < run->n && n < room; ++*place) {
        if (run->choice[*place] != schedule)
            continue;
        int id = run->id[*place];
        uint32_t sites = f->first[id + 1] - f->first[id];
        run->place[n] = *place;
        run->from[n] = *place;
        run->row[n] = run->t->golden_row[id];
        run->result[n] = run->t->result[id];
        for (int a = 0; a < 2; a++)
            run->at[a][n] = run->bounds[*place][a];
        if (sites > 0) /* at an error rate, a whole batch may have no sites, which are NULL then */
            memcpy(run->site + run->first[n], f->sites + f->first[id], sites * sizeof *run->site);
        run->first[n + 1] = run->first[n] + sites;
        n++;
    }
    return n;
}

/* Copies the results of a batch to the caller's trials, and enters those that go on into next_id. */
static void hand_out(trial_run *run, const bs_segment_batch *segment)
{
    const bs_trial_batch *t = run->t;
    for (int k = 0; k < segment->trials->n; k++) {
        int id = run->id[run->place[k]];
        t->result[id] = run->result[k];
        if (t->faults.before && !run->here)
            memcpy(t->faults.before + t->faults.first[id], run->before + run->first[k],
                   (run->first[k + 1] - run->first[k]) * sizeof *run->before);
        if (t->output && (!segment->to || run->result[k].died_at >= 0))
            memcpy(t->output + (size_t)id * run->classes, run->output + (size_t)k * run->classes,
                   run->classes * sizeof *run->output);
    }
    for (int k = 0; k < segment->n_survivors; k++)
        run->next_id[run->next_n++] = run->id[run->place[run->survivor[k]]];
}

/* Runs all trials of one schedule to `tensor`, the next cut point; -1: to the output. */
static bs_status run_schedule(trial_run *run, const bs_schedules *schedules, int schedule, int tensor)
{
    int room, place = 0;
    BS_TRY(bs_replayer_batch(run->p, schedules->schedule[schedule], &room));
    room = room < run->most ? room : run->most;
    for (int n; (n = fill(run, schedule, room, &place)) > 0;) {
        bs_trial_batch part = *run->t;
        part.n = n;
        part.golden_row = run->row;
        part.faults = (bs_faults){run->site, run->first, run->before};
        part.output = run->t->output ? run->output : NULL;
        part.result = run->result;
        bs_segment_batch segment = {
            .schedule = schedules->schedule[schedule], .trials = &part, .at = {run->at[0], run->at[1]}};
        if (run->here)
            segment.from = (bs_view){run->here, run->from};
        if (tensor >= 0) {
            segment.survivor = run->survivor;
            segment.to = run->there +
                         (size_t)run->next_n * run->golden->backend->row_bytes(run->golden->network, tensor);
        }
        BS_TRY(bs_replay_segment(run->p, &segment));
        hand_out(run, &segment);
    }
    return BS_OK;
}

/* Finds where the trials at a cut point differ from golden. */
static bs_status measure(trial_run *run, int tensor)
{
    for (int i = 0; i < run->n; i++)
        run->row[i] = run->t->golden_row[run->id[i]];
    return run->golden->backend->bounds(run->golden->stream, tensor, run->n, (bs_view){run->here, NULL},
                                        (bs_view){run->golden->rows[tensor], run->row}, run->bounds);
}

static bs_status run_segments(trial_run *run, const bs_schedules *schedules, char *const stash[2])
{
    const bs_segments *segments = schedules->segments;
    for (int k = 0; run->n > 0; k++) {
        int tensor =
            segments && schedules->next < segments->n ? segments->segment[schedules->next].tensor : -1;
        run->there = stash[k % 2];
        run->next_n = 0;
        for (int i = 0; i < run->n; i++)
            run->choice[i] = choose(run, schedules, i);
        for (int i = 0; i < schedules->n; i++)
            BS_TRY(run_schedule(run, schedules, i, tensor));
        if (tensor < 0)
            break;
        int *swap = run->id;
        run->id = run->next_id;
        run->next_id = swap;
        run->n = run->next_n;
        run->here = run->there;
        schedules = &segments->segment[schedules->next].schedules;
        if (schedules->n > 1)
            BS_TRY(measure(run, tensor));
    }
    return BS_OK;
}

static bs_status replay_part(bs_replayer *p, const bs_schedules *schedules, const bs_trial_batch *t, int most)
{
    bool segmented = schedules->segments && schedules->next < schedules->segments->n;
    size_t bytes = segmented ? (size_t)t->n * bs_segments_trial_bytes(schedules->segments) / 2 : 0;
    trial_run run;
    bs_status st;
    BS_TRY_GOTO(run_open(&run, p, t, most), out);
    char *both = bs_replayer_reserve(p, 2 * bytes);
    if (!both) {
        st = bs_fail(BS_ERR, "%zu MiB for trials between segments do not fit into the memory allowed",
                     2 * bytes >> 20);
        bs_hint("use fewer --threads, or a machine (or cgroup) with more memory");
        goto out;
    }
    st = run_segments(&run, schedules, (char *[]){both, both + bytes});
    bs_replayer_release(p, 2 * bytes);
out:
    run_close(&run);
    return st;
}

bs_status bs_replay_trials(bs_replayer *p, const bs_schedules *schedules, const bs_trial_batch *t, int most)
{
    int room = t->n;
    if (schedules->segments)
        BS_TRY(bs_schedules_batch(p, schedules, &room));
    for (int i = 0; i < t->n; i += room) {
        bs_trial_batch part = bs_trial_batch_part(p, t, i, t->n - i < room ? t->n - i : room);
        BS_TRY(replay_part(p, schedules, &part, most));
    }
    return BS_OK;
}
