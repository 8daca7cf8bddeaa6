/* Values of options, for the commands. */
#include "cli/cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const bs_option bs_common_options[] = {
    {"quiet", NULL, "only warnings and errors on stderr"},
    {"timing", NULL, "how long each phase took, on stderr; not with --quiet"},
    {"help", NULL, "show this help"},
    {NULL, NULL, NULL},
};

int bs_option_find(const bs_option *table, const char *name, size_t len)
{
    for (int i = 0; table[i].name; i++)
        if (strlen(table[i].name) == len && strncmp(table[i].name, name, len) == 0)
            return i;
    return -1;
}

const char *bs_option_value(const bs_args *a, const char *name)
{
    int i = bs_option_find(a->command->options, name, strlen(name));
    return i < 0 ? NULL : a->value[i];
}

const char *bs_option_next(const bs_args *a, const char *name, int *at)
{
    int i = bs_option_find(a->command->options, name, strlen(name));
    if (i < 0 || (*at)++ == 0)
        return i < 0 ? NULL : a->value[i];
    for (int k = *at - 2; k < a->n_again; k++)
        if (a->again[k].option == i) {
            *at = k + 2;
            return a->again[k].value;
        }
    return NULL;
}

bs_status bs_option_int(const bs_args *a, const char *name, long low, long high, int *out)
{
    const char *text = bs_option_value(a, name);
    if (!text)
        return BS_OK;
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || end == text || *end || v < low || v > high)
        return bs_fail(BS_USAGE, "--%s takes a whole number from %ld to %ld, not '%s'", name, low, high,
                       text);
    *out = (int)v;
    return BS_OK;
}

bs_status bs_option_cache(const bs_args *a, const char **dir)
{
    *dir = bs_option_value(a, "cache");
    if (*dir && !**dir)
        return bs_fail(BS_USAGE, "--cache takes a folder, not ''");
    return BS_OK;
}

bs_status bs_open_cache(bs_cache **out, const bs_args *a)
{
    const char *dir;
    bool none = bs_option_value(a, "no-cache") != NULL;
    *out = NULL;
    BS_TRY(bs_option_cache(a, &dir));
    if (dir && none)
        return bs_fail(BS_USAGE, "--cache and --no-cache exclude each other");
    return none ? BS_OK : bs_cache_open(out, dir);
}

static bs_status read_number(const bs_args *a, const char *name, bool bounds, double *out)
{
    const char *text = bs_option_value(a, name);
    char *end;
    if (!text)
        return BS_OK;
    double v = strtod(text, &end);
    bool inside = bounds ? v >= 0 && v <= 1 : v > 0 && v < 1;
    if (end == text || *end || !inside)
        return bs_fail(BS_USAGE, "--%s takes a number %s, not '%s'", name,
                       bounds ? "from 0 to 1" : "above 0 and below 1", text);
    *out = v;
    return BS_OK;
}

bs_status bs_option_share(const bs_args *a, const char *name, double *out)
{
    return read_number(a, name, false, out);
}

bs_status bs_option_part(const bs_args *a, const char *name, double *out)
{
    return read_number(a, name, true, out);
}
