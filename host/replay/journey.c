/* Trials on their way: along a target's routes to the next stage, there measured and sorted, and so on. */
#include "base/buf.h"
#include "replay/routes.h"

#include <stdlib.h>
#include <string.h>

typedef struct journey {
    bs_replayer *p;
    const bs_golden *golden;
    const bs_trials *t;
    int most; /* trials of a batch */
    int *id;  /* by place: number of the trial; the ones that are alive stand at places 0 .. n - 1 */
    int n;
    int *next_id, next_n;
    char *here, *there; /* device: rows of the last and of the next stage, by place */
    int32_t (*bounds)[4];
    /* One batch: */
    int *place;
    int32_t *row, *at[2], *from;
    bs_site *site;
    uint32_t *first, *before;
    bs_result *result;
    float *output;
    int *survivor;
    size_t classes; /* floats of an output, 0: not asked for */
} journey;

static bs_status journey_open(journey *j, bs_replayer *p, const bs_trials *t, int most)
{
    const char *what = "trials";
    size_t n = (size_t)t->n, sites = t->faults.first[t->n] - t->faults.first[0];
    *j = (journey){.p = p, .golden = bs_replayer_golden(p), .t = t, .most = most, .n = t->n};
    j->classes = t->output ? (size_t)bs_replayer_classes(p) : 0;
    BS_TRY(bs_calloc(&j->id, n, sizeof *j->id, what));
    BS_TRY(bs_calloc(&j->next_id, n, sizeof *j->next_id, what));
    BS_TRY(bs_calloc(&j->bounds, n, sizeof *j->bounds, what));
    BS_TRY(bs_calloc(&j->place, n, sizeof *j->place, what));
    BS_TRY(bs_calloc(&j->row, n, sizeof *j->row, what));
    for (int a = 0; a < 2; a++)
        BS_TRY(bs_calloc(&j->at[a], n, sizeof *j->at[a], what));
    BS_TRY(bs_calloc(&j->from, n, sizeof *j->from, what));
    BS_TRY(bs_calloc(&j->site, sites, sizeof *j->site, what));
    BS_TRY(bs_calloc(&j->before, sites, sizeof *j->before, what));
    BS_TRY(bs_calloc(&j->first, n + 1, sizeof *j->first, what));
    BS_TRY(bs_calloc(&j->result, n, sizeof *j->result, what));
    BS_TRY(bs_calloc(&j->output, n * j->classes, sizeof *j->output, what));
    BS_TRY(bs_calloc(&j->survivor, n, sizeof *j->survivor, what));
    for (int i = 0; i < t->n; i++)
        j->id[i] = i;
    return BS_OK;
}

static void journey_close(journey *j)
{
    free(j->id);
    free(j->next_id);
    free(j->bounds);
    free(j->place);
    free(j->row);
    free(j->at[0]);
    free(j->at[1]);
    free(j->from);
    free(j->site);
    free(j->before);
    free(j->first);
    free(j->result);
    free(j->output);
    free(j->survivor);
}

/* The narrowest of the routes that serves the trial at this place. */
static int choose(const journey *j, const bs_routes *r, int place)
{
    const bs_faults *f = &j->t->faults;
    int k = 0, id = j->id[place];
    int32_t at[2];
    for (; k < r->n - 1; k++) {
        if (j->here
                ? bs_route_holds(r->route[k], j->bounds[place] + 2)
                : bs_route_serves(r->route[k], f->sites + f->first[id], f->first[id + 1] - f->first[id], at))
            break;
    }
    return k;
}

/* Up to `room` trials of one route, from `*place` on. */
static int fill(journey *j, const bs_routes *r, int route, int room, int *place)
{
    const bs_faults *f = &j->t->faults;
    int n = 0;
    j->first[0] = 0;
    for (; *place < j->n && n < room; ++*place) {
        if (choose(j, r, *place) != route)
            continue;
        int id = j->id[*place];
        uint32_t sites = f->first[id + 1] - f->first[id];
        j->place[n] = *place;
        j->from[n] = *place;
        j->row[n] = j->t->golden_row[id];
        j->result[n] = j->t->result[id];
        for (int a = 0; a < 2; a++)
            j->at[a][n] = j->bounds[*place][a];
        if (sites > 0) /* with an error rate, a whole batch may be without, and sites NULL */
            memcpy(j->site + j->first[n], f->sites + f->first[id], sites * sizeof *j->site);
        j->first[n + 1] = j->first[n] + sites;
        n++;
    }
    return n;
}

