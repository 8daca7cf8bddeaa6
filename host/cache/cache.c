#include "cache/cache.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/resources.h"
#include "base/text.h"
#include "cache/cache_folder.h"
#include "cache/fact_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Facts are collected and written together, at most every SECONDS. A use is noted once in A_DAY, so that
 * commands that find everything do not write. A value larger than 1/LARGE of the limit is not stored. */
enum { SECONDS = 2, A_DAY = 24 * 3600, LARGE = 16 };

struct bs_cache {
    pthread_mutex_t lock; /* guards all of it */
    bs_fact_file file;
    char *path;
    bool named;    /* by the user, who is told of what goes wrong */
    bool off;      /* something went wrong: nothing is read or written any more */
    bool no_write; /* only read */
    int repairs;
    int64_t limit;
    double written;       /* on bs_resources_clock(): the last time */
    bs_fact_row *pending; /* not written yet */
    size_t n_pending, cap;
};

/* --- trouble --- */

static void tell_repair(const bs_cache *c, bs_fact_repair repair)
{
    if (repair == BS_FACT_DROPPED)
        bs_warn("the cache '%s' was damaged: it was dropped, and begins anew", bs_visible(c->path));
    if (repair == BS_FACT_EMPTIED)
        bs_warn("the cache '%s' was of a newer version of bitsink: it was dropped, and begins anew",
                bs_visible(c->path));
    if (repair == BS_FACT_MOVED)
        bs_warn("'%s' is a database of another program: it has the name '%s.other' now", bs_visible(c->path),
                bs_visible(c->path));
}

/* Stops the use of the cache in this process. */
static void turn_off(bs_cache *c, int rc)
{
    if (c->named && !c->off)
        bs_warn("going on without the cache '%s': %s", bs_visible(c->path), sqlite3_errstr(rc));
    c->off = true;
}

/* Returns true if it is worth trying again. */
static bool recovered(bs_cache *c, int rc)
{
    bs_fact_repair repair = BS_FACT_AS_IT_WAS;
    if (bs_fact_file_damaged(rc) && c->repairs++ == 0) {
        rc = bs_fact_file_repair(&c->file, &repair);
        if (rc == SQLITE_OK) {
            tell_repair(c, repair);
            return true;
        }
    }
    turn_off(c, rc);
    return false;
}

/* --- facts that are not written yet --- */

static void row_clear(bs_fact_row *r)
{
    free(r->kind);
    free(r->subject);
    free(r->value);
}

static bs_fact_row *find_pending(bs_cache *c, const unsigned char *name)
{
    for (size_t i = 0; i < c->n_pending; i++)
        if (memcmp(c->pending[i].name, name, BS_FACT_HASH) == 0)
            return &c->pending[i];
    return NULL;
}

/* Adds a row, or puts it in the place of one with its name. Takes what the row owns. */
static void add_pending(bs_cache *c, bs_fact_row row)
{
    bs_fact_row *there = find_pending(c, row.name);
    if (!there && c->n_pending == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 64;
        bs_fact_row *more = realloc(c->pending, cap * sizeof *more);
        if (!more) {
            row_clear(&row);
            return;
        }
        c->pending = more;
        c->cap = cap;
    }
    if (there)
        row_clear(there);
    else
        there = &c->pending[c->n_pending++];
    *there = row;
}

/* The caller holds the lock. If the file stays locked, the facts are kept for the next time. */
static void flush(bs_cache *c, int wait_ms)
{
    c->written = bs_resources_clock();
    if (c->n_pending == 0 || c->off || c->no_write)
        return;
    int rc = bs_fact_file_put(&c->file, c->pending, c->n_pending, c->limit, wait_ms);
    if ((rc & 0xff) == SQLITE_BUSY)
        return;
    if (bs_fact_file_damaged(rc) && recovered(c, rc))
        rc = bs_fact_file_put(&c->file, c->pending, c->n_pending, c->limit, wait_ms);
    if (rc != SQLITE_OK)
        turn_off(c, rc);
    for (size_t i = 0; i < c->n_pending; i++)
        row_clear(&c->pending[i]);
    c->n_pending = 0;
}

/* --- open and close --- */

