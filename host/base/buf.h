/* Byte strings that grow, and checked allocation. */
#ifndef BS_BASE_BUF_H
#define BS_BASE_BUF_H

#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* A growable string, NUL-terminated once it is not empty. Zero-initialise it; bs_str_clear() frees it. A
 * failed allocation sets `oom` and turns later calls into no-ops; check once, with bs_str_status(). */
typedef struct bs_str {
    char *ptr;
    size_t len, cap;
    int oom;
} bs_str;

void bs_str_append(bs_str *s, const char *text, size_t n);
void bs_str_puts(bs_str *s, const char *text);
void bs_str_printf(bs_str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bs_status bs_str_status(const bs_str *s);
void bs_str_clear(bs_str *s);

/* Reads a whole file into *out, NUL-terminated (*len does not count the NUL). Fails if the file is larger
 * than `limit` bytes. The caller frees *out. */
bs_status bs_read_file(char **out, size_t *len, const char *path, size_t limit);
/* Sets *out to `name` relative to the directory of `base_file`, or to `name` itself if it is absolute. The
 * caller frees *out. */
bs_status bs_path_beside(char **out, const char *base_file, const char *name);

/* Allocates n zeroed elements of `size` bytes; out_ptr is the address of a pointer. On failure that pointer
 * is NULL and the status BS_NO_MEMORY; `what` names the memory in the message, here and below. */
bs_status bs_calloc(void *out_ptr, size_t n, size_t size, const char *what);
/* Makes room for `need` elements in an array of `*cap` elements of `size` bytes, growing by doubling. */
bs_status bs_grow(void *array_ptr, size_t *cap, size_t need, size_t size, const char *what);
/* Allocates memory aligned to 64 bytes; free() releases it. */
bs_status bs_alloc_aligned(void *out_ptr, size_t bytes, const char *what);

/* Returns the index of the name nearest to `name` by edit distance, for "did you mean"; -1 if none is
 * near. */
int bs_nearest(const char *name, const char *const *names, size_t n);

#endif
