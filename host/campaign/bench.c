#include "campaign/bench.h"

#include "base/buf.h"
#include "base/crew.h"
#include "base/resources.h"
#include "fault.h"
#include "replay/selftest.h"
#include "trial.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

typedef struct share {
    const bs_engine *e;
    bs_bench *out;
    int trials;
    uint64_t seed;
    pthread_mutex_t lock;
    bs_routes *routes; /* [target][mode] */
} share;

typedef struct batch {
    int32_t *row;
    bs_site *site;
    uint32_t *first;
    bs_result *result[BS_REPLAY_MODE_COUNT];
} batch;

static bs_status batch_open(batch *b, size_t n)
{
    const char *what = "benchmark";
    memset(b, 0, sizeof *b);
    BS_TRY(bs_calloc(&b->row, n, sizeof *b->row, what));
    BS_TRY(bs_calloc(&b->site, n, sizeof *b->site, what));
    BS_TRY(bs_calloc(&b->first, n + 1, sizeof *b->first, what));
    for (int m = 0; m < BS_REPLAY_MODE_COUNT; m++)
        BS_TRY(bs_calloc(&b->result[m], n, sizeof **b->result, what));
    return BS_OK;
}

static void batch_close(batch *b)
{
    free(b->row);
    free(b->site);
    free(b->first);
    for (int m = 0; m < BS_REPLAY_MODE_COUNT; m++)
        free(b->result[m]);
}

/* One random bit of one random element a trial; workers draw different ones. */
static void draw_faults(const share *s, batch *b, int target, int worker)
{
    const bs_fault_model flip = {.kind = BS_FAULT_FLIP, .bits = 0xffffffffu, .burst = 1, .count = 1};
    const bs_graph *g = s->e->graph;
    uint64_t elements = (uint64_t)g->tensors[g->targets[target].tensor].elements;
    for (int i = 0; i < s->trials; i++) {
        uint64_t id = bs_trial_id((bs_trial){(uint32_t)worker, (uint32_t)target, 0, (uint32_t)i});
        uint64_t at = bs_fault_attempt(elements * BS_WORD_BITS, s->seed, id, 0);
        b->row[i] = i % BS_PROBE_IMAGES;
        b->first[i] = (uint32_t)i;
        b->site[i] = bs_fault_site(&flip, at, s->seed, id, 0);
    }
    b->first[s->trials] = (uint32_t)s->trials;
}

/* Full re-runs take long and all the same time: some of the trials are enough. */
enum { FULL_TRIALS = 32 };

static int trials_of(const share *s, int mode)
{
    return mode == BS_REPLAY_FULL && s->trials > FULL_TRIALS ? FULL_TRIALS : s->trials;
}

static bs_status run_trials(bs_replayer *p, const bs_routes *r, const share *s, const batch *b,
                            bs_result *result)
{
    bs_trials t = {
        .n = trials_of(s, (int)r->route[0]->mode),
        .golden_row = b->row,
        .faults = {b->site, b->first, NULL},
        .keep_masked = r->route[0]->mode == BS_REPLAY_FULL,
        .result = result,
    };
    return bs_replay_routes(p, r, &t, s->trials);
}

/* Runs the target once to make its primitives, then once for the clock. */
static bs_status time_target(share *s, bs_worker *w, batch *b, int index, int worker)
{
    bool exact = true;
    draw_faults(s, b, s->out->targets[index], worker);
    for (int m = BS_REPLAY_MODE_COUNT - 1; m >= 0; m--) {
        const bs_routes *r = &s->routes[index * BS_REPLAY_MODE_COUNT + m];
        if (m != BS_REPLAY_FULL || index == 0) /* full re-runs are alike for all targets */
            BS_TRY(run_trials(w->replayer, r, s, b, b->result[m]));
        double start = bs_resources_clock(), macs = bs_replayer_macs(w->replayer);
        BS_TRY(run_trials(w->replayer, r, s, b, b->result[m]));
        double seconds = bs_resources_clock() - start;
        uint64_t masked = 0;
        int n = trials_of(s, m);
        for (int i = 0; i < n; i++) {
            const bs_result *x = &b->result[m][i], *y = &b->result[BS_REPLAY_MODE_COUNT - 1][i];
            masked += x->died_at >= 0;
            exact &= x->died_at == y->died_at && memcmp(&x->answer, &y->answer, sizeof x->answer) == 0;
        }
        pthread_mutex_lock(&s->lock);
        bs_bench_cell *c = &s->out->cells[index * BS_REPLAY_MODE_COUNT + m];
        c->seconds += seconds;
        c->trials += (uint64_t)n;
        c->masked += masked;
        c->macs += bs_replayer_macs(w->replayer) - macs;
        c->static_macs = bs_routes_macs(r);
        for (int i = 0; i < s->trials && m == BS_REPLAY_DELTA; i++)
            if (b->result[m][i].died_at >= 0)
                s->out->died[(size_t)index * (size_t)s->out->n_ids + (size_t)b->result[m][i].died_at]++;
        s->out->exact &= exact;
        pthread_mutex_unlock(&s->lock);
    }
    return BS_OK;
}

