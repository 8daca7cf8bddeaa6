#include "campaign/pilot.h"

#include "base/buf.h"
#include "base/resources.h"
#include "base/team.h"
#include "campaign/campaign_internal.h"
#include "replay/selftest.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

/* Trials of a stratum that run first: they make what later batches find, and show how large these may be. */
enum { FEW = 2 };
/* Parts of the time that the golden runs, and the trials of one stratum, may take. */
static const double golden_part = 0.2, stratum_part = 0.1;
/* A row through the writer, which shares the cores with the workers. Measured with SQLite 3.40. */
static const double row_seconds = 1.5e-6;

/* What a trial of a stratum takes. */
typedef struct trial_cost {
    double seconds, macs;
    bool taken, timed; /* a worker times it; it has */
} trial_cost;

typedef struct pilot {
    const bs_engine *e;
    const bs_input *input;
    double seconds, end; /* allowed; when they are over */
    trial_cost *cost;    /* by stratum */
    atomic_bool failed;
    pthread_mutex_t lock; /* of what follows, and cost[].taken */
    double *arithmetic;   /* by stratum: what its trials compute by the schedules, of a trial never 0 */
    double image, golden; /* seconds */
    int n_images, n_golden, n_timed;
    double first; /* seconds that things took longer when they ran for the first time */
} pilot;

/* A worker of the pilot run. */
typedef struct actor {
    pilot *r;
    bs_worker w;
    uint32_t *image, *to; /* of the tile, and its repetitions of a stratum */
    int n_images;
    /* The batch: */
    int n;
    int32_t *row;
    bs_sites sites;
    bs_result *result;
} actor;

static bs_status actor_open(actor *a, pilot *r, int worker)
{
    size_t n = (size_t)r->e->max_batch;
    a->r = r;
    BS_TRY(bs_calloc(&a->image, 2 * (size_t)r->e->tile, sizeof *a->image, "tile"));
    a->to = a->image + r->e->tile;
    BS_TRY(bs_calloc(&a->row, n, sizeof *a->row, "batch"));
    BS_TRY(bs_calloc(&a->result, n, sizeof *a->result, "batch"));
    BS_TRY(bs_grow(&a->sites.site, &a->sites.cap, 1, sizeof *a->sites.site, "sites"));
    return bs_worker_open(&a->w, r->e, worker);
}

static void actor_close(actor *a)
{
    free(a->image);
    free(a->row);
    free(a->result);
    bs_sites_clear(&a->sites);
    bs_worker_close(&a->w);
}

/* Loads the images of the worker's first tile. Leaves n_images at 0 if none can be read. */
static bs_status load_tile(actor *a, int worker)
{
    pilot *r = a->r;
    const bs_plan *plan = r->e->plan;
    uint32_t n = bs_plan_count_images(plan), tile = (uint32_t)r->e->tile;
    uint32_t from = n > tile ? (uint32_t)worker * tile % (n - tile + 1) : 0;
    double start = bs_resources_clock();
    for (uint32_t i = from; i < n && i < from + tile; i++) {
        bool broken;
        uint32_t image = bs_plan_image(plan, i);
        bs_status st = bs_input_load(&a->w, a->n_images, r->input, image, &broken);
        if (broken)
            continue;
        BS_TRY(st);
        a->image[a->n_images++] = image;
        if (bs_resources_clock() - start > golden_part * r->seconds && a->n_images >= BS_PROBE_IMAGES)
            break;
    }
    pthread_mutex_lock(&r->lock);
    r->image += bs_resources_clock() - start;
    r->n_images += a->n_images;
    pthread_mutex_unlock(&r->lock);
    return BS_OK;
}

static bs_status time_golden(actor *a, int n, double *seconds)
{
    double start = bs_resources_clock();
    bs_status st = bs_golden_run(a->w.golden, n);
    *seconds = bs_resources_clock() - start;
    return st;
}

