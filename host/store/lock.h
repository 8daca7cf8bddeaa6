/* One writer a result file: an exclusive flock(2) on "PATH-lock", released by the kernel when the process
 * dies. A file of its own, because closing any descriptor of the database would drop SQLite's own locks on
 * it. */
#ifndef BS_STORE_LOCK_H
#define BS_STORE_LOCK_H

#include "base/error.h"

typedef struct bs_lock {
    int fd;
    char *path;
} bs_lock;

/* Fails, naming the holder, if another process or another bs_lock of this one has the lock. */
bs_status bs_lock_take(bs_lock **out, const char *path);
/* Releases, and removes the lock file. NULL-safe. */
void bs_lock_release(bs_lock *lock);

#endif
