#include "base/new_file.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

enum { MAX_LINKS = 40, MAX_TRIES = 100 };

static bs_status fail(const bs_new_file *n, int why)
{
    bs_fail(BS_ERR, "cannot write '%s': %s", n->path, strerror(why));
    if (why == ENOSPC || why == EDQUOT || why == EFBIG)
        return bs_hint("make room (disk space, quota, file size limit), or name a file on another disk");
    return bs_hint("name a file in a folder that exists and is writable");
}

/* --- What is written --- */

/* Returns true for a symbolic link of /proc, as /dev/stdout leads to: what it means is not what it says. */
static bool is_magic(const char *link)
{
    char *folder = NULL;
    struct statfs fs;
    bool magic = bs_path_beside(&folder, link, ".") == BS_OK && statfs(folder, &fs) == 0 &&
                 fs.f_type == PROC_SUPER_MAGIC;
    free(folder);
    return magic;
}

bs_status bs_follow_links(char **out, const char *path)
{
    char target[4096], *next;
    struct stat s;
    *out = strdup(path);
    if (!*out)
        return bs_oom("file name");
    for (int i = 0; i < MAX_LINKS; i++) {
        ssize_t n = lstat(*out, &s) != 0 || !S_ISLNK(s.st_mode) || is_magic(*out)
                        ? -1
                        : readlink(*out, target, sizeof target - 1);
        if (n < 0)
            return BS_OK; /* whoever opens it learns more */
        target[n] = '\0';
        BS_TRY(bs_path_beside(&next, *out, target));
        free(*out);
        *out = next;
    }
    return BS_OK;
}

/* Refuses what fopen() would. */
static bs_status examine(const bs_new_file *n, bool *direct, mode_t *mode)
{
    struct stat s;
    *direct = false;
    *mode = 0;
    if (stat(n->name, &s) != 0)
        return errno == ENOENT && *n->name ? BS_OK : fail(n, errno);
    if (S_ISDIR(s.st_mode))
        return fail(n, EISDIR);
    if (access(n->name, W_OK) != 0)
        return fail(n, errno);
    *direct = !S_ISREG(s.st_mode) || (lstat(n->name, &s) == 0 && S_ISLNK(s.st_mode));
    *mode = s.st_mode & 0777;
    return BS_OK;
}

/* --- The temporary file: whoever writes it has it locked --- */

static bool has_name(int fd, const char *name)
{
    struct stat mine, there;
    return fstat(fd, &mine) == 0 && lstat(name, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

static bool is_locked(int fd)
{
    return flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

static bs_status fail_busy(const bs_new_file *n)
{
    bs_fail(BS_ERR, "cannot write '%s': another process is writing it", n->path);
    return bs_hint("wait for it, or name another file");
}

/* Removes what a killed process left. */
static bs_status remove_left(const bs_new_file *n)
{
    struct stat s;
    if (lstat(n->part, &s) != 0)
        return errno == ENOENT ? BS_OK : fail(n, errno);
    int fd = S_ISREG(s.st_mode) ? open(n->part, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC) : -1;
    bs_status st = BS_OK;
    if (fd >= 0 && is_locked(fd))
        st = fail_busy(n);
    else if ((fd < 0 || has_name(fd, n->part)) && unlink(n->part) != 0 && errno != ENOENT)
        st = fail(n, errno);
    if (fd >= 0)
        close(fd);
    return st;
}

static bs_status open_part(const bs_new_file *n, int *out)
{
    for (int i = 0; i < MAX_TRIES; i++) {
        int fd = open(n->part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
        if (fd >= 0 && !is_locked(fd) && has_name(fd, n->part)) {
            *out = fd;
            return BS_OK;
        }
        int why = errno;
        if (fd >= 0)
            close(fd); /* another process took it for a leftover, and removed it */
        else if (why != EEXIST)
            return fail(n, why);
        else
            BS_TRY(remove_left(n));
    }
    return fail_busy(n);
}

bs_status bs_new_file_open(bs_new_file *out, const char *path)
{
    bool direct;
    mode_t mode;
    bs_str part = {0};
    bs_status st;
    int fd = -1;
    memset(out, 0, sizeof *out);
    out->path = strdup(path);
    if (!out->path)
        BS_TRY_GOTO(bs_oom("file name"), out);
    BS_TRY_GOTO(bs_follow_links(&out->name, path), out);
    BS_TRY_GOTO(examine(out, &direct, &mode), out);
    if (direct) {
        out->f = fopen(out->name, "w");
    } else {
        bs_str_printf(&part, "%s.part", out->name);
        out->part = part.ptr;
        BS_TRY_GOTO(bs_str_status(&part), out);
        st = open_part(out, &fd);
        if (st != BS_OK) { /* the file of that name is not ours */
            free(out->part);
            out->part = NULL;
            goto out;
        }
        if (mode && fchmod(fd, mode) != 0)
            BS_TRY_GOTO(fail(out, errno), out);
        out->f = fdopen(fd, "w");
    }
    if (!out->f)
        st = fail(out, errno);
    else
        fd = -1;
out:
    if (fd >= 0)
        close(fd);
    if (st != BS_OK)
        bs_new_file_drop(out);
    return st;
}

/* --- The end --- */

void bs_new_file_drop(bs_new_file *n)
{
    int why = errno;
    if (n->part)
        unlink(n->part);
    if (n->f)
        fclose(n->f); /* which unlocks it */
    free(n->path);
    free(n->name);
    free(n->part);
    memset(n, 0, sizeof *n);
    errno = why;
}

bs_status bs_new_file_check(const bs_new_file *n)
{
    if (!ferror(n->f))
        return BS_OK;
    errno = 0; /* of whatever came after the write that failed: another one tells why */
    fputc('\n', n->f);
    fflush(n->f);
    return fail(n, errno ? errno : EIO);
}

static bs_status finish(bs_new_file *n)
{
    BS_TRY(bs_new_file_check(n));
    if (fflush(n->f) != 0 || (n->part && (fsync(fileno(n->f)) != 0 || rename(n->part, n->name) != 0)))
        return fail(n, errno);
    free(n->part); /* the name is taken now */
    n->part = NULL;
    FILE *f = n->f;
    n->f = NULL;
    return fclose(f) == 0 ? BS_OK : fail(n, errno); /* a device may still fail */
}

bs_status bs_new_file_commit(bs_new_file *n)
{
    bs_status st = finish(n);
    bs_new_file_drop(n);
    return st;
}

bs_status bs_write_file(const char *path, const void *bytes, size_t len)
{
    bs_new_file n = {0};
    BS_TRY(bs_new_file_open(&n, path));
    if (len > 0)
        fwrite(bytes, 1, len, n.f); /* the commit reports what failed */
    return bs_new_file_commit(&n);
}