/* Runs the tile, or as much of it as the time allows: those images are what the trials run on. */
static bs_status run_tile(actor *a, int worker)
{
    pilot *r = a->r;
    double one, first, second;
    uint64_t fingerprint;
    BS_TRY(load_tile(a, worker));
    if (a->n_images == 0) {
        BS_TRY(bs_selftest_probe(a->w.golden, &fingerprint));
        a->n_images = BS_PROBE_IMAGES;
        for (int i = 0; i < a->n_images; i++)
            a->image[i] = bs_plan_image(r->e->plan, (uint32_t)i % bs_plan_count_images(r->e->plan));
    }
    BS_TRY(time_golden(a, 1, &one));
    while (a->n_images > BS_PROBE_IMAGES && 2 * one * a->n_images > golden_part * r->seconds)
        a->n_images--;
    BS_TRY(time_golden(a, a->n_images, &first));
    BS_TRY(bs_team_barrier());
    BS_TRY(time_golden(a, a->n_images, &second));
    pthread_mutex_lock(&r->lock);
    r->golden += second;
    r->n_golden += a->n_images;
    r->first += first > second ? first - second : 0.0;
    pthread_mutex_unlock(&r->lock);
    return BS_OK;
}

/* --- Trials --- */

static bs_status add_trial(actor *a, const bs_stratum *s, int image, uint32_t repetition)
{
    const bs_plan *plan = a->r->e->plan;
    bs_trial_coords t = {.entry = (uint32_t)plan->job->entries[s->entry].id,
                         .target = (uint32_t)s->target,
                         .image = a->image[image],
                         .repetition = repetition};
    a->row[a->n] = image;
    a->n++;
    return bs_plan_sites(plan, s, t, &a->sites);
}

/* Fills the batch with trials skip .. skip + n - 1 of the tile, in the order of a campaign; fewer at the end.
 */
static bs_status fill(actor *a, const bs_stratum *s, uint32_t skip, int n)
{
    uint32_t most = 0, images = (uint32_t)a->n_images;
    a->n = 0;
    bs_sites_reset(&a->sites);
    for (uint32_t i = 0; i < images; i++) {
        a->to[i] = bs_plan_repetitions(a->r->e->plan, s, a->image[i]);
        most = a->to[i] > most ? a->to[i] : most;
    }
    for (uint64_t k = 0; k < (uint64_t)most * images && a->n < n; k++) {
        uint32_t image = (uint32_t)(s->is_parameter ? k % images : k / most);
        uint32_t repetition = (uint32_t)(s->is_parameter ? k / images : k % most);
        if (repetition >= a->to[image])
            continue;
        if (skip == 0)
            BS_TRY(add_trial(a, s, (int)image, repetition));
        skip -= skip > 0;
    }
    return BS_OK;
}

static bs_status time_batch(actor *a, int stratum, uint32_t skip, int n, trial_cost *out)
{
    const bs_engine *e = a->r->e;
    double start = bs_resources_clock(), macs = bs_replayer_macs(a->w.replayer);
    *out = (trial_cost){0};
    BS_TRY(fill(a, &e->plan->strata[stratum], skip, n));
    if (a->n == 0)
        return BS_OK;
    bs_trial_batch t = {.n = a->n,
                        .golden_row = a->row,
                        .targets = bs_stratum_targets(&e->plan->strata[stratum]),
                        .faults = {a->sites.site, a->sites.bound, NULL},
                        .keep_masked = e->schedules[stratum].schedule[0]->mode == BS_REPLAY_FULL,
                        .result = a->result};
    BS_TRY(bs_replay_trials(a->w.replayer, &e->schedules[stratum], &t, t.n));
    out->seconds = (bs_resources_clock() - start) / a->n;
    out->macs = (bs_replayer_macs(a->w.replayer) - macs) / a->n;
    return BS_OK;
}

/* Times a batch as large as in the campaign, if there is the time for it, and after one that warms up. */
static bs_status time_stratum(actor *a, int stratum)
{
    pilot *r = a->r;
    trial_cost first, second, cost;
    int room, n;
    BS_TRY(bs_schedules_batch(a->w.replayer, &r->e->schedules[stratum], &room));
    n = room < FEW ? room : FEW;
    BS_TRY(time_batch(a, stratum, 0, n, &first));
    n = a->n; /* those there are */
    cost = first;
    double allowed = stratum_part * r->seconds;
    if (n > 0 && first.seconds * n < allowed) {
        int most =
            first.seconds > 0 && allowed / first.seconds < room ? (int)(allowed / first.seconds) : room;
        BS_TRY(time_batch(a, stratum, (uint32_t)n, most, &second)); /* others than the first */
        if (a->n < n)
            BS_TRY(time_batch(a, stratum, 0, n, &second));
        cost = second;
    }
    cost.taken = cost.timed = true;
    pthread_mutex_lock(&r->lock);
    r->cost[stratum] = cost;
    r->first += first.seconds > cost.seconds ? (first.seconds - cost.seconds) * n : 0.0;
    r->n_timed++;
    pthread_mutex_unlock(&r->lock);
    return BS_OK;
}

