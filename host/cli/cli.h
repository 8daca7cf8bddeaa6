/* The command line: one table of commands, from which parsing, help and manual pages come. */
#ifndef BS_CLI_CLI_H
#define BS_CLI_CLI_H

#include "base/error.h"
#include "campaign/input.h"
#include "fault/plan.h"
#include "job/job.h"
#include "model/graph.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct bs_option {
    const char *name; /* without the dashes */
    const char *arg;  /* name of its argument, NULL for a flag. "X,...": a list; "X...": may be repeated */
    const char *help;
} bs_option;

/* X(code, meaning): the exit codes, for help and manual. */
#define BS_EXIT_CODES(X)                                                                                     \
    X(BS_OK, "done")                                                                                         \
    X(BS_ERR, "an error, such as a missing or damaged file")                                                 \
    X(BS_USAGE, "bad command line or job file")                                                              \
    X(BS_STOPPED, "stopped: run the same command again; merge: trials are missing")                          \
    X(BS_NO_DEVICE, "no or lost device")                                                                     \
    X(BS_SELFTEST, "self-test or audit failed; bench: the answers differ")                                   \
    X(BS_DIFFERS, "campaigns differ")                                                                        \
    X(BS_NOTHING_COMMON, "nothing to compare or to check")                                                   \
    X(BS_LIMIT, "a rate's interval is beyond its limit")                                                     \
    X(BS_OPEN, "the data do not decide about a rate, or trials are missing")

/* An exit code of a command beside done, error and bad command line; `meaning` says what it means there.
 */
typedef struct bs_exit {
    bs_status status;
    const char *meaning;
} bs_exit;

enum { BS_MAX_OPTIONS = 16, BS_MAX_REPEATED = 64 };

struct bs_args;

