/* The digest is a sum, so that it does not depend on the order of rows or on the runs that made them. */
#include "store/db.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

/* The digest excludes run, audit and times. It is independent of the file format: columns by value, 8 bytes
 * each, with NULL as a tag of its own. */
static const char sql_trial[] = "SELECT id, element, bit, keep, toggle, before, n_sites, died_at, top1, "
                                "top2, top3, top4, top5, score1, score2, "
                                "score3, score4, score5, p_golden, flags FROM trial";
static const char sql_golden[] = "SELECT image, top1, top2, top3, top4, top5, score1, score2, score3, "
                                 "score4, score5, p_top1, flags, sha256, "
                                 "logits_hash FROM golden";
/* Their hashes are added, so that files without such rows keep their digests. */
static const char sql_site[] = "SELECT trial, layer, element, keep, toggle, before FROM trial_site";
static const char sql_trial_ranking[] = "SELECT trial, ranking FROM trial_ranking";
static const char sql_golden_ranking[] = "SELECT image, ranking FROM golden_ranking";

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

typedef struct digest {
    uint64_t seed; /* differs for each table */
    sum128 sum;
    uint64_t rows;
} digest;

static bs_status add_row(void *context, sqlite3_stmt *q)
{
    digest *d = context;
    XXH128_hash_t h = hash_row(q, d->seed);
    d->sum.low += h.low64;
    d->sum.high += h.high64 + (d->sum.low < h.low64);
    d->rows++;
    return BS_OK;
}

bs_status bs_store_digest(const char *path, char out[33], uint64_t *n_rows)
{
    static const char *const tables[] = {sql_trial, sql_golden, sql_site, sql_trial_ranking,
                                         sql_golden_ranking};
    bs_db *db = NULL;
    digest d = {.seed = 0};
    bs_status st;
    BS_TRY(bs_db_open(&db, path));
    /* Reads all tables as of one moment, also while a run writes. */
    BS_TRY_GOTO(bs_db_exec(db, "read", "BEGIN"), out);
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        d.seed = i + 1;
        BS_TRY_GOTO(bs_db_each(db, tables[i], BS_NO_BIND, add_row, &d), out);
        if (i == 0 && n_rows)
            *n_rows = d.rows;
    }
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, d.sum.high, d.sum.low);
out:
    bs_db_close(db);
    return st;
}
