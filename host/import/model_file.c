#include "import/model_file.h"

#include "base/buf.h"
#include "base/resources.h"
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

/* Files of fewer bytes are read at once; others in pieces of so many. */
enum { PIECE = 4 << 20 };

/* More threads gain little: the hash is one after the other, and takes a third of the time of reading. */
enum { MOST_THREADS = 4 };

/* Smaller data is copied. The field's own tag and length, 3 bytes or more for this many, are what data may
 * be moved over. */
enum { LEAST_ALIGNED = 4096 };

/* A file that a team reads and hashes: the pieces are read in any order, and hashed in theirs. */
typedef struct reading {
    const char *path;
    int fd;
    uint8_t *bytes;
    size_t n;      /* bytes */
    size_t pieces; /* of the file */
    bool *has;     /* by piece: it was read */
    size_t taken;  /* pieces that some thread reads or has read */
    size_t hashed; /* pieces */
    bool hashing;  /* some thread hashes the next piece */
    bool failed;
    pthread_mutex_t lock;
    pthread_cond_t change;
    struct sha256_ctx hash;
} reading;

static size_t piece_bytes(const reading *r, size_t piece)
{
    size_t at = piece * PIECE;
    return r->n - at < PIECE ? r->n - at : PIECE;
}

static bs_status read_piece(const reading *r, size_t piece)
{
    size_t at = piece * PIECE, end = at + piece_bytes(r, piece);
    while (at < end) {
        ssize_t got = pread(r->fd, r->bytes + at, end - at, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return bs_fail(BS_ERR, "cannot read '%s': %s", r->path,
                           got < 0 ? strerror(errno) : "it has become shorter");
        at += (size_t)got;
    }
    return BS_OK;
}

/* Does the next thing that can be done, without the lock that the caller holds; waits if there is none. */
static bs_status do_next(reading *r)
{
    bs_status st = BS_OK;
    if (!r->hashing && r->has[r->hashed]) {
        r->hashing = true;
        pthread_mutex_unlock(&r->lock);
        sha256_update(&r->hash, piece_bytes(r, r->hashed), r->bytes + r->hashed * PIECE);
        pthread_mutex_lock(&r->lock);
        r->hashing = false;
        r->hashed++;
    } else if (r->taken < r->pieces) {
        size_t piece = r->taken++;
        pthread_mutex_unlock(&r->lock);
        st = read_piece(r, piece);
        pthread_mutex_lock(&r->lock);
        r->has[piece] = st == BS_OK;
        r->failed |= st != BS_OK;
    } else {
        pthread_cond_wait(&r->change, &r->lock);
        return BS_OK;
    }
    pthread_cond_broadcast(&r->change);
    return st;
}

static bs_status read_and_hash(void *shared, int worker)
{
    reading *r = shared;
    bs_status st = BS_OK;
    (void)worker;
    pthread_mutex_lock(&r->lock);
    while (st == BS_OK && !r->failed && r->hashed < r->pieces)
        st = do_next(r);
    pthread_mutex_unlock(&r->lock);
    return st;
}

static bs_status read_large(bs_model_file *out, char sha256[65], const char *path, int fd, size_t n)
{
    reading r = {.path = path,
                 .fd = fd,
                 .n = n,
                 .pieces = (n + PIECE - 1) / PIECE,
                 .lock = PTHREAD_MUTEX_INITIALIZER,
                 .change = PTHREAD_COND_INITIALIZER};
    int cores = bs_resources_cores();
    bs_status st;
    BS_TRY_GOTO(bs_alloc_aligned(&out->bytes, n, "model"), out);
    BS_TRY_GOTO(bs_calloc(&r.has, r.pieces, sizeof *r.has, "model"), out);
    r.bytes = out->bytes;
    sha256_init(&r.hash);
    BS_TRY_GOTO(bs_team_run(cores < MOST_THREADS ? cores : MOST_THREADS, read_and_hash, &r), out);
    bs_sha256_end(&r.hash, sha256);
    out->n = n;
out:
    free(r.has);
    return st;
}

/* Returns the size of a regular file that is worth a team, else 0. */
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
                    : read_large(out, sha256, path, fd, size);
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