static bs_status time_golden(share *s, bs_worker *w)
{
    double start = bs_resources_clock();
    uint64_t n = 0;
    for (; n == 0 || bs_resources_clock() - start < 0.5; n += BS_PROBE_IMAGES)
        BS_TRY(bs_golden_run(w->golden, BS_PROBE_IMAGES));
    pthread_mutex_lock(&s->lock);
    s->out->golden_seconds += bs_resources_clock() - start;
    s->out->goldens += n;
    pthread_mutex_unlock(&s->lock);
    return BS_OK;
}

static bs_status bench_worker(void *shared, int worker)
{
    share *s = shared;
    bs_worker w;
    batch b;
    uint64_t fingerprint;
    BS_TRY(bs_worker_open(&w, s->e));
    bs_status st = batch_open(&b, (size_t)s->trials);
    if (st == BS_OK)
        st = bs_selftest_probe(w.golden, &fingerprint);
    if (st == BS_OK)
        st = time_golden(s, &w);
    for (int i = 0; i < s->out->n_targets && st == BS_OK; i++)
        st = time_target(s, &w, &b, i, worker);
    batch_close(&b);
    bs_worker_close(&w);
    return st;
}

static bs_status choose_targets(bs_bench *out, const bs_graph *g)
{
    BS_TRY(bs_calloc(&out->targets, (size_t)g->n_targets, sizeof *out->targets, "benchmark"));
    for (int i = 0; i < g->n_targets; i++)
        if (g->targets[i].kind == BS_TARGET_ACTIVATION && g->nodes[g->targets[i].node].macs > 0)
            out->targets[out->n_targets++] = i;
    out->n_ids = g->n_targets;
    BS_TRY(
        bs_calloc(&out->died, (size_t)out->n_targets * (size_t)out->n_ids, sizeof *out->died, "benchmark"));
    return bs_calloc(&out->cells, (size_t)out->n_targets * BS_REPLAY_MODE_COUNT, sizeof *out->cells,
                     "benchmark");
}

bs_status bs_bench_run(bs_bench *out, const bs_engine *e, int trials, uint64_t seed)
{
    share s = {.e = e, .out = out, .trials = trials, .seed = seed, .lock = PTHREAD_MUTEX_INITIALIZER};
    bs_status st;
    memset(out, 0, sizeof *out);
    out->exact = true;
    BS_TRY_GOTO(choose_targets(out, e->graph), out);
    BS_TRY_GOTO(
        bs_calloc(&s.routes, (size_t)out->n_targets * BS_REPLAY_MODE_COUNT, sizeof *s.routes, "routes"), out);
    for (int i = 0; i < out->n_targets; i++)
        for (int m = 0; m < BS_REPLAY_MODE_COUNT; m++)
            BS_TRY_GOTO(bs_routes_create(&s.routes[i * BS_REPLAY_MODE_COUNT + m], e->graph, e->backend,
                                         e->network, out->targets[i], (bs_replay_mode)m, true, &e->guide),
                        out);
    bs_cost_log(e->guide.cost);
    st = bs_crew_run(e->threads, bench_worker, &s);
out:
    for (int i = 0; s.routes && i < out->n_targets * BS_REPLAY_MODE_COUNT; i++)
        bs_routes_clear(&s.routes[i]);
    free(s.routes);
    if (st != BS_OK)
        bs_bench_clear(out);
    return st;
}

void bs_bench_clear(bs_bench *b)
{
    free(b->targets);
    free(b->cells);
    free(b->died);
    memset(b, 0, sizeof *b);
}
