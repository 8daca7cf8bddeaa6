#include "cli/cli.h"
#include "store/backup.h"

static bs_status run(const bs_args *args)
{
    return bs_store_backup(args->operand[0], args->operand[1]);
}

static const bs_option options[] = {{NULL, NULL, NULL}};

const bs_command bs_cmd_backup = {
    .name = "backup",
    .usage = "DB OUT",
    .summary = "copy a result file, also while a run writes it",
    .details = "Copies DB as of one moment, by SQLite's backup interface, and puts the copy in the place "
               "of OUT when it is complete. A run that writes DB goes on. OUT may lie on a network file "
               "system, where a run should not write: cluster jobs save their shards like this.\n"
               "\n"
               "An older copy of that name is replaced in one step, with all that a killed program left "
               "beside it; but not while a run or another program writes it, nor a file that is no database.",
    .examples = "    bitsink backup r.db /mnt/results/r.db",
    .see_also = "bitsink-run(1) bitsink-merge(1)",
    .min_operands = 2,
    .max_operands = 2,
    .options = options,
    .run = run,
};
