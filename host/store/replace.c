#include "store/replace.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bs_status fail(const char *what, const char *path)
{
    return bs_fail(BS_ERR, "cannot %s '%s': %s", what, path, strerror(errno));
}

bs_status bs_db_rest(bs_db *db)
{
    sqlite3_stmt *q = NULL;
    bs_status st;
    if (sqlite3_open_v2(db->path, &db->handle, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
        return bs_db_fail(db, "open");
    BS_TRY(bs_db_guard(db));
    if (access(db->path, W_OK) != 0 || sqlite3_db_readonly(db->handle, "main")) {
        bs_fail(BS_ERR, "cannot write result file '%s': it is read-only", db->path);
        return bs_hint("make it writable, or write elsewhere: --output FILE");
    }
    BS_TRY(bs_db_prepare(&q, db, "PRAGMA journal_mode = DELETE"));
    int rc = sqlite3_step(q);
    const char *mode = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(q, 0) : NULL;
    if ((rc & 0xff) == SQLITE_BUSY || (rc == SQLITE_ROW && (!mode || strcmp(mode, "delete") != 0))) {
        st = bs_fail(BS_ERR, "cannot write result file '%s': another program has it open", db->path);
        bs_hint("close the other program, or write elsewhere: --output FILE");
    } else {
        st = rc == SQLITE_ROW ? BS_OK : bs_db_fail(db, "write");
    }
    sqlite3_finalize(q);
    return st == BS_OK ? bs_db_exec(db, "write", "BEGIN IMMEDIATE") : st;
}

/* --- The folder of the new file --- */

static const char made[] = "new.db";

/* Removes all that a new file may have left in our folder. Sets *foreign if something else is there. */
static bs_status sweep(const char *folder, bool *foreign)
{
    DIR *dir = opendir(folder);
    bs_str name = {0};
    bs_status st = BS_OK;
    *foreign = false;
    if (!dir) {
        fail("read", folder);
        return bs_hint("it is left of an upgrade: remove it, or write elsewhere: --output FILE");
    }
    for (const struct dirent *e; st == BS_OK && (e = readdir(dir));) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        if (strncmp(e->d_name, made, sizeof made - 1) != 0) {
            *foreign = true;
            continue;
        }
        name.len = 0;
        bs_str_printf(&name, "%s/%s", folder, e->d_name);
        st = bs_str_status(&name);
        if (st == BS_OK && unlink(name.ptr) != 0)
            st = fail("remove", name.ptr);
    }
    closedir(dir);
    bs_str_clear(&name);
    return st;
}

static bs_status take_folder(const char *folder)
{
    struct stat s;
    bool foreign = false;
    if (mkdir(folder, 0700) == 0)
        return BS_OK;
    if (errno != EEXIST) {
        fail("make the folder", folder);
        return bs_hint(
            "the folder of the result file must exist and be writable; or write elsewhere: --output FILE");
    }
    if (lstat(folder, &s) != 0 || !S_ISDIR(s.st_mode))
        foreign = true;
    else
        BS_TRY(sweep(folder, &foreign));
    if (!foreign)
        return BS_OK;
    bs_fail(BS_ERR, "cannot make the folder '%s': that name is taken", folder);
    return bs_hint("move it away, or write elsewhere: --output FILE");
}

bs_status bs_draft_make(bs_draft *out, const char *path)
{
    bs_str folder = {0}, file = {0};
    bs_status st;
    bs_str_printf(&folder, "%s.upgrade", path);
    bs_str_printf(&file, "%s.upgrade/%s", path, made);
    BS_TRY_GOTO(bs_str_status(&folder), out);
    BS_TRY_GOTO(bs_str_status(&file), out);
    BS_TRY_GOTO(take_folder(folder.ptr), out);
    out->folder = folder.ptr;
    out->file = file.ptr;
    return BS_OK;
out:
    bs_str_clear(&folder);
    bs_str_clear(&file);
    return st;
}

void bs_draft_clear(bs_draft *d)
{
    bs_error error;
    bool foreign;
    if (!d->folder)
        return;
    bs_error_save(&error);
    sweep(d->folder, &foreign);
    rmdir(d->folder);
    bs_error_restore(&error);
    free(d->folder);
    free(d->file);
    memset(d, 0, sizeof *d);
}

/* --- Synchronising with the disk --- */

/* Waits until a file, or the names in a folder, are on the disk. */
static bs_status sync_path(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        bs_status st = fail("write", path);
        if (fd >= 0)
            close(fd);
        return st;
    }
    close(fd);
    return BS_OK;
}

