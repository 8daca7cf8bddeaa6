/* `bitsink help`: the list of commands, the help of one, and documents. */
#include "cli/cli.h"

#include "base/buf.h"

#include <stdio.h>
#include <string.h>

void bs_print_help(void)
{
    puts("bitsink - fault campaigns on neural classifiers, and the Bayesian tables of their outcomes\n\n"
         "usage: bitsink COMMAND [OPTION...] OPERAND...\n\ncommands:");
    for (int i = 0; bs_command_at(i); i++)
        printf("  %-10s %s\n", bs_command_at(i)->name, bs_command_at(i)->summary);
    puts("\ntopics of 'bitsink help':");
#define X(name, summary) printf("  %-10s %s\n", #name, summary);
    BS_TOPICS(X)
#undef X
    puts("\n  help [COMMAND|TOPIC], --version\n\nexit codes:");
#define X(code, meaning) printf("  %d  %s\n", -(int)(code), meaning);
    BS_EXIT_CODES(X)
#undef X
}

static void print_options(const bs_option *table)
{
    for (; table->name; table++) {
        char text[64];
        snprintf(text, sizeof text, "--%s%s%s", table->name, table->arg ? " " : "",
                 table->arg ? table->arg : "");
        bs_print_text(table->help, printf("  %-22s ", text), 25);
    }
}

static void print_exits(const bs_command *c)
{
    puts("\nexit codes:");
#define X(code, meaning)                                                                                     \
    if ((code) >= BS_USAGE)                                                                                  \
        printf("  %d  %s\n", -(int)(code), meaning);
    BS_EXIT_CODES(X)
#undef X
    for (const bs_exit *e = c->exits; e && e->status != BS_OK; e++)
        bs_print_text(e->meaning, printf("  %d  ", -(int)e->status), 5);
}

void bs_print_command_help(const bs_command *c)
{
    printf("bitsink %s - %s\n\nusage: bitsink %s [OPTION...]%s%s\n\n", c->name, c->summary, c->name,
           *c->usage ? " " : "", c->usage);
    bs_print_text(c->details, 0, 0);
    puts("\noptions:");
    print_options(c->options);
    print_options(bs_common_options);
    print_exits(c);
    if (c->examples) {
        puts("\nexamples:\n");
        bs_print_text(c->examples, 0, 0);
    }
}

static bs_status unknown(const char *name)
{
    enum { MOST = 64 };
    const char *names[MOST];
    size_t n = 0;
    for (int i = 0; bs_command_at(i) && n < MOST; i++)
        names[n++] = bs_command_at(i)->name;
#define X(topic, summary)                                                                                    \
    if (n < MOST)                                                                                            \
        names[n++] = #topic;
    BS_TOPICS(X)
#undef X
    bs_fail(BS_USAGE, "unknown command or topic '%s'", name);
    int near = bs_nearest(name, names, n);
    return near >= 0 ? bs_hint("did you mean 'bitsink help %s'?", names[near])
                     : bs_hint("'bitsink help' lists the commands and topics");
}

bs_status bs_help(int argc, char **argv)
{
    bool markdown = argc == 2 && strcmp(argv[0], "--markdown") == 0;
    if (argc == 0) {
        bs_print_help();
        return BS_OK;
    }
    if (argc == 1 && strcmp(argv[0], "--region") == 0) {
        bs_print_region_names();
        return BS_OK;
    }
    if (argc == 2 && strcmp(argv[0], "--region") == 0)
        return bs_print_region(argv[1]);
    if (argc > 1 && !markdown) {
        bs_fail(BS_USAGE, "too many operands for 'bitsink help'");
        return bs_hint("usage: bitsink help [COMMAND|TOPIC]");
    }
    const char *name = argv[argc - 1];
    const bs_command *c = bs_command_named(name);
    const char *text = bs_topic_text(name);
    if (!c && !text)
        return unknown(name);
    if (text)
        bs_print_topic(text);
    else if (markdown)
        bs_print_markdown(c);
    else
        bs_print_command_help(c);
    return BS_OK;
}
