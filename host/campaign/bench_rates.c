/* The device's peak rates: large layers, and copies, by the calls that replay uses. All workers measure at
 * once and start together, so that no worker has the device to itself while it is timed. */
#include "base/buf.h"
#include "base/team.h"
#include "base/resources.h"
#include "campaign/bench_internal.h"
#include "import/synth.h"

#include <stdlib.h>

/* Limits of a call: it should run for call_seconds, so that its overhead, and reading the filters, is small
 * compared with the arithmetic. */
enum { MOST_SAMPLES = 1 << 14, MOST_BYTES = 256 << 20, COPY_ROWS = 128 };
static const double call_seconds = 0.1, layer_seconds = 0.3, copy_seconds = 0.25;

static const struct {
    const char *name;
    bs_synth_layer layer;
} layers[] = {
#define X(suffix, name, channels, filters, kernel, side) {name, {channels, filters, kernel, side}},
    BS_BENCH_LAYERS(X)
#undef X
};

typedef struct rates {
    const bs_engine *e;
    const bs_graph *graph;
    bs_network *network;
    bs_bench_layer layer;
    double pace; /* part of these times that there is */
    size_t room; /* bytes for one of a worker's two arrays */
    pthread_mutex_t lock;
    bs_bench *out;
} rates;

const char *bs_bench_layer_name(bs_bench_layer layer)
{
    return layers[layer].name;
}

double bs_bench_best_macs(const bs_bench *b)
{
    double best = 0;
    for (int i = 0; i < BS_BENCH_LAYER_COUNT; i++)
        best = b->layer_macs[i] > best ? b->layer_macs[i] : best;
    return best;
}

/* One worker's two arrays on the device. */
typedef struct meter {
    const rates *r;
    const bs_backend *backend;
    bs_stream *stream;
    void *in, *out;
    size_t row; /* bytes: the larger of the layer's input and output */
} meter;

static bs_status wait_for(const meter *m)
{
    return m->backend->wait ? m->backend->wait(m->stream) : BS_OK;
}

static void release(meter *m)
{
    if (m->in)
        m->backend->free(m->stream, m->in);
    if (m->out)
        m->backend->free(m->stream, m->out);
    m->in = m->out = NULL;
}

/* Replaces the arrays by arrays of n rows. */
static bs_status reserve(meter *m, int n)
{
    release(m);
    BS_TRY(m->backend->alloc(m->stream, &m->in, (size_t)n * m->row));
    return m->backend->alloc(m->stream, &m->out, (size_t)n * m->row);
}

/* Fills `in` with n equal rows of small numbers, using `out` as scratch. */
static bs_status fill_rows(const meter *m, int n)
{
    const bs_graph *g = m->r->graph;
    int64_t elements = g->tensors[g->input].elements;
    float *data = NULL;
    int32_t *first = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_calloc(&data, (size_t)elements, sizeof *data, "benchmark"), out);
    BS_TRY_GOTO(bs_calloc(&first, (size_t)n, sizeof *first, "benchmark"), out); /* row 0 for all */
    for (int64_t i = 0; i < elements; i++)
        data[i] = (float)(i % 17) / 8.0f - 1.0f;
    BS_TRY_GOTO(m->backend->upload(m->stream, g->input, m->out, data), out);
    st = m->backend->copy_rows(m->stream, g->input, n, (bs_view){m->out, first}, m->in);
out:
    free(data);
    free(first);
    return st;
}

static bs_status run_layer(const meter *m, int n)
{
    bs_view in[3] = {{m->in, NULL}}; /* the others are weights and bias, which are constants */
    BS_TRY(m->backend->run(m->stream, 0, n, in, m->out));
    return wait_for(m);
}

/* Finds the number of samples for a call that takes long enough; leaves the arrays filled, and the call has
 * been run. */
static bs_status choose_samples(meter *m, int *n)
{
    for (*n = 1;; *n *= 2) {
        BS_TRY(reserve(m, *n));
        BS_TRY(fill_rows(m, *n));
        BS_TRY(run_layer(m, *n)); /* makes its primitives */
        double start = bs_resources_clock();
        BS_TRY(run_layer(m, *n));
        if (bs_resources_clock() - start > m->r->pace * call_seconds || *n >= MOST_SAMPLES ||
            (size_t)*n * 2 * m->row > m->r->room)
            return BS_OK;
    }
}

