#include "campaign/engine_devices.h"

#include "base/buf.h"
#include "base/phase.h"
#include "base/resources.h"
#include "replay/selftest.h"

#include <stdlib.h>

/* DENSE_BATCH: full re-runs that a worker's memory is for; a quarter of what the device prefers for patches.
 * MANY: largest batch of patched trials, which need less memory; the more trials share a layer's weights the
 * better. */
enum { DENSE_BATCH = 32, MANY = 256 };

bs_status bs_engine_schedules(bs_schedules *out, const bs_engine *e, const bs_stratum *s, bs_replay_mode mode)
{
    int *targets, n = bs_stratum_targets(s);
    *out = (bs_schedules){.n = 0};
    BS_TRY(bs_calloc(&targets, (size_t)n, sizeof *targets, "targets"));
    for (int k = 0; k < n; k++)
        targets[k] = bs_stratum_at(s, k)->target;
    bs_status st = bs_schedules_create_several(out, e->graph, e->backend, bs_engine_network(e), targets, n,
                                               mode, bs_plan_single_site(e->plan, s), &e->context);
    free(targets);
    return st;
}

static bs_status make_schedules(bs_engine *e)
{
    const bs_plan *plan = e->plan;
    BS_TRY(bs_calloc(&e->schedules, (size_t)plan->n_strata, sizeof *e->schedules, "schedules"));
    for (int i = 0; i < plan->n_strata; i++)
        BS_TRY(bs_engine_schedules(&e->schedules[i], e, &plan->strata[i], e->mode));
    return BS_OK;
}

/* Finds the bytes of the widest trial; the self-test's is the full re-run. */
static bs_status widest_trial(bs_engine *e)
{
    e->trial_bytes = 64;
    for (int i = 0; e->plan && i < e->plan->n_strata; i++)
        if (bs_schedules_row_bytes(&e->schedules[i]) > e->trial_bytes)
            e->trial_bytes = bs_schedules_row_bytes(&e->schedules[i]);
    if (!e->replays)
        return BS_OK;
    bs_schedule *full;
    BS_TRY(bs_schedule_create(&full, e->graph, e->backend, bs_engine_network(e), 0, BS_REPLAY_FULL));
    if (full->row_bytes > e->trial_bytes)
        e->trial_bytes = full->row_bytes;
    bs_schedule_free(full);
    e->trial_bytes += bs_segments_trial_bytes(e->context.segments);
    return BS_OK;
}

/* Returns the bytes of a worker's self-test. */
static size_t selftest_bytes(const bs_engine *e, size_t image)
{
    if (!e->proves)
        return 0;
    return bs_selftest_bytes(e->graph, e->backend, bs_engine_network(e), e->max_batch) +
           BS_PROBE_IMAGES * image;
}

/* Returns the workers that share a memory: those of a device, or all where devices use the host's. */
static int sharers(const bs_engine *e)
{
    return e->info.memory ? (e->threads + e->n_devices - 1) / e->n_devices : e->threads;
}

/* Returns how many images a worker should hold golden runs of: on a device with memory of its own as many as
 * it takes for the trials of one stratum to fill a batch. */
static size_t wanted_tile(const bs_engine *e)
{
    enum { FEW = 16, MANY_IMAGES = 1024 };
    uint64_t units = e->plan ? (uint64_t)e->plan->n_strata * bs_plan_count_images(e->plan) : 0;
    if (units == 0 || e->info.memory == 0)
        return FEW;
    uint64_t of_a_unit = (e->plan->trials + units - 1) / units;
    uint64_t images = (uint64_t)e->max_batch / (of_a_unit ? of_a_unit : 1);
    return images < FEW ? FEW : images > MANY_IMAGES ? MANY_IMAGES : (size_t)images;
}

/* Divides half of the free memory into equal shares; in each share trials get at most two thirds, and golden
 * rows the rest that the self-test leaves, at least two images. */
