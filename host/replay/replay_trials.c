/* Replays trials of several targets piece by piece, from one cut point to the next: see schedules.h. */
#include "base/buf.h"
#include "replay/trial_run.h"

#include <stdlib.h>
#include <string.h>

/* The lanes of a piece. */
typedef struct piece_lanes {
    int shared, n_shared; /* of trials without sites there */
    int dense;
    int *own; /* by target: the first */
} piece_lanes;

static bs_status list_lanes(bs_trial_run *run, int piece, const bs_segments *segments, piece_lanes *out)
{
    const bs_several *s = run->several;
    run->n_lanes = out->shared = out->n_shared = 0;
    if (piece > 0) {
        BS_TRY(bs_trial_run_add_lanes(run, &segments->segment[piece - 1].schedules, NULL, true));
        out->n_shared = run->n_lanes;
    }
    out->dense = run->n_lanes;
    if (s->piece[piece].dense)
        BS_TRY(bs_trial_run_add_lane(run, s->piece[piece].dense, s->piece[piece].numbers, run->here != NULL));
    for (int k = 0; k < s->n_targets; k++) {
        out->own[k] = run->n_lanes;
        if (s->hits[k * s->n_pieces + piece])
            BS_TRY(bs_trial_run_add_lanes(run, &s->own[k], &run->identity[k], false));
    }
    return BS_OK;
}

static bool is_parameter(const bs_trial_run *run, int target)
{
    const bs_graph *g = run->golden->graph;
    return g->tensors[g->targets[run->several->own[target].schedule[0]->target].tensor].constant;
}

/* Returns the lane of item i, -1 if it has nothing to compute in this piece. */
static int choose_lane(const bs_trial_run *run, int piece, const piece_lanes *lanes, int i)
{
    const bs_several *s = run->several;
    int hit = -1, n = 0;
    for (int k = 0; k < s->n_targets; k++) {
        const uint32_t *first = bs_trial_run_sites(run, run->id[i], k);
        if (first[1] > first[0] && s->hits[k * s->n_pieces + piece]) {
            hit = k;
            n++;
        }
    }
    bool changed = run->place[i] >= 0;
    if (n == 0)
        return changed ? bs_trial_run_choose(run, lanes->shared, lanes->n_shared, i) : -1;
    /* The filters of a parameter are computed by the dense schedule, too. */
    if (changed || n > 1 || is_parameter(run, hit))
        return lanes->dense;
    return bs_trial_run_choose(run, lanes->own[hit], s->own[hit].n, i);
}

/* Settles trials without sites. Sets run->n to the number of others. */
static void settle_golden(bs_trial_run *run, const bs_schedule *all)
{
    const bs_trial_batch *t = run->t;
    int n = 0;
    for (int i = 0; i < t->n; i++) {
        t->result[i].died_at = -1;
        if (bs_trial_run_sites(run, i, 0)[0] == bs_trial_run_sites(run, i, run->targets)[0])
            bs_replay_settle_golden(run->golden, all, t, i);
        else
            run->id[n++] = i;
    }
    run->n = n;
}

static bs_status run_piece(bs_trial_run *run, int piece, const bs_segments *segments, piece_lanes *lanes)
{
    int tensor = piece + 1 < run->several->n_pieces ? segments->segment[piece].tensor : -1;
    run->next_n = run->next_rows = 0;
    BS_TRY(list_lanes(run, piece, segments, lanes));
    if (lanes->n_shared > 1)
        BS_TRY(bs_trial_run_measure(run, segments->segment[piece - 1].tensor));
    for (int i = 0; i < run->n; i++) {
        run->choice[i] = choose_lane(run, piece, lanes, i);
        if (run->choice[i] < 0)
            bs_trial_run_go_on(run, run->id[i], -1);
    }
    BS_TRY(bs_trial_run_lanes(run, tensor, piece));
    bs_trial_run_turn(run);
    return BS_OK;
}

static bs_status run_pieces(bs_trial_run *run, const bs_schedules *schedules, char *const stash[2])
{
    piece_lanes lanes;
    bs_status st = BS_OK;
    run->several = schedules->several;
    BS_TRY(bs_calloc(&lanes.own, (size_t)run->targets, sizeof *lanes.own, "trials"));
    settle_golden(run, schedules->schedule[0]);
    for (int k = 0; k < run->several->n_pieces && run->n > 0 && st == BS_OK; k++) {
        run->there = stash[k % 2];
        st = run_piece(run, k, schedules->segments, &lanes);
    }
    free(lanes.own);
    return st;
}

/* Trials that are masked, and kept, take the schedule of all targets. */
static bool goes_by_pieces(const bs_schedules *schedules, const bs_trial_batch *t)
{
    return schedules->several && schedules->several->n_pieces > 0 && !t->keep_masked;
}

static bs_status replay_part(bs_replayer *p, const bs_schedules *schedules, const bs_trial_batch *t, int most)
{
    size_t bytes = (size_t)t->n * bs_segments_trial_bytes(schedules->segments) / 2;
    bs_trial_run run;
    bs_status st;
    BS_TRY_GOTO(bs_trial_run_open(&run, p, t, most), out);
    char *both = bs_replayer_reserve(p, 2 * bytes);
    if (!both) {
        st = bs_fail(BS_ERR, "%zu MiB for trials between segments do not fit into the memory allowed",
                     2 * bytes >> 20);
        bs_hint("use fewer --threads, or a machine (or cgroup) with more memory");
        goto out;
    }
    char *const stash[] = {both, both + bytes};
    st = run_pieces(&run, schedules, stash);
    bs_replayer_release(p, 2 * bytes);
out:
    bs_trial_run_close(&run);
    return st;
}

bs_status bs_replay_trials(bs_replayer *p, const bs_schedules *schedules, const bs_trial_batch *t, int most)
{
    int room = t->n;
    if (!goes_by_pieces(schedules, t)) {
        bs_schedules alone = *schedules;
        alone.segments = schedules->several ? NULL : schedules->segments;
        return bs_replay_groups(p, &(bs_trial_group){&alone, t->n}, 1, t, most);
    }
    BS_TRY(bs_schedules_batch(p, schedules, &room));
    for (int i = 0; i < t->n; i += room) {
        bs_trial_batch part = bs_trial_batch_part(p, t, i, t->n - i < room ? t->n - i : room);
        BS_TRY(replay_part(p, schedules, &part, most));
    }
    return BS_OK;
}
