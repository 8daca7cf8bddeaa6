#include "store/backup.h"

#include "base/new_file.h"
#include "store/db.h"
#include "store/lock.h"
#include "store/replace.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

/* Copies all pages in one step: one snapshot, however long it takes and whatever is committed meanwhile. */
static bs_status copy_pages(const bs_db *from, const bs_db *to)
{
    sqlite3_backup *b = sqlite3_backup_init(to->handle, "main", from->handle, "main");
    if (!b)
        return bs_db_fail(to, "write");
    int rc = sqlite3_backup_step(b, -1);
    int end = sqlite3_backup_finish(b);
    if (rc == SQLITE_DONE && end == SQLITE_OK)
        return BS_OK;
    return bs_db_fail(to, "write");
}

/* Opens the copy without locks: no other process uses it before it is renamed. */
static bs_status open_copy(bs_db *to)
{
    return sqlite3_open_v2(to->path, &to->handle, SQLITE_OPEN_READWRITE, "unix-none") == SQLITE_OK
               ? BS_OK
               : bs_db_fail(to, "write");
}

static bs_status write_copy(const bs_db *from, char *part)
{
    bs_db to = {.path = part};
    bs_status st;
    BS_TRY_GOTO(open_copy(&to), out);
    BS_TRY_GOTO(bs_db_exec(&to, "write", "PRAGMA journal_mode = OFF"), out);
    BS_TRY_GOTO(copy_pages(from, &to), out);
    sqlite3_close(to.handle);
    /* The copied pages say that there is a WAL; a file at rest has none. */
    BS_TRY_GOTO(open_copy(&to), out);
    st = bs_db_exec(&to, "write", "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE");
out:
    sqlite3_close(to.handle);
    return st;
}

/* Brings the older copy of that name to rest, and keeps other programs from writing it until it is closed:
 * SQLite would apply its WAL or journal to the copy that takes its place. */
static bs_status rest_old(bs_db *old, const char *from, bool locks)
{
    struct stat a, b;
    if (stat(old->path, &b) != 0)
        return bs_db_check_alone(old->path);
    if (!S_ISREG(b.st_mode)) {
        bs_fail(BS_ERR, "cannot write '%s': it is %s", old->path,
                S_ISDIR(b.st_mode) ? "a directory" : "not a regular file");
        return bs_hint("name a file");
    }
    if (stat(from, &a) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino) {
        bs_fail(BS_USAGE, "cannot copy '%s' onto itself", from);
        return bs_hint("name another file");
    }
    if (!locks || b.st_size == 0)
        return bs_db_check_alone(old->path);
    return bs_db_rest(old) == BS_OK
               ? BS_OK
               : bs_hint("if no program uses '%s', remove it, or name another file", old->path);
}

bs_status bs_store_backup(const char *path, const char *out)
{
    bs_db *from = NULL, old = {0};
    bs_lock *lock = NULL;
    bs_new_file to = {0};
    bs_status st;
    BS_TRY(bs_db_open(&from, path));
    BS_TRY_GOTO(bs_follow_links(&old.path, out), out);
    BS_TRY_GOTO(bs_lock_try(&lock, out), out);
    BS_TRY_GOTO(rest_old(&old, path, lock != NULL), out);
    BS_TRY_GOTO(bs_new_file_open(&to, out), out);
    BS_TRY_GOTO(write_copy(from, to.part), out);
    st = bs_new_file_commit(&to);
out:
    bs_new_file_drop(&to);
    sqlite3_close(old.handle);
    free(old.path);
    bs_lock_release(lock);
    bs_db_close(from);
    return st;
}
