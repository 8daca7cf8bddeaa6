#include "bn/bn.h"
#include "cli/cli.h"

static bs_status run(const bs_args *args)
{
    bs_bn_format format = BS_BN_TABLE;
    int limit = 0;
    if (bs_option_value(args, "format"))
        BS_TRY(bs_bn_parse_format(&format, bs_option_value(args, "format")));
    BS_TRY(bs_option_int(args, "limit", 0, 2147483647, &limit));
    if (args->n_operands == 1) {
        bs_bn_list(stdout);
        return BS_OK;
    }
    return bs_bn_print(stdout, args->operand[0], args->operand[1], format, (uint64_t)limit);
}

static const bs_option options[] = {
    {"format", "FORMAT", "table (default), csv or json (one object a row)"},
    {"limit", "N", "at most N rows (default 0: all)"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_bn = {
    .name = "bn",
    .usage = "DB [TABLE]",
    .summary = "print a table or view of the Bayesian network",
    .details =
        "Prints TABLE of the result file; without TABLE, lists what there is. All numbers come from SQL "
        "views in the file, so sqlite3 shows the same.",
    .min_operands = 1,
    .max_operands = 2,
    .options = options,
    .run = run,
};
