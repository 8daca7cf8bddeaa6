#include "model/model_file.h"

#include "base/buf.h"
#include "base/sha256.h"
#include "base/team.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files of fewer bytes are hashed after they are read; others are read in pieces of so many. */
enum { PIECE = 4 << 20 };

/* Smaller data is copied. The field's own tag and length, 3 bytes or more for this many, are what data may
 * be moved over. */
enum { LEAST_ALIGNED = 4096 };

/* A file that one thread reads and another hashes. */
typedef struct reading {
    int fd;
    uint8_t *bytes;
    size_t n;
    pthread_mutex_t lock;
    pthread_cond_t change;
    size_t have; /* bytes read so far */
    bool ended;  /* no more will come */
    struct sha256_ctx hash;
    size_t hashed;
} reading;

static void tell(reading *r, size_t have, bool ended)
{
    pthread_mutex_lock(&r->lock);
    r->have = have;
    r->ended = ended;
    pthread_cond_signal(&r->change);
    pthread_mutex_unlock(&r->lock);
}

static bs_status read_pieces(reading *r)
{
    size_t at = 0;
    while (at < r->n) {
        ssize_t got = read(r->fd, r->bytes + at, r->n - at < PIECE ? r->n - at : PIECE);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            bs_status st = bs_fail(BS_ERR, "cannot read: %s", strerror(errno));
            tell(r, at, true);
            return st;
        }
        if (got == 0)
            break; /* it was cut short meanwhile */
        tell(r, at += (size_t)got, false);
    }
    tell(r, at, true);
    return BS_OK;
}

/* Waits for more than `hashed` bytes. Returns their number; no more than `hashed` if the file has ended. */
static size_t await_bytes(reading *r, size_t hashed)
{
    pthread_mutex_lock(&r->lock);
    while (r->have <= hashed && !r->ended)
        pthread_cond_wait(&r->change, &r->lock);
    size_t have = r->have;
    pthread_mutex_unlock(&r->lock);
    return have;
}

static void hash_pieces(reading *r)
{
    size_t have;
    while ((have = await_bytes(r, r->hashed)) > r->hashed) {
        sha256_update(&r->hash, have - r->hashed, r->bytes + r->hashed);
        r->hashed = have;
    }
}

static bs_status read_or_hash(void *shared, int worker)
{
    if (worker == 0)
        return read_pieces(shared);
    hash_pieces(shared);
    return BS_OK;
}

static bs_status read_large(bs_model_file *out, char sha256[65], int fd, size_t n)
{
    reading r = {.fd = fd, .n = n, .lock = PTHREAD_MUTEX_INITIALIZER, .change = PTHREAD_COND_INITIALIZER};
    BS_TRY(bs_alloc_aligned(&out->bytes, n, "model"));
    r.bytes = out->bytes;
    sha256_init(&r.hash);
    BS_TRY(bs_team_run(2, read_or_hash, &r));
    hash_pieces(&r); /* there may have been no second thread */
    bs_sha256_end(&r.hash, sha256);
    out->n = r.have;
    return BS_OK;
}

/* Returns the size of a regular file that is worth a second thread, else 0. */
static size_t large_size(const char *path, size_t limit)
{
    struct stat info;
    bool large = stat(path, &info) == 0 && S_ISREG(info.st_mode) && info.st_size > PIECE &&
                 (uint64_t)info.st_size <= limit;
    return large ? (size_t)info.st_size : 0;
}

bs_status bs_model_file_read(bs_model_file *out, char sha256[65], const char *path, size_t limit)
{
    size_t size = large_size(path, limit);
    bs_status st;
    *out = (bs_model_file){0};
    if (size) {
        int fd = open(path, O_RDONLY | O_CLOEXEC);
        st = fd < 0 ? bs_fail(BS_ERR, "cannot open '%s': %s", path, strerror(errno))
                    : read_large(out, sha256, fd, size);
        if (fd >= 0)
            close(fd);
    } else {
        st = bs_read_file((char **)&out->bytes, &out->n, path, limit);
        if (st == BS_OK)
            bs_sha256_text(out->bytes, out->n, sha256);
    }
    if (st != BS_OK)
        bs_model_file_clear(out);
    return st;
}

void bs_model_file_clear(bs_model_file *f)
{
    free(f->bytes);
    free(f->raw);
    *f = (bs_model_file){0};
}

float *bs_raw_data_align(bs_raw_data *raw)
{
    if (raw->n < LEAST_ALIGNED)
        return NULL;
    size_t off = (uintptr_t)raw->at % _Alignof(float);
    if (off)
        memmove(raw->at - off, raw->at, raw->n);
    raw->at -= off;
    return (float *)(void *)raw->at;
}

void bs_raw_data_drop(const bs_raw_data *raw)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = ((uintptr_t)raw->at + page - 1) / page * page,
              to = ((uintptr_t)raw->at + raw->n) / page * page;
    if (to > from)
        madvise((void *)from, to - from, MADV_DONTNEED);
}
