/* Text for terminals and for the generated regions of documents: wrapped lines. */
#include "cli/cli.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WIDTH = 80 };

/* Returns true if a line that begins with this word would begin a list or a heading in Markdown. */
static bool begins_block(const char *word, size_t len)
{
    size_t digits = 0;
    while (digits < len && isdigit((unsigned char)word[digits]))
        digits++;
    return (len == 1 && strchr("-+*#", *word)) || (digits > 0 && digits + 1 == len && word[digits] == '.');
}

/* One paragraph or item, [p, end). */
static void print_wrapped(const char *p, const char *end, int column, int indent)
{
    bool first = true;
    while (p < end) {
        size_t len = 0;
        while (p + len < end && p[len] != ' ')
            len++;
        if (!first && column + 1 + (int)len > WIDTH && !begins_block(p, len)) {
            printf("\n%*s", indent, "");
            column = indent;
        } else if (!first) {
            putchar(' ');
            column++;
        }
        fwrite(p, 1, len, stdout);
        column += (int)len;
        first = false;
        for (p += len; p < end && *p == ' ';)
            p++;
    }
    putchar('\n');
}

void bs_print_text(const char *text, int column, int indent)
{
    while (*text) {
        size_t len = strcspn(text, "\n");
        if (len == 0 || *text == ' ' || *text == '|')
            printf("%.*s\n", (int)len, text);
        else
            print_wrapped(text, text + len, column, strncmp(text, "- ", 2) == 0 ? indent + 2 : indent);
        column = 0;
        text += len;
        text += *text == '\n';
    }
}

void bs_print_topic(const char *text)
{
    bool empty = false; /* the last line was */
    while (*text) {
        size_t len = strcspn(text, "\n");
        bool marker = strncmp(text, "<!-- generated: ", 16) == 0 || strncmp(text, "<!-- end -->", 12) == 0;
        if (!marker && (len > 0 || !empty)) {
            printf("%.*s\n", (int)len, text);
            empty = len == 0;
        }
        text += len;
        text += *text == '\n';
    }
}
