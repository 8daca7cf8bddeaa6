#include "backend/backend.h"
#include "base/buf.h"
#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In the order in which "auto" tries them; the null backend is chosen only by name. */
static const bs_backend *const registry[] = {
#ifdef BITSINK_CUDA
    &bs_cuda_backend,
#endif
    &bs_cpu_backend,
    &bs_null_backend,
};
enum { N_BACKENDS = sizeof registry / sizeof *registry };

const bs_backend *bs_backend_at(int i)
{
    return i >= 0 && i < N_BACKENDS ? registry[i] : NULL;
}

static bs_status take(const bs_backend **out, int *ordinal, const bs_backend *b, int wanted)
{
    char why[256] = "";
    int n = b->device_count(why, sizeof why);
    if (n <= 0)
        return bs_fail(BS_NO_DEVICE, "no %s device: %s", b->name, why);
    if (wanted >= n) {
        bs_fail(BS_NO_DEVICE, "no device '%s:%d': the last one is '%s:%d'", b->name, wanted, b->name, n - 1);
        return bs_hint("numbers start at 0; --device %s is the first", b->name);
    }
    *out = b;
    *ordinal = wanted;
    return BS_OK;
}

static bs_status unknown(const char *spec)
{
    bs_str names = {0};
    for (int i = 0; i < N_BACKENDS; i++)
        bs_str_printf(&names, "%s, ", registry[i]->name);
    bs_fail(BS_USAGE, "unknown device '%s'", spec);
    bs_status st = bs_hint("devices of this build: %sauto; a number picks one of several, as in cuda:1",
                           names.ptr ? names.ptr : "");
    bs_str_clear(&names);
    return st;
}

/* Finds the first backend that has a device, and logs why devices of those before it cannot be used. */
static bs_status find_best(const bs_backend **out, int *ordinal)
{
    for (int i = 0; i < N_BACKENDS; i++) {
        if (!registry[i]->needs_pixels)
            continue;
        char why[256] = "";
        int n = registry[i]->device_count(why, sizeof why);
        if (n > 0)
            return take(out, ordinal, registry[i], 0);
        bs_fail(BS_NO_DEVICE, "no %s device: %s", registry[i]->name, why);
        if (n < 0)
            bs_warn("the %s device cannot be used: %s", registry[i]->name, why);
    }
    return bs_error_status();
}

bs_status bs_backend_find(const bs_backend **out, int *ordinal, const char **options, const char *spec)
{
    size_t whole = strcspn(spec, ","), len = strcspn(spec, ":,");
    int wanted = 0;
    *options = spec[whole] ? spec + whole + 1 : NULL;
    if (whole == 4 && strncmp(spec, "auto", whole) == 0)
        return find_best(out, ordinal);
    if (spec[len] == ':') {
        char *end;
        errno = 0;
        long v = strtol(spec + len + 1, &end, 10);
        if (errno || end != spec + whole || end == spec + len + 1 || v < 0 || v > 1 << 16)
            return unknown(spec);
        wanted = (int)v;
    }
    for (int i = 0; i < N_BACKENDS; i++)
        if (strlen(registry[i]->name) == len && strncmp(registry[i]->name, spec, len) == 0)
            return take(out, ordinal, registry[i], wanted);
    return unknown(spec);
}

bs_status bs_backend_check(const bs_backend *b, const bs_graph *g)
{
    bs_str list = {0};
    int bad = 0;
    for (int i = 0; i < g->n_nodes; i++) {
        char why[200] = "";
        if (b->supports(g, i, why, sizeof why))
            continue;
        if (++bad <= 5)
            bs_str_printf(&list, "%s%s (%s): %s", bad > 1 ? "; " : "", g->nodes[i].name,
                          bs_op_name(g->nodes[i].op), why);
    }
    bs_status st = BS_OK;
    if (bad) {
        bs_fail(BS_ERR, "device '%s' cannot run %d node(s): %s", b->name, bad, list.ptr ? list.ptr : "");
        st = bs_hint("try --device cpu, which runs every operator that can be imported");
    }
    bs_str_clear(&list);
    return st;
}
