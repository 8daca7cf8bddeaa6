#include "cache/cache.h"

bs_status bs_cache_open(bs_cache **out, const char *dir)
{
    (void)dir;
    *out = NULL;
    return BS_OK;
}

void bs_cache_close(bs_cache *c)
{
    (void)c;
}

bool bs_cache_get(bs_cache *c, const bs_fact *fact, void **value, size_t *len)
{
    (void)c;
    (void)fact;
    *value = NULL;
    *len = 0;
    return false;
}

bool bs_cache_get_fixed(bs_cache *c, const bs_fact *fact, void *value, size_t len)
{
    (void)c;
    (void)fact;
    (void)value;
    (void)len;
    return false;
}

void bs_cache_put(bs_cache *c, const bs_fact *fact, const void *value, size_t len)
{
    (void)c;
    (void)fact;
    (void)value;
    (void)len;
}
