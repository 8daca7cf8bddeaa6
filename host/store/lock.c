#include "store/lock.h"

#include "base/buf.h"
#include "base/new_file.h"
#include "store/db.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How a lock file begins, and what it says. */
static const char mark[] = "process ";

static bs_status fail_held(const bs_lock *lock, const char *path)
{
    char holder[256];
    ssize_t n = pread(lock->fd, holder, sizeof holder - 1, 0);
    holder[n > 0 ? n : 0] = '\0';
    holder[strcspn(holder, "\n")] = '\0';
    bs_fail(BS_ERR, "cannot write result file '%s': %s is writing it", path,
            *holder ? holder : "another process");
    return bs_hint("wait for it, stop it, or give this run a result file of its own");
}

/* Returns true if the locked file still has its name: the previous holder may have removed it between our
 * open() and flock(). */
static bool is_current(const bs_lock *lock)
{
    struct stat mine, there;
    return fstat(lock->fd, &mine) == 0 && lstat(lock->path, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

static void sign(const bs_lock *lock)
{
    char host[128] = "", text[256];
    gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "%s%ld on %s\n", mark, (long)getpid(), host);
    /* Only informs whoever finds the lock taken: a full disk must not stop the run here. */
    if (ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, (size_t)n, 0) < 0)
        return;
}

/* Says what has the name of the lock, NULL if that is a lock file. `fd` < 0: it could not be opened. */
static const char *what_else(int fd)
{
    struct stat s;
    char text[sizeof mark - 1];
    if (fd < 0)
        return errno == ELOOP ? "a symbolic link" : errno == EISDIR ? "a directory" : NULL;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode))
        return "not a regular file";
    if (s.st_nlink > 1)
        return "a file that has other names, too";
    ssize_t n = pread(fd, text, sizeof text, 0);
    return n > 0 && memcmp(text, mark, (size_t)n) != 0 ? "a file of another kind" : NULL;
}

/* Opens the lock file, and makes sure that it is one: it will be written. */
static bs_status open_file(bs_lock *lock, const char *path)
{
    lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0666);
    const char *what = what_else(lock->fd);
    if (what) {
        if (lock->fd >= 0)
            close(lock->fd);
        lock->fd = -1; /* so that its name is left alone */
        bs_fail(BS_ERR, "cannot lock result file '%s': '%s' is %s", path, lock->path, what);
        return bs_hint("move it away: the lock of the result file has that name");
    }
    if (lock->fd >= 0)
        return BS_OK;
    bs_fail(BS_ERR, "cannot create lock file '%s': %s", lock->path, strerror(errno));
    return bs_hint("the folder of the result file must exist and be writable");
}

/* Sets *locks to whether the file system has locks; only then it is a failure to get none. */
static bs_status lock_file(bs_lock *lock, const char *path, bool *locks)
{
    *locks = true;
    do {
        if (lock->fd >= 0)
            close(lock->fd);
        BS_TRY(open_file(lock, path));
        if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
            *locks = errno != ENOLCK && errno != EOPNOTSUPP && errno != ENOSYS;
            bs_status st = errno == EWOULDBLOCK
                               ? fail_held(lock, path)
                               : bs_fail(BS_ERR, "cannot lock '%s': %s", lock->path, strerror(errno));
            close(lock->fd);
            lock->fd = -1;
            return st;
        }
    } while (!is_current(lock));
    return BS_OK;
}

static bs_status take(bs_lock **out, const char *path, bool *locks)
{
    bs_lock *lock = NULL;
    char *file = NULL;
    bs_str name = {0};
    bs_status st;
    *out = NULL;
    *locks = true;
    BS_TRY(bs_db_check_name(path));
    BS_TRY(bs_calloc(&lock, 1, sizeof *lock, "lock"));
    lock->fd = -1;
    BS_TRY_GOTO(bs_follow_links(&file, path), out);
    bs_str_printf(&name, "%s-lock", file);
    BS_TRY_GOTO(bs_str_status(&name), out);
    lock->path = name.ptr;
    BS_TRY_GOTO(lock_file(lock, path, locks), out);
    sign(lock);
    *out = lock;
    lock = NULL;
out:
    free(file);
    bs_lock_release(lock);
    return st;
}

bs_status bs_lock_take(bs_lock **out, const char *path)
{
    bool locks;
    return take(out, path, &locks);
}

bs_status bs_lock_try(bs_lock **out, const char *path)
{
    bool locks;
    bs_status st = take(out, path, &locks);
    return locks ? st : BS_OK;
}

void bs_lock_release(bs_lock *lock)
{
    if (!lock)
        return;
    if (lock->fd >= 0) {
        if (is_current(lock))
            unlink(lock->path);
        close(lock->fd);
    }
    free(lock->path);
    free(lock);
}
