/* The digest is a sum, so that it does not depend on the order of rows or on the runs that made them. The
 * SHA-256 beside it is over the same values in the order of their keys. */
#include "store/digest.h"

#include "base/sha256.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* The digest excludes run, audit and times. It is independent of the file format: columns by value, 8 bytes
 * each, with NULL as a tag of its own. The order is that of the tables' keys, which costs nothing. */
static const char sql_trial[] = "SELECT id, element, bit, keep, toggle, before, n_sites, died_at, top1, "
                                "top2, top3, top4, top5, score1, score2, "
                                "score3, score4, score5, p_golden, flags FROM trial ORDER BY id";
static const char sql_golden[] = "SELECT image, top1, top2, top3, top4, top5, score1, score2, score3, "
                                 "score4, score5, p_top1, flags, sha256, "
                                 "logits_hash FROM golden ORDER BY image";
/* Their hashes are added, so that files without such rows keep their digests. */
static const char sql_site[] =
    "SELECT trial, layer, element, keep, toggle, before FROM trial_site ORDER BY trial, layer, element";
static const char sql_trial_ranking[] = "SELECT trial, ranking FROM trial_ranking ORDER BY trial";
static const char sql_golden_ranking[] = "SELECT image, ranking FROM golden_ranking ORDER BY image";

/* What rates are computed from, beside or instead of the rows: what was hit, and the counts. */
static const char *const sql_counts[] = {
    "SELECT id, kind, definition FROM entry ORDER BY id",
    "SELECT id, name FROM class ORDER BY id",
    "SELECT id, name, kind, type, elements, bits FROM layer ORDER BY id",
    "SELECT entry, layer, parameter, repetitions, population, bits FROM stratum ORDER BY entry, layer",
    "SELECT entry, layer, parameter, probability, population, bits FROM network_target ORDER BY entry, layer",
    "SELECT image, trials FROM broken_image ORDER BY image",
    "SELECT entry, layer, image, done FROM unit ORDER BY entry, layer, image",
    "SELECT entry, layer, image, class, n, masked, sdc5, sdc10, sdc20 FROM summary ORDER BY entry, layer, "
    "image, class",
    "SELECT entry, layer, class, n, masked, wrong, sdc5, sdc10, sdc20, labelled, correct, golden_correct, "
    "golden_correct_wrong FROM layer_summary ORDER BY entry, layer, class",
    "SELECT entry, layer, repetition, n, masked, sdc1, due FROM fault_summary ORDER BY entry, layer, "
    "repetition",
    "SELECT entry, layer, repetition, class, n, runner_up_n, golden_n FROM fault_wrong ORDER BY entry, "
    "layer, "
    "repetition, class"};

enum { MAX_COLUMNS = 24 };

typedef struct sum128 {
    uint64_t high, low;
} sum128;

static XXH128_hash_t hash_row(sqlite3_stmt *q, uint64_t seed)
{
    uint64_t word[2 * MAX_COLUMNS];
    int n = sqlite3_column_count(q);
    for (int i = 0; i < n; i++) {
        int type = sqlite3_column_type(q, i);
        double real;
        word[2 * i] = (uint64_t)type;
        word[2 * i + 1] = 0;
        if (type == SQLITE_INTEGER) {
            word[2 * i + 1] = (uint64_t)sqlite3_column_int64(q, i);
        } else if (type == SQLITE_FLOAT) {
            real = sqlite3_column_double(q, i);
            memcpy(&word[2 * i + 1], &real, sizeof real);
        } else if (type != SQLITE_NULL) {
            const void *bytes = sqlite3_column_blob(q, i);
            word[2 * i + 1] = XXH3_64bits(bytes ? bytes : "", (size_t)sqlite3_column_bytes(q, i));
        }
    }
    return XXH3_128bits_withSeed(word, (size_t)n * 2 * sizeof *word, seed);
}

/* Adds a row's values to a SHA-256: a type and 8 bytes for each, little-endian, and what a text or blob of
 * that many bytes holds. */
