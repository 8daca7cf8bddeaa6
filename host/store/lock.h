/* Ensures one writer for each result file: an exclusive flock(2) on "PATH-lock", which the kernel releases
 * when the process ends. It is a file of its own because closing any descriptor of the database would drop
 * SQLite's own locks on it. */
#ifndef BS_STORE_LOCK_H
#define BS_STORE_LOCK_H

#include "base/error.h"

typedef struct bs_lock {
    int fd;
    char *path;
} bs_lock;

/* Takes the lock; the names of a file by symbolic links have one lock. Fails, naming the holder, if another
 * process or another bs_lock of this one has it, and if something that is no lock file has its name. */
bs_status bs_lock_take(bs_lock **out, const char *path);
/* The same, but where the file system has no locks, *out is NULL: no run can write there. */
bs_status bs_lock_try(bs_lock **out, const char *path);
/* Releases the lock and removes its file. NULL-safe. */
void bs_lock_release(bs_lock *lock);

#endif
