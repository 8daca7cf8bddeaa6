/* Hashes of several things, one after the other. */
#ifndef BS_BASE_HASH_H
#define BS_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <xxhash.h>

/* Returns the hash of what `hash` is of, and of the bytes after it. */
static inline XXH128_hash_t bs_hash_add(XXH128_hash_t hash, const void *bytes, size_t n)
{
    XXH128_hash_t next = XXH3_128bits(bytes, n);
    const uint64_t both[] = {hash.low64, hash.high64, next.low64, next.high64};
    return XXH3_128bits(both, sizeof both);
}

#endif
