/* The table of commands, and what is printed from it: help and manual page. */
#include "cli/cli.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

static const bs_command *const commands[] = {
#define X(name) &bs_cmd_##name,
    BS_COMMANDS(X)
#undef X
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

const bs_command *bs_command_find(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i]->name;
    bs_fail(BS_USAGE, "unknown command '%s'", name);
    int near = bs_nearest(name, names, N_COMMANDS);
    if (near >= 0)
        bs_hint("did you mean 'bitsink %s'?", names[near]);
    else
        bs_hint("'bitsink help' lists the commands");
    return NULL;
}

/* All in one line, without its end. */
static void print_exit_codes(void)
{
    const char *comma = "";
#define X(code, meaning)                                                                                     \
    printf("%s%d %s", comma, -(int)code, meaning);                                                           \
    comma = ", ";
    BS_EXIT_CODES(X)
#undef X
}

void bs_print_help(void)
{
    puts("bitsink - fault campaigns on neural classifiers, and the Bayesian tables of their outcomes\n\n"
         "usage: bitsink COMMAND [OPTION...] OPERAND...\n");
    for (int i = 0; i < N_COMMANDS; i++)
        printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
    printf("\n  help [COMMAND], --version\n\nexit codes: ");
    print_exit_codes();
    putchar('\n');
}

static void print_options(const bs_option *table)
{
    for (; table->name; table++) {
        char text[64];
        snprintf(text, sizeof text, "--%s%s%s", table->name, table->arg ? " " : "",
                 table->arg ? table->arg : "");
        printf("  %-22s %s\n", text, table->help);
    }
}

void bs_print_command_help(const bs_command *c)
{
    printf("bitsink %s - %s\n\nusage: bitsink %s [OPTION...] %s\n\n%s\n\noptions:\n", c->name, c->summary,
           c->name, c->usage, c->details);
    print_options(c->options);
    print_options(bs_common_options);
}

/* Text in a manual page: a leading dash or dot must not be taken for markup. A line that begins with a blank
 * is one there, too; an empty line begins a paragraph. */
static void roff(const char *text)
{
    for (; *text; text++) {
        if (text[0] == '\n' && text[1] == '\n') {
            fputs("\n.PP", stdout);
            continue;
        }
        if (*text == '-' || *text == '\\')
            putchar('\\');
        if (*text == '\'' || *text == '.')
            fputs("\\&", stdout);
        putchar(*text);
    }
}

static void roff_options(const bs_option *table)
{
    for (; table->name; table++) {
        printf(".TP\n.B \\-\\-");
        roff(table->name);
        if (table->arg)
            printf(" \\fI%s\\fR", table->arg);
        putchar('\n');
        roff(table->help);
        putchar('\n');
    }
}

void bs_print_manual(void)
{
    printf(".TH BITSINK 1 \"\" \"bitsink %s\" \"User Commands\"\n.SH NAME\nbitsink \\- fault campaigns on "
           "neural "
           "classifiers\n.SH SYNOPSIS\n.B bitsink\n.I COMMAND\n[\\fIOPTION\\fR...] \\fIOPERAND\\fR...\n"
           ".SH DESCRIPTION\nRuns single inferences with one injected hardware fault each, streams a row per "
           "inference into SQLite, and derives the tables of a Bayesian network from the rows by SQL views.\n"
           ".SH COMMANDS\n",
           BITSINK_VERSION);
    for (int i = 0; i < N_COMMANDS; i++) {
        printf(".SS bitsink %s [\\fIOPTION\\fR...] %s\n", commands[i]->name, commands[i]->usage);
        roff(commands[i]->details);
        putchar('\n');
        roff_options(commands[i]->options);
    }
    printf(".SH COMMON OPTIONS\n");
    roff_options(bs_common_options);
    printf(".SH EXIT STATUS\n");
    print_exit_codes();
    printf(".\n");
}