char *bs_cache_path(const char *dir)
{
    char *folder = bs_cache_folder(dir);
    bs_str path = {0};
    if (folder)
        bs_str_printf(&path, "%s/facts.db", folder);
    free(folder);
    if (path.oom)
        bs_str_clear(&path);
    return path.ptr;
}

/* Makes the folder, and opens the file. Returns false if there can be no cache, with a message in `why`. */
static bool open_file(bs_cache *c, const char *dir, bs_fact_repair *repair, char *why, size_t len)
{
    char *folder = bs_cache_folder(dir);
    bool made = folder && bs_cache_folder_make(folder);
    snprintf(why, len, "%s", folder ? strerror(errno) : "no memory");
    free(folder);
    if (!made)
        return false;
    int rc = bs_fact_file_open(&c->file, c->path, repair);
    snprintf(why, len, "%s", sqlite3_errstr(rc));
    return rc == SQLITE_OK;
}

bs_status bs_cache_open(bs_cache **out, const char *dir)
{
    bs_fact_repair repair = BS_FACT_AS_IT_WAS;
    char why[160];
    *out = NULL;
    char *path = bs_cache_path(dir);
    if (!path)
        return dir ? bs_oom("the cache") : BS_OK;
    bs_cache *c = calloc(1, sizeof *c);
    if (!c || pthread_mutex_init(&c->lock, NULL) != 0) {
        free(path);
        free(c);
        return bs_oom("the cache");
    }
    c->path = path;
    c->named = dir != NULL;
    c->limit = BS_CACHE_LIMIT;
    c->written = bs_resources_clock();
    if (!open_file(c, dir, &repair, why, sizeof why)) {
        if (c->named)
            bs_warn("going on without the cache '%s': %s", bs_visible(path), why);
        bs_cache_close(c);
        return BS_OK;
    }
    tell_repair(c, repair);
    c->no_write = sqlite3_db_readonly(c->file.db, "main") == 1;
    if (c->no_write && c->named)
        bs_warn("the cache '%s' is read-only: no fact is added to it", bs_visible(path));
    *out = c;
    return BS_OK;
}

void bs_cache_close(bs_cache *c)
{
    if (!c)
        return;
    flush(c, BS_FACT_LONG_WAIT);
    bs_fact_file_close(&c->file);
    for (size_t i = 0; i < c->n_pending; i++)
        row_clear(&c->pending[i]);
    free(c->pending);
    free(c->path);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

void bs_cache_flush(bs_cache *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    flush(c, BS_FACT_SMALL_WAIT);
    pthread_mutex_unlock(&c->lock);
}

void bs_cache_set_limit(bs_cache *c, int64_t bytes)
{
    if (c)
        c->limit = bytes;
}

/* --- get and put --- */

/* Notes that a fact was used, once a day. */
static void note_use(bs_cache *c, const unsigned char *name, const unsigned char *seal, int64_t used)
{
    int64_t age = (int64_t)time(NULL) - used;
    if (c->no_write || (age < A_DAY && age > -A_DAY))
        return;
    bs_fact_row row = {0};
    memcpy(row.name, name, BS_FACT_HASH);
    memcpy(row.seal, seal, BS_FACT_HASH);
    add_pending(c, row);
}

/* Reads a fact from the file; the caller holds the lock. */
static bool read_fact(bs_cache *c, const bs_fact *fact, const unsigned char *name, void **value, size_t *len)
{
    unsigned char seal[BS_FACT_HASH], wanted[BS_FACT_HASH];
    int64_t used = 0;
    int rc = bs_fact_file_get(&c->file, name, seal, value, len, &used);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE)
        recovered(c, rc); /* what was dropped is not there */
    if (rc != SQLITE_ROW || !*value)
        return false;
    bs_fact_seal(wanted, fact, *value, *len);
    if (memcmp(seal, wanted, BS_FACT_HASH) != 0) {
        free(*value);
        *value = NULL;
        return false;
    }
    note_use(c, name, seal, used);
    return true;
}

static bool take_pending(const bs_fact_row *row, void **value, size_t *len)
{
    *value = malloc(row->len ? row->len : 1);
    if (!*value)
        return false;
    memcpy(*value, row->value, row->len);
    *len = row->len;
    return true;
}

