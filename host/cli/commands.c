/* The table of commands, and the documents that go with them. */
#include "cli/cli.h"

#include "base/buf.h"

#include <string.h>

static const bs_command *const commands[] = {
#define X(name) &bs_cmd_##name,
    BS_COMMANDS(X)
#undef X
};
enum { N_COMMANDS = sizeof commands / sizeof *commands };

const bs_command *bs_command_at(int i)
{
    return i < N_COMMANDS ? commands[i] : NULL;
}

#define X(name, summary) extern const char bs_doc_##name[];
BS_TOPICS(X)
#undef X

const char *bs_topic_text(const char *name)
{
#define X(topic, summary)                                                                                    \
    if (strcmp(name, #topic) == 0)                                                                           \
        return bs_doc_##topic;
    BS_TOPICS(X)
#undef X
    return NULL;
}

const bs_command *bs_command_named(const char *name)
{
    for (int i = 0; i < N_COMMANDS; i++)
        if (strcmp(commands[i]->name, name) == 0)
            return commands[i];
    return NULL;
}

const bs_command *bs_command_find(const char *name)
{
    const bs_command *c = bs_command_named(name);
    if (c)
        return c;
    const char *names[N_COMMANDS];
    for (int i = 0; i < N_COMMANDS; i++)
        names[i] = commands[i]->name;
    bs_fail(BS_USAGE, "unknown command '%s'", name);
    int near = bs_nearest(name, names, N_COMMANDS);
    if (bs_topic_text(name))
        bs_hint("'bitsink help %s' prints the document of that name", name);
    else if (near >= 0)
        bs_hint("did you mean 'bitsink %s'?", names[near]);
    else
        bs_hint("'bitsink help' lists the commands");
    return NULL;
}

bool bs_command_exits(const bs_command *c, bs_status status)
{
    if (status >= BS_USAGE || status == BS_NO_MEMORY)
        return true;
    for (const bs_exit *e = c->exits; e && e->status != BS_OK; e++)
        if (e->status == status)
            return true;
    return false;
}
