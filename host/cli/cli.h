/* The command line: one table of commands, from which parsing, help and the manual page come. */
#ifndef BS_CLI_CLI_H
#define BS_CLI_CLI_H

#include "base/error.h"
#include "campaign/engine.h"
#include "data/dataset.h"
#include "fault/plan.h"
#include "job/job.h"
#include "model/graph.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct bs_option {
    const char *name; /* without the dashes */
    const char *arg;  /* name of its argument, NULL for a flag */
    const char *help;
} bs_option;

/* X(code, meaning): the exit codes, for help, manual and README. */
#define BS_EXIT_CODES(X)                                                                                     \
    X(BS_OK, "done")                                                                                         \
    X(BS_ERR, "error")                                                                                       \
    X(BS_USAGE, "bad command line or job file")                                                              \
    X(BS_STOPPED, "stopped and resumable")                                                                   \
    X(BS_NO_DEVICE, "no or lost device")                                                                     \
    X(BS_SELFTEST, "self-test failed")                                                                       \
    X(BS_DIFFERS, "campaigns differ")                                                                        \
    X(BS_NOTHING_COMMON, "nothing to compare or to check")                                                   \
    X(BS_LIMIT, "a rate is beyond its limit")                                                                \
    X(BS_OPEN, "a rate is not shown to be within its limit")

enum { BS_MAX_OPTIONS = 16 };

struct bs_args;

typedef struct bs_command {
    const char *name;
    const char *usage;   /* its operands: "JOB", "DB TABLE" */
    const char *summary; /* one line */
    const char *details; /* for help and manual: paragraphs, with empty lines between; lines that begin with a
                            blank stay lines */
    int min_operands, max_operands;
    const bs_option *options; /* ends with a NULL name */
    bs_status (*run)(const struct bs_args *args);
} bs_command;

/* X(name): one file host/cli/cmd_NAME.c each, in the order of the help. */
#define BS_COMMANDS(X)                                                                                       \
    X(inspect)                                                                                               \
    X(classify)                                                                                              \
    X(plan)                                                                                                  \
    X(run)                                                                                                   \
    X(merge)                                                                                                 \
    X(backup)                                                                                                \
    X(upgrade)                                                                                               \
    X(status)                                                                                                \
    X(bn)                                                                                                    \
    X(plot)                                                                                                  \
    X(report)                                                                                                \
    X(compare)                                                                                               \
    X(check)                                                                                                 \
    X(trace)                                                                                                 \
    X(digest)                                                                                                \
    X(synth)                                                                                                 \
    X(bench)                                                                                                 \
    X(devices)

#define X(name) extern const bs_command bs_cmd_##name;
BS_COMMANDS(X)
#undef X

typedef struct bs_args {
    const bs_command *command;
    char **operand;
    int n_operands;
    const char *value[BS_MAX_OPTIONS]; /* by position in command->options; "" for a flag that was given */
} bs_args;

/* Options of every command. */
extern const bs_option bs_common_options[];
/* Position in a table of the option whose name has these `len` bytes, -1 if it has none. */
int bs_option_find(const bs_option *table, const char *name, size_t len);
/* Value of an option, NULL if it was not given. The name must be in the command's table. */
const char *bs_option_value(const bs_args *a, const char *name);
/* Integer option within [low, high]; *out keeps its value if the option is absent. */
bs_status bs_option_int(const bs_args *a, const char *name, long low, long high, int *out);
/* Number option strictly between 0 and 1; *out keeps its value if the option is absent. */
bs_status bs_option_share(const bs_args *a, const char *name, double *out);
/* The same, 0 and 1 allowed. */
bs_status bs_option_part(const bs_args *a, const char *name, double *out);
/* Parses the words behind the command's name. */
bs_status bs_args_parse(bs_args *out, const bs_command *command, int argc, char **argv);
const bs_command *bs_command_find(const char *name);
void bs_print_help(void);
void bs_print_command_help(const bs_command *c);
void bs_print_manual(void); /* groff man(7), for bitsink.1 */

/* Everything a job file leads to. Zero-initialise; bs_session_close() frees. */
typedef struct bs_session {
    bs_job *job;
    bs_graph *graph;
    bs_dataset *images;
    bs_plan *plan;
    const char **class_names; /* by class, NULL if the job names no file */
    char **label_names;       /* as in that file */
    int n_labels;
} bs_session;

bs_status bs_session_open(bs_session *s, const char *job_path);
/* The same from the job stored in a result file. */
bs_status bs_session_reopen(bs_session *s, const char *db_path);
void bs_session_close(bs_session *s);
/* Asks of the device what the job does, if there is a job. */
void bs_session_ask_device(const bs_session *s, bs_engine_options *o);

/* Set to 1 by the first SIGINT or SIGTERM; the second ends the process at once. */
extern volatile sig_atomic_t bs_stop_requested;
void bs_catch_signals(void);

#endif