typedef struct bs_command {
    const char *name;
    const char *usage;    /* its operands: "JOB", "DB TABLE" */
    const char *summary;  /* one line */
    const char *details;  /* for help and manual, Markdown as bs_print_text() takes it; required */
    const char *examples; /* the same, or NULL */
    const char *see_also; /* manual pages: "bitsink-plan(1) bitsink-job(5)"; bitsink(1) is added; or NULL */
    int min_operands, max_operands;
    const bs_option *options; /* ends with a NULL name */
    const bs_exit *exits;     /* ends with BS_OK; NULL: none but 0, 1 and 2 */
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
    X(verify)                                                                                                \
    X(compare)                                                                                               \
    X(check)                                                                                                 \
    X(trace)                                                                                                 \
    X(digest)                                                                                                \
    X(synth)                                                                                                 \
    X(bench)                                                                                                 \
    X(devices)                                                                                               \
    X(cache)

#define X(name) extern const bs_command bs_cmd_##name;
BS_COMMANDS(X)
#undef X

typedef struct bs_args {
    const bs_command *command;
    char **operand;
    int n_operands;
    const char *value[BS_MAX_OPTIONS]; /* by position in command->options; "" for a flag that was given */
    struct {
        int option;
        const char *value;
    } again[BS_MAX_REPEATED]; /* further values of options that were repeated */
    int n_again;
} bs_args;

/* Options of every command. */
extern const bs_option bs_common_options[];
/* Returns the position in a table of the option whose name is these `len` bytes, -1 if there is none. */
int bs_option_find(const bs_option *table, const char *name, size_t len);
/* Returns the value of an option, NULL if it was not given. The name must be in the command's table. */
const char *bs_option_value(const bs_args *a, const char *name);
/* Returns the values of an option that may be repeated one after the other, then NULL. *at: 0 for the first;
 * it is moved on. */
const char *bs_option_next(const bs_args *a, const char *name, int *at);
/* Reads an integer option within [low, high]; *out keeps its value if the option is absent. */
bs_status bs_option_int(const bs_args *a, const char *name, long low, long high, int *out);
/* Reads a number strictly between 0 and 1; *out keeps its value if the option is absent. */
bs_status bs_option_share(const bs_args *a, const char *name, double *out);
/* Reads a number from 0 to 1; *out keeps its value if the option is absent. */
bs_status bs_option_part(const bs_args *a, const char *name, double *out);
/* Parses the words after the command's name. */
bs_status bs_args_parse(bs_args *out, const bs_command *command, int argc, char **argv);
/* Returns the command of that name, NULL if there is none; bs_command_find() makes an error of that. */
const bs_command *bs_command_named(const char *name);
const bs_command *bs_command_find(const char *name);
/* Returns true if the command's table has the exit code of this status; all have BS_OK, BS_ERR, BS_USAGE. */
bool bs_command_exits(const bs_command *c, bs_status status);

/* X(name, summary): documents that `bitsink help NAME` prints and that are manual pages, too. CMakeLists.txt
 * has the file of each. */
#define BS_TOPICS(X)                                                                                         \
    X(overview, "commands, exit codes, files, environment")                                                  \
    X(job, "the job file: one campaign in YAML")                                                             \
    X(results, "the result file: tables and views")                                                          \
    X(queries, "what to ask a result file, as SQL")

/* Prints Markdown for people: paragraphs (one line each) and items ("- ") are wrapped, with `indent` more
 * columns from the second line on. Other lines, such as those that begin with a blank, stay. `column`: how
 * much of the first line is taken already. */
void bs_print_text(const char *text, int column, int indent);
void bs_print_help(void);
void bs_print_command_help(const bs_command *c);
/* `bitsink help WORD...`. The hidden `--markdown NAME` prints the manual page of a command or topic, and
 * `--region NAME` a generated region of a document (scripts/docs.sh); `--region` their names. */
bs_status bs_help(int argc, char **argv);
void bs_print_markdown(const bs_command *c);
bs_status bs_print_region(const char *name);
void bs_print_region_names(void); /* one per line */
/* Returns command number i in the order of the help; NULL after the last. */
const bs_command *bs_command_at(int i);
/* Returns the text of a topic, NULL if there is none of that name. */
const char *bs_topic_text(const char *name);
/* Prints the topic without the comments that mark generated regions. */
void bs_print_topic(const char *text);

/* Options of commands that open an engine: rows of their tables. */
#define BS_CACHE_OPTIONS                                                                                     \
    {"cache", "DIR", "folder of facts from earlier runs (default: see `bitsink help cache`)"},               \
    {                                                                                                        \
        "no-cache", NULL, "neither use nor store facts of earlier runs"                                      \
    }
/* Reads --cache; *dir is NULL if it is not given. */
bs_status bs_option_cache(const bs_args *a, const char **dir);
/* Opens the cache that these options ask for: *out is NULL if there is none. Close it after the engine. */
bs_status bs_open_cache(bs_cache **out, const bs_args *a);

/* Options of commands that take a model: rows of their tables. */
#define BS_MODEL_OPTIONS                                                                                     \
    {"input-size", "H,W",                                                                                    \
     "rows and columns of the images, or the side of squares, where the model leaves them open"},            \
        {"output", "NAME", "tensor with the scores of the classes (default: the model's first output)"},     \
    {                                                                                                        \
        "input", "NAME=VALUE,...", "values of inputs other than the images, which become constants"          \
    }
/* Reads them; free *out with bs_import_options_clear(). */
bs_status bs_option_import(const bs_args *a, bs_import_options *out);
/* Fails if one of them is given, since a job says it itself. */
bs_status bs_refuse_import(const bs_args *a);

/* Everything a job file leads to. Zero-initialise; bs_session_close() frees. */
typedef struct bs_session {
    bs_job *job;
    bs_graph *graph;
    bs_dataset *images;
    bs_input input; /* the images as the network's input */
    bs_plan *plan;
    const char **class_names; /* by class, NULL where a class has no name; NULL if none has */
    char **label_names;       /* as in the job's file of names */
    int n_labels;
} bs_session;

bs_status bs_session_open(bs_session *s, const char *job_path);
void bs_session_close(bs_session *s);
/* Returns the class that stands for a label of the job. */
int bs_session_label_class(const bs_session *s, int label);
/* Returns the name of a class, "" if it has none, or for no class (-1). */
const char *bs_session_class_name(const bs_session *s, int class);
/* Copies what the job says about the device into the options, if there is a job. */
void bs_session_ask_device(const bs_session *s, bs_engine_options *o);

/* Set to 1 by the first SIGINT, SIGTERM or SIGHUP, unless it was ignored; the second ends the process at
 * once. */
extern volatile sig_atomic_t bs_stop_requested;
void bs_catch_signals(void);

#endif
