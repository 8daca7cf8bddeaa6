/* A thin layer over SQLite: opens files with checks, and turns errors into a bs_status with the file's name
 * and a hint. Open with bs_db_open() or bs_db_open_for_writing(), close with bs_db_close() (NULL-safe). */
#ifndef BS_STORE_DB_H
#define BS_STORE_DB_H

#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>

/* The application id of result files, and the schema version that this program writes. It reads all earlier
 * ones; history.h lists them. */
enum { BS_DB_APPLICATION_ID = 0x42534e4b, BS_DB_VERSION = 11 };

typedef struct bs_db {
    sqlite3 *handle;
    char *path;
} bs_db;

/* --- Functions of open.c --- */

/* Opens an existing result file read-only, also while another process writes it. A file of an earlier schema
 * version appears with the tables of this one. */
bs_status bs_db_open(bs_db **out, const char *path);
/* Opens an existing result file of this schema version for small changes of its settings, also while another
 * process writes trials. */
bs_status bs_db_open_for_settings(bs_db **out, const char *path);
/* Opens `path` for writing, and creates it if necessary; sets *fresh if it has no tables yet. Refuses a file
 * of an earlier schema version. */
bs_status bs_db_open_for_writing(bs_db **out, const char *path, bool *fresh);
/* Fails unless the file describes exactly one campaign. */
bs_status bs_db_check_campaign(const bs_db *db);
/* Fails if SQLite would not take `path` for the name of a file: it is empty, ':memory:', or an address
 * ('file:...'). */
bs_status bs_db_check_name(const char *path);
/* Fails if there is a WAL or a journal for the name `path`: SQLite would apply it to a file put there. */
bs_status bs_db_check_alone(const char *path);

/* --- Functions of db.c --- */

void bs_db_close(bs_db *db);
/* Reports the failure of the last SQLite call, as "cannot WHAT result file 'PATH': why" with a hint. */
bs_status bs_db_fail(const bs_db *db, const char *what);
/* Makes a connection treat all files that it opens as made by strangers: no trigger of theirs fires, and
 * their views call no function with effects. */
bs_status bs_db_guard(const bs_db *db);
/* Fails if the open file no longer has its name: what is written into it may be lost. */
bs_status bs_db_check_place(const bs_db *db);
/* Commits, and makes that check. */
bs_status bs_db_commit(const bs_db *db);
/* Runs statements that return no rows. */
bs_status bs_db_exec(const bs_db *db, const char *what, const char *sql);

/* Values for the parameters ?1, ?2 ... of a statement; BS_BIND() makes two arguments for the functions below:
 *   bs_db_exists(&found, db, sql, BS_BIND(BS_BIND_INT(id), BS_BIND_TEXT(name)));
 * Text is borrowed; NULL binds NULL. */
typedef struct bs_bind {
    int type; /* SQLITE_INTEGER, SQLITE_FLOAT or SQLITE_TEXT */
    sqlite3_int64 integer;
    double real;
    const char *text;
} bs_bind;

#define BS_BIND_INT(v)                                                                                       \
    {                                                                                                        \
        .type = SQLITE_INTEGER, .integer = (sqlite3_int64)(v)                                                \
    }
#define BS_BIND_REAL(v)                                                                                      \
    {                                                                                                        \
        .type = SQLITE_FLOAT, .real = (v)                                                                    \
    }
#define BS_BIND_TEXT(v)                                                                                      \
    {                                                                                                        \
        .type = SQLITE_TEXT, .text = (v)                                                                     \
    }
#define BS_BIND(...)                                                                                         \
    (const bs_bind[]){__VA_ARGS__}, (int)(sizeof((const bs_bind[]){__VA_ARGS__}) / sizeof(bs_bind))
#define BS_NO_BIND NULL, 0

/* Called for each row of a query; reads its columns. A failure ends the query. */
typedef bs_status bs_row_reader(void *context, sqlite3_stmt *row);
/* Runs a query and calls `reader` for each row, in order. */
bs_status bs_db_each(const bs_db *db, const char *sql, const bs_bind *bind, int n_bind, bs_row_reader *reader,
                     void *context);
/* Sets *found to whether the query has a row. */
bs_status bs_db_exists(bool *found, const bs_db *db, const char *sql, const bs_bind *bind, int n_bind);
/* Runs one statement that returns no rows. */
bs_status bs_db_change(const bs_db *db, const char *what, const char *sql, const bs_bind *bind, int n_bind);
/* Sets *out to the single integer of a query, 0 if it is NULL or there is no row. */
bs_status bs_db_integer(sqlite3_int64 *out, const bs_db *db, const char *sql);
/* Sets *out to a copy of a text column, NULL for NULL. The caller frees it. */
bs_status bs_db_text(char **out, sqlite3_stmt *stmt, int column);

/* --- Statements that are prepared once and run often --- */

/* Prepares a statement; the caller finalises it. */
bs_status bs_db_prepare(sqlite3_stmt **out, const bs_db *db, const char *sql);
/* Runs a bound statement that returns no rows, and resets it. */
bs_status bs_db_run(const bs_db *db, const char *what, sqlite3_stmt *stmt);
/* Steps a query; sets *row to whether there is a row. */
bs_status bs_db_step(const bs_db *db, sqlite3_stmt *stmt, bool *row);

#endif
