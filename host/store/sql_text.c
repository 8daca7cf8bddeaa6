#include "store/sql_text.h"

#include <string.h>

/* Skips white space and comments. *gap: there were some. */
static const char *skip_gap(const char *s, bool *gap)
{
    const char *from = s;
    for (;;) {
        s += strspn(s, " \t\r\n\f");
        if (strncmp(s, "--", 2) == 0)
            s += strcspn(s, "\n");
        else if (strncmp(s, "/*", 2) == 0 && strstr(s + 2, "*/"))
            s = strstr(s + 2, "*/") + 2;
        else
            break;
    }
    *gap = s > from;
    return s;
}

bool bs_sql_same(const char *a, const char *b)
{
    if (strcmp(a, b) == 0)
        return true; /* nearly always */
    char quote = 0;  /* of the text or name that the place is in */
    for (;;) {
        if (!quote) {
            bool gap_a, gap_b;
            a = skip_gap(a, &gap_a);
            b = skip_gap(b, &gap_b);
            if (gap_a != gap_b && *a && *b)
                return false;
        }
        if (*a != *b)
            return false;
        if (!*a)
            return true;
        if (quote ? *a == quote : *a == '\'' || *a == '"')
            quote = quote ? 0 : *a;
        a++;
        b++;
    }
}

/* Returns true if the line starts a statement that makes the table or view `name`: the word before the first
 * parenthesis or AS, whatever stands before it (TEMP, IF NOT EXISTS). */
static bool makes(const char *line, const char *end, const char *name)
{
    const size_t len = strlen(name);
    if (strncmp(line, "CREATE ", 7) != 0)
        return false;
    for (const char *word = line; (word = memchr(word, ' ', (size_t)(end - word))) != NULL;) {
        word++;
        const char *next = memchr(word, ' ', (size_t)(end - word));
        if (next && (next[1] == '(' || strncmp(next, " AS", 3) == 0))
            return (size_t)(next - word) == len && memcmp(word, name, len) == 0;
    }
    return false;
}

const char *bs_sql_comment(const char *sql, const char *name)
{
    const char *comment = NULL;
    for (const char *line = sql, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        if (strncmp(line, "--", 2) == 0) {
            comment = comment ? comment : line;
            continue;
        }
        if (comment && makes(line, end, name))
            return comment;
        comment = NULL;
    }
    return NULL;
}
