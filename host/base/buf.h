/* Small growable containers used everywhere: byte strings and checked allocation. */
#ifndef BS_BASE_BUF_H
#define BS_BASE_BUF_H

#include "base/error.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* A growable string, always NUL-terminated once non-empty. Zero-initialise; bs_str_clear() frees.
 * An allocation failure sets `oom`, later calls do nothing; check once with bs_str_status(). */
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

/* Reads a whole file, NUL-terminated (*len excludes it); files above `limit` bytes are refused. Caller frees.
 */
bs_status bs_read_file(char **out, size_t *len, const char *path, size_t limit);
/* `name` relative to the directory of `base_file`, unless absolute. Caller frees. */
bs_status bs_path_beside(char **out, const char *base_file, const char *name);

/* calloc(n, size) with overflow check; *out = NULL and BS_ERR on failure. */
bs_status bs_calloc(void *out_ptr, size_t n, size_t size, const char *what);
/* Makes room for `need` elements in an array of `*cap` elements of `size` bytes, growing by doubling. */
bs_status bs_grow(void *array_ptr, size_t *cap, size_t need, size_t size, const char *what);
/* malloc aligned to 64 bytes; free() releases it. */
bs_status bs_alloc_aligned(void *out_ptr, size_t bytes, const char *what);

/* Edit distance for "did you mean"; returns the index of the best of n names, or -1 if none is near. */
int bs_nearest(const char *name, const char *const *names, size_t n);

#endif
