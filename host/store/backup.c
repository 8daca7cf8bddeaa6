#include "store/backup.h"

#include "base/buf.h"
#include "store/db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

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
    if (sqlite3_open_v2(to->path, &to->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, "unix-none") ==
        SQLITE_OK)
        return BS_OK;
    sqlite3_close(to->handle);
    to->handle = NULL;
    bs_fail(BS_ERR, "cannot create '%s': %s", to->path, strerror(errno));
    return bs_hint("the folder must exist and be writable");
}

static bs_status write_copy(const bs_db *from, char *part)
{
    bs_db to = {.path = part};
    bs_status st;
    unlink(part);
    BS_TRY(open_copy(&to));
    BS_TRY_GOTO(bs_db_exec(&to, "write", "PRAGMA journal_mode = OFF"), out);
    BS_TRY_GOTO(copy_pages(from, &to), out);
    sqlite3_close(to.handle);
    /* The copied pages say that there is a WAL; a file at rest has none. */
    BS_TRY(open_copy(&to));
    st = bs_db_exec(&to, "write", "PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = DELETE");
out:
    sqlite3_close(to.handle);
    return st;
}

bs_status bs_store_backup(const char *path, const char *out)
{
    bs_db *from = NULL;
    bs_str part = {0};
    bs_status st;
    BS_TRY(bs_db_check_alone(out));
    BS_TRY(bs_db_open(&from, path));
    bs_str_printf(&part, "%s.part", out);
    BS_TRY_GOTO(bs_str_status(&part), out);
    BS_TRY_GOTO(write_copy(from, part.ptr), out);
    if (rename(part.ptr, out) != 0)
        st = bs_fail(BS_ERR, "cannot rename '%s' to '%s': %s", part.ptr, out, strerror(errno));
out:
    if (st != BS_OK && part.ptr)
        unlink(part.ptr);
    bs_str_clear(&part);
    bs_db_close(from);
    return st;
}
