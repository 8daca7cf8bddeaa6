#include "cache/fact_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

/* `name` is the hash of kind, program and key, `seal` another one of these and the value: a value is believed
 * only if its seal is right. made and used are seconds since 1970. */
static const char tables[] =
    "CREATE TABLE fact(name BLOB PRIMARY KEY, seal BLOB NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL,"
    " value BLOB NOT NULL, made INTEGER NOT NULL, used INTEGER NOT NULL)";

bool bs_fact_file_damaged(int rc)
{
    return (rc & 0xff) == SQLITE_CORRUPT || (rc & 0xff) == SQLITE_NOTADB || (rc & 0xff) == SQLITE_FORMAT;
}

void bs_fact_file_close(bs_fact_file *f)
{
    sqlite3_finalize(f->get);
    sqlite3_close(f->db);
    f->get = NULL;
    f->db = NULL;
}

static int run(const bs_fact_file *f, const char *sql)
{
    return sqlite3_exec(f->db, sql, NULL, NULL, NULL);
}

static int integer(const bs_fact_file *f, const char *sql, int64_t *out)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(f->db, sql, -1, &q, NULL);
    *out = 0;
    if (rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW)
        *out = sqlite3_column_int64(q, 0);
    int end = sqlite3_finalize(q);
    return rc == SQLITE_OK ? end : rc;
}

/* Ends a transaction that may have failed; returns why it did. */
static int end(const bs_fact_file *f, int rc)
{
    if (rc == SQLITE_OK)
        rc = run(f, "COMMIT");
    if (rc != SQLITE_OK && !sqlite3_get_autocommit(f->db))
        run(f, "ROLLBACK");
    return rc;
}

/* Opens the connection; a file that may not be written is opened for reading. */
static int connect_file(bs_fact_file *f)
{
    int rc = sqlite3_open_v2(f->path, &f->db,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);
    if (rc != SQLITE_OK)
        return rc;
    sqlite3_extended_result_codes(f->db, 1);
    sqlite3_busy_timeout(f->db, BS_FACT_LONG_WAIT);
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    return run(f, "PRAGMA synchronous=OFF; PRAGMA cell_size_check=ON; PRAGMA journal_mode=TRUNCATE");
}

/* --- what the file is --- */

typedef enum state { USABLE, EMPTY, OLDER, NEWER, FOREIGN } state;

/* Reads what the file says of itself, as of one moment. */
static int identify(const bs_fact_file *f, state *out)
{
    int64_t id = 0, version = 0, entries = 0;
    int rc = run(f, "BEGIN");
    if (rc == SQLITE_OK)
        rc = integer(f, "SELECT count(*) FROM sqlite_master", &entries);
    if (rc == SQLITE_OK)
        rc = integer(f, "PRAGMA application_id", &id);
    if (rc == SQLITE_OK)
        rc = integer(f, "PRAGMA user_version", &version);
    rc = end(f, rc);
    *out = entries == 0                      ? EMPTY
           : id != BS_FACT_FILE_ID           ? FOREIGN
           : version < BS_FACT_FILE_VERSION  ? OLDER
           : version == BS_FACT_FILE_VERSION ? USABLE
                                             : NEWER;
    return rc;
}

