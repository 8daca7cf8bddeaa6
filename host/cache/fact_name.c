#include "cache/fact_name.h"

#include <link.h>
#include <string.h>
#include <xxhash.h>

typedef struct found {
    const unsigned char *id;
    size_t len;
} found;

/* Looks through the notes of the first object, which is the program itself. */
static int look(struct dl_phdr_info *info, size_t size, void *out)
{
    found *f = out;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum && !f->id; i++) {
        const ElfW(Phdr) *h = &info->dlpi_phdr[i];
        const unsigned char *at = (const unsigned char *)info->dlpi_addr + h->p_vaddr;
        for (size_t left = h->p_type == PT_NOTE ? h->p_memsz : 0; left >= sizeof(ElfW(Nhdr));) {
            ElfW(Nhdr) note;
            memcpy(&note, at, sizeof note);
            size_t name = ((size_t)note.n_namesz + 3) & ~(size_t)3,
                   all = ((size_t)note.n_descsz + 3) & ~(size_t)3;
            if (name + all > left - sizeof note)
                break;
            if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 && !memcmp(at + sizeof note, "GNU", 4))
                *f = (found){at + sizeof note + name, note.n_descsz};
            at += sizeof note + name + all;
            left -= sizeof note + name + all;
        }
    }
    return 1;
}

/* Sets *id to the bytes by which the linker tells this build of the program from others; returns their
 * number, 0 if it has none. */
static size_t build_id(const unsigned char **id)
{
    found f = {0};
    dl_iterate_phdr(look, &f);
    *id = f.id;
    return f.len;
}

static XXH128_hash_t hash(const void *bytes, size_t len, uint64_t seed)
{
    return XXH3_128bits_withSeed(len ? bytes : "", len, seed);
}

/* Hashes everything that names a fact and, for the seal, its value: part by part, then the hashes. */
static void hash_fact(unsigned char out[BS_FACT_HASH], const bs_fact *fact, uint64_t seed, const void *value,
                      size_t len)
{
    const unsigned char *id;
    size_t id_len = build_id(&id);
    const XXH128_hash_t part[] = {hash(fact->kind, strlen(fact->kind), seed),
                                  hash(BITSINK_VERSION, sizeof BITSINK_VERSION, seed), hash(id, id_len, seed),
                                  hash(fact->key, fact->key_len, seed), hash(value, len, seed)};
    XXH128_canonical_t bytes;
    XXH128_canonicalFromHash(&bytes, hash(part, sizeof part, seed));
    memcpy(out, bytes.digest, BS_FACT_HASH);
}

void bs_fact_name(unsigned char out[BS_FACT_HASH], const bs_fact *fact)
{
    hash_fact(out, fact, 0, NULL, 0);
}

void bs_fact_seal(unsigned char out[BS_FACT_HASH], const bs_fact *fact, const void *value, size_t len)
{
    hash_fact(out, fact, 1, value, len);
}

uint64_t bs_cache_build(void)
{
    const unsigned char *id;
    size_t len = build_id(&id);
    return len ? XXH3_64bits(id, len) : 0;
}
