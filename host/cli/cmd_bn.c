#include "base/new_file.h"
#include "bn/bn.h"
#include "bn/tables.h"
#include "cli/cli.h"

#include <string.h>

typedef struct verb {
    const char *name;
    int min, max;        /* operands after it; max -1: any number */
    const char *options; /* those that it takes, but --output, as " NAME NAME " */
    bs_status (*run)(const bs_args *args, FILE *out);
} verb;

static bs_status read_format(const bs_args *args, bs_rows_format *format, int *limit)
{
    *format = BS_ROWS_TABLE;
    *limit = 0;
    if (bs_option_value(args, "format"))
        BS_TRY(bs_rows_parse_format(format, bs_option_value(args, "format")));
    return bs_option_int(args, "limit", 0, 2147483647, limit);
}

static bs_status run_query(const bs_args *args, FILE *out)
{
    bs_bn_question q = {.given = bs_option_value(args, "given"),
                        .of = bs_option_value(args, "of"),
                        .layer = bs_option_value(args, "layer"),
                        .p = bs_option_value(args, "p"),
                        .scope = BS_BN_DEFAULT_SCOPE};
    int limit;
    BS_TRY(read_format(args, &q.format, &limit));
    BS_TRY(bs_option_int(args, "scope", -1, 255, &q.scope));
    q.limit = (uint64_t)limit;
    return bs_bn_query(out, args->operand[0], &q);
}

static bs_status run_set(const bs_args *args, FILE *out)
{
    (void)out;
    return bs_bn_set(args->operand[0], args->operand + 2, args->n_operands - 2);
}

static bs_status run_load(const bs_args *args, FILE *out)
{
    (void)out;
    return bs_bn_load(args->operand[0], args->operand[1], args->operand[2]);
}

static bs_status run_update(const bs_args *args, FILE *out)
{
    (void)out;
    return bs_bn_update(args->operand[0]);
}

static bs_status run_bif(const bs_args *args, FILE *out)
{
    int scope = BS_BN_DEFAULT_SCOPE;
    BS_TRY(bs_option_int(args, "scope", -1, 255, &scope));
    return bs_bn_export_bif(out, args->operand[0], scope, bs_option_value(args, "by-layer") != NULL);
}

static bs_status run_table(const bs_args *args, FILE *out)
{
    int limit;
    bs_bn_selection only = {.scope = bs_option_value(args, "scope"),
                            .layer = bs_option_value(args, "layer"),
                            .columns = bs_option_value(args, "columns"),
                            .sort = bs_option_value(args, "sort"),
                            .wide = bs_option_value(args, "wide") != NULL};
    BS_TRY(read_format(args, &only.format, &limit));
    only.limit = (uint64_t)limit;
    return bs_bn_print(out, args->operand[0], args->operand[1], &only);
}

static const verb verbs[] = {
    {"query", 0, 0, " format limit given of p layer scope ", run_query},
    {"set", 1, -1, "", run_set},
    {"groups", 1, 1, "", run_load},
    {"costs", 1, 1, "", run_load},
    {"priors", 1, 1, "", run_load},
    {"weights", 1, 1, "", run_load},
    {"update", 0, 0, "", run_update},
    {"export", 0, 0, " scope by-layer ", run_bif},
};
static const verb table = {NULL, 0, 0, " format limit layer scope wide columns sort ", run_table};

/* Refuses what would have no effect. */
static bs_status check_options(const bs_args *args, const verb *v)
{
    static const char *const some[] = {"format", "limit", "given", "of",      "p",       "layer",
                                       "scope",  "wide",  "sort",  "columns", "by-layer"};
    char word[24];
    for (size_t i = 0; i < sizeof some / sizeof *some; i++) {
        snprintf(word, sizeof word, " %s ", some[i]);
        if (!bs_option_value(args, some[i]) || strstr(v->options, word))
            continue;
        bs_fail(BS_USAGE, "--%s means nothing to 'bitsink bn DB %s'", some[i], args->operand[1]);
        return bs_hint("leave it out; 'bitsink help bn' says what it is for");
    }
    return BS_OK;
}

/* Into --output FILE, or stdout. */
static bs_status with_output(const bs_args *args, bs_status (*fn)(const bs_args *, FILE *))
{
    const char *path = bs_option_value(args, "output");
    bs_new_file file = {0};
    if (!path)
        return fn(args, stdout);
    BS_TRY(bs_new_file_open(&file, path));
    bs_status st = fn(args, file.f);
    if (st == BS_OK)
        st = bs_new_file_commit(&file);
    else if (bs_new_file_check(&file) != BS_OK) /* names it */
        st = BS_ERR;
    bs_new_file_drop(&file);
    return st;
}

static bs_status run(const bs_args *args)
{
    int more = args->n_operands - 2;
    if (more < 0) {
        bs_bn_list(stdout);
        return BS_OK;
    }
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        const verb *v = &verbs[i];
        if (strcmp(args->operand[1], v->name) != 0)
            continue;
        if (more < v->min || (v->max >= 0 && more > v->max)) {
            bs_fail(BS_USAGE, "too %s operands for 'bitsink bn DB %s'", more < v->min ? "few" : "many",
                    v->name);
            return bs_hint("'bitsink help bn' shows them");
        }
        BS_TRY(check_options(args, v));
        return with_output(args, v->run);
    }
    if (more > 0) {
        bs_fail(BS_USAGE, "too many operands for 'bitsink bn DB %s'", args->operand[1]);
        return bs_hint("a table stands alone; 'bitsink help bn' shows what takes more");
    }
    BS_TRY(check_options(args, &table));
    return with_output(args, table.run);
}

