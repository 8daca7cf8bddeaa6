#include "base/log.h"
#include "bn/check.h"
#include "bn/check_names.h"
#include "cli/cli.h"

static bs_status run(const bs_args *args)
{
    bs_check_counts n;
    const bs_check_options o = {
        .max = bs_option_value(args, "max"),
        .min = bs_option_value(args, "min"),
        .bound = bs_option_value(args, "bound"),
        .entry = bs_option_value(args, "entry"),
        .layer = bs_option_value(args, "layer"),
        .weights = bs_option_value(args, "weights"),
        .partial = bs_option_value(args, "partial") != NULL,
    };
    bs_status st = bs_check(&n, stdout, args->operand[0], &o,
                            bs_option_value(args, "json") ? BS_ROWS_JSON : BS_ROWS_TABLE);
    if (n.no_value)
        bs_warn("%lld rows have no value, such as trust in an answer that is no image's label: not checked",
                n.no_value);
    if (n.untried)
        bs_warn("%lld entries or layers without trials are left out", n.untried);
    if (st == BS_OK && n.missing > 0)
        bs_warn("%lld trials of the campaign are missing", n.missing);
    if (st == BS_OK)
        bs_info("%lld of %lld rates are kept", n.rows[BS_VERDICT_kept], n.rows[BS_VERDICT_kept]);
    return st;
}

static const bs_option options[] = {
    {"max", "NAME=LIMIT,...", "largest values, such as network_sdc=1e-3,layer_due=0.01"},
    {"min", "NAME=LIMIT,...", "smallest values, such as layer_accuracy=0.9,trust=0.95"},
    {"bound", "BOUND",
     "what must be within the limit: upper (one-sided), high (two-sided), population_high (the images are a "
     "sample, too), rate; of --min lower, low, population_low. Default: upper, high where there is no upper"},
    {"entry", "ENTRY", "only this fault entry, by id or name; -1: the strata of bn_prior_layer together"},
    {"layer", "LAYER", "only this layer, by id or name"},
    {"weights", "WEIGHTS", "of layers in network_...: bits (default), uniform"},
    {"partial", NULL, "judge what is there, although trials are missing"},
    {"json", NULL, "one JSON object per row"},
    {NULL, NULL, NULL},
};

#define SMALL
#define LARGE " (min)"
#define EITHER
#define G(title)                                "\n- " title ":"
#define X(name, better, source, columns, where) " `" #name "`" better
static const char details[] =
    "Checks rates against limits, one row for each entry, layer or class that has the rate; the exit code "
    "can gate a nightly job. Each row is one of these; rows that are not kept come first, "
    "in this order:\n"
    "\n"
    "- `broken`: the whole interval is beyond the limit.\n"
    "- `open`: the limit is inside the interval, or nothing is known. The data do not decide; more trials "
    "may.\n"
    "- `incomplete`: trials that the job asks for are missing (an image that cannot be "
    "read, a shard, a layer), the run that started last has not ended with exit code 0, or an audited "
    "trial had other values in full. In a merged file that is the run that started last in any of the "
    "shards. `--partial` judges what is there.\n"
    "- `kept`: the bound is within the limit.\n"
    "\n"
    "`--bound` says which bound. Where every fault was tried on every image the rate itself"
    " counts (`bound_kind` is exact), as with `--bound rate`. The column `needed` says, for"
    " open shares of trials, with how many trials (or faults of parameters) in all, in the "
    "same proportions, the row would be kept if the rate stayed as it is; a mean over "
    "layers may need fewer. An entry that has no such rate is named in a warning: one with a bit "
    "error rate has no `network_sdc`. If no entry has the rate, the exit code is 7.\n"
    "\n"
    "The chance of calling a rate beyond its limit kept, or one within it broken, is at most 1 - "
    "confidence (`bitsink bn DB set confidence=0.99`) for each row; among many rows some may be wrong. With "
    "`--bound rate` there is no such promise.\n"
    "\n"
    "These are the names. `sdc` means `sdc1`. A limit is a largest value (`--max`), or a "
    "smallest one where (min) follows the name:\n" BS_CHECK_GROUPS(G, X);
#undef X
#undef G

static const bs_exit exits[] = {
    {BS_NOTHING_COMMON, "a name has no row, or the null device made up the answers"},
    {BS_LIMIT, "a rate is broken: its interval is beyond the limit"},
    {BS_OPEN,
     "no rate is broken, but one is open or incomplete: the data do not decide, or trials are missing"},
    {BS_OK, NULL},
};

const bs_command bs_cmd_check = {
    .name = "check",
    .usage = "DB",
    .summary = "check rates against limits, with an exit code for nightly jobs",
    .details = details,
    .examples = "    bitsink check r.db --max network_sdc=1e-3,layer_due=0.05\n"
                "    bitsink check r.db --min layer_accuracy=0.9 --entry 1\n"
                "    bitsink check r.db --max sdc_fit=10 --bound population_high",
    .see_also = "bitsink-bn(1) bitsink-compare(1)",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .exits = exits,
    .run = run,
};
