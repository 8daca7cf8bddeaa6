/* Merges the result files of shards into one file, as if one run had made it. */
#ifndef BS_STORE_MERGE_H
#define BS_STORE_MERGE_H

#include "base/error.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

/* Contents of one of the merged files. */
typedef struct bs_merge_input {
    const char *path;
    uint32_t shard, shards;             /* 1-based; 0: the file covers all images */
    uint64_t planned, trials, left_out; /* left out: trials of images that cannot be read */
} bs_merge_input;

/* Zero-initialise; free with bs_merge_report_clear(). */
typedef struct bs_merge_report {
    bs_merge_input *input; /* in the order given */
    int n_inputs;
    uint32_t shards;        /* of the campaign; 0: none of the files is a shard */
    bool *absent;           /* by shard, 0-based: the merged file has nothing of it */
    uint64_t planned;       /* trials of the job */
    uint64_t found, added;  /* trials in the merged file before, and by this call */
    uint64_t left_out;      /* as in bs_merge_input */
    uint64_t missing_units; /* (entry, layer, image) that lack trials, without those of site lists */
} bs_merge_report;

/* Merges `n` result files into `out`, which is created or extended. Rows that are there already are not added
 * again, so the same call may be repeated, also after a crash: rows, ledger and counts are committed
 * together. Memory grows with images x targets, not with rows. The inputs are only read, also while runs
 * write them.
 *
 * Fails before anything is written if the files are not of one campaign, or if their numerics differ and
 * `allow_mixed` is not set. *stop (may be NULL) as in bs_campaign_run(). */
bs_status bs_store_merge(bs_merge_report *report, const char *out, char *const *inputs, int n,
                         bool allow_mixed, volatile sig_atomic_t *stop);
void bs_merge_report_clear(bs_merge_report *r);

#endif
