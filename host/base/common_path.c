#include "base/common_path.h"

#include "base/buf.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char separator_of(const char *name)
{
    return strchr(name, '/') ? '/' : '.';
}

/* Returns the length of name's path, at most `limit`, up to and with its last separator that has a text
 * behind it. */
static size_t path_length(const char *name, size_t limit, char separator)
{
    size_t n = strlen(name);
    n = n > 0 && limit > n - 1 ? n - 1 : limit;
    while (n > 0 && name[n - 1] != separator)
        n--;
    return n;
}

/* Sets *out to the path that all names with this separator have in common. */
static bs_status find_path(char **out, const char *const *names, size_t n, char separator)
{
    const char *first = NULL;
    size_t length = 0, count = 0; /* of the path; of the names besides the first */
    for (size_t i = 0; i < n; i++) {
        size_t same = 0;
        if (!strchr(names[i], separator) || separator_of(names[i]) != separator)
            continue;
        if (!first) {
            first = names[i];
            length = path_length(first, strlen(first), separator);
        }
        if (strcmp(names[i], first) == 0)
            continue;
        count++;
        while (same < length && names[i][same] == first[same])
            same++;
        length = path_length(names[i], same, separator);
    }
    if (count == 0 || length < 2) /* one name, or a single '/' */
        return BS_OK;
    *out = strndup(first, length);
    return *out ? BS_OK : bs_oom("names");
}

typedef struct cut_name {
    const char *cut, *whole;
} cut_name;

static int by_cut(const void *a, const void *b)
{
    return strcmp(((const cut_name *)a)->cut, ((const cut_name *)b)->cut);
}

static bs_status stay_distinct(bool *distinct, const bs_common_path *p, const char *const *names, size_t n)
{
    cut_name *cut = NULL;
    BS_TRY(bs_calloc(&cut, n, sizeof *cut, "names"));
    for (size_t i = 0; i < n; i++)
        cut[i] = (cut_name){bs_common_path_cut(p, names[i]), names[i]};
    qsort(cut, n, sizeof *cut, by_cut);
    *distinct = true;
    for (size_t i = 1; i < n; i++)
        *distinct &= strcmp(cut[i - 1].cut, cut[i].cut) != 0 || strcmp(cut[i - 1].whole, cut[i].whole) == 0;
    free(cut);
    return BS_OK;
}

bs_status bs_common_path_find(bs_common_path *out, const char *const *names, size_t n)
{
    bool distinct = true;
    bs_status st;
    BS_TRY_GOTO(find_path(&out->slash, names, n, '/'), out);
    BS_TRY_GOTO(find_path(&out->dot, names, n, '.'), out);
    if (out->slash || out->dot)
        st = stay_distinct(&distinct, out, names, n);
out:
    if (st != BS_OK || !distinct)
        bs_common_path_clear(out);
    return st;
}

void bs_common_path_clear(bs_common_path *p)
{
    free(p->slash);
    free(p->dot);
    *p = (bs_common_path){0};
}

const char *bs_common_path_cut(const bs_common_path *p, const char *name)
{
    const char *path = separator_of(name) == '/' ? p->slash : p->dot;
    size_t n = path ? strlen(path) : 0;
    return strncmp(name, path ? path : "", n) == 0 && name[n] ? name + n : name;
}

const char *bs_common_path_note(const bs_common_path *p, char *buf, size_t len)
{
    const char *first = p->slash ? p->slash : p->dot, *second = p->slash ? p->dot : NULL;
    if (len > 0)
        buf[0] = '\0';
    if (first && second)
        snprintf(buf, len, "names without '%s' and '%s'", bs_visible_cut(first, 100),
                 bs_visible_cut(second, 100));
    else if (first)
        snprintf(buf, len, "names without '%s'", bs_visible_cut(first, 100));
    return buf;
}

void bs_str_put_brief_path(bs_str *s, const char *path)
{
    for (const char *end; (end = strchr(path, '/')); path = end + 1) {
        size_t n = (size_t)(end - path);
        bool repeated = n > 0 && strncmp(end + 1, path, n) == 0 && end[1 + n] == '.';
        if (!repeated)
            bs_str_append(s, path, n + 1);
    }
    bs_str_puts(s, path);
}
