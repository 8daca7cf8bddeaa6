/* The manual page of a command, as Markdown for a converter (manual.cmake). */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

/* Plain text as Markdown: what is special is escaped, but in `code`. */
static void put_escaped(const char *text)
{
    bool code = false;
    for (; *text; text++) {
        code ^= *text == '`';
        if (!code && strchr("*_<>[]|\\#", *text))
            putchar('\\');
        putchar(*text);
    }
}

static void put_options(const bs_option *table)
{
    for (; table->name; table++) {
        printf("**--%s**", table->name);
        if (table->arg) {
            fputs(" *", stdout);
            put_escaped(table->arg);
            putchar('*');
        }
        fputs("\n:   ", stdout);
        put_escaped(table->help);
        fputs(".\n\n", stdout);
    }
}

static void put_exits(const bs_command *c)
{
#define X(code, meaning)                                                                                     \
    if ((code) >= BS_USAGE)                                                                                  \
        printf("**%d**\n:   %s.\n\n", -(int)(code), meaning);
    BS_EXIT_CODES(X)
#undef X
    for (const bs_exit *e = c->exits; e && e->status != BS_OK; e++)
        printf("**%d**\n:   %s.\n\n", -(int)e->status, e->meaning);
}

/* "bitsink-plan(1) bitsink-job(5)" */
static void put_see_also(const char *pages)
{
    fputs("# SEE ALSO\n\n**bitsink**(1)", stdout);
    while (pages && *pages) {
        size_t name = strcspn(pages, "("), all = strcspn(pages, " ");
        printf(", **%.*s**%.*s", (int)name, pages, (int)(all - name), pages + name);
        pages += all;
        pages += strspn(pages, " ");
    }
    putchar('\n');
}

void bs_print_markdown(const bs_command *c)
{
    printf("# NAME\n\nbitsink-%s - %s\n\n# SYNOPSIS\n\n`bitsink %s [OPTION...]%s%s`\n\n", c->name, c->summary,
           c->name, *c->usage ? " " : "", c->usage);
    printf("# DESCRIPTION\n\n%s\n\n# OPTIONS\n\n", c->details);
    put_options(c->options);
    put_options(bs_common_options);
    puts("# EXIT STATUS\n");
    put_exits(c);
    if (c->examples)
        printf("# EXAMPLES\n\n%s\n\n", c->examples);
    put_see_also(c->see_also);
}