/* Returns the multiply-accumulates of a stratum's trial by its schedules, never 0. */
static double weight(const pilot *r, int stratum)
{
    return (double)bs_schedules_macs(&r->e->schedules[stratum]) + 1000.0;
}

/* Looks at strata first .. end - 1, a gap between strata that were taken: sets *out to that which has half of
 * the gap's arithmetic before it, or to the first one of an entry, and returns that arithmetic. */
static double middle(const pilot *r, int first, int end, bool begins, int *out)
{
    double sum = 0, half = 0;
    for (int i = first; i < end; i++)
        sum += r->arithmetic[i];
    *out = first;
    for (int i = first; i < end && !begins && half <= sum / 2; i++) {
        half += r->arithmetic[i];
        *out = i;
    }
    return sum;
}

/* Takes the stratum that says most about those that nobody has timed: the middle of the gap that has most of
 * the arithmetic. Returns -1 if none is left, or if time is. */
static int take(pilot *r)
{
    const bs_plan *p = r->e->plan;
    double most = -1;
    int best = -1, at = -1;
    pthread_mutex_lock(&r->lock);
    for (int i = 0, end; i<p->n_strata; i = end> i ? end : i + 1) {
        for (end = i; end < p->n_strata && !r->cost[end].taken && p->strata[end].entry == p->strata[i].entry;)
            end++;
        bool begins = i == 0 || p->strata[i - 1].entry != p->strata[i].entry;
        double arithmetic = end > i ? middle(r, i, end, begins, &at) : -1.0;
        if (arithmetic > most) {
            most = arithmetic;
            best = at;
        }
    }
    if (r->n_timed > 0 && bs_resources_clock() >= r->end)
        best = -1;
    if (best >= 0)
        r->cost[best].taken = true;
    pthread_mutex_unlock(&r->lock);
    return best;
}

static bs_status act(void *shared, int worker)
{
    pilot *r = shared;
    actor a = {0};
    bs_status st;
    int stratum;
    BS_TRY_GOTO(actor_open(&a, r, worker), out);
    BS_TRY_GOTO(run_tile(&a, worker), out);
    while (!atomic_load(&r->failed) && (stratum = take(r)) >= 0)
        BS_TRY_GOTO(time_stratum(&a, stratum), out);
out:
    if (st != BS_OK)
        atomic_store(&r->failed, true);
    actor_close(&a);
    return st;
}

/* --- The estimate --- */

/* Finds the next timed stratum of the same entry in direction `step`, -1: none. */
static int neighbour(const pilot *r, int stratum, int step)
{
    const bs_plan *plan = r->e->plan;
    for (int i = stratum + step; i >= 0 && i < plan->n_strata; i += step)
        if (plan->strata[i].entry == plan->strata[stratum].entry && r->cost[i].timed)
            return i;
    return -1;
}

/* Costs of a stratum that was not timed: per multiply-accumulate, what lies between its neighbours' costs. */
static void interpolate(pilot *r, int i, const trial_cost *average)
{
    int low = neighbour(r, i, -1), high = neighbour(r, i, 1);
    trial_cost per = *average;
    if (low >= 0 || high >= 0) {
        int a = low >= 0 ? low : high, b = high >= 0 ? high : low;
        double at = a < b ? (double)(i - a) / (b - a) : 0.0;
        double wa = (1 - at) / weight(r, a), wb = at / weight(r, b);
        per.seconds = wa * r->cost[a].seconds + wb * r->cost[b].seconds;
        per.macs = wa * r->cost[a].macs + wb * r->cost[b].macs;
    }
    r->cost[i].seconds = per.seconds * weight(r, i);
    r->cost[i].macs = per.macs * weight(r, i);
}