bool bs_cache_get(bs_cache *c, const bs_fact *fact, void **value, size_t *len)
{
    unsigned char name[BS_FACT_HASH];
    bool found = false;
    *value = NULL;
    *len = 0;
    if (!c)
        return false;
    bs_fact_name(name, fact);
    pthread_mutex_lock(&c->lock);
    const bs_fact_row *row = find_pending(c, name);
    if (row && row->value)
        found = take_pending(row, value, len);
    else if (!c->off)
        found = read_fact(c, fact, name, value, len);
    pthread_mutex_unlock(&c->lock);
    if (!found)
        *len = 0;
    return found;
}

bool bs_cache_get_fixed(bs_cache *c, const bs_fact *fact, void *value, size_t len)
{
    void *stored;
    size_t stored_len;
    bool found = bs_cache_get(c, fact, &stored, &stored_len) && stored_len == len;
    if (found)
        memcpy(value, stored, len);
    free(stored);
    return found;
}

void bs_cache_put(bs_cache *c, const bs_fact *fact, const void *value, size_t len)
{
    bs_fact_row row = {.len = len};
    if (!c || (int64_t)len > c->limit / LARGE)
        return;
    bs_fact_name(row.name, fact);
    bs_fact_seal(row.seal, fact, value, len);
    row.kind = strdup(fact->kind);
    row.subject = strdup(fact->subject ? fact->subject : "");
    row.value = malloc(len ? len : 1);
    if (row.kind && row.subject && row.value) {
        memcpy(row.value, value, len);
        pthread_mutex_lock(&c->lock);
        if (c->off)
            row_clear(&row);
        else
            add_pending(c, row);
        if (bs_resources_clock() - c->written >= SECONDS)
            flush(c, BS_FACT_SMALL_WAIT);
        pthread_mutex_unlock(&c->lock);
    } else {
        row_clear(&row);
    }
}

/* --- what people see --- */

static bs_status fail(const bs_cache *c, const char *what, int rc)
{
    return bs_fail(BS_ERR, "cannot %s the cache '%s': %s", what, c->path, sqlite3_errstr(rc));
}

bs_status bs_cache_each(bs_cache *c, void (*see)(void *context, const bs_fact_info *fact), void *context)
{
    sqlite3_stmt *q = NULL;
    if (!c)
        return BS_OK;
    pthread_mutex_lock(&c->lock);
    flush(c, BS_FACT_LONG_WAIT);
    int rc = sqlite3_prepare_v2(c->file.db,
                                "SELECT kind, subject, length(value), made, used FROM fact "
                                "ORDER BY kind, subject, made, name",
                                -1, &q, NULL);
    while (rc == SQLITE_OK && (rc = sqlite3_step(q)) == SQLITE_ROW) {
        const char *kind = (const char *)sqlite3_column_text(q, 0);
        const char *subject = (const char *)sqlite3_column_text(q, 1);
        const bs_fact_info info = {kind ? kind : "", subject ? subject : "", sqlite3_column_int64(q, 2),
                                   sqlite3_column_int64(q, 3), sqlite3_column_int64(q, 4)};
        see(context, &info);
        rc = SQLITE_OK;
    }
    sqlite3_finalize(q);
    pthread_mutex_unlock(&c->lock);
    return rc == SQLITE_DONE ? BS_OK : fail(c, "read", rc);
}

bs_status bs_cache_clear(bs_cache *c, const char *kind, int64_t *n)
{
    sqlite3_stmt *q = NULL;
    *n = 0;
    if (!c)
        return BS_OK;
    pthread_mutex_lock(&c->lock);
    flush(c, BS_FACT_LONG_WAIT);
    sqlite3_busy_timeout(c->file.db, BS_FACT_LONG_WAIT);
    int rc = sqlite3_prepare_v2(c->file.db, "DELETE FROM fact WHERE kind = ?1 OR ?1 IS NULL", -1, &q, NULL);
    if (rc == SQLITE_OK) {
        sqlite3_bind_text(q, 1, kind, -1, SQLITE_STATIC);
        rc = sqlite3_step(q);
    }
    sqlite3_finalize(q);
    *n = rc == SQLITE_DONE ? sqlite3_changes(c->file.db) : 0;
    if (rc == SQLITE_DONE)
        sqlite3_exec(c->file.db, "VACUUM", NULL, NULL, NULL); /* the facts are gone, also where this fails */
    pthread_mutex_unlock(&c->lock);
    return rc == SQLITE_DONE ? BS_OK : fail(c, "clear", rc);
}
