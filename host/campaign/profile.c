#include "campaign/profile.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/phase.h"
#include "base/team.h"
#include "replay/selftest.h"

#include <float.h>
#include <math.h>
#include <stdatomic.h>
#include <stdlib.h>

/* What the workers share. */
typedef struct profile {
    const bs_engine *engine;
    const bs_input *input;
    size_t images;      /* of the profile */
    float *largest;     /* by worker and tensor: the largest finite magnitude */
    atomic_size_t next; /* image of the profile that is to be taken */
    atomic_size_t read; /* those that could be read */
} profile;

static float largest_of(const float *x, int64_t n)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++) {
        float size = fabsf(x[i]);
        most = size > most && size <= FLT_MAX ? size : most;
    }
    return most;
}

/* Measures the activations of a golden run. data: room for any of them, of one image. */
static bs_status measure(bs_golden *golden, float *data, float *largest)
{
    const bs_graph *g = golden->graph;
    for (int t = 0; t < g->n_tensors; t++) {
        if (g->tensors[t].constant)
            continue;
        size_t bytes = golden->backend->row_bytes(golden->network, t);
        BS_TRY(bs_golden_need(golden, t, golden->n, NULL));
        for (int i = 0; i < golden->n; i++) {
            const char *row = (const char *)golden->rows[t] + (size_t)i * bytes;
            BS_TRY(golden->backend->download(golden->stream, t, row, data));
            largest[t] = fmaxf(largest[t], largest_of(data, g->tensors[t].elements));
        }
    }
    return BS_OK;
}

/* Makes room for any activation. */
static bs_status make_room(float **data, const bs_graph *g)
{
    int64_t most = 0;
    for (int t = 0; t < g->n_tensors; t++)
        most = g->tensors[t].elements > most && !g->tensors[t].constant ? g->tensors[t].elements : most;
    return bs_calloc(data, (size_t)most, sizeof **data, "activations");
}

static bs_status measure_image(profile *p, bs_worker *w, size_t k, float *data, float *largest)
{
    bool broken;
    size_t image = k * bs_dataset_count(p->input->images) / p->images;
    bs_status st = bs_input_load(w, 0, p->input, image, &broken);
    if (broken) {
        bs_warn("the image is left out of the profile: %s", bs_error_message());
        return BS_OK;
    }
    BS_TRY(st);
    atomic_fetch_add(&p->read, 1);
    BS_TRY(bs_golden_run(w->golden, 1));
    return measure(w->golden, data, largest);
}

static bs_status measure_some(void *shared, int worker)
{
    profile *p = shared;
    const bs_graph *g = p->engine->graph;
    bs_worker w = {0};
    float *data = NULL;
    bs_status st;
    BS_TRY_GOTO(make_room(&data, g), out);
    BS_TRY_GOTO(bs_worker_open(&w, p->engine, worker), out);
    for (size_t k; st == BS_OK && (k = atomic_fetch_add(&p->next, 1)) < p->images;)
        st = measure_image(p, &w, k, data, p->largest + worker * g->n_tensors);
out:
    if (st != BS_OK)
        atomic_store(&p->next, p->images);
    bs_worker_close(&w);
    free(data);
    return st;
}

/* Fills p->largest, of which the first n_tensors are the result. */
static bs_status make_profile(profile *p)
{
    int workers = p->engine->threads, n = p->engine->graph->n_tensors;
    if (p->images < (size_t)workers)
        workers = (int)p->images;
    BS_TRY(bs_calloc(&p->largest, (size_t)workers * (size_t)n, sizeof *p->largest, "profile"));
    BS_TRY(bs_team_run(workers, measure_some, p));
    for (int w = 1; w < workers; w++)
        for (int t = 0; t < n; t++)
            p->largest[t] = fmaxf(p->largest[t], p->largest[w * n + t]);
    if (atomic_load(&p->read) > 0)
        return BS_OK;
    bs_fail(BS_ERR, "none of the %zu images can be read that the scales of 'storage' are made of", p->images);
    return bs_hint("repair the files, or take more: the key 'images' of 'storage'");
}

bs_status bs_profile_store(bs_graph *g, const bs_storage *s, const bs_input *in)
{
    bs_engine_options o = {.device = "cpu"};
    bs_engine *e = NULL;
    profile p = {.input = in, .images = bs_storage_images(s, bs_dataset_count(in->images))};
    bs_status st;
    if (!bs_storage_needs_profile(s))
        return bs_graph_store(g, s, NULL);
    BS_TRY_GOTO(bs_engine_open(&e, g, NULL, &o), out);
    p.engine = e;
    bs_phase("make the profile");
    BS_TRY_GOTO(make_profile(&p), out);
    bs_phase(NULL);
    bs_engine_close(e);
    e = NULL; /* before the graph changes */
    st = bs_graph_store(g, s, p.largest);
out:
    bs_engine_close(e);
    free(p.largest);
    return st;
}

bs_status bs_profile_store_probe(bs_graph *g, const bs_storage *s)
{
    bs_engine_options o = {.device = "cpu", .threads = 1, .bench = true};
    bs_engine *e = NULL;
    bs_worker w = {0};
    float *largest = NULL, *data = NULL;
    uint64_t fingerprint;
    bs_status st;
    if (!bs_storage_needs_profile(s))
        return bs_graph_store(g, s, NULL);
    BS_TRY_GOTO(bs_calloc(&largest, (size_t)g->n_tensors, sizeof *largest, "profile"), out);
    BS_TRY_GOTO(make_room(&data, g), out);
    BS_TRY_GOTO(bs_engine_open(&e, g, NULL, &o), out);
    BS_TRY_GOTO(bs_worker_open(&w, e, 0), out);
    BS_TRY_GOTO(bs_selftest_probe(w.golden, &fingerprint), out);
    st = measure(w.golden, data, largest);
out:
    bs_worker_close(&w);
    bs_engine_close(e);
    if (st == BS_OK)
        st = bs_graph_store(g, s, largest);
    free(largest);
    free(data);
    return st;
}
