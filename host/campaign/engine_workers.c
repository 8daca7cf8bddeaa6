/* The workers of an engine: opens them, makes them fit, and lets one on each device compute the fingerprint.
 */
#include "campaign/engine_devices.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/phase.h"
#include "base/team.h"
#include "replay/selftest.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

bs_status bs_worker_open(bs_worker *out, const bs_engine *e, int number)
{
    bs_status st;
    memset(out, 0, sizeof *out);
    out->engine = e;
    bs_network *network = e->devices[bs_engine_device_of(e, number)].network;
    size_t elements = (size_t)e->graph->tensors[e->graph->input].elements;
    BS_TRY_GOTO(bs_calloc(&out->pixels, elements, sizeof *out->pixels, "image"), out);
    BS_TRY_GOTO(e->backend->stream_open(&out->stream, network), out);
    BS_TRY_GOTO(bs_golden_create(&out->golden, e->graph, e->backend, network, out->stream, e->tile), out);
    if (e->proves) {
        size_t bytes = bs_selftest_bytes(e->graph, e->backend, network, e->max_batch);
        BS_TRY_GOTO(
            bs_golden_create(&out->probe, e->graph, e->backend, network, out->stream, BS_PROBE_IMAGES), out);
        BS_TRY_GOTO(e->backend->alloc(out->stream, &out->test_rows, bytes), out);
    }
    if (e->replays)
        BS_TRY_GOTO(bs_replayer_create(&out->replayer, out->golden, e->max_batch, e->arena_bytes), out);
out:
    if (st != BS_OK)
        bs_worker_close(out);
    return st;
}

void bs_worker_close(bs_worker *w)
{
    bs_replayer_free(w->replayer);
    if (w->test_rows)
        w->engine->backend->free(w->stream, w->test_rows);
    bs_golden_free(w->probe);
    bs_golden_free(w->golden);
    if (w->stream)
        w->engine->backend->stream_close(w->stream);
    free(w->pixels);
    memset(w, 0, sizeof *w);
}

/* Opens all workers at once, to find out whether the devices have room for them. */
static bs_status open_all(const bs_engine *e)
{
    bs_worker *all;
    bs_status st = BS_OK;
    BS_TRY(bs_calloc(&all, (size_t)e->threads, sizeof *all, "workers"));
    for (int i = 0; i < e->threads && st == BS_OK; i++)
        st = bs_worker_open(&all[i], e, i);
    for (int i = 0; i < e->threads; i++)
        bs_worker_close(&all[i]);
    free(all);
    return st;
}

/* Halves the tile, then the batches, then drops a worker: the memory that a device reports as free may be
 * fragmented, or be taken by another program. */
static bs_status shrink(bs_engine *e)
{
    if (e->tile / 2 >= BS_PROBE_IMAGES)
        e->tile /= 2;
    else if (e->arena_bytes / 2 >= e->trial_bytes)
        e->arena_bytes /= 2;
    else if (e->threads > e->n_devices)
        e->threads--;
    else
        return bs_error_status();
    return BS_OK;
}

static bs_status fit(bs_engine *e)
{
    bs_status st = e->info.memory ? open_all(e) : BS_OK;
    bool shrunk = false;
    while (st == BS_NO_MEMORY && (st = shrink(e)) == BS_OK) {
        st = open_all(e);
        shrunk = true;
    }
    if (st == BS_OK && shrunk)
        bs_warn("the device has less memory than it said: going on with %d worker(s) of %d image(s)",
                e->threads, e->tile);
    return st;
}

static bs_status fit_workers(void *shared, int worker)
{
    (void)worker;
    return fit(shared);
}

bs_status bs_engine_fingerprint(const bs_engine *e, bs_golden *golden, uint64_t *fingerprint)
{
    BS_TRY(bs_selftest_probe(golden, fingerprint));
    if (e->info.math)
        *fingerprint = XXH3_64bits_withSeed(e->info.math, strlen(e->info.math), *fingerprint);
    return BS_OK;
}

static bs_status probe_device(bs_engine *e, int k, void *fingerprints)
{
    bs_worker w;
    BS_TRY(bs_worker_open(&w, e, k));
    bs_status st = bs_engine_fingerprint(e, w.golden, (uint64_t *)fingerprints + k);
    bs_worker_close(&w);
    return st;
}

/* Sets the fingerprint, which must be that of every device. */
static bs_status probe_devices(bs_engine *e)
{
    uint64_t fingerprint[BS_MAX_DEVICES];
    BS_TRY(bs_engine_each_device(e, 0, probe_device, fingerprint));
    e->fingerprint = fingerprint[0];
    for (int k = 1; k < e->n_devices; k++)
        if (fingerprint[k] != e->fingerprint) {
            bs_fail(BS_ERR,
                    "devices %s and %s compute other golden outputs of the same images (fingerprints "
                    "%016" PRIx64 " and %016" PRIx64 ")",
                    e->devices[0].name, e->devices[k].name, e->fingerprint, fingerprint[k]);
            return bs_engine_hint_other_kind();
        }
    return BS_OK;
}

bs_status bs_engine_probe(bs_engine *e)
{
    bs_phase("probe");
    bs_status st = bs_team_run(1, fit_workers, e);
    if (st == BS_OK)
        st = probe_devices(e);
    bs_phase(NULL);
    return st;
}