static bs_status measure_layer(meter *m, double *macs)
{
    int n = 0;
    double samples = 0, seconds = 0;
    BS_TRY(choose_samples(m, &n));
    BS_TRY(bs_team_barrier());
    double start = bs_resources_clock();
    for (; seconds < m->r->pace * layer_seconds; seconds = bs_resources_clock() - start, samples += n)
        BS_TRY(run_layer(m, n));
    *macs = samples * (double)m->r->graph->nodes[0].macs / seconds;
    return bs_team_barrier();
}

/* Measures copies of rows of the layer's input. */
static bs_status measure_copy(meter *m, double *bytes_per_second)
{
    int input = m->r->graph->input;
    size_t row = m->backend->row_bytes(m->r->network, input), room = m->r->room / row;
    int n = room > COPY_ROWS ? COPY_ROWS : room > 1 ? (int)room : 1;
    double copied = 0, seconds = 0;
    BS_TRY(reserve(m, n));
    BS_TRY(fill_rows(m, n));
    BS_TRY(m->backend->copy_rows(m->stream, input, n, (bs_view){m->in, NULL}, m->out)); /* makes the pages */
    BS_TRY(wait_for(m));
    BS_TRY(bs_team_barrier());
    double start = bs_resources_clock();
    for (int copies = 1; seconds < m->r->pace * copy_seconds;
         copies *= 2) { /* the device is seldom waited for */
        for (int i = 0; i < copies; i++)
            BS_TRY(m->backend->copy_rows(m->stream, input, n, (bs_view){m->in, NULL}, m->out));
        BS_TRY(wait_for(m));
        copied += copies;
        seconds = bs_resources_clock() - start;
    }
    *bytes_per_second = copied * 2.0 * (double)n * (double)row / seconds;
    return bs_team_barrier();
}

/* Measures the layer, and copies, too, with the last layer. */
static bs_status rates_worker(void *shared, int worker)
{
    (void)worker;
    rates *r = shared;
    double macs = 0, bytes = 0;
    meter m = {.r = r, .backend = r->e->backend};
    size_t in = m.backend->row_bytes(r->network, r->graph->input);
    size_t out = m.backend->row_bytes(r->network, r->graph->nodes[0].out);
    m.row = in > out ? in : out;
    BS_TRY(m.backend->stream_open(&m.stream, r->network));
    bs_status st = measure_layer(&m, &macs);
    if (st == BS_OK && r->layer == BS_BENCH_LAYER_COUNT - 1)
        st = measure_copy(&m, &bytes);
    release(&m);
    m.backend->stream_close(m.stream);
    pthread_mutex_lock(&r->lock);
    r->out->layer_macs[r->layer] += macs;
    r->out->copy_bytes += bytes;
    pthread_mutex_unlock(&r->lock);
    return st;
}

static bs_status rate_layer(rates *r)
{
    bs_graph *g;
    BS_TRY(bs_synth_layer_import(&g, &layers[r->layer].layer));
    r->graph = g;
    bs_status st = r->e->backend->load(&r->network, r->e->devices[0].device, g, NULL);
    if (st == BS_OK) {
        st = bs_team_run(r->e->threads, rates_worker, r);
        r->e->backend->unload(r->network);
    }
    bs_graph_free(g);
    return st;
}

bs_status bs_bench_rates(bs_bench *out, const bs_engine *e, double pace)
{
    rates r = {.e = e, .pace = pace, .lock = PTHREAD_MUTEX_INITIALIZER, .out = out};
    size_t memory = e->info.memory ? e->info.memory : bs_resources_memory();
    /* A quarter of the memory for both arrays of all workers; libraries need as much. */
    r.room = memory / 8 / (size_t)e->threads;
    r.room = r.room < MOST_BYTES ? r.room : MOST_BYTES;
    for (int layer = 0; layer < BS_BENCH_LAYER_COUNT; layer++) {
        r.layer = (bs_bench_layer)layer;
        BS_TRY(rate_layer(&r));
    }
    return BS_OK;
}
