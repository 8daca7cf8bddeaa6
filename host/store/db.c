#include "store/db.h"

#include "base/text.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static bs_status fail_write(const bs_db *db, const char *what, const char *why)
{
    struct stat file;
    struct statvfs disk;
    char wal[4096];
    unsigned long long size = 0, free_bytes = 0;
    if (stat(db->path, &file) == 0)
        size = (unsigned long long)file.st_size;
    snprintf(wal, sizeof wal, "%s-wal", db->path);
    if (stat(wal, &file) == 0)
        size += (unsigned long long)file.st_size;
    if (statvfs(db->path, &disk) == 0)
        free_bytes = (unsigned long long)disk.f_bavail * disk.f_frsize;
    bs_fail(BS_ERR,
            "cannot %s result file '%s': %s (the file has %llu bytes, %llu bytes are free on its disk)", what,
            db->path, why, size, free_bytes);
    return bs_hint(
        "make room (disk space, quota, file size limit) and run the same command again: all that was "
        "committed is kept");
}

static bs_status hint_database(const char *path)
{
    size_t len = strlen(path);
    if (len > 5 && (strcmp(path + len - 5, ".yaml") == 0 || strcmp(path + len - 4, ".yml") == 0))
        return bs_hint("it looks like a job file: name a result file, such as job.db");
    return bs_hint("name another result file");
}

bs_status bs_db_fail(const bs_db *db, const char *what)
{
    int rc = sqlite3_errcode(db->handle) & 0xff;
    int os = sqlite3_system_errno(db->handle);
    const char *text = sqlite3_errmsg(db->handle);
    int extended = sqlite3_extended_errcode(db->handle);
    if (extended == SQLITE_READONLY_ROLLBACK || extended == SQLITE_READONLY_RECOVERY) {
        bs_fail(BS_ERR, "cannot %s result file '%s': another program was killed while it wrote", what,
                db->path);
        return bs_hint("undo what it did not finish: sqlite3 %s 'SELECT count(*) FROM campaign'",
                       bs_shell_word(db->path));
    }
    switch (rc) {
    case SQLITE_FULL:
        return fail_write(db, what, text);
    case SQLITE_IOERR:
        return fail_write(db, what, os ? strerror(os) : text);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        bs_fail(BS_ERR, "cannot %s result file '%s': another program has locked it", what, db->path);
        return bs_hint(
            "close the open transaction of the other program (such as a sqlite3 shell) and try again");
    case SQLITE_READONLY:
    case SQLITE_PERM:
        bs_fail(BS_ERR, "cannot %s result file '%s': it is read-only", what, db->path);
        return bs_hint("make the file and its folder writable, or name another result file");
    case SQLITE_NOTADB:
        bs_fail(BS_ERR, "cannot %s result file '%s': it is not a SQLite database", what, db->path);
        return hint_database(db->path);
    case SQLITE_CORRUPT:
        bs_fail(BS_ERR, "cannot %s result file '%s': it is damaged (%s)", what, db->path, text);
        return bs_hint("rescue what is left with `sqlite3 FILE .recover`, or start a new result file");
    case SQLITE_NOMEM:
        return bs_oom("result file");
    default:
        return bs_fail(BS_ERR, "cannot %s result file '%s': %s", what, db->path, text);
    }
}

bs_status bs_db_exec(const bs_db *db, const char *what, const char *sql)
{
    return sqlite3_exec(db->handle, sql, NULL, NULL, NULL) == SQLITE_OK ? BS_OK : bs_db_fail(db, what);
}

