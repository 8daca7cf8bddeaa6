/* The cache of facts: what this program found out on this machine and need not find out again, such as which
 * implementation of a layer was selected, or that a schedule was proven. It is one SQLite file that many
 * processes share. A fact only ever saves work: with no cache, a damaged one, or one that cannot be written,
 * everything is found out again. */
#ifndef BS_CACHE_CACHE_H
#define BS_CACHE_CACHE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct bs_cache bs_cache;

/* A fact's name. `key` holds, as bytes, everything that the fact depends on; facts with other bytes are other
 * facts. The program's version is added to it. `subject` tells people what the fact is about, such as a
 * model's file name; it is not part of the name. */
typedef struct bs_fact {
    const char *kind; /* "proof", "selection": a few, see `bitsink cache` */
    const void *key;
    size_t key_len;
    const char *subject;
} bs_fact;

/* Opens the cache in folder `dir`; NULL: $XDG_CACHE_HOME/bitsink, or ~/.cache/bitsink. *out is NULL, which
 * all functions take as an empty cache, where there is no such folder and none can be made; after a warning
 * if `dir` was given. Errors: no memory. Close with bs_cache_close(). */
bs_status bs_cache_open(bs_cache **out, const char *dir);
void bs_cache_close(bs_cache *c);

/* Sets *value to the stored bytes, allocated with malloc, and *len to their number. Returns false if the fact
 * is not stored. Thread-safe. */
bool bs_cache_get(bs_cache *c, const bs_fact *fact, void **value, size_t *len);
/* The same for a value of exactly `len` bytes, which are copied to `value`. */
bool bs_cache_get_fixed(bs_cache *c, const bs_fact *fact, void *value, size_t len);
/* Stores a fact; one that is stored already is replaced. Failures are not reported. Thread-safe. */
void bs_cache_put(bs_cache *c, const bs_fact *fact, const void *value, size_t len);

#endif