static const bs_option options[] = {
    {"format", "FORMAT", "table (default), csv or json (one object per row)"},
    {"limit", "N", "at most N rows (default 0: all)"},
    {"wide", NULL, "tables: all columns, also for people (csv and json always have them)"},
    {"columns", "LIST", "tables: these columns in this order, such as entry,layer_name,sdc1_rate"},
    {"sort", "LIST", "tables: by these columns first; '-sdc1_rate' begins with the largest"},
    {"given", "LIST",
     "query: evidence, such as 'class=lion|tiger,layer=conv3_2'; #ID is always the id: class=#3"},
    {"of", "LIST", "query: variables asked for, such as class,fault (default: correct)"},
    {"p", "P", "query: an inference meets a fault with this probability, whatever the settings say"},
    {"layer", "NAME",
     "query: faults hit this layer only; or one of several, 'A|B'; tables: rows of this layer"},
    {"scope", "N",
     "query, export: an entry, or -1: the strata of bn_prior_layer (default: the lowest); tables: rows of "
     "this one (default: all)"},
    {"by-layer", NULL, "export: leave the image out, which makes large networks small"},
    {"output", "FILE", "write there instead of stdout (also -o)"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_bn = {
    .name = "bn",
    .usage =
        "DB [TABLE | query | set NAME=VALUE... | groups FILE | costs FILE | priors FILE | weights FILE | "
        "update | export]",
    .summary = "ask the Bayesian network: tables, queries, settings, export",
    .details =
        "Prints tables and views of the result file, asks the Bayesian network, and changes its"
        " settings. Without a second word it lists the tables. All numbers come from SQL views,"
        " so sqlite3 shows the same, except the exact bounds in `layer_outcome_exact` and the "
        "answers of `query`, which only this command computes.\n"
        "\n"
        "- `TABLE` prints a table or view, its rows always in the same order, unless --sort asks for "
        "another; "
        "with --scope and --layer only those of an entry and of a layer. Of wide tables people see the "
        "columns "
        "that say most; all are in csv and json, and in a table with --wide.\n"
        "- `query` prints P(OF | GIVEN) for the variables " BS_BN_VARIABLES
        ". `--of correct` means both meanings of correct. In evidence `|` stands between alternatives: "
        "`class=5|8` is either of both. A name with `|` in it, or a `\"` in front, is written in double "
        "quotes, with each `\"` of its own twice: `class=\"on|off\"`; or as `#ID`. `--p 0.5 --layer conv1` "
        "asks for the accuracy if every second inference has a fault in conv1 (view `accuracy_curve`). That "
        "differs from `--given layer=conv1`, which says that there is a fault.\n"
        "- `set NAME=VALUE...` changes settings; `bitsink bn DB bn_parameter` lists them. "
        "`raw_fit=FIT` (per Mbit) and `scope=ENTRY,ENTRY` are further names; the latter pools "
        "the strata of these entries by their exposure, unless `layer_prior` stands beside it.\n"
        "- `groups FILE`, `costs FILE`, `priors FILE` and `weights FILE` load CSV files with a "
        "header: `class,group`; `truth,answer,cost`; "
        "`entry,layer,raw_rate,residency,exposure,probability`; `image,weight`. Priors with a "
        "probability make `layer_prior` direct, others exposure. In costs, a class without a "
        "group is a group of its own, under its name in view `class_shown`.\n"
        "- `update` stores today's views, and counts by bit position, in the file: the sqlite3 "
        "program needs it before it can show `bit_accuracy` and sinks by bit. A file of an earlier "
        "schema version needs `bitsink upgrade` first.\n"
        "- `export` writes the network as BIF, for pgmpy and bnlearn.\n"
        "\n"
        "Classes, layers, entries and images are given by name, by a part of the name, by id, "
        "by `#ID`, which is always the id (`#-1`: DUE, no layer), or by both, as in `crane "
        "#134`. The same holds in CSV files. What may mean two things is refused.",
    .examples = "    bitsink bn r.db layer_accuracy\n"
                "    bitsink bn r.db layer_accuracy --sort -sdc1_rate --limit 10\n"
                "    bitsink bn r.db accuracy_curve --scope 1 --layer conv1\n"
                "    bitsink bn r.db bn_trust --format csv --output trust.csv\n"
                "    bitsink bn r.db query --given class=Sandal,fault=yes --of correct,layer\n"
                "    bitsink bn r.db query --given 'class=Sandal|Sneaker,layer=conv1|conv2' --of label\n"
                "    bitsink bn r.db query --p 0.5 --layer conv1\n"
                "    bitsink bn r.db set p=1e-4 layer_prior=bits\n"
                "    bitsink bn r.db export -o net.bif",
    .see_also = "bitsink-db(5) bitsink-queries(7) bitsink-check(1) bitsink-plot(1)",
    .min_operands = 1,
    .max_operands = 64,
    .options = options,
    .run = run,
};
