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
    int n = bs_bench_count(s, way);
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

static void add_spent(bs_bench_share *s, int index, double seconds)
{
    pthread_mutex_lock(&s->lock);
    s->spent[index] += seconds;
    pthread_mutex_unlock(&s->lock);
}

/* Shorter measurements are repeated up to this time: then it matters little which thread started when. */
static const double least_seconds = 0.02;

/* Runs the trials, if need be once before they are timed. Where no trial is dropped, targets have equal
 * batches, so the first two (`place` in the order) make the primitives of all. */
static bs_status time_way(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int place, int way)
{
    double seconds = 0, begin = bs_resources_clock();
    int times = 0, index = s->order[place];
    if (bs_bench_keeps(way) ? s->warm_reruns && place < 2 : s->warm)
        BS_TRY(bs_bench_trials(w->replayer, s, b, index, (bs_bench_way)way));
    double first = bs_resources_clock() - begin;
    BS_TRY(bs_team_barrier());
    double start = bs_resources_clock(), macs = bs_replayer_macs(w->replayer);
    for (; seconds < least_seconds; seconds = bs_resources_clock() - start, times++)
        BS_TRY(bs_bench_trials(w->replayer, s, b, index, (bs_bench_way)way));
    seconds /= times;
    add_cell(s, b, index, way, seconds, (bs_replayer_macs(w->replayer) - macs) / times);
    if (way == BS_BENCH_DELTA)
        add_spent(s, index, first + seconds);
    return bs_team_barrier();
}

static bs_status time_targets(bs_bench_share *s, bs_worker *w, bs_bench_batch *b, int worker)
{
    double start = bs_resources_clock();
    for (int place = 0; place < s->n_made; place++) {
        BS_TRY(bs_bench_go_on(s, worker, start, place));
        if (s->over)
            break;
        bs_bench_draw(s, b, s->out->targets[s->order[place]], worker);
        for (int way = BS_BENCH_WAY_COUNT - 1; way >= 0; way--)
            BS_TRY(time_way(s, w, b, place, way));
    }
    return BS_OK;
}

static bs_status replay_worker(bs_bench_share *s, bs_worker *w, int worker)
{
    bs_bench_batch b;
    bs_status st = bs_bench_batch_open(&b, (size_t)s->most);
    if (st == BS_OK)
        st = bs_bench_choose_counts(s, w, &b, worker);
    if (st == BS_OK)
        st = time_targets(s, w, &b, worker);
    bs_bench_batch_close(&b);
    return st;
}

static bs_status bench_worker(void *shared, int worker)
{
    bs_bench_share *s = shared;
    bs_worker w;
    uint64_t fingerprint;
    BS_TRY(bs_worker_open(&w, s->e, worker));
    bs_status st = bs_selftest_probe(w.golden, &fingerprint);
    if (st == BS_OK)
        st = bs_bench_golden(s, &w, worker);
    if (st == BS_OK && s->n_made > 0)
        st = replay_worker(s, &w, worker);
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
    out->of_targets = out->n_targets;
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
    out->golden_image_bytes = bs_golden_image_bytes(g, e->backend, bs_engine_network(e));
    out->golden_bytes = threads * (size_t)e->tile * out->golden_image_bytes;
    out->trial_bytes = threads * e->arena_bytes;
    out->host_peak = bs_resources_peak();
}

/* Makes the schedules of all targets, or of as many as there is time for. */
static bs_status make_schedules(bs_bench_share *s)
{
    const bs_engine *e = s->e;
    int n = s->out->n_targets;
    BS_TRY(bs_calloc(&s->schedules, (size_t)n, sizeof *s->schedules, "schedules"));
    BS_TRY(bs_calloc(&s->order, (size_t)n, sizeof *s->order, "benchmark"));
    BS_TRY(bs_calloc(&s->spent, (size_t)n, sizeof *s->spent, "benchmark"));
    bs_bench_order(s->order, n);
    for (; s->n_made < n && (s->n_made == 0 || bs_bench_left(s, BS_BENCH_SCHEDULES_END) > 0); s->n_made++) {
        int index = s->order[s->n_made];
        for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
            BS_TRY(bs_schedules_create(&s->schedules[index][way], e->graph, e->backend, bs_engine_network(e),
                                       s->out->targets[index], bs_bench_mode(way), true, &e->context));
    }
    bs_autotune_log(e->context.autotune);
    return BS_OK;
}

static void clear_schedules(bs_bench_share *s)
{
    for (int i = 0; s->schedules && i < s->out->of_targets; i++)
        for (int way = 0; way < BS_BENCH_WAY_COUNT; way++)
            bs_schedules_clear(&s->schedules[i][way]);
    free(s->schedules);
    free(s->order);
    free(s->spent);
}

/* Removes the targets that there was no time for. */
static void keep_measured(bs_bench *b)
{
    size_t ids = (size_t)b->n_ids;
    int n = 0;
    for (int i = 0; i < b->n_targets; i++) {
        if (b->cells[i][BS_BENCH_DELTA].trials == 0)
            continue;
        b->targets[n] = b->targets[i];
        memmove(b->cells[n], b->cells[i], sizeof b->cells[n]);
        memmove(b->masked_at + (size_t)n * ids, b->masked_at + (size_t)i * ids, ids * sizeof *b->masked_at);
        n++;
    }
    b->n_targets = n;
}

/* Measures what comes after the trials. */
static bs_status measure_rest(bs_bench_share *s)
{
    const double usual = 40, pace = s->seconds < usual ? s->seconds / usual : 1;
    bs_bench *out = s->out;
    BS_TRY(bs_bench_kernels(s));
    keep_measured(out);
    BS_TRY(bs_bench_rates(out, s->e, pace));
    bs_bench_cell delta = bs_bench_sum(out, BS_BENCH_DELTA);
    double masked = delta.trials ? (double)delta.masked / (double)delta.trials : 0.5;
    if (bs_bench_rows(out, s->e->graph, masked, pace) != BS_OK)
        bs_warn("rows of the result file are not measured: %s", bs_error_message());
    return BS_OK;
}

bs_status bs_bench_run(bs_bench *out, const bs_engine *e, const bs_bench_options *options)
{
    bs_bench_share s = {.e = e,
                        .out = out,
                        .start = bs_resources_clock(),
                        .seconds = options->seconds,
                        .golden = options->golden,
                        .most = options->trials,
                        .seed = options->seed,
                        .lock = PTHREAD_MUTEX_INITIALIZER};
    bs_status st;
    memset(out, 0, sizeof *out);
    out->exact = true;
    if (!s.golden) {
        BS_TRY_GOTO(choose_targets(out, e->graph), out);
        BS_TRY_GOTO(make_schedules(&s), out);
    }
    BS_TRY_GOTO(bs_team_run(e->threads, bench_worker, &s), out);
    note_memory(out, e);
    if (!s.golden)
        BS_TRY_GOTO(measure_rest(&s), out);
    out->seconds = bs_resources_clock() - s.start;
out:
    clear_schedules(&s);
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
