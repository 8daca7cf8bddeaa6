#include "base/buf.h"
#include "base/team.h"
#include "base/log.h"
#include "base/resources.h"
#include "campaign/bench_internal.h"
#include "replay/selftest.h"

#include <stdlib.h>
#include <string.h>

/* Adds one worker's measurements of one way to the common result. */
static void add_cell(bs_bench_share *s, const bs_bench_batch *b, int index, int way, double seconds,
                     double macs)
{
    bs_bench *out = s->out;
    int n = bs_bench_count(s, b, way);
    pthread_mutex_lock(&s->lock);
    bs_bench_cell *c = &out->cells[index][way];
    c->seconds += seconds;
    c->trials += (uint64_t)n;
    c->macs += macs;
    c->static_macs = bs_schedules_macs(&s->schedules[index][way]);
    for (int i = 0; i < n; i++) {
        const bs_result *x = &b->result[way][i], *y = &b->result[BS_BENCH_DELTA][i];
        c->masked += x->died_at >= 0;
        out->exact &= x->died_at == y->died_at && memcmp(&x->answer, &y->answer, sizeof x->answer) == 0;
        if (x->died_at >= 0 && way == BS_BENCH_DELTA)
            out->masked_at[(size_t)index * (size_t)out->n_ids + (size_t)x->died_at]++;
    }
    pthread_mutex_unlock(&s->lock);
}

/* If no trial is dropped and the first target took this long, a quarter of the trials is enough for the
 * others. */
static const double long_seconds = 2.0;
/* Shorter measurements are repeated up to this time: then it matters little which thread started when. */
static const double least_seconds = 0.02;

/* Runs the trials once to make the library's primitives; then again, timed, with all workers. Where no trial
 * is dropped, targets have equal batches, so the first two make the primitives of all. */
static bs_status time_way(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int index, int way)
{
    double seconds = 0;
    int times = 0;
    if (!bs_bench_keeps(way) || index < 2)
        BS_TRY(bs_bench_trials(w->replayer, s, b, index, (bs_bench_way)way));
    BS_TRY(bs_team_barrier());
    double start = bs_resources_clock(), macs = bs_replayer_macs(w->replayer);
    for (; seconds < least_seconds; seconds = bs_resources_clock() - start, times++)
        BS_TRY(bs_bench_trials(w->replayer, s, b, index, (bs_bench_way)way));
    seconds /= times;
    add_cell(s, b, index, way, seconds, (bs_replayer_macs(w->replayer) - macs) / times);
    if (bs_bench_keeps(way) && index == 0 && seconds > long_seconds)
        b->most[way] = (b->most[way] + 3) / 4;
    return bs_team_barrier();
}

static bs_status time_target(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int index, int worker)
{
    bs_bench_draw(s, b, s->out->targets[index], worker);
    for (int way = BS_BENCH_WAY_COUNT - 1; way >= 0; way--)
        BS_TRY(time_way(s, w, b, index, way));
    return BS_OK;
}

/* Repeats the synthetic images over all rows of the tile. */
static bs_status fill_tile(bs_worker *w, int n)
{
    const bs_golden *golden = w->golden;
    int input = golden->graph->input;
    size_t row = golden->backend->row_bytes(golden->network, input);
    int32_t from[BS_MAX_TILE];
    if (n <= BS_PROBE_IMAGES)
        return BS_OK;
    for (int i = 0; i < n; i++)
        from[i] = i % BS_PROBE_IMAGES;
    return golden->backend->copy_rows(w->stream, input, n - BS_PROBE_IMAGES,
                                      (bs_view){golden->rows[input], from},
                                      (char *)golden->rows[input] + BS_PROBE_IMAGES * row);
}

/* Times golden runs a tile at a time, as in campaigns, after one run that makes the primitives. */
static bs_status time_golden(bs_bench_share *s, bs_worker *w)
{
    int tile = s->e->tile;
    uint64_t n = 0;
    BS_TRY(fill_tile(w, tile));
    BS_TRY(bs_golden_run(w->golden, tile));
    BS_TRY(bs_team_barrier());
    double start = bs_resources_clock();
    for (; n == 0 || bs_resources_clock() - start < 0.5; n += (uint64_t)tile)
        BS_TRY(bs_golden_run(w->golden, tile));
    pthread_mutex_lock(&s->lock);
    s->out->golden_seconds += bs_resources_clock() - start;
    s->out->goldens += n;
    pthread_mutex_unlock(&s->lock);
    return bs_team_barrier();
}

