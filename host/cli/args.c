/* Parses the words after a command's name. */
#include "cli/cli.h"

#include "base/log.h"
#include "base/phase.h"
#include "base/text.h"

#include <stdio.h>
#include <string.h>

/* Two values of an option that takes a list, as one word for the shell. */
static const char *joined(const char *a, const char *b)
{
    static char text[256];
    snprintf(text, sizeof text, "%s,%s", a, b);
    return bs_shell_word(text);
}

/* A value of an option that has one already. */
static bs_status repeat_option(bs_args *out, int i, const char *value)
{
    const bs_option *o = &out->command->options[i];
    bool list = strstr(o->arg, ",...") != NULL;
    if (!list && strstr(o->arg, "...")) {
        if (out->n_again == BS_MAX_REPEATED)
            return bs_fail(BS_USAGE, "--%s is given more than %d times", o->name, BS_MAX_REPEATED + 1);
        out->again[out->n_again].option = i;
        out->again[out->n_again++].value = value;
        return BS_OK;
    }
    bs_fail(BS_USAGE, "--%s is given twice", o->name);
    return value && list ? bs_hint("it takes a list: --%s %s", o->name, joined(out->value[i], value))
                         : BS_USAGE;
}

static bs_status parse_option(bs_args *out, const char *word, char **next, bool *used_next, bool *help)
{
    const bs_command *c = out->command;
    size_t len = strcspn(word, "=");
    const char *inline_value = word[len] ? word + len + 1 : NULL;
    int common = bs_option_find(bs_common_options, word, len);
    if (common == 0)
        bs_log_set_level(BS_LOG_WARN);
    if (common == 1)
        bs_phases_show();
    if (common == 2)
        *help = true;
    if (common >= 0)
        return BS_OK;
    int i = bs_option_find(c->options, word, len);
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
    *used_next = !inline_value;
    if (out->value[i] && value)
        return repeat_option(out, i, value);
    if (!value)
        return bs_fail(BS_USAGE, "--%s needs a value: %s", c->options[i].name, c->options[i].arg);
    out->value[i] = value;
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
        return bs_hint("usage: bitsink %s [OPTION...]%s%s", command->name, *command->usage ? " " : "",
                       command->usage);
    }
    return BS_OK;
}
