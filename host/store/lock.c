#include "store/lock.h"

#include "base/buf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

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
    return fstat(lock->fd, &mine) == 0 && stat(lock->path, &there) == 0 && mine.st_ino == there.st_ino &&
           mine.st_dev == there.st_dev;
}

static void sign(const bs_lock *lock)
{
    char host[128] = "", text[256];
    gethostname(host, sizeof host - 1);
    int n = snprintf(text, sizeof text, "process %ld on %s\n", (long)getpid(), host);
    /* Only informs whoever finds the lock taken: a full disk must not stop the run here. */
    if (ftruncate(lock->fd, 0) == 0 && pwrite(lock->fd, text, (size_t)n, 0) < 0)
        return;
}

bs_status bs_lock_take(bs_lock **out, const char *path)
{
    bs_lock *lock = NULL;
    bs_str name = {0};
    bs_status st;
    *out = NULL;
    BS_TRY(bs_calloc(&lock, 1, sizeof *lock, "lock"));
    lock->fd = -1;
    bs_str_printf(&name, "%s-lock", path);
    BS_TRY_GOTO(bs_str_status(&name), out);
    lock->path = strdup(name.ptr);
    if (!lock->path)
        BS_TRY_GOTO(bs_oom("lock"), out);
    do {
        if (lock->fd >= 0)
            close(lock->fd);
        lock->fd = open(lock->path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (lock->fd < 0) {
            st = bs_fail(BS_ERR, "cannot create lock file '%s': %s", lock->path, strerror(errno));
            bs_hint("the folder of the result file must exist and be writable");
            goto out;
        }
        if (flock(lock->fd, LOCK_EX | LOCK_NB) != 0) {
            st = errno == EWOULDBLOCK ? fail_held(lock, path)
                                      : bs_fail(BS_ERR, "cannot lock '%s': %s", lock->path, strerror(errno));
            close(lock->fd);
            lock->fd = -1;
            goto out;
        }
    } while (!is_current(lock));
    sign(lock);
    *out = lock;
    lock = NULL;
out:
    bs_lock_release(lock);
    bs_str_clear(&name);
    return st;
}

void bs_lock_release(bs_lock *lock)
{
    if (!lock)
        return;
    if (lock->fd >= 0) {
        unlink(lock->path);
        close(lock->fd);
    }
    free(lock->path);
    free(lock);
}
