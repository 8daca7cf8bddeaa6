#include "cli/cli.h"
#include "store/store.h"

#include <stdio.h>

static bs_status run(const bs_args *args)
{
    char digest[33];
    uint64_t rows;
    BS_TRY(bs_store_digest(args->operand[0], digest, &rows));
    printf("%s  %llu trials\n", digest, (unsigned long long)rows);
    return BS_OK;
}

static const bs_option options[] = {{NULL, NULL, NULL}};

const bs_command bs_cmd_digest = {
    .name = "digest",
    .usage = "DB",
    .summary = "print an order-independent hash of the results",
    .details =
        "Two campaigns with the same digest hold the same trials with the same bits, in "
        "whatever order, on whatever machines and in however many runs they were made: stopped "
        "and resumed, in shards, with any number of threads, batch size or mode of replay, "
        "audited or not. Another version of bitsink may add the terms of a sum in another order, and so give "
        "other bits: compare digests of one version.",
    .examples = "    bitsink digest r.db",
    .see_also = "bitsink-run(1) bitsink-merge(1)",
    .min_operands = 1,
    .max_operands = 1,
    .options = options,
    .run = run,
};