static void complete_costs(pilot *r)
{
    trial_cost sum = {0};
    int n = r->e->plan->n_strata;
    for (int i = 0; i < n; i++)
        if (r->cost[i].timed) {
            sum.seconds += r->cost[i].seconds / weight(r, i) / r->n_timed;
            sum.macs += r->cost[i].macs / weight(r, i) / r->n_timed;
        }
    for (int i = 0; i < n; i++)
        if (!r->cost[i].timed)
            interpolate(r, i, &sum);
}

/* Returns the seconds of a part of a tile: its images, unless the worker has them, and its trials on them. */
static double part_seconds(const pilot *r, const bs_campaign *c, uint32_t tile, uint32_t part, bool has_tile,
                           bs_pilot *out)
{
    const bs_plan *plan = r->e->plan;
    uint32_t n = c->n_images, first = tile * c->tile;
    double seconds = 0;
    for (uint32_t i = first; i < n && i < first + c->tile; i++) {
        seconds += has_tile ? 0.0 : out->image_seconds + out->golden_seconds;
        for (int s = (int)part; s < plan->n_strata; s += (int)c->n_parts) {
            double trials = bs_plan_repetitions(plan, &plan->strata[s], bs_plan_image(plan, i));
            seconds += trials * (r->cost[s].seconds + r->e->audit * out->golden_seconds);
            out->macs += trials * r->cost[s].macs;
        }
    }
    return seconds;
}

/* Plays through which worker takes what. */
static bs_status add_up(const pilot *r, bs_pilot *out)
{
    bs_campaign c = {.engine = r->e, .n_images = bs_plan_count_images(r->e->plan)};
    int n = r->e->threads, idle = 0;
    double *busy, most = 0; /* seconds, by worker: infinite once it has found nothing to take */
    BS_TRY(bs_calloc(&busy, (size_t)n, sizeof *busy, "workers"));
    bs_campaign_divide(&c);
    bs_status st = bs_work_init(&c.work, c.n_tiles, c.n_parts, n);
    while (st == BS_OK && idle < n) {
        uint32_t tile, part;
        int k = 0;
        for (int i = 1; i < n; i++)
            k = busy[i] < busy[k] ? i : k;
        bs_work_place at = c.work.worker[k];
        bool found = bs_work_take(&c.work, k, &tile, &part);
        idle += !found;
        busy[k] += found ? part_seconds(r, &c, tile, part, at.has_tile && at.tile == tile, out) : INFINITY;
        if (found)
            bs_work_done(&c.work, k);
        most = found && busy[k] > most ? busy[k] : most;
    }
    bs_work_clear(&c.work);
    free(busy);
    out->work_seconds = most + ((double)r->e->plan->trials * row_seconds + r->first) / n;
    return st;
}

/* Sets the arithmetic of each stratum. */
static bs_status open_costs(pilot *r)
{
    const bs_plan *p = r->e->plan;
    BS_TRY(bs_calloc(&r->cost, (size_t)p->n_strata, sizeof *r->cost, "pilot run"));
    BS_TRY(bs_calloc(&r->arithmetic, (size_t)p->n_strata, sizeof *r->arithmetic, "pilot run"));
    for (int i = 0; i < p->n_strata; i++)
        r->arithmetic[i] = weight(r, i) * p->strata[i].repetitions;
    return BS_OK;
}

bs_status bs_pilot_run(bs_pilot *out, const bs_engine *e, const bs_input *input, double seconds)
{
    pilot r = {.e = e, .input = input, .seconds = seconds, .lock = PTHREAD_MUTEX_INITIALIZER};
    bs_status st;
    *out = (bs_pilot){0};
    r.end = bs_resources_clock() + seconds;
    BS_TRY_GOTO(open_costs(&r), out);
    BS_TRY_GOTO(bs_team_run(e->threads, act, &r), out);
    complete_costs(&r);
    out->n_timed = r.n_timed;
    out->image_seconds = r.n_images > 0 ? r.image / r.n_images : 0.0;
    out->golden_seconds = r.n_golden > 0 ? r.golden / r.n_golden : 0.0;
    st = add_up(&r, out);
out:
    free(r.cost);
    free(r.arithmetic);
    return st;
}
