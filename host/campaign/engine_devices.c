#include "campaign/engine_devices.h"

#include "base/buf.h"
#include "base/team.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- Opening --- */

/* named: the options in the device's name. */
static bs_status open_device(bs_device **out, const bs_backend *backend, int ordinal, const char *named,
                             const bs_engine_options *options)
{
    if (!options->device_options)
        return backend->open(out, ordinal, named);
    bs_str with = {0};
    bs_str_printf(&with, "%s%s%s", options->device_options, named ? "," : "", named ? named : "");
    bs_status st = bs_str_status(&with);
    if (st == BS_OK && backend->open(out, ordinal, with.ptr) != BS_OK)
        st = bs_error_status() == BS_USAGE ? bs_hint("%s", options->device_hint) : bs_error_status();
    bs_str_clear(&with);
    return st;
}

bs_status bs_engine_hint_other_kind(void)
{
    return bs_hint("devices of one run must be of one kind; start a run for each kind, with --shard into a "
                   "file of its own");
}

/* Refuses a device whose arithmetic may not be that of the first. */
static bs_status check_alike(const bs_engine *e, const char *name, const bs_device_info *info)
{
    const bs_device_info *first = &e->info;
    if (strcmp(info->name, first->name) == 0 && strcmp(info->isa, first->isa) == 0 &&
        strcmp(info->library, first->library) == 0)
        return BS_OK;
    bs_fail(BS_ERR, "device %s is another one than %s: %s (%s, %s), not %s (%s, %s)", name,
            e->devices[0].name, info->name, info->isa, info->library, first->name, first->isa,
            first->library);
    return bs_engine_hint_other_kind();
}

bs_status bs_engine_open_devices(bs_engine *e, const bs_engine_options *options)
{
    const char *spec = options->device ? options->device : "auto";
    bs_device_choice found;
    BS_TRY(bs_backend_find(&found, spec));
    e->backend = found.backend;
    if (found.n > 1 && !options->several) {
        bs_fail(BS_USAGE, "'%s' names %d devices, and this command takes one", spec, found.n);
        return bs_hint("use one, as in --device %s:%d; `bitsink run` uses several", found.backend->name,
                       found.ordinal[0]);
    }
    BS_TRY(bs_calloc(&e->devices, (size_t)found.n, sizeof *e->devices, "devices"));
    for (int k = 0; k < found.n; k++) {
        bs_engine_device *d = &e->devices[k];
        bs_device_info info;
        e->n_devices = k + 1;
        d->ordinal = found.ordinal[k];
        snprintf(d->name, sizeof d->name, "%s:%d", found.backend->name, d->ordinal);
        if (open_device(&d->device, e->backend, d->ordinal, found.options, options) != BS_OK)
            return found.n > 1 ? bs_context("device %s", d->name) : bs_error_status();
        e->backend->describe(d->device, &info);
        if (k == 0)
            e->info = info;
        BS_TRY(check_alike(e, d->name, &info));
        if (info.memory < e->info.memory)
            e->info.memory = info.memory;
    }
    return BS_OK;
}

void bs_engine_close_devices(bs_engine *e)
{
    for (int k = 0; k < e->n_devices; k++) {
        if (e->devices[k].network)
            e->backend->unload(e->devices[k].network);
        if (e->devices[k].device)
            e->backend->close(e->devices[k].device);
    }
    free(e->devices);
}

/* --- What is done on each device, side by side --- */

typedef struct device_share {
    bs_engine *e;
    atomic_int next;
    bs_status (*fn)(bs_engine *, int, void *);
    void *shared;
} device_share;

static bs_status do_next(void *shared, int worker)
{
    device_share *s = shared;
    (void)worker;
    for (int k; (k = atomic_fetch_add(&s->next, 1)) < s->e->n_devices;)
        if (s->fn(s->e, k, s->shared) != BS_OK)
            return s->e->n_devices > 1 ? bs_context("device %s", s->e->devices[k].name) : bs_error_status();
    return BS_OK;
}

bs_status bs_engine_each_device(bs_engine *e, int first, bs_status (*fn)(bs_engine *e, int k, void *shared),
                                void *shared)
{
    device_share s = {.e = e, .next = first, .fn = fn, .shared = shared};
    return first < e->n_devices ? bs_team_run(e->n_devices - first, do_next, &s) : BS_OK;
}

static bs_status load_device(bs_engine *e, int k, void *like)
{
    const bs_load_options options = {e->cache, e->threads, like};
    return e->backend->load(&e->devices[k].network, e->devices[k].device, e->graph, &options);
}

bs_status bs_engine_load(bs_engine *e)
{
    BS_TRY(load_device(e, 0, NULL));
    return bs_engine_each_device(e, 1, load_device, e->devices[0].network);
}
