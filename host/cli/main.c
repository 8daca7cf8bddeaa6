#include "base/log.h"
#include "base/phase.h"
#include "base/text.h"
#include "cli/cli.h"

#include <malloc.h>
#include <stdio.h>
#include <string.h>

static int report(bs_status st)
{
    if (st == BS_OK)
        return 0;
    fprintf(stderr, "error: %s\n", bs_visible(bs_error_message()));
    if (bs_error_hint()[0])
        fprintf(stderr, "hint: %s\n", bs_visible(bs_error_hint()));
    return st == BS_NO_MEMORY ? 1 : -st;
}

int main(int argc, char **argv)
{
    bs_phases_begin();
    mallopt(M_MMAP_THRESHOLD, 1 << 20); /* what loading needs for a moment goes back to the system */
    signal(SIGXFSZ, SIG_IGN);           /* a file size limit shall be a failed write, not a kill */
    if (argc < 2) {
        bs_print_help();
        return -BS_USAGE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        puts("bitsink " BITSINK_VERSION);
        return 0;
    }
    if (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return report(bs_help(argc - 2, argv + 2));
    const bs_command *c = bs_command_find(argv[1]);
    if (!c)
        return report(BS_USAGE);
    bs_args args;
    bs_status st = bs_args_parse(&args, c, argc - 2, argv + 2);
    if (st == BS_OK && args.command)
        st = c->run(&args);
#ifdef BITSINK_SANITIZE
    if (!bs_command_exits(c, st)) {
        fprintf(stderr, "exit code %d is missing in the table of 'bitsink %s'\n", -st, c->name);
        return 99;
    }
#endif
    if (fflush(stdout) != 0 && st == BS_OK)
        st = bs_fail(BS_ERR, "cannot write to stdout");
    if (args.command)
        bs_phases_end();
    return report(st);
}
