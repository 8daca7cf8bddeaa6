/* A thin layer over SQLite: open with checks, errors as bs_status with the file's name and a hint.
 * Open with bs_db_open() or bs_db_open_for_writing(), close with bs_db_close() (NULL-safe). */
#ifndef BS_STORE_DB_H
#define BS_STORE_DB_H

#include "base/error.h"

#include <sqlite3.h>
#include <stdbool.h>

/* Marks of a result file, and the schema version this program writes. Every earlier one is read; history.h
 * lists them. */
enum { BS_DB_APPLICATION_ID = 0x42534e4b, BS_DB_VERSION = 6 };

typedef struct bs_db {
    sqlite3 *handle;
    char *path;
} bs_db;

/* Opens an existing result file read-only; works while another process writes it. One of an earlier schema
 * version shows the tables of today. */
bs_status bs_db_open(bs_db **out, const char *path);
/* Opens an existing result file of this schema version for small changes of its settings, also while another
 * process writes trials. */
bs_status bs_db_open_for_settings(bs_db **out, const char *path);
/* Opens `path` for writing; *fresh: it holds no tables yet. One of an earlier schema version is refused. */
bs_status bs_db_open_for_writing(bs_db **out, const char *path, bool *fresh);
void bs_db_close(bs_db *db);

/* Fails unless the file describes exactly one campaign. */
bs_status bs_db_check_campaign(const bs_db *db);
/* Fails if a WAL or a journal lies beside the name `path`, which SQLite would take for that of a file put
 * there. */
bs_status bs_db_check_alone(const char *path);
/* The failure of the last SQLite call, as "cannot WHAT result file 'PATH': why" with a hint. */
bs_status bs_db_fail(const bs_db *db, const char *what);
bs_status bs_db_exec(const bs_db *db, const char *what, const char *sql);
/* A prepared statement; the caller finalises it. */
bs_status bs_db_prepare(sqlite3_stmt **out, const bs_db *db, const char *sql);
/* Runs a bound statement that returns no rows, and resets it. */
bs_status bs_db_run(const bs_db *db, const char *what, sqlite3_stmt *stmt);
/* Steps a query: *row tells whether there is one. */
bs_status bs_db_step(const bs_db *db, sqlite3_stmt *stmt, bool *row);
/* The single integer of a query (0 where it is NULL or there is no row). */
bs_status bs_db_integer(sqlite3_int64 *out, const bs_db *db, const char *sql);
/* A copy of a text column, NULL for NULL. */
bs_status bs_db_text(char **out, sqlite3_stmt *stmt, int column);

#endif
