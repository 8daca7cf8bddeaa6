#include "base/text.h"
#include "data/dataset.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAMES_BYTES ((size_t)1 << 26)

/* Length of a leading WordNet id with the blanks behind it ("n01440764 "), or 0. A line that is only an id
 * keeps it as its name. */
static size_t id_length(const char *line, size_t n)
{
    size_t i = 0;
    if (n < 10 || line[0] != 'n')
        return 0;
    for (i = 1; i < 9; i++)
        if (!isdigit((unsigned char)line[i]))
            return 0;
    while (i < n && (line[i] == ' ' || line[i] == '\t'))
        i++;
    return i > 9 && i < n ? i : 0;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static bs_status add_name(char ***names, size_t *cap, int *n, const char *line, size_t len)
{
    while (len > 0 && is_space(line[len - 1]))
        len--;
    size_t skip = 0;
    while (skip < len && is_space(line[skip]))
        skip++;
    skip += id_length(line + skip, len - skip);
    const char *comma = memchr(line + skip, ',', len - skip);
    size_t end = comma ? (size_t)(comma - line) : len;
    while (end > skip && is_space(line[end - 1]))
        end--;
    if (end == skip || memchr(line + skip, '\0', end - skip)) {
        bs_fail(BS_ERR, end == skip ? "the class name is empty" : "the class name holds a NUL byte");
        return bs_hint("the file holds one class name a line, in the order of the network's outputs");
    }
    if (*n == INT_MAX)
        return bs_fail(BS_ERR, "too many class names");
    BS_TRY(bs_grow(names, cap, (size_t)*n + 1, sizeof **names, "class names"));
    char *name = strndup(line + skip, end - skip);
    if (!name)
        return bs_oom("class names");
    (*names)[(*n)++] = name;
    return BS_OK;
}

bs_status bs_class_names_read(char ***out, int *n, const char *path)
{
    char *text = NULL, **names = NULL;
    size_t len = 0, cap = 0;
    int count = 0;
    *out = NULL;
    *n = 0;
    size_t at = 0;
    BS_TRY(bs_read_text(&text, &len, path, MAX_NAMES_BYTES));
    bs_status st;
    BS_TRY_GOTO(bs_utf8_check(text, len, path, BS_ERR), out);
    while (len > at && (is_space(text[len - 1]) || text[len - 1] == '\n'))
        len--;
    if (at == len) {
        st = bs_fail(BS_ERR, "'%s' holds no class names", path);
        goto out;
    }
    while (at < len) {
        const char *newline = memchr(text + at, '\n', len - at);
        size_t end = newline ? (size_t)(newline - text) : len;
        st = add_name(&names, &cap, &count, text + at, end - at);
        if (st != BS_OK) {
            /* Empty lines are refused, so lines and names count alike. */
            st = bs_context("%s:%d", path, count + 1);
            goto out;
        }
        at = end + 1;
    }
    *out = names;
    *n = count;
    names = NULL;
    count = 0;
out:
    bs_class_names_free(names, count);
    free(text);
    return st;
}

void bs_class_names_free(char **names, int n)
{
    if (!names)
        return;
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}