static bs_status divide_memory(bs_engine *e, bool fixed_threads)
{
    size_t free_bytes = e->info.memory ? e->info.memory : bs_resources_memory();
    size_t share = free_bytes / 2 / (size_t)sharers(e);
    size_t image = bs_golden_image_bytes(e->graph, e->backend, bs_engine_network(e));
    size_t fixed = selftest_bytes(e, image) + BS_PROBE_IMAGES * image;
    if (share < fixed + e->trial_bytes) {
        if (!fixed_threads && e->threads > e->n_devices) {
            e->threads--;
            return divide_memory(e, fixed_threads);
        }
        bs_fail(BS_ERR, "a worker needs %zu MiB for this network, and %d would have %zu MiB each",
                (fixed + e->trial_bytes) >> 20, sharers(e), share >> 20);
        return bs_hint("%sraise the limit of memory (ulimit, cgroup, batch system), or take a larger machine",
                       e->threads > e->n_devices ? "use fewer --threads, " : "");
    }
    e->arena_bytes = e->trial_bytes * (size_t)e->dense_batch;
    if (e->arena_bytes > share / 3 * 2)
        e->arena_bytes = share / 3 * 2;
    if (e->arena_bytes > share - fixed)
        e->arena_bytes = share - fixed;
    size_t tile = BS_PROBE_IMAGES + (share - fixed - e->arena_bytes) / (image ? image : 1),
           wanted = wanted_tile(e);
    e->tile = tile > wanted ? (int)wanted : (int)tile;
    return BS_OK;
}

/* Sets the numbers of workers and trials to what the user says, else to what suits the devices. */
static bs_status choose_sizes(bs_engine *e, const bs_engine_options *options)
{
    int streams = e->info.streams ? e->info.streams * e->n_devices : bs_resources_cores();
    int requested = options->max_batch > 0 ? options->max_batch : e->info.batch;
    if (options->threads > 0 && options->threads < e->n_devices) {
        bs_fail(BS_USAGE, "%d worker(s) for %d devices", options->threads, e->n_devices);
        return bs_hint("each device needs a worker: use more --threads, or fewer devices");
    }
    e->threads = options->threads > 0 ? options->threads : streams;
    if (e->threads < e->n_devices)
        e->threads = e->n_devices;
    e->dense_batch = options->max_batch > 0 ? options->max_batch
                     : e->info.batch > 0    ? e->info.batch / 4
                                            : DENSE_BATCH;
    e->max_batch = requested > 0 ? requested : MANY;
    return BS_OK;
}

static bs_status make_guide(bs_engine *e, bool timed)
{
    BS_TRY(bs_receptive_fields_create(&e->fields, e->graph));
    e->context.fields = &e->fields;
    if (timed)
        BS_TRY(bs_autotune_create(&e->context.autotune, e->graph, e->backend, bs_engine_network(e)));
    bs_autotune_use_cache(e->context.autotune, e->cache, &e->info);
    return bs_segments_create(&e->context.segments, e->graph, e->backend, bs_engine_network(e), &e->context);
}

bs_status bs_engine_open(bs_engine **out, const bs_graph *graph, const bs_plan *plan,
                         const bs_engine_options *options)
{
    bs_status st;
    bs_phase("open the device");
    BS_TRY(bs_calloc(out, 1, sizeof **out, "engine"));
    bs_engine *e = *out;
    e->graph = graph;
    e->plan = plan;
    e->mode = options->mode;
    e->replays = plan || options->bench;
    e->proves = plan && options->proves;
    e->audit = options->audit;
    e->cache = options->cache;
    BS_TRY_GOTO(bs_engine_open_devices(e, options), out);
    BS_TRY_GOTO(bs_backend_check(e->backend, graph), out);
    BS_TRY_GOTO(choose_sizes(e, options), out);
    bs_phase("load onto the device");
    BS_TRY_GOTO(bs_engine_load(e), out);
    bs_phase("make schedules");
    if (e->replays && e->mode == BS_REPLAY_DELTA)
        BS_TRY_GOTO(make_guide(e, options->timed), out);
    if (plan)
        BS_TRY_GOTO(make_schedules(e), out);
    BS_TRY_GOTO(widest_trial(e), out);
    BS_TRY_GOTO(divide_memory(e, options->threads > 0), out);
    bs_cache_flush(e->cache);
    bs_phase(NULL);
out:
    if (st != BS_OK) {
        bs_engine_close(e);
        *out = NULL;
    }
    return st;
}

void bs_engine_close(bs_engine *e)
{
    if (!e)
        return;
    for (int i = 0; e->schedules && i < e->plan->n_strata; i++)
        bs_schedules_clear(&e->schedules[i]);
    free(e->schedules);
    bs_segments_free(e->context.segments);
    bs_autotune_free(e->context.autotune);
    bs_receptive_fields_clear(&e->fields);
    bs_engine_close_devices(e);
    free(e);
}