static bs_status bench_worker(void *shared, int worker)
{
    bs_bench_share *s = shared;
    bs_worker w;
    bs_bench_batch b;
    uint64_t fingerprint;
    BS_TRY(bs_worker_open(&w, s->e));
    bs_status st = bs_bench_batch_open(&b, (size_t)s->trials);
    if (st == BS_OK)
        st = bs_selftest_probe(w.golden, &fingerprint);
    if (st == BS_OK)
        st = time_golden(s, &w);
    for (int i = 0; i < s->out->n_targets && st == BS_OK; i++)
        st = time_target(s, &w, &b, i, worker);
    bs_bench_batch_close(&b);
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
    BS_TRY(bs_calloc(&out->masked_at, (size_t)out->n_targets * (size_t)out->n_ids, sizeof *out->masked_at,
                     "benchmark"));
    return bs_calloc(&out->cells, (size_t)out->n_targets, sizeof *out->cells, "benchmark");
}

static void note_memory(bs_bench *out, const bs_engine *e)
{
    const bs_graph *g = e->graph;
    size_t threads = (size_t)e->threads;
    for (int t = 0; t < g->n_tensors; t++)
        if (g->tensors[t].constant)
            out->parameter_bytes += (size_t)g->tensors[t].elements * sizeof(float);
    out->golden_bytes = threads * (size_t)e->tile * bs_golden_image_bytes(g, e->backend, e->network);
    out->trial_bytes = threads * e->arena_bytes;
    out->host_peak = bs_resources_peak();
}

bs_status bs_bench_run(bs_bench *out, const bs_engine *e, int trials, uint64_t seed)
{
    bs_bench_share s = {
        .e = e, .out = out, .trials = trials, .seed = seed, .lock = PTHREAD_MUTEX_INITIALIZER};
    bs_status st;
    memset(out, 0, sizeof *out);
    out->exact = true;
    BS_TRY_GOTO(choose_targets(out, e->graph), out);
    BS_TRY_GOTO(bs_calloc(&s.schedules, (size_t)out->n_targets, sizeof *s.schedules, "schedules"), out);
    for (int i = 0; i < out->n_targets; i++)
        for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
            BS_TRY_GOTO(bs_schedules_create(&s.schedules[i][way], e->graph, e->backend, e->network,
                                            out->targets[i], bs_bench_mode(way), true, &e->context),
                        out);
    bs_autotune_log(e->context.autotune);
    BS_TRY_GOTO(bs_team_run(e->threads, bench_worker, &s), out);
    note_memory(out, e);
    BS_TRY_GOTO(bs_bench_kernels(&s), out);
    BS_TRY_GOTO(bs_bench_rates(out, e), out);
    bs_bench_cell delta = bs_bench_sum(out, BS_BENCH_DELTA);
    if (bs_bench_rows(out, e->graph, delta.trials ? (double)delta.masked / (double)delta.trials : 0.5) !=
        BS_OK)
        bs_warn("rows of the result file are not measured: %s", bs_error_message());
out:
    for (int i = 0; s.schedules && i < out->n_targets; i++)
        for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
            bs_schedules_clear(&s.schedules[i][way]);
    free(s.schedules);
    if (st != BS_OK)
        bs_bench_clear(out);
    return st;
}

bs_bench_cell bs_bench_sum(const bs_bench *b, bs_bench_way way)
{
    bs_bench_cell total = {0};
    for (int i = 0; i < b->n_targets; i++) {
        const bs_bench_cell *c = &b->cells[i][way];
        double n = (double)b->cells[i][BS_BENCH_DELTA].trials, scale = n / (double)c->trials;
        total.trials += (uint64_t)n;
        total.masked += c->masked;
        total.seconds += c->seconds * scale;
        total.macs += c->macs * scale;
        total.static_macs += c->static_macs;
    }
    return total;
}

void bs_bench_clear(bs_bench *b)
{
    free(b->targets);
    free(b->cells);
    free(b->masked_at);
    memset(b, 0, sizeof *b);
}