static void add_to_sha256(struct sha256_ctx *hash, sqlite3_stmt *q)
{
    for (int i = 0; i < sqlite3_column_count(q); i++) {
        int type = sqlite3_column_type(q, i);
        bool bytes = type == SQLITE_TEXT || type == SQLITE_BLOB;
        uint8_t head[9] = {(uint8_t)type};
        uint64_t word = 0;
        double real = sqlite3_column_double(q, i);
        if (type == SQLITE_FLOAT)
            memcpy(&word, &real, sizeof word);
        else if (type == SQLITE_INTEGER)
            word = (uint64_t)sqlite3_column_int64(q, i);
        const void *text = bytes ? sqlite3_column_blob(q, i) : NULL;
        size_t n = bytes ? (size_t)sqlite3_column_bytes(q, i) : 0;
        if (bytes)
            word = n;
        for (int k = 0; k < 8; k++)
            head[1 + k] = (uint8_t)(word >> 8 * k);
        sha256_update(hash, sizeof head, head);
        if (n > 0)
            sha256_update(hash, n, text);
    }
}

typedef struct digest {
    uint64_t seed; /* differs for each table */
    sum128 sum;
    uint64_t rows;
    struct sha256_ctx *sha256; /* NULL: not wanted */
} digest;

static bs_status add_row(void *context, sqlite3_stmt *q)
{
    digest *d = context;
    XXH128_hash_t h = hash_row(q, d->seed);
    d->sum.low += h.low64;
    d->sum.high += h.high64 + (d->sum.low < h.low64);
    d->rows++;
    if (d->sha256)
        add_to_sha256(d->sha256, q);
    return BS_OK;
}

static bs_status add_tables(digest *d, const bs_db *db, uint64_t *n_trials)
{
    static const char *const tables[] = {sql_trial, sql_golden, sql_site, sql_trial_ranking,
                                         sql_golden_ranking};
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        uint8_t tag = (uint8_t)(i + 1);
        d->seed = i + 1;
        if (d->sha256)
            sha256_update(d->sha256, 1, &tag);
        BS_TRY(bs_db_each(db, tables[i], BS_NO_BIND, add_row, d));
        if (i == 0)
            *n_trials = d->rows;
    }
    return BS_OK;
}

static void print_sum(char out[33], sum128 sum)
{
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, sum.high, sum.low);
}

static bs_status add_count(void *hash, sqlite3_stmt *q)
{
    add_to_sha256(hash, q);
    return BS_OK;
}

static bs_status hash_counts(char out[BS_SHA256_TEXT], const bs_db *db)
{
    struct sha256_ctx hash;
    sha256_init(&hash);
    for (size_t i = 0; i < sizeof sql_counts / sizeof *sql_counts; i++) {
        uint8_t tag = (uint8_t)(i + 1);
        sha256_update(&hash, 1, &tag);
        BS_TRY(bs_db_each(db, sql_counts[i], BS_NO_BIND, add_count, &hash));
    }
    bs_sha256_end(&hash, out);
    return BS_OK;
}

bs_status bs_results_hash(bs_results *out, const bs_db *db)
{
    struct sha256_ctx hash;
    digest d = {.sha256 = &hash};
    sha256_init(&hash);
    BS_TRY(add_tables(&d, db, &out->trials));
    print_sum(out->digest, d.sum);
    bs_sha256_end(&hash, out->sha256);
    return hash_counts(out->counts, db);
}

bs_status bs_store_digest(const char *path, char out[33], uint64_t *n_rows)
{
    bs_db *db = NULL;
    digest d = {.seed = 0};
    uint64_t trials = 0;
    bs_status st;
    BS_TRY(bs_db_open(&db, path));
    /* Reads all tables as of one moment, also while a run writes. */
    BS_TRY_GOTO(bs_db_exec(db, "read", "BEGIN"), out);
    BS_TRY_GOTO(add_tables(&d, db, &trials), out);
    if (n_rows)
        *n_rows = trials;
    print_sum(out, d.sum);
out:
    bs_db_close(db);
    return st;
}