bs_status bs_db_guard(const bs_db *db)
{
    static const int settings[][2] = {{SQLITE_DBCONFIG_DEFENSIVE, 1},
                                      {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                                      {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (sqlite3_db_config(db->handle, settings[i][0], settings[i][1], NULL) != SQLITE_OK)
            return bs_db_fail(db, "open");
    return bs_db_exec(db, "open", "PRAGMA cell_size_check = ON");
}

bs_status bs_db_check_place(const bs_db *db)
{
    int moved = 0;
    sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved);
    if (!moved)
        return BS_OK;
    bs_fail(BS_ERR, "result file '%s' was removed, renamed or replaced while it was written", db->path);
    return bs_hint("what was written is in the file under its new name, if it has one; put the file back and "
                   "run the same command again");
}

bs_status bs_db_commit(const bs_db *db)
{
    BS_TRY(bs_db_exec(db, "write", "COMMIT"));
    return bs_db_check_place(db);
}

bs_status bs_db_prepare(sqlite3_stmt **out, const bs_db *db, const char *sql)
{
    return sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, out, NULL) == SQLITE_OK
               ? BS_OK
               : bs_db_fail(db, "use");
}

bs_status bs_db_run(const bs_db *db, const char *what, sqlite3_stmt *stmt)
{
    int rc = sqlite3_step(stmt);
    bs_status st = rc == SQLITE_DONE || rc == SQLITE_ROW ? BS_OK : bs_db_fail(db, what);
    sqlite3_reset(stmt);
    return st;
}

bs_status bs_db_step(const bs_db *db, sqlite3_stmt *stmt, bool *row)
{
    int rc = sqlite3_step(stmt);
    *row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? BS_OK : bs_db_fail(db, "read");
}

static bs_status prepare_bound(sqlite3_stmt **out, const bs_db *db, const char *sql, const bs_bind *bind,
                               int n_bind)
{
    BS_TRY(bs_db_prepare(out, db, sql));
    for (int i = 0; i < n_bind; i++) {
        const bs_bind *b = &bind[i];
        if (b->type == SQLITE_INTEGER)
            sqlite3_bind_int64(*out, i + 1, b->integer);
        else if (b->type == SQLITE_FLOAT)
            sqlite3_bind_double(*out, i + 1, b->real);
        else
            sqlite3_bind_text(*out, i + 1, b->text, -1, SQLITE_STATIC);
    }
    return BS_OK;
}

bs_status bs_db_each(const bs_db *db, const char *sql, const bs_bind *bind, int n_bind, bs_row_reader *reader,
                     void *context)
{
    sqlite3_stmt *q = NULL;
    bool row = true;
    BS_TRY(prepare_bound(&q, db, sql, bind, n_bind));
    bs_status st = bs_db_step(db, q, &row);
    while (st == BS_OK && row) {
        st = reader(context, q);
        if (st == BS_OK)
            st = bs_db_step(db, q, &row);
    }
    sqlite3_finalize(q);
    return st;
}

bs_status bs_db_exists(bool *found, const bs_db *db, const char *sql, const bs_bind *bind, int n_bind)
{
    sqlite3_stmt *q = NULL;
    *found = false;
    BS_TRY(prepare_bound(&q, db, sql, bind, n_bind));
    bs_status st = bs_db_step(db, q, found);
    sqlite3_finalize(q);
    return st;
}

bs_status bs_db_change(const bs_db *db, const char *what, const char *sql, const bs_bind *bind, int n_bind)
{
    sqlite3_stmt *q = NULL;
    BS_TRY(prepare_bound(&q, db, sql, bind, n_bind));
    bs_status st = bs_db_run(db, what, q);
    sqlite3_finalize(q);
    return st;
}

bs_status bs_db_integer(sqlite3_int64 *out, const bs_db *db, const char *sql)
{
    sqlite3_stmt *q = NULL;
    bool row = false;
    *out = 0;
    BS_TRY(bs_db_prepare(&q, db, sql));
    bs_status st = bs_db_step(db, q, &row);
    if (row)
        *out = sqlite3_column_int64(q, 0);
    sqlite3_finalize(q);
    return st;
}

bs_status bs_db_text(char **out, sqlite3_stmt *stmt, int column)
{
    const char *text = (const char *)sqlite3_column_text(stmt, column);
    *out = NULL;
    if (!text)
        return BS_OK;
    *out = strdup(text);
    return *out ? BS_OK : bs_oom("result file");
}

void bs_db_close(bs_db *db)
{
    if (!db)
        return;
    sqlite3_close(db->handle);
    free(db->path);
    free(db);
}
