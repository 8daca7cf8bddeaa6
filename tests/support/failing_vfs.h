/* A SQLite VFS that stands before the operating system's and can be told to fail:
 *   failing_vfs_register(); failing_vfs = (failing_state){.fail_at = n, .forever = true}; ...
 * It counts the calls that change something (writes, truncations, syncs, deletions, and opening), and
 * remembers what they were: failing_vfs_repeats(n) tells those that only go on with what is going on. */
#ifndef BS_TESTS_FAILING_VFS_H
#define BS_TESTS_FAILING_VFS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

typedef struct failing_state {
    int calls;    /* so far */
    int fail_at;  /* number of the call that fails, from 1; 0: none */
    bool forever; /* all later ones fail, too */
    int code;     /* what a failing write returns: SQLITE_FULL, SQLITE_IOERR_WRITE */
    int failed;   /* calls that did */
} failing_state;

static failing_state failing_vfs;

enum { FAILING_MOST = 4096 }; /* calls that are remembered */
typedef enum failing_kind {
    FAILING_OPEN,
    FAILING_DELETE,
    FAILING_WRITE,
    FAILING_SYNC,
    FAILING_TRUNCATE
} failing_kind;
typedef struct failing_call {
    failing_kind kind;
    int file; /* SQLITE_OPEN_MAIN_DB, ... */
    int size; /* of a write */
} failing_call;
static failing_call failing_calls[FAILING_MOST + 1]; /* by number; of the last work */
static sqlite3_vfs failing_methods, *failing_real;

typedef struct failing_file {
    sqlite3_file base;
    sqlite3_file *real; /* its memory follows this struct */
    int flags;          /* of opening */
} failing_file;

static bool failing_now(failing_kind kind, int flags, int size)
{
    int n = ++failing_vfs.calls;
    if (n <= FAILING_MOST)
        failing_calls[n] = (failing_call){
            kind, flags & (SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_WAL), size};
    bool fails = failing_vfs.fail_at > 0 &&
                 (failing_vfs.forever ? n >= failing_vfs.fail_at : n == failing_vfs.fail_at);
    failing_vfs.failed += fails;
    return fails;
}

static bool failing_alike(int a, int b)
{
    const failing_call *x = &failing_calls[a], *y = &failing_calls[b];
    return x->kind == y->kind && x->file == y->file && x->size == y->size;
}

/* Returns true for a call in the middle of a sequence: one or two calls that repeat, such as a page of the
 * WAL and its header. `last`: number of the last call. */
static inline bool failing_vfs_repeats(int n, int last)
{
    return n > 2 && n + 2 <= last && failing_alike(n, n - 2) && failing_alike(n, n + 2);
}

#define REAL(f)  (((failing_file *)(f))->real)
#define FLAGS(f) (((failing_file *)(f))->flags)

static int ff_close(sqlite3_file *f)
{
    return REAL(f)->pMethods->xClose(REAL(f));
}
static int ff_read(sqlite3_file *f, void *p, int n, sqlite3_int64 at)
{
    return REAL(f)->pMethods->xRead(REAL(f), p, n, at);
}
/* A write that fails leaves half of its bytes, as a full disk does. */
static int ff_write(sqlite3_file *f, const void *p, int n, sqlite3_int64 at)
{
    if (!failing_now(FAILING_WRITE, FLAGS(f), n))
        return REAL(f)->pMethods->xWrite(REAL(f), p, n, at);
    REAL(f)->pMethods->xWrite(REAL(f), p, n / 2, at);
    return failing_vfs.code;
}
static int ff_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return failing_now(FAILING_TRUNCATE, FLAGS(f), 0) ? SQLITE_IOERR_TRUNCATE
                                                      : REAL(f)->pMethods->xTruncate(REAL(f), size);
}
/* Nothing is synced: the machine does not crash here, and tests shall be quick. */
static int ff_sync(sqlite3_file *f, int flags)
{
    (void)flags;
    return failing_now(FAILING_SYNC, FLAGS(f), 0) ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}
static int ff_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return REAL(f)->pMethods->xFileSize(REAL(f), size);
}
static int ff_lock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xLock(REAL(f), level);
}
static int ff_unlock(sqlite3_file *f, int level)
{
    return REAL(f)->pMethods->xUnlock(REAL(f), level);
}
static int ff_reserved(sqlite3_file *f, int *out)
{
    return REAL(f)->pMethods->xCheckReservedLock(REAL(f), out);
}
static int ff_control(sqlite3_file *f, int op, void *arg)
{
    return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}
static int ff_sector(sqlite3_file *f)
{
    return REAL(f)->pMethods->xSectorSize(REAL(f));
}
static int ff_characteristics(sqlite3_file *f)
{
    return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}
static int ff_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
    return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, out);
}
static int ff_shm_lock(sqlite3_file *f, int offset, int n, int flags)
{
    return REAL(f)->pMethods->xShmLock(REAL(f), offset, n, flags);
}
static void ff_shm_barrier(sqlite3_file *f)
{
    REAL(f)->pMethods->xShmBarrier(REAL(f));
}
static int ff_shm_unmap(sqlite3_file *f, int delete)
{
    return REAL(f)->pMethods->xShmUnmap(REAL(f), delete);
}

/* Version 2: with shared memory for the WAL, without memory mapping. */
static const sqlite3_io_methods failing_io = {
    2,
    ff_close,
    ff_read,
    ff_write,
    ff_truncate,
    ff_sync,
    ff_size,
    ff_lock,
    ff_unlock,
    ff_reserved,
    ff_control,
    ff_sector,
    ff_characteristics,
    ff_shm_map,
    ff_shm_lock,
    ff_shm_barrier,
    ff_shm_unmap,
    NULL,
    NULL,
};

static int fv_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out_flags)
{
    failing_file *file = (failing_file *)f;
    (void)v;
    memset(file, 0, sizeof *file);
    file->real = (sqlite3_file *)(file + 1);
    file->flags = flags;
    if (failing_now(FAILING_OPEN, flags, 0))
        return SQLITE_CANTOPEN;
    int rc = failing_real->xOpen(failing_real, name, file->real, flags, out_flags);
    if (rc == SQLITE_OK)
        file->base.pMethods = &failing_io;
    return rc;
}

static int fv_delete(sqlite3_vfs *v, const char *name, int sync)
{
    (void)v;
    return failing_now(FAILING_DELETE, 0, 0) ? SQLITE_IOERR_DELETE
                                             : failing_real->xDelete(failing_real, name, sync);
}

/* Makes every later connection of the program go through it. */
static void failing_vfs_register(void)
{
    failing_real = sqlite3_vfs_find(NULL);
    failing_methods = *failing_real;
    failing_methods.zName = "failing";
    failing_methods.szOsFile = (int)sizeof(failing_file) + failing_real->szOsFile;
    failing_methods.xOpen = fv_open;
    failing_methods.xDelete = fv_delete;
    sqlite3_vfs_register(&failing_methods, 1);
}

#endif
