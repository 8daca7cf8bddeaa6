/* The benchmark's time: what there is time for. */
#include "base/resources.h"
#include "base/team.h"
#include "campaign/bench_internal.h"
#include "rng.h"

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

/* Takes steps of the golden ratio modulo 1, of all steps those whose points lie most evenly, however few.
 * Each point is moved within its share of the line, so that the steps are in step with no layers that repeat.
 * An index is taken when a point comes to it first. */
void bs_bench_order(int *order, int n)
{
    const double golden_ratio = 0.6180339887498949;
    for (uint32_t found = 0, step = 0; found < (uint32_t)n; step++) {
        double move = (double)bs_unit_float(bs_draw(0, step, 0, BS_PURPOSE_ORDER)) - 0.5;
        int at = (int)(fmod(1.5 + step * golden_ratio + move / (step + 1.0), 1) * n);
        uint32_t known = 0;
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

/* Returns the seconds of a full re-run, which computes whole tensors as golden runs do. */
static double full_seconds(const bs_bench_share *s)
{
    return s->out->golden_seconds / (double)s->out->goldens;
}

/* The same of a dense one. */
static double dense_seconds(const bs_bench_share *s)
{
    double macs = 0;
    for (int k = 0; k < s->n_made; k++)
        macs += (double)bs_schedules_macs(&s->schedules[s->order[k]][BS_BENCH_DENSE_SUFFIX]);
    return full_seconds(s) * macs / s->n_made / (double)s->e->graph->macs;
}

/* Returns the seconds of a trial by suffix and delta together, the second time. All of the pilot's few may
 * have been masked at once; where many are, suffix takes about half as long as dense. */
static double trial_seconds(const bs_bench_share *s)
{
    return fmax(s->pilot.again / s->pilot.trials, 0.5 * dense_seconds(s));
}

/* Returns the seconds that a target takes longer than its trials, because they run for the first time. */
static double first_seconds(const bs_bench_pilot *p)
{
    return p->first > p->again ? (p->first - p->again) / p->targets : 0;
}

static int at_most(int a, int b)
{
    return a < b ? a : b;
}

/* Sets the numbers of re-runs and trials to what takes so many seconds of a target: all trials if they leave
 * time for re-runs, else re-runs first, but trials take at least a quarter of their time. Returns the seconds
 * that this takes. */
static double fit(bs_bench_share *s, double seconds, int least_reruns, int least_trials)
{
    double rerun = full_seconds(s) + dense_seconds(s), trial = (s->warm ? 2 : 1) * trial_seconds(s);
    double first = first_seconds(&s->pilot);
    int most = at_most(s->most, MOST_RERUNS);
    seconds -= first;
    s->reruns = clamp((seconds - s->most * trial) / rerun, at_most(least_reruns, most), most);
    double room = fmax(seconds - s->reruns * rerun, s->reruns * rerun / 4);
    s->trials = clamp(room / trial, at_most(least_trials, s->most), s->most);
    s->reruns = at_most(s->reruns, s->trials);
    return first + s->reruns * rerun + s->trials * trial;
}

static void choose(bs_bench_share *s)
{
    double left = bs_bench_left(s, BS_BENCH_TRIALS_END), each = left / at_most(s->n_made, FEW_TARGETS);
    if (fit(s, left / s->n_made, FEW_RERUNS, FEW_TRIALS) > each)
        fit(s, each, 1, 1);
}

/* As choose(), and decides what runs once before it is timed: not what hardly takes longer the first time. */
static void choose_counts(bs_bench_share *s)
{
    double first = first_seconds(&s->pilot);
    s->warm = true;
    choose(s);
    s->warm = first > little * s->trials * trial_seconds(s);
    choose(s);
    s->warm_reruns = first > little * s->reruns * full_seconds(s);
}

bs_status bs_bench_choose_counts(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int worker)
{
    if (worker == 0) {
        double most = 2 * 2 * PILOT_TRIALS * full_seconds(s);
        int few = most > BS_BENCH_PILOT_PART * s->seconds ? 1 : PILOT_TRIALS;
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
