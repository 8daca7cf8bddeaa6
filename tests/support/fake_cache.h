/* A cache of facts in memory, for programs linked with --wrap for the three functions below. */
#ifndef BS_TESTS_FAKE_CACHE_H
#define BS_TESTS_FAKE_CACHE_H

#include "cache/cache.h"
#include "support/testing.h"

#include <pthread.h>

enum { FAKE_FACTS = 256, FAKE_VALUE = 128 };

struct bs_cache {
    struct {
        char kind[16];
        void *key;
        size_t key_len, len;
        uint8_t value[FAKE_VALUE];
    } fact[FAKE_FACTS];
    int n, hits, puts;
};

static pthread_mutex_t fake_lock = PTHREAD_MUTEX_INITIALIZER;

static inline int fake_find(const bs_cache *c, const bs_fact *f)
{
    for (int i = 0; c && i < c->n; i++)
        if (strcmp(c->fact[i].kind, f->kind) == 0 && c->fact[i].key_len == f->key_len &&
            memcmp(c->fact[i].key, f->key, f->key_len) == 0)
            return i;
    return -1;
}

bool __wrap_bs_cache_get_fixed(bs_cache *c, const bs_fact *f, void *value, size_t len);
bool __wrap_bs_cache_get_fixed(bs_cache *c, const bs_fact *f, void *value, size_t len)
{
    pthread_mutex_lock(&fake_lock);
    int i = fake_find(c, f);
    bool found = i >= 0 && c->fact[i].len == len;
    if (found) {
        memcpy(value, c->fact[i].value, len);
        c->hits++;
    }
    pthread_mutex_unlock(&fake_lock);
    return found;
}

void __wrap_bs_cache_put(bs_cache *c, const bs_fact *f, const void *value, size_t len);
void __wrap_bs_cache_put(bs_cache *c, const bs_fact *f, const void *value, size_t len)
{
    if (!c)
        return;
    pthread_mutex_lock(&fake_lock);
    int i = fake_find(c, f);
    assert_true(len <= FAKE_VALUE && f->subject && *f->subject);
    if (i < 0) {
        i = c->n++;
        assert_true(i < FAKE_FACTS);
        snprintf(c->fact[i].kind, sizeof c->fact[i].kind, "%s", f->kind);
        c->fact[i].key_len = f->key_len;
        c->fact[i].key = malloc(f->key_len);
        memcpy(c->fact[i].key, f->key, f->key_len);
    }
    c->fact[i].len = len;
    memcpy(c->fact[i].value, value, len);
    c->puts++;
    pthread_mutex_unlock(&fake_lock);
}

static inline void fake_clear(bs_cache *c)
{
    for (int i = 0; i < c->n; i++)
        free(c->fact[i].key);
    memset(c, 0, sizeof *c);
}

#endif
