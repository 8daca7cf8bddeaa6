#include "data/synsets.h"

#include "base/text.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAX_LIST_BYTES ((size_t)1 << 26)

static int by_name(const void *a, const void *b)
{
    return strcmp(((const bs_synset *)a)->name, ((const bs_synset *)b)->name);
}

static bs_status add_name(bs_synsets *s, const char *line)
{
    line += strspn(line, " \t");
    size_t n = strcspn(line, " \t\r");
    if (n == 0) {
        bs_fail(BS_ERR, "the line is empty");
        return bs_hint("the file holds one class per line, such as n01440764, in the order of their indices");
    }
    if (s->n == INT_MAX)
        return bs_fail(BS_ERR, "too many classes");
    BS_TRY(bs_grow(&s->by_name, &s->cap, s->n + 1, sizeof *s->by_name, "class list"));
    bs_synset item = {strndup(line, n), (int)s->n};
    if (!item.name)
        return bs_oom("class list");
    s->by_name[s->n++] = item;
    return BS_OK;
}

static bs_status sort_names(bs_synsets *s, const char *path)
{
    BS_TRY(bs_calloc(&s->by_line, s->n, sizeof *s->by_line, "class list"));
    for (size_t i = 0; i < s->n; i++)
        s->by_line[i] = s->by_name[i].name;
    qsort(s->by_name, s->n, sizeof *s->by_name, by_name);
    for (size_t i = 1; i < s->n; i++) {
        const bs_synset *a = &s->by_name[i - 1], *b = &s->by_name[i];
        if (strcmp(a->name, b->name) != 0)
            continue;
        bs_fail(BS_ERR, "%s: '%s' stands on lines %d and %d", path, a->name,
                (a->line < b->line ? a->line : b->line) + 1, (a->line < b->line ? b->line : a->line) + 1);
        return bs_hint("give WordNet ids instead of names: ImageNet has two classes 'crane' and 'maillot'");
    }
    return BS_OK;
}

bs_status bs_synsets_read(bs_synsets *out, const char *path)
{
    char *text;
    size_t len;
    BS_TRY(bs_read_text(&text, &len, path, MAX_LIST_BYTES));
    bs_status st = BS_OK;
    char *line = text;
    if (strlen(text) != len)
        st = bs_fail(BS_ERR, "%s: not a text file", path);
    while (len > 0 && strchr(" \t\r\n", text[len - 1]))
        text[--len] = '\0';
    while (st == BS_OK && line < text + len) {
        char *end = strchr(line, '\n');
        if (end)
            *end = '\0';
        st = add_name(out, line);
        if (st != BS_OK)
            st = bs_context("%s:%zu", path, out->n + 1);
        line = end ? end + 1 : text + len;
    }
    if (st == BS_OK && out->n == 0)
        st = bs_fail(BS_ERR, "'%s' lists no classes", path);
    if (st == BS_OK)
        st = sort_names(out, path);
    free(text);
    if (st != BS_OK)
        bs_synsets_clear(out);
    return st;
}

void bs_synsets_clear(bs_synsets *s)
{
    if (!s)
        return;
    for (size_t i = 0; i < s->n; i++)
        free(s->by_name[i].name);
    free(s->by_name);
    free(s->by_line);
    memset(s, 0, sizeof *s);
}

int bs_synsets_find(const bs_synsets *s, const char *name)
{
    const bs_synset key = {(char *)(uintptr_t)name, 0};
    const bs_synset *found = s->n ? bsearch(&key, s->by_name, s->n, sizeof key, by_name) : NULL;
    return found ? found->line : -1;
}
