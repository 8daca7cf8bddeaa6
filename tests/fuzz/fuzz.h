/* Shared by the fuzz targets. Each NAME.c defines LLVMFuzzerTestOneInput for one parser of foreign bytes and
 * is linked twice: with libFuzzer (BITSINK_FUZZ=ON, clang) and with replay.c, which runs the files of
 * corpus/NAME/ in every build. A target may assume nothing about its bytes; what must hold whatever they
 * are is said with fuzz_check(). */
#ifndef BS_TESTS_FUZZ_H
#define BS_TESTS_FUZZ_H

#include "base/error.h"
#include "base/log.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An abort is what a fuzzer reports and keeps the input of. */
#define fuzz_check(x)                                                                                        \
    do {                                                                                                     \
        if (!(x)) {                                                                                          \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x);                           \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* Success and result belong together, and a failure has something to say. */
static inline void fuzz_check_status(bs_status st, const void *result)
{
    fuzz_check((st == BS_OK) == (result != NULL));
    fuzz_check(st == BS_OK || *bs_error_message());
}

/* The bytes as a file without a place in the file system, for parsers that take a path. */
struct fuzz_file {
    int fd;
    char path[32];
};

static inline struct fuzz_file fuzz_file_open(const uint8_t *data, size_t size)
{
    struct fuzz_file f = {.fd = memfd_create("fuzz", MFD_CLOEXEC)};
    fuzz_check(f.fd >= 0);
    fuzz_check(write(f.fd, data, size) == (ssize_t)size);
    snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
    return f;
}

static inline void fuzz_file_close(const struct fuzz_file *f)
{
    close(f->fd);
}

#endif
