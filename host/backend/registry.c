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

static bs_status unknown(const char *spec)
{
    bs_str names = {0};
    for (int i = 0; i < N_BACKENDS; i++)
        bs_str_printf(&names, "%s, ", registry[i]->name);
    bs_fail(BS_USAGE, "unknown device '%s'", spec);
    bs_status st = bs_hint("devices of this build: %sauto; of several, numbers pick some: cuda:1, cuda:0-3, "
                           "cuda:0,2, or cuda:all",
                           names.ptr ? names.ptr : "");
    bs_str_clear(&names);
    return st;
}

/* Adds device `ordinal` of the n that the backend has. */
static bs_status add(bs_device_choice *out, int ordinal, int n)
{
    const char *name = out->backend->name;
    if (ordinal >= n) {
        bs_fail(BS_NO_DEVICE, "no device '%s:%d': the last one is '%s:%d'", name, ordinal, name, n - 1);
        return bs_hint("numbers start at 0; --device %s is the first", name);
    }
    for (int i = 0; i < out->n; i++)
        if (out->ordinal[i] == ordinal) {
            bs_fail(BS_USAGE, "device '%s:%d' is named twice", name, ordinal);
            return bs_hint("name each device once");
        }
    if (out->n == BS_MAX_DEVICES)
        return bs_fail(BS_USAGE, "more than %d devices", BS_MAX_DEVICES);
    out->ordinal[out->n++] = ordinal;
    return BS_OK;
}

/* Finds the first backend that has a device, and logs why devices of those before it cannot be used. */
static bs_status find_best(bs_device_choice *out)
{
    for (int i = 0; i < N_BACKENDS; i++) {
        if (!registry[i]->needs_pixels)
            continue;
        char why[256] = "";
        int n = registry[i]->device_count(why, sizeof why);
        out->backend = registry[i];
        if (n > 0)
            return add(out, 0, n);
        bs_fail(BS_NO_DEVICE, "no %s device: %s", registry[i]->name, why);
        if (n < 0)
            bs_warn("the %s device cannot be used: %s", registry[i]->name, why);
    }
    return bs_error_status();
}

/* Reads the number at *at and moves behind it. */
static bool read_number(const char **at, int *out)
{
    char *end;
    if (**at < '0' || **at > '9')
        return false;
    errno = 0;
    long v = strtol(*at, &end, 10);
    *out = (int)v;
    *at = end;
    return !errno && v <= 1 << 16;
}

/* Reads "2", "0-3" or "all" at *at, moves behind it, and adds these of the backend's n devices. */
static bs_status add_part(bs_device_choice *out, const char **at, int n, const char *spec)
{
    const char *part = *at, *end = part;
    int first = 0, last = n - 1;
    if (strncmp(part, "all", 3) == 0) {
        end += 3;
    } else {
        if (!read_number(&end, &first))
            return unknown(spec);
        last = first;
        if (*end == '-' && (end++, !read_number(&end, &last)))
            return unknown(spec);
    }
    if (*end && *end != ',')
        return unknown(spec);
    if (last < first) {
        bs_fail(BS_USAGE, "there is no device in the range '%.*s'", (int)(end - part), part);
        return bs_hint("the lower number comes first: %s:%d-%d", out->backend->name, last, first);
    }
    for (int i = first; i <= last; i++)
        BS_TRY(add(out, i, n));
    *at = end;
    return BS_OK;
}

bs_status bs_backend_find(bs_device_choice *out, const char *spec)
{
    size_t len = strcspn(spec, ":,");
    const char *at = spec + len;
    char why[256] = "";
    int i = 0;
    *out = (bs_device_choice){.n = 0};
    if (len == 4 && strncmp(spec, "auto", len) == 0 && *at != ':') {
        out->options = *at ? at + 1 : NULL;
        return find_best(out);
    }
    while (i < N_BACKENDS && (strlen(registry[i]->name) != len || strncmp(registry[i]->name, spec, len) != 0))
        i++;
    if (i == N_BACKENDS)
        return unknown(spec);
    out->backend = registry[i];
    int n = registry[i]->device_count(why, sizeof why);
    if (n <= 0)
        return bs_fail(BS_NO_DEVICE, "no %s device: %s", registry[i]->name, why);
    if (*at != ':') {
        BS_TRY(add(out, 0, n));
    } else {
        do {
            at++;
            BS_TRY(add_part(out, &at, n, spec));
        } while (*at == ',' && at[1] >= '0' && at[1] <= '9');
    }
    out->options = *at ? at + 1 : NULL;
    return BS_OK;
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
