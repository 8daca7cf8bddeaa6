/* Replays trials of several groups: each group along its own schedules to the next cut point, where its
 * trials wait for those of others. From there on all share the segment's batches: few trials of each target
 * make one large batch, and the weights of the layers are read once for it. */
#include "base/buf.h"
#include "replay/trial_run.h"

#include <stdlib.h>
#include <string.h>

/* The trials that wait at a cut point. */
typedef struct waiting_room {
    int *id;    /* numbers of the trials */
    int n;      /* of them */
    char *rows; /* device: theirs, side by side */
} waiting_room;

typedef struct flow {
    bs_trial_run *run;
    const bs_segments *segments; /* NULL: all schedules lead to the output */
    waiting_room *at;            /* by cut point */
    int room;                    /* of each */
    size_t bytes;                /* of the arena for all rows */
} flow;

static size_t cut_point_bytes(const flow *f, int k)
{
    const bs_golden *golden = f->run->golden;
    return golden->backend->row_bytes(golden->network, f->segments->segment[k].tensor);
}

/* Returns the bytes of the widest trial, of these groups or after a cut point. */
static size_t widest(const flow *f, const bs_trial_group *groups, int n_groups, int first)
{
    size_t bytes = 0;
    for (int i = 0; i < n_groups + f->segments->n - first; i++) {
        size_t row = bs_schedules_row_bytes(
            i < n_groups ? groups[i].schedules : &f->segments->segment[first + i - n_groups].schedules);
        bytes = row > bytes ? row : bytes;
    }
    return bytes;
}

/* Gives trials that wait a third of the arena, but leaves room for one that is computed. */
static bs_status make_room(flow *f, bs_replayer *p, size_t computed, int first, int n)
{
    int most;
    size_t arena = bs_replayer_room(p, &most), each = 0;
    for (int k = first; k < f->segments->n; k++)
        each += bs_cut_point_aligned(cut_point_bytes(f, k));
    if (each == 0)
        return BS_OK;
    size_t left = arena > computed ? arena - computed : 0,
           room = (left < arena / 3 ? left : arena / 3) / each;
    f->room = room < 1 ? 1 : room < (size_t)n ? (int)room : n;
    f->bytes = each * (size_t)f->room;
    char *rows = bs_replayer_reserve(p, f->bytes);
    if (!rows) {
        bs_fail(BS_ERR, "%zu MiB for trials at cut points do not fit into the memory allowed",
                f->bytes >> 20);
        f->bytes = 0;
        return bs_hint("use fewer --threads, or a machine (or cgroup) with more memory");
    }
    for (int k = first; k < f->segments->n; k++) {
        BS_TRY(bs_calloc(&f->at[k].id, (size_t)f->room, sizeof *f->at[k].id, "trials"));
        f->at[k].rows = rows;
        rows += bs_cut_point_aligned(cut_point_bytes(f, k)) * (size_t)f->room;
    }
    return BS_OK;
}

/* Runs trials to the cut point that the schedules lead to, where they wait, or to the output. from: the room
 * that they have waited in; NULL: they begin. */
static bs_status send(flow *f, const bs_schedules *schedules, const waiting_room *from, int first, int n)
{
    bs_trial_run *run = f->run;
    bool waits = f->segments && schedules->next < f->segments->n;
    waiting_room *to = waits ? &f->at[schedules->next] : NULL;
    int tensor = waits ? f->segments->segment[schedules->next].tensor : -1;
    run->n = n;
    for (int i = 0; i < n; i++) {
        run->id[i] = from ? from->id[i] : first + i;
        run->place[i] = from ? i : -1;
    }
    run->here = from ? from->rows : NULL;
    run->there = to ? to->rows + (size_t)to->n * cut_point_bytes(f, schedules->next) : NULL;
    run->next_n = run->next_rows = run->n_lanes = 0;
    if (from && schedules->n > 1)
        BS_TRY(bs_trial_run_measure(run, f->segments->segment[schedules->next - 1].tensor));
    BS_TRY(bs_trial_run_add_lanes(run, schedules, from ? NULL : run->identity, from != NULL));
    for (int i = 0; i < n; i++)
        run->choice[i] = bs_trial_run_choose(run, 0, run->n_lanes, i);
    BS_TRY(bs_trial_run_lanes(run, tensor, 0));
    for (int i = 0; to && i < run->next_n; i++)
        to->id[to->n++] = run->next_id[i];
    return BS_OK;
}

/* Has the trials at cut point k go on, and first those at the next one if there is no room. */
static bs_status leave(flow *f, int k)
{
    waiting_room *w = &f->at[k];
    if (w->n == 0)
        return BS_OK;
    if (k + 1 < f->segments->n && f->room - f->at[k + 1].n < w->n)
        BS_TRY(leave(f, k + 1));
    bs_status st = send(f, &f->segments->segment[k].schedules, w, 0, w->n);
    w->n = 0;
    return st;
}

/* Runs a group to its first cut point. */
static bs_status enter(flow *f, const bs_trial_group *g, int first)
{
    int k = g->schedules->next;
    if (!f->segments || k >= f->segments->n)
        return send(f, g->schedules, NULL, first, g->n);
    for (int done = 0, n; done < g->n; done += n) {
        int left = g->n - done;
        n = left < f->room ? left : f->room;
        if (f->room - f->at[k].n < n)
            BS_TRY(leave(f, k));
        BS_TRY(send(f, g->schedules, NULL, first + done, n));
    }
    return BS_OK;
}

static bs_status run_all(flow *f, bs_replayer *p, const bs_trial_group *groups, int n_groups, int n)
{
    int next = INT32_MAX, first = 0;
    for (int i = 0; i < n_groups; i++)
        next = groups[i].schedules->next < next ? groups[i].schedules->next : next;
    if (f->segments) {
        BS_TRY(bs_calloc(&f->at, (size_t)f->segments->n, sizeof *f->at, "trials"));
        BS_TRY(make_room(f, p, widest(f, groups, n_groups, next), next, n));
    }
    for (int i = 0; i < n_groups; first += groups[i++].n)
        BS_TRY(enter(f, &groups[i], first));
    for (int k = next; f->segments && k < f->segments->n; k++)
        BS_TRY(leave(f, k));
    return BS_OK;
}

bs_status bs_replay_groups(bs_replayer *p, const bs_trial_group *groups, int n_groups,
                           const bs_trial_batch *t, int most)
{
    bs_trial_run run;
    flow f = {.run = &run, .segments = groups[0].schedules->segments};
    bs_status st = bs_trial_run_open(&run, p, t, most);
    if (st == BS_OK)
        st = run_all(&f, p, groups, n_groups, t->n);
    bs_replayer_release(p, f.bytes);
    for (int k = 0; f.at && k < f.segments->n; k++)
        free(f.at[k].id);
    free(f.at);
    bs_trial_run_close(&run);
    return st;
}