static void hand_out(journey *j, const bs_leg *leg)
{
    const bs_trials *t = j->t;
    for (int k = 0; k < leg->trials->n; k++) {
        int id = j->id[j->place[k]];
        t->result[id] = j->result[k];
        if (t->faults.before && !j->here)
            memcpy(t->faults.before + t->faults.first[id], j->before + j->first[k],
                   (j->first[k + 1] - j->first[k]) * sizeof *j->before);
        if (t->output && (!leg->to || j->result[k].died_at >= 0))
            memcpy(t->output + (size_t)id * j->classes, j->output + (size_t)k * j->classes,
                   j->classes * sizeof *j->output);
    }
    for (int k = 0; k < leg->n_survivors; k++)
        j->next_id[j->next_n++] = j->id[j->place[j->survivor[k]]];
}

/* All trials of one route; tensor: the one that it leads to, -1: the output. */
static bs_status run_route(journey *j, const bs_routes *r, int route, int tensor)
{
    int room, place = 0;
    BS_TRY(bs_replayer_batch(j->p, r->route[route], &room));
    room = room < j->most ? room : j->most;
    for (int n; (n = fill(j, r, route, room, &place)) > 0;) {
        bs_trials part = *j->t;
        part.n = n;
        part.golden_row = j->row;
        part.faults = (bs_faults){j->site, j->first, j->before};
        part.output = j->t->output ? j->output : NULL;
        part.result = j->result;
        bs_leg leg = {.route = r->route[route], .trials = &part, .at = {j->at[0], j->at[1]}};
        if (j->here)
            leg.from = (bs_view){j->here, j->from};
        if (tensor >= 0) {
            leg.survivor = j->survivor;
            leg.to = j->there + (size_t)j->next_n * j->golden->backend->row_bytes(j->golden->network, tensor);
        }
        BS_TRY(bs_replay_leg(j->p, &leg));
        hand_out(j, &leg);
    }
    return BS_OK;
}

/* Where the trials at a stage differ from golden. */
static bs_status measure(journey *j, int tensor)
{
    for (int i = 0; i < j->n; i++)
        j->row[i] = j->t->golden_row[j->id[i]];
    return j->golden->backend->bounds(j->golden->lane, tensor, j->n, (bs_view){j->here, NULL},
                                      (bs_view){j->golden->rows[tensor], j->row}, j->bounds);
}

static bs_status travel(journey *j, const bs_routes *r, char *const stash[2])
{
    const bs_relay *relay = r->relay;
    for (int leg = 0; j->n > 0; leg++) {
        int tensor = relay && r->next < relay->n ? relay->stages[r->next].tensor : -1;
        j->there = stash[leg % 2];
        j->next_n = 0;
        for (int k = 0; k < r->n; k++)
            BS_TRY(run_route(j, r, k, tensor));
        if (tensor < 0)
            break;
        int *swap = j->id;
        j->id = j->next_id;
        j->next_id = swap;
        j->n = j->next_n;
        j->here = j->there;
        r = &relay->stages[r->next].routes;
        if (r->n > 1)
            BS_TRY(measure(j, tensor));
    }
    return BS_OK;
}

static bs_status replay_window(bs_replayer *p, const bs_routes *r, const bs_trials *t, int most)
{
    bool relayed = r->relay && r->next < r->relay->n;
    size_t bytes = relayed ? (size_t)t->n * bs_relay_trial_bytes(r->relay) / 2 : 0;
    journey j;
    bs_status st;
    BS_TRY_GOTO(journey_open(&j, p, t, most), out);
    char *both = bs_replayer_reserve(p, 2 * bytes);
    if (!both) {
        st = bs_fail(BS_ERR, "%zu MiB for trials between stages do not fit into the memory allowed",
                     2 * bytes >> 20);
        bs_hint("use fewer --threads, or a machine (or cgroup) with more memory");
        goto out;
    }
    st = travel(&j, r, (char *[]){both, both + bytes});
    bs_replayer_release(p, 2 * bytes);
out:
    journey_close(&j);
    return st;
}

bs_status bs_replay_routes(bs_replayer *p, const bs_routes *r, const bs_trials *t, int most)
{
    int room = t->n;
    if (r->relay)
        BS_TRY(bs_routes_batch(p, r, &room));
    for (int i = 0; i < t->n; i += room) {
        bs_trials part = bs_trials_part(p, t, i, t->n - i < room ? t->n - i : room);
        BS_TRY(replay_window(p, r, &part, most));
    }
    return BS_OK;
}
