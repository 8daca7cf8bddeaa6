/* What a result file holds so far, for `bitsink status`. Works while a run writes the file. */
#ifndef BS_STORE_STATUS_H
#define BS_STORE_STATUS_H

#include "base/error.h"

#include <stdint.h>

typedef struct bs_file_status {
    char *name, *model, *created; /* may be NULL */
    uint64_t planned, trials;     /* trials the job asks for in this file, trials in the file */
    uint32_t shard, shards;       /* 1-based; 0: all images are in this file */
    uint64_t images, goldens;     /* images of the campaign, those with a fault-free run */
    uint64_t broken, left_out;    /* unreadable images, and their planned trials that are not in the file */
    uint64_t masked, benign, sdc1, due; /* of the trials; they add up */
    int entries, strata, runs;
    /* The last run; NULL and 0 without one. */
    char *started, *ended; /* UTC; ended: of its last commit */
    char *backend, *device;
    uint64_t audited, audit_equal; /* trials that were run again in full, and gave the same bits */
    int exit_status;               /* -1: still running, or killed */
    uint64_t run_trials;
    double seconds, rate; /* trials a second */
    double since;         /* seconds from its last commit (its start, without one) to now */
    double left;          /* seconds that the rest takes at that rate, -1: unknown */
} bs_file_status;

/* Fills *out; bs_file_status_clear() frees. */
bs_status bs_store_status(const char *path, bs_file_status *out);
void bs_file_status_clear(bs_file_status *s);

/* The job as of the last run: its text and the absolute path of its file. The caller frees both. */
bs_status bs_store_job(const char *path, char **job_path, char **job_text);
/* Fails if the sites of this fault entry were drawn by bitsink of a schema version that drew otherwise than
 * today (host/store/history.h): its trials cannot be made again. */
bs_status bs_store_check_draws(const char *path, int entry);

#endif
