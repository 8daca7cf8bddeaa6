#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int reserve(bs_str *s, size_t extra)
{
    if (s->oom)
        return 0;
    if (s->len + extra + 1 <= s->cap)
        return 1;
    size_t cap = s->cap ? s->cap : 64;
    while (cap < s->len + extra + 1)
        cap *= 2;
    char *p = realloc(s->ptr, cap);
    if (!p) {
        s->oom = 1;
        return 0;
    }
    s->ptr = p;
    s->cap = cap;
    return 1;
}

void bs_str_append(bs_str *s, const char *text, size_t n)
{
    if (!reserve(s, n))
        return;
    memcpy(s->ptr + s->len, text, n);
    s->len += n;
    s->ptr[s->len] = '\0';
}

void bs_str_puts(bs_str *s, const char *text)
{
    bs_str_append(s, text, strlen(text));
}

void bs_str_printf(bs_str *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0 || !reserve(s, (size_t)n))
        return;
    va_start(ap, fmt);
    vsnprintf(s->ptr + s->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    s->len += (size_t)n;
}

bs_status bs_str_status(const bs_str *s)
{
    return s->oom ? bs_oom("text") : BS_OK;
}

void bs_str_clear(bs_str *s)
{
    free(s->ptr);
    memset(s, 0, sizeof *s);
}

bs_status bs_read_file(char **out, size_t *len, const char *path, size_t limit)
{
    *out = NULL;
    FILE *f = fopen(path, "rb");
    if (!f)
        return bs_fail(BS_ERR, "cannot open '%s': %s", path, strerror(errno));
    bs_status st = BS_OK;
    size_t cap = 1 << 16, n = 0;
    char *p = malloc(cap);
    while (p && n <= limit) {
        n += fread(p + n, 1, cap - n - 1, f);
        if (n < cap - 1)
            break;
        char *q = realloc(p, cap *= 2);
        if (!q)
            free(p);
        p = q;
    }
    if (!p)
        st = bs_oom(path);
    else if (ferror(f))
        st = bs_fail(BS_ERR, "cannot read '%s': %s", path, strerror(errno));
    else if (n > limit)
        st = bs_fail(BS_ERR, "'%s' is larger than the limit of %zu bytes", path, limit);
    fclose(f);
    if (st != BS_OK) {
        free(p);
        return st;
    }
    p[n] = '\0';
    *out = p;
    *len = n;
    return BS_OK;
}

bs_status bs_path_beside(char **out, const char *base_file, const char *name)
{
    const char *slash = strrchr(base_file, '/');
    size_t dir = slash && name[0] != '/' ? (size_t)(slash - base_file) + 1 : 0;
    BS_TRY(bs_calloc(out, dir + strlen(name) + 1, 1, "path"));
    memcpy(*out, base_file, dir);
    strcpy(*out + dir, name);
    return BS_OK;
}

bs_status bs_calloc(void *out_ptr, size_t n, size_t size, const char *what)
{
    void **out = out_ptr;
    *out = calloc(n ? n : 1, size ? size : 1);
    return *out ? BS_OK : bs_oom(what);
}

bs_status bs_grow(void *array_ptr, size_t *cap, size_t need, size_t size, const char *what)
{
    void **array = array_ptr;
    if (need <= *cap)
        return BS_OK;
    size_t n = *cap ? *cap : 16;
    while (n < need)
        n *= 2;
    if (n > SIZE_MAX / size)
        return bs_oom(what);
    void *p = realloc(*array, n * size);
    if (!p)
        return bs_oom(what);
    *array = p;
    *cap = n;
    return BS_OK;
}

/* Memory of this size is worth large pages, where the system has any: there are fewer to fault in. */
enum { LARGE = 4 << 20 };

bs_status bs_alloc_aligned(void *out_ptr, size_t bytes, const char *what)
{
    void **out = out_ptr;
    *out = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!*out)
        return bs_oom(what);
    if (bytes >= LARGE) {
        uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), from = (uintptr_t)*out, to = from + bytes;
        from = (from + page - 1) / page * page;
        madvise((void *)from, to / page * page - from, MADV_HUGEPAGE);
    }
    return BS_OK;
}

static size_t edit_distance(const char *a, const char *b)
{
    size_t row[65], na = strlen(a), nb = strlen(b);
    if (na > 64 || nb > 64)
        return 99;
    for (size_t j = 0; j <= nb; j++)
        row[j] = j;
    for (size_t i = 1; i <= na; i++) {
        size_t diagonal = row[0];
        row[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            size_t best = diagonal + (a[i - 1] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[nb];
}

int bs_nearest(const char *name, const char *const *names, size_t n)
{
    int best = -1;
    size_t best_distance = 1 + strlen(name) / 3;
    for (size_t i = 0; i < n; i++) {
        size_t d = edit_distance(name, names[i]);
        if (d <= best_distance && (best < 0 || d < best_distance)) {
            best = (int)i;
            best_distance = d;
        }
    }
    return best;
}
