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
    {"json", NULL, "one JSON object a row"},
    {NULL, NULL, NULL},
};

#define SMALL
#define LARGE " (--min)"
#define EITHER
#define G(title)                                "\n  " title ":\n     "
#define X(name, better, source, columns, where) " " #name better
static const char details[] =
    "Holds rates against limits, one row for each entry, layer, class, ... that has the rate: a "
    "gate for nightly jobs, such as\n\n"
    "  bitsink check result.db --max network_sdc=1e-3,layer_due=0.05 --min layer_accuracy=0.9\n\n"
    "Each row is one of these; rows that are not kept come first, in this order:\n"
    "  broken      the bounds of both sides are beyond the limit: the rate is proven to be\n"
    "  open        the bound is beyond the limit, that of the other side is not: more trials would tell\n"
    "  incomplete  trials that the job asks for are missing, or the last run has not ended with exit code 0\n"
    "  kept        the bound is within the limit\n\n"
    "Where every fault was tried on every image the rate itself counts (bound_kind 'exact'), as "
    "with --bound rate. Column 'needed', of open shares of trials: with so many units (trials, or"
    " faults of parameters) in all, in the same proportions, the row would be kept, if the rate "
    "stayed as it is; a mean over layers may need fewer. Entries that have no such rate are named"
    " in warnings.\n\n"
    "Exit code 0 if every rate is kept, 8 if one is broken, 9 if none is, but some are open or "
    "incomplete, 7 if a name has no row, or if the null device made the answers up.\n\n"
    "A rate beyond its limit is called kept, and one within it broken, with a probability of at "
    "most 1 - confidence (bn DB set confidence=0.99), each row by itself: of many rows some may "
    "err. With --bound rate there is no such promise.\n\n"
    "Names (sdc is sdc1; the usual limit is a largest value, --max, or where it says so a "
    "smallest one):" BS_CHECK_GROUPS(G, X);
#undef X
#undef G

const bs_command bs_cmd_check = {
    .name = "check",
    .usage = "DB",
    .summary = "hold rates against limits, with an exit code for nightly jobs",
    .details = details,
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
