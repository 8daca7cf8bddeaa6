/* Times of operations: repeats the benchmark's delta replay on a backend that times each operation. */
#include "base/team.h"
#include "base/resources.h"
#include "campaign/bench_internal.h"
#include "replay/selftest.h"

#include <string.h>

typedef struct timed_share {
    bs_bench_share *s;
    bs_engine engine; /* as s->e, on the timed backend */
} timed_share;

/* Returns how many targets there is time for: each takes as long as before, together with making the
 * primitives. */
static int count_targets(const bs_bench_share *s)
{
    double left = bs_bench_left(s, BS_BENCH_KERNELS_END) * s->e->threads;
    int n = 0;
    while (n < s->n_made && s->spent[s->order[n]] > 0 && (n == 0 || s->spent[s->order[n]] < left))
        left -= s->spent[s->order[n++]];
    return n;
}

static bs_status run_targets(const bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int worker)
{
    for (int k = 0; k < s->out->kernel_targets; k++) {
        bs_bench_draw(s, b, s->out->targets[s->order[k]], worker);
        BS_TRY(bs_bench_trials(w->replayer, s, b, s->order[k], BS_BENCH_DELTA));
    }
    return BS_OK;
}

/* Runs the targets timed, if need be once before that to make the primitives. */
static bs_status run_timed(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int worker)
{
    uint64_t fingerprint;
    BS_TRY(bs_selftest_probe(w->golden, &fingerprint));
    if (s->warm)
        BS_TRY(run_targets(s, w, b, worker));
    bs_timed_restart(w->stream);
    double start = bs_resources_clock();
    BS_TRY(run_targets(s, w, b, worker));
    double seconds = bs_resources_clock() - start;
    pthread_mutex_lock(&s->lock);
    s->out->kernel_seconds += seconds;
    pthread_mutex_unlock(&s->lock);
    return BS_OK;
}

static bs_status timed_worker(void *shared, int worker)
{
    timed_share *t = shared;
    bs_worker w;
    bs_bench_batch b;
    BS_TRY(bs_worker_open(&w, &t->engine, worker));
    bs_status st = bs_bench_batch_open(&b, (size_t)t->s->trials);
    if (st == BS_OK)
        st = run_timed(t->s, &w, &b, worker);
    bs_bench_batch_close(&b);
    bs_worker_close(&w);
    return st;
}

bs_status bs_bench_kernels(bs_bench_share *s)
{
    timed_share t = {s, *s->e};
    bs_timed *timed;
    s->out->kernel_targets = count_targets(s);
    BS_TRY(bs_timed_create(&timed, s->e->backend, bs_engine_network(s->e), s->e->graph));
    t.engine.backend = &timed->backend;
    t.engine.devices = &(bs_engine_device){.network = timed->network};
    bs_status st = bs_team_run(t.engine.threads, timed_worker, &t);
    memcpy(s->out->kernels, timed->cell, sizeof timed->cell);
    bs_timed_free(timed);
    return st;
}