/* Makes the table, unless another process has done so. */
static int create(const bs_fact_file *f)
{
    int64_t entries = 0;
    char sql[512];
    int rc = run(f, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = integer(f, "SELECT count(*) FROM sqlite_master", &entries);
    snprintf(sql, sizeof sql, "PRAGMA application_id=%d; PRAGMA user_version=%d; %s", BS_FACT_FILE_ID,
             BS_FACT_FILE_VERSION, tables);
    if (rc == SQLITE_OK && entries == 0)
        rc = run(f, sql);
    return end(f, rc);
}

/* SQLITE_ERROR from here means that the table has other columns than it should. */
static int prepare(bs_fact_file *f)
{
    int rc = sqlite3_prepare_v3(f->db, "SELECT seal, value, used FROM fact WHERE name = ?1", -1,
                                SQLITE_PREPARE_PERSISTENT, &f->get, NULL);
    return rc == SQLITE_ERROR ? SQLITE_CORRUPT : rc;
}

/* Opens the file as it is: SQLITE_OK if it can be used, SQLITE_CORRUPT if it must be made anew. */
static int open_as_it_is(bs_fact_file *f, state *what)
{
    *what = USABLE;
    int rc = connect_file(f);
    if (rc == SQLITE_OK)
        rc = identify(f, what);
    if (rc == SQLITE_OK && *what == EMPTY)
        rc = create(f);
    if (rc == SQLITE_OK)
        rc = *what == USABLE || *what == EMPTY ? prepare(f) : SQLITE_CORRUPT;
    return rc;
}

/* --- repairs --- */

/* Takes the lock under which one process at a time repairs; -1: there is none to be had. */
static int lock_repair(const char *path)
{
    char name[4096];
    if ((size_t)snprintf(name, sizeof name, "%s-repair", path) >= sizeof name)
        return -1;
    int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    for (int waited = 0; fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) != 0; waited += 10) {
        if ((errno != EWOULDBLOCK && errno != EINTR) || waited >= BS_FACT_LONG_WAIT) {
            close(fd);
            return -1;
        }
        nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return fd;
}

/* Makes an empty database of whatever the file holds, in place, so that other processes go on with it. */
static int reset(bs_fact_file *f)
{
    sqlite3_finalize(f->get);
    f->get = NULL;
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_RESET_DATABASE, 1, NULL);
    int rc = run(f, "VACUUM");
    sqlite3_db_config(f->db, SQLITE_DBCONFIG_RESET_DATABASE, 0, NULL);
    if (rc == SQLITE_OK)
        rc = create(f);
    return rc == SQLITE_OK ? prepare(f) : rc;
}

/* Gives another program's database another name, and makes a new file. */
static int move_away(bs_fact_file *f)
{
    state what;
    char other[4096];
    bs_fact_file_close(f);
    if ((size_t)snprintf(other, sizeof other, "%s.other", f->path) >= sizeof other ||
        rename(f->path, other) != 0)
        return SQLITE_CANTOPEN;
    return open_as_it_is(f, &what);
}

static int check(const bs_fact_file *f)
{
    sqlite3_stmt *q = NULL;
    int rc = sqlite3_prepare_v2(f->db, "PRAGMA quick_check(1)", -1, &q, NULL);
    if (rc == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW &&
        strcmp((const char *)sqlite3_column_text(q, 0), "ok") != 0)
        rc = SQLITE_CORRUPT;
    int last = sqlite3_finalize(q);
    return rc == SQLITE_OK ? last : rc;
}

int bs_fact_file_repair(bs_fact_file *f, bs_fact_repair *repair)
{
    state what = USABLE;
    *repair = BS_FACT_AS_IT_WAS;
    int lock = lock_repair(f->path);
    if (lock < 0)
        return SQLITE_CANTOPEN;
    bs_fact_file_close(f);
    int rc = open_as_it_is(f, &what);
    if (rc == SQLITE_OK)
        rc = check(f);
    if (what == FOREIGN && !bs_fact_file_damaged(check(f))) {
        rc = move_away(f);
        *repair = BS_FACT_MOVED;
    } else if (bs_fact_file_damaged(rc) && f->db) {
        rc = reset(f);
        *repair = what == OLDER ? BS_FACT_AS_IT_WAS : what == NEWER ? BS_FACT_EMPTIED : BS_FACT_DROPPED;
    }
    close(lock);
    return rc;
}

int bs_fact_file_open(bs_fact_file *f, const char *path, bs_fact_repair *repair)
{
    state what;
    *f = (bs_fact_file){.path = path};
    *repair = BS_FACT_AS_IT_WAS;
    int rc = open_as_it_is(f, &what);
    return bs_fact_file_damaged(rc) ? bs_fact_file_repair(f, repair) : rc;
}

