#include "base/text.h"
#include "cli/cli.h"
#include "report/report.h"

#include <stdio.h>

static bs_status run(const bs_args *args)
{
    const char *folder = bs_option_value(args, "output");
    folder = folder ? folder : "report";
    BS_TRY(bs_report_write(args->operand[0], folder));
    printf("%s/report.html\n", bs_visible(folder));
    printf("%s/manifest.json\n", bs_visible(folder));
    return BS_OK;
}

static const bs_option options[] = {
    {"output", "DIR", "folder for report.html and manifest.json, made if need be (also -o; default report)"},
    {NULL, NULL, NULL},
};

const bs_command bs_cmd_report = {
    .name = "report",
    .usage = "DB",
    .summary = "write figures, tables and facts of a campaign as one HTML page",
    .details = "Writes `report.html`: five sentences that say what the campaign found, how sure that is and "
               "what limits it; then its figures, tables and facts, and how to reproduce it. The page opens "
               "from disk in any browser and needs nothing else: figures are "
               "inline, and there is no script. All numbers come from the SQL views, so `bitsink bn` shows "
               "the same.\n"
               "\n"
               "Beside it, `manifest.json` names by hash all that the page stands on: `bitsink verify` tells "
               "whether it is still there, and unchanged.",
    .examples = "    bitsink report r.db -o report",
    .see_also = "bitsink-verify(1) bitsink-plot(1) bitsink-bn(1)",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
