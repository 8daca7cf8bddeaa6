#include "base/text.h"
#include "data/dataset.h"

#include <ctype.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NAMES_BYTES ((size_t)1 << 26)

/* Returns the length of a leading WordNet id and the blanks after it ("n01440764 "), or 0. A line that is
 * only an id keeps it as its name. */
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

/* A line of the file: its name, cut at the first comma, and the whole line; both owned. */
typedef struct entry {
    char *name, *whole;
} entry;

typedef struct list {
    entry *item;
    size_t n, cap;
} list;

/* Sets *out to the text in double quotes at the start of `line` if a comma or nothing follows it, else to
 * NULL. Two double quotes inside are one. */
static bs_status unquote(char **out, const char *line, size_t len)
{
    size_t n = 0, i = 1;
    *out = NULL;
    if (len == 0 || line[0] != '"')
        return BS_OK;
    char *text = malloc(len);
    if (!text)
        return bs_oom("class names");
    for (; i < len && (line[i] != '"' || (i + 1 < len && line[i + 1] == '"')); i++) {
        i += line[i] == '"';
        text[n++] = line[i];
    }
    text[n] = '\0';
    bool closed = i++ < len;
    while (i < len && is_space(line[i]))
        i++;
    if (closed && (i == len || line[i] == ',') && n > 0)
        *out = text;
    else
        free(text);
    return BS_OK;
}

/* Splits a line without blanks around it. For a name in quotes, the whole line is the name, too. */
static bs_status split(entry *e, const char *line, size_t len)
{
    const char *comma = memchr(line, ',', len);
    size_t end = comma ? (size_t)(comma - line) : len;
    while (end > 0 && is_space(line[end - 1]))
        end--;
    if (end == 0 || memchr(line, '\0', len)) {
        bs_fail(BS_ERR, end == 0 ? "the class name is empty" : "the class name holds a NUL byte");
        return bs_hint("the file holds one class name per line, in the order of the network's outputs");
    }
    BS_TRY(unquote(&e->name, line, len));
    e->whole = e->name ? strdup(e->name) : strndup(line, len);
    if (!e->name)
        e->name = strndup(line, end);
    return e->name && e->whole ? BS_OK : bs_oom("class names");
}

static bs_status add_name(list *l, const char *line, size_t len)
{
    while (len > 0 && is_space(line[len - 1]))
        len--;
    size_t skip = 0;
    while (skip < len && is_space(line[skip]))
        skip++;
    skip += id_length(line + skip, len - skip);
    if (l->n == INT_MAX)
        return bs_fail(BS_ERR, "too many class names");
    BS_TRY(bs_grow(&l->item, &l->cap, l->n + 1, sizeof *l->item, "class names"));
    entry *e = &l->item[l->n++];
    *e = (entry){0};
    return split(e, line + skip, len - skip);
}

static int by_name(const void *a, const void *b)
{
    const entry *const *x = a, *const *y = b;
    return strcmp((*x)->name, (*y)->name);
}

/* Restores whole lines where the cut names are equal, as in "crane, bird" and "crane, machine". */
static bs_status tell_apart(list *l)
{
    entry **sorted;
    BS_TRY(bs_calloc(&sorted, l->n, sizeof *sorted, "class names"));
    for (size_t i = 0; i < l->n; i++)
        sorted[i] = &l->item[i];
    qsort(sorted, l->n, sizeof *sorted, by_name);
    for (size_t i = 0, next; i < l->n; i = next) {
        for (next = i + 1; next < l->n && by_name(&sorted[i], &sorted[next]) == 0;)
            next++;
        for (size_t k = i; next - i > 1 && k < next; k++) {
            char *cut = sorted[k]->name;
            sorted[k]->name = sorted[k]->whole;
            sorted[k]->whole = cut;
        }
    }
    free(sorted);
    return BS_OK;
}

/* Moves the names out of the list. */
static bs_status take_names(char ***out, list *l)
{
    BS_TRY(bs_calloc(out, l->n, sizeof **out, "class names"));
    for (size_t i = 0; i < l->n; i++) {
        (*out)[i] = l->item[i].name;
        l->item[i].name = NULL;
    }
    return BS_OK;
}

static void clear_list(list *l)
{
    for (size_t i = 0; i < l->n; i++) {
        free(l->item[i].name);
        free(l->item[i].whole);
    }
    free(l->item);
}

bs_status bs_class_names_read(char ***out, int *n, const char *path)
{
    char *text = NULL;
    size_t len = 0, at = 0;
    list l = {0};
    *out = NULL;
    *n = 0;
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
        st = add_name(&l, text + at, end - at);
        if (st != BS_OK) {
            /* Empty lines are errors, so the number of names is the line. */
            st = bs_context("%s:%zu", path, l.n);
            goto out;
        }
        at = end + 1;
    }
    BS_TRY_GOTO(tell_apart(&l), out);
    BS_TRY_GOTO(take_names(out, &l), out);
    *n = (int)l.n;
out:
    clear_list(&l);
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