static bs_status sync_folder(const char *path)
{
    char *folder = NULL;
    BS_TRY(bs_path_beside(&folder, path, "."));
    bs_status st = sync_path(folder);
    free(folder);
    return st;
}

/* --- The second name of the old file --- */

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

enum { CHUNK = 1 << 16 };

/* Compares two files. Closing a file that SQLite has open in this process drops SQLite's locks; that is
 * acceptable here, because it happens only after a copy took the place of a second name. */
static bool same_bytes(const char *a, const char *b)
{
    char x[CHUNK], y[CHUNK];
    FILE *one = fopen(a, "rb"), *two = fopen(b, "rb");
    bool same = one && two;
    for (size_t n = CHUNK; same && n == CHUNK;) {
        n = fread(x, 1, CHUNK, one);
        same = fread(y, 1, CHUNK, two) == n && memcmp(x, y, n) == 0 && !ferror(one) && !ferror(two);
    }
    if (one)
        fclose(one);
    if (two)
        fclose(two);
    return same;
}

static bs_status copy_bytes(const char *from, const char *to)
{
    char x[CHUNK];
    FILE *in = fopen(from, "rb"), *out = in ? fopen(to, "wb") : NULL;
    bs_status st = out ? BS_OK : fail(in ? "write" : "read", in ? to : from);
    for (size_t n = CHUNK; st == BS_OK && n == CHUNK;) {
        n = fread(x, 1, CHUNK, in);
        if (ferror(in))
            st = fail("read", from);
        else if (fwrite(x, 1, n, out) != n)
            st = fail("write", to);
    }
    if (in)
        fclose(in);
    if (out && fclose(out) != 0 && st == BS_OK)
        st = fail("write", to);
    return st;
}

bs_status bs_check_backup(const char *path, const char *backup)
{
    struct stat a, b;
    BS_TRY(bs_db_check_alone(backup));
    if (lstat(backup, &b) != 0)
        return errno == ENOENT ? BS_OK : fail("read", backup);
    if (S_ISREG(b.st_mode) && stat(path, &a) == 0 &&
        (same_file(&a, &b) || (a.st_size == b.st_size && same_bytes(path, backup))))
        return BS_OK;
    bs_fail(BS_ERR, "cannot keep the old file as '%s': that name is taken", backup);
    return bs_hint("move it away, or write elsewhere: --output FILE");
}

static bs_status copy_old(const bs_draft *d, const char *path, const char *backup, mode_t mode)
{
    bs_str part = {0};
    bs_status st;
    bs_str_printf(&part, "%s.old", d->file);
    BS_TRY_GOTO(bs_str_status(&part), out);
    BS_TRY_GOTO(copy_bytes(path, part.ptr), out);
    BS_TRY_GOTO(sync_path(part.ptr), out);
    if (chmod(part.ptr, mode & 07777) != 0 || rename(part.ptr, backup) != 0)
        st = fail("write", backup);
out:
    bs_str_clear(&part);
    return st;
}

static bs_status keep_old(const bs_draft *d, const char *path, const char *backup, mode_t mode)
{
    BS_TRY(bs_check_backup(path, backup));
    if (link(path, backup) == 0 || errno == EEXIST) /* which bs_check_backup() accepted */
        return BS_OK;
    return copy_old(d, path, backup, mode);
}

bs_status bs_replace(const bs_draft *d, const char *path, const char *backup)
{
    struct stat old;
    if (stat(path, &old) != 0)
        return fail("read", path);
    if (chmod(d->file, old.st_mode & 07777) != 0)
        return fail("write", d->file);
    /* Only root may change a file's owner: others keep it, and set the group if they are in it. */
    if (chown(d->file, old.st_uid, old.st_gid) != 0 && chown(d->file, (uid_t)-1, old.st_gid) != 0)
        errno = 0;
    BS_TRY(sync_path(d->file));
    BS_TRY(keep_old(d, path, backup, old.st_mode));
    BS_TRY(sync_folder(path));
    if (rename(d->file, path) != 0)
        return fail("write", path);
    return sync_folder(path);
}

bs_status bs_place(const bs_draft *d, const char *path)
{
    BS_TRY(sync_path(d->file));
    /* Does not overwrite a file that has taken the name meanwhile, if the file system supports that. */
    if (renameat2(AT_FDCWD, d->file, AT_FDCWD, path, RENAME_NOREPLACE) != 0 &&
        ((errno != EINVAL && errno != ENOSYS) || rename(d->file, path) != 0))
        return fail("write", path);
    return sync_folder(path);
}