/* --- facts --- */

int bs_fact_file_get(bs_fact_file *f, const unsigned char *name, unsigned char *seal, void **value,
                     size_t *len, int64_t *used)
{
    sqlite3_busy_timeout(f->db, BS_FACT_LONG_WAIT);
    sqlite3_bind_blob(f->get, 1, name, BS_FACT_HASH, SQLITE_STATIC);
    int rc = sqlite3_step(f->get);
    if (rc == SQLITE_ROW) {
        const void *bytes = sqlite3_column_blob(f->get, 0);
        memset(seal, 0, BS_FACT_HASH);
        if (bytes && sqlite3_column_bytes(f->get, 0) == BS_FACT_HASH)
            memcpy(seal, bytes, BS_FACT_HASH);
        bytes = sqlite3_column_blob(f->get, 1);
        *len = (size_t)sqlite3_column_bytes(f->get, 1);
        *value = malloc(*len ? *len : 1);
        if (*value && *len && bytes)
            memcpy(*value, bytes, *len);
        *used = sqlite3_column_int64(f->get, 2);
    }
    int last = sqlite3_reset(f->get);
    return last == SQLITE_OK ? rc : last;
}

static int put_rows(const bs_fact_file *f, const bs_fact_row *row, size_t n)
{
    sqlite3_stmt *put = NULL, *touch = NULL;
    int64_t now = (int64_t)time(NULL);
    int rc = sqlite3_prepare_v2(f->db, "INSERT OR REPLACE INTO fact VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)", -1,
                                &put, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_prepare_v2(f->db, "UPDATE fact SET used = ?6 WHERE name = ?1 AND seal = ?2", -1, &touch,
                                NULL);
    for (size_t i = 0; i < n && rc == SQLITE_OK; i++) {
        sqlite3_stmt *q = row[i].value ? put : touch;
        sqlite3_bind_blob(q, 1, row[i].name, BS_FACT_HASH, SQLITE_STATIC);
        sqlite3_bind_blob(q, 2, row[i].seal, BS_FACT_HASH, SQLITE_STATIC);
        sqlite3_bind_int64(q, 6, now);
        if (row[i].value) {
            sqlite3_bind_text(q, 3, row[i].kind, -1, SQLITE_STATIC);
            sqlite3_bind_text(q, 4, row[i].subject ? row[i].subject : "", -1, SQLITE_STATIC);
            sqlite3_bind_blob64(q, 5, row[i].value, row[i].len, SQLITE_STATIC);
        }
        sqlite3_step(q);
        rc = sqlite3_reset(q);
    }
    sqlite3_finalize(put);
    sqlite3_finalize(touch);
    return rc;
}

/* Removes facts, an eighth of them at a time. */
static int shrink(const bs_fact_file *f, int64_t limit)
{
    for (;;) {
        int64_t pages, unused, size, facts;
        int rc = integer(f, "PRAGMA page_count", &pages);
        rc = rc ? rc : integer(f, "PRAGMA freelist_count", &unused);
        rc = rc ? rc : integer(f, "PRAGMA page_size", &size);
        if (rc || (pages - unused) * size <= limit)
            return rc;
        rc = integer(f, "SELECT count(*) FROM fact", &facts);
        if (rc || facts == 0)
            return rc;
        rc = run(f, "DELETE FROM fact WHERE rowid IN (SELECT rowid FROM fact ORDER BY used, rowid "
                    "LIMIT (SELECT count(*) / 8 + 1 FROM fact))");
        if (rc)
            return rc;
    }
}

int bs_fact_file_put(bs_fact_file *f, const bs_fact_row *row, size_t n, int64_t limit, int wait_ms)
{
    sqlite3_busy_timeout(f->db, wait_ms);
    int rc = run(f, "BEGIN IMMEDIATE");
    if (rc == SQLITE_OK)
        rc = put_rows(f, row, n);
    if (rc == SQLITE_OK)
        rc = shrink(f, limit);
    return end(f, rc);
}
