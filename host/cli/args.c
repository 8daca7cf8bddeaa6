#include "cli/cli.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const bs_command *const commands[] = {
#define X(name) &bs_cmd_##name,
    BS_COMMANDS(X)
#undef X
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

/* Options of every command. */
static const bs_option common_options[] = {
    {"quiet", NULL, "only warnings and errors on stderr"},
    {"help", NULL, "show this help"},
    {NULL, NULL, NULL},
};

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

static int find_option(const bs_option *table, const char *name, size_t len)
{
    for (int i = 0; table[i].name; i++)
        if (strlen(table[i].name) == len && strncmp(table[i].name, name, len) == 0)
            return i;
    return -1;
}

const char *bs_option_value(const bs_args *a, const char *name)
{
    int i = find_option(a->command->options, name, strlen(name));
    return i < 0 ? NULL : a->value[i];
}

bs_status bs_option_int(const bs_args *a, const char *name, long low, long high, int *out)
{
    const char *text = bs_option_value(a, name);
    if (!text)
        return BS_OK;
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (errno || end == text || *end || v < low || v > high)
        return bs_fail(BS_USAGE, "--%s takes a whole number from %ld to %ld, not '%s'", name, low, high,
                       text);
    *out = (int)v;
    return BS_OK;
}

static bs_status read_number(const bs_args *a, const char *name, bool bounds, double *out)
{
    const char *text = bs_option_value(a, name);
    char *end;
    if (!text)
        return BS_OK;
    double v = strtod(text, &end);
    bool inside = bounds ? v >= 0 && v <= 1 : v > 0 && v < 1;
    if (end == text || *end || !inside)
        return bs_fail(BS_USAGE, "--%s takes a number %s, not '%s'", name,
                       bounds ? "from 0 to 1" : "above 0 and below 1", text);
    *out = v;
    return BS_OK;
}

bs_status bs_option_share(const bs_args *a, const char *name, double *out)
{
    return read_number(a, name, false, out);
}

bs_status bs_option_part(const bs_args *a, const char *name, double *out)
{
    return read_number(a, name, true, out);
}

/* Two values of an option that takes a list, as one word for the shell. */
static const char *joined(const char *a, const char *b)
{
    static char text[256];
    snprintf(text, sizeof text, "%s,%s", a, b);
    return bs_shell_word(text);
}

static bs_status parse_option(bs_args *out, const char *word, char **next, bool *used_next, bool *help)
{
    const bs_command *c = out->command;
    size_t len = strcspn(word, "=");
    const char *inline_value = word[len] ? word + len + 1 : NULL;
    int common = find_option(common_options, word, len);
    if (common == 0)
        bs_log_set_level(BS_LOG_WARN);
    if (common == 1)
        *help = true;
    if (common >= 0)
        return BS_OK;
    int i = find_option(c->options, word, len);
    if (i < 0) {
        bs_fail(BS_USAGE, "bitsink %s has no option '--%.*s'", c->name, (int)len, word);
        return bs_hint("'bitsink %s --help' lists them", c->name);
    }
    if (!c->options[i].arg) {
        if (inline_value)
            return bs_fail(BS_USAGE, "--%s takes no value", c->options[i].name);
        out->value[i] = "";
        return BS_OK;
    }
    const char *value = inline_value ? inline_value : *next;
    if (out->value[i]) {
        bs_fail(BS_USAGE, "--%s is given twice", c->options[i].name);
        return value && strstr(c->options[i].arg, ",...")
                   ? bs_hint("it takes a list: --%s %s", c->options[i].name, joined(out->value[i], value))
                   : BS_USAGE;
    }
    out->value[i] = value;
    *used_next = !inline_value;
    if (!out->value[i])
        return bs_fail(BS_USAGE, "--%s needs a value: %s", c->options[i].name, c->options[i].arg);
    return BS_OK;
}

bs_status bs_args_parse(bs_args *out, const bs_command *command, int argc, char **argv)
{
    bool help = false, only_operands = false;
    memset(out, 0, sizeof *out);
    out->command = command;
    out->operand = argv; /* operands are moved to the front */
    for (int i = 0; i < argc; i++) {
        if (!only_operands && strcmp(argv[i], "--") == 0) {
            only_operands = true;
        } else if (!only_operands && strcmp(argv[i], "-h") == 0) {
            help = true;
        } else if (!only_operands && strcmp(argv[i], "-o") == 0) { /* --output, of commands that have it */
            bool used_next = false;
            BS_TRY(parse_option(out, "output", &argv[i + 1], &used_next, &help));
            i += used_next;
        } else if (!only_operands && strncmp(argv[i], "--", 2) == 0) {
            bool used_next = false;
            BS_TRY(parse_option(out, argv[i] + 2, &argv[i + 1], &used_next, &help));
            i += used_next;
        } else {
            out->operand[out->n_operands++] = argv[i];
        }
    }
    if (help) {
        bs_print_command_help(command);
        out->command = NULL;
        return BS_OK;
    }
    if (out->n_operands < command->min_operands || out->n_operands > command->max_operands) {
        bs_fail(BS_USAGE, "%s operands for 'bitsink %s'",
                out->n_operands < command->min_operands ? "too few" : "too many", command->name);
        return bs_hint("usage: bitsink %s %s", command->name, command->usage);
    }
    return BS_OK;
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
    print_options(common_options);
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
    roff_options(common_options);
    printf(".SH EXIT STATUS\n");
    print_exit_codes();
    printf(".\n");
}
