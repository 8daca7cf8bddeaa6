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
 * facts. The program is added to it: its version, and the id that the linker gave the build. `subject` tells
 * people what the fact is about, such as a model's file name; it is not part of the name. */
typedef struct bs_fact {
    const char *kind; /* "proof", "selection": a few, see `bitsink cache` */
    const void *key;
    size_t key_len;
    const char *subject;
} bs_fact;

/* The most that the facts of a cache may take, in bytes; those that were not used for longest go first. */
enum { BS_CACHE_LIMIT = 64 << 20 };

/* Opens the cache in folder `dir`; NULL: $XDG_CACHE_HOME/bitsink, or ~/.cache/bitsink. *out is NULL, which
 * all functions take as an empty cache, where there is no such folder and none can be made; after a warning
 * if `dir` was given. A cache that cannot be written is read. One that is damaged is dropped, with a warning.
 * Errors: no memory. Close with bs_cache_close(), which writes what is not written yet. */
bs_status bs_cache_open(bs_cache **out, const char *dir);
void bs_cache_close(bs_cache *c);
/* Returns the path of the file that bs_cache_open(dir) opens, NULL if there is none. The caller frees it. */
char *bs_cache_path(const char *dir);

/* Sets *value to the stored bytes, allocated with malloc, and *len to their number. Returns false if the fact
 * is not stored. Thread-safe. */
bool bs_cache_get(bs_cache *c, const bs_fact *fact, void **value, size_t *len);
/* The same for a value of exactly `len` bytes, which are copied to `value`. */
bool bs_cache_get_fixed(bs_cache *c, const bs_fact *fact, void *value, size_t len);
/* Stores a fact; one that is stored already is replaced. Failures are not reported. It is found at once, and
 * in the file within seconds if more facts follow, else after bs_cache_flush() or bs_cache_close().
 * Thread-safe. */
void bs_cache_put(bs_cache *c, const bs_fact *fact, const void *value, size_t len);
/* Writes what is not written yet, unless other processes keep the file busy; then it stays for the next time.
 * Thread-safe. */
void bs_cache_flush(bs_cache *c);
/* Sets another limit than BS_CACHE_LIMIT, for the facts that this process writes. */
void bs_cache_set_limit(bs_cache *c, int64_t bytes);

/* --- what `bitsink cache` shows and clears --- */

typedef struct bs_fact_info {
    const char *kind, *subject;
    int64_t bytes;      /* of its value */
    int64_t made, used; /* seconds since 1970; `used` is at most a day behind */
} bs_fact_info;

/* Calls `see` for each fact in the file, by kind and subject. */
bs_status bs_cache_each(bs_cache *c, void (*see)(void *context, const bs_fact_info *fact), void *context);
/* Removes all facts, or those of one kind, and gives the room back. *n: how many there were. */
bs_status bs_cache_clear(bs_cache *c, const char *kind, int64_t *n);

/* Returns a hash of the linker's build id: programs with the same one are the same program. 0: it has none.
 */
uint64_t bs_cache_build(void);

#endif
