/* The benchmark's time: what there is time for. */
#include "base/resources.h"
#include "base/team.h"
#include "campaign/bench_internal.h"

#include <math.h>
#include <stdbool.h>

/* More full re-runs of a target tell nothing. */
enum { MOST_RERUNS = 32 };
/* Fewer of one are run only where there is no time for so many of the next. */
enum { FEW_RERUNS = 4, FEW_TRIALS = 8, FEW_TARGETS = 8 };
/* Of the pilot. */
enum { PILOT_TRIALS = 2, PILOT_TARGETS = 4 };
/* A part that does not matter. */
static const double little = 0.05;

double bs_bench_left(const bs_bench_share *s, double part)
{
    return s->start + part * s->seconds - bs_resources_clock();
}

/* Steps of the golden ratio modulo 1: of all sequences the one whose first members always lie evenly. Each
 * n-th of the circle gives an index when it is first hit. */
void bs_bench_order(int *order, int n)
{
    const double golden_ratio = 0.6180339887498949;
    for (int i = 0; i < n; i++)
        order[i] = -1;
    for (int found = 0, step = 0; found < n; step++) {
        int at = (int)(fmod(0.5 + step * golden_ratio, 1) * n), known = 0;
        while (known < found && order[known] != at)
            known++;
        if (known == found)
            order[found++] = at;
    }
}

static bs_status time_trials(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int index, double *seconds)
{
    double start = bs_resources_clock();
    BS_TRY(bs_bench_trials(w->replayer, s, b, index, BS_BENCH_SUFFIX));
    BS_TRY(bs_bench_trials(w->replayer, s, b, index, BS_BENCH_DELTA));
    *seconds += bs_resources_clock() - start;
    return BS_OK;
}

static bs_status run_pilot(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int worker)
{
    bs_bench_pilot p = {0};
    double end = bs_resources_clock() + BS_BENCH_PILOT_PART * s->seconds;
    for (; p.targets < PILOT_TARGETS && p.targets < s->n_made; p.targets++) {
        if (p.targets > 0 && bs_resources_clock() > end)
            break;
        int index = s->order[p.targets];
        bs_bench_draw(s, b, s->out->targets[index], worker);
        BS_TRY(time_trials(s, w, b, index, &p.first));
        BS_TRY(time_trials(s, w, b, index, &p.again));
        p.trials += s->trials;
    }
    pthread_mutex_lock(&s->lock);
    s->pilot.first += p.first;
    s->pilot.again += p.again;
    s->pilot.targets += p.targets;
    s->pilot.trials += p.trials;
    pthread_mutex_unlock(&s->lock);
    return bs_team_barrier();
}

static int clamp(double x, int low, int high)
{
    return x >= high ? high : x > low ? (int)x : low;
}

/* Returns the seconds that a full and a dense re-run take together. Both compute whole tensors, as golden
 * runs do. */
static double rerun_seconds(const bs_bench_share *s)
{
    double dense = 0;
    for (int k = 0; k < s->n_made; k++)
        dense += (double)bs_schedules_macs(&s->schedules[s->order[k]][BS_BENCH_DENSE_SUFFIX]);
    return s->out->golden_seconds / (double)s->out->goldens *
           (1 + dense / s->n_made / (double)s->e->graph->macs);
}

/* Returns the seconds that a target takes longer than its trials, because they run for the first time. */
static double first_seconds(const bs_bench_pilot *p)
{
    return p->first > p->again ? (p->first - p->again) / p->targets : 0;
}

/* Sets the numbers of re-runs and trials from the time that they take, all on one worker. */
static void choose(bs_bench_share *s)
{
    int trials = s->most, most = trials < MOST_RERUNS ? trials : MOST_RERUNS;
    double left = bs_bench_left(s, BS_BENCH_TRIALS_END), each = left / s->n_made, rerun = rerun_seconds(s);
    double trial = (s->warm ? 2 : 1) * s->pilot.again / s->pilot.trials, first = first_seconds(&s->pilot);
    s->reruns = clamp((each - first - trials * trial) / rerun, most < FEW_RERUNS ? most : FEW_RERUNS, most);
    s->trials =
        clamp((each - first - s->reruns * rerun) / trial, trials < FEW_TRIALS ? trials : FEW_TRIALS, trials);
    if (s->n_made > FEW_TARGETS)
        each = left / FEW_TARGETS;
    double part = (each - first) / (s->reruns * rerun + s->trials * trial);
    if (part < 1) {
        s->reruns = clamp(part * s->reruns, 1, s->reruns);
        s->trials = clamp(part * s->trials, s->reruns, s->trials);
    }
}

/* As choose(), and decides whether trials run once before they are timed: not if the first time hardly takes
 * longer. */
static void choose_counts(bs_bench_share *s)
{
    const bs_bench_pilot *p = &s->pilot;
    s->warm = true;
    choose(s);
    s->warm = first_seconds(p) > little * s->trials * p->again / p->trials;
    choose(s);
}

bs_status bs_bench_choose_counts(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int worker)
{
    if (worker == 0) {
        double image = s->out->golden_seconds / (double)s->out->goldens;
        int few = 2 * 2 * PILOT_TRIALS * image > BS_BENCH_PILOT_PART * s->seconds ? 1 : PILOT_TRIALS;
        s->trials = s->most < few ? s->most : few;
    }
    BS_TRY(bs_team_barrier());
    BS_TRY(run_pilot(s, w, b, worker));
    if (worker == 0) {
        choose_counts(s);
        s->out->trials = s->trials;
        s->out->reruns = s->reruns;
    }
    return bs_team_barrier();
}

bs_status bs_bench_go_on(bs_bench_share *s, int worker, double start, int done)
{
    if (worker == 0) {
        double each = done > 0 ? (bs_resources_clock() - start) / done : 0;
        s->over = done > 0 && each > bs_bench_left(s, BS_BENCH_TRIALS_END);
    }
    return bs_team_barrier();
}
