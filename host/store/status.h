/* Summary of a result file for `bitsink status`. Works while a run writes the file. */
#ifndef BS_STORE_STATUS_H
#define BS_STORE_STATUS_H

#include "base/error.h"
#include "store/result_batch.h"

#include <stdint.h>

/* What a device of a run has done. */
typedef struct bs_device_status {
    int ordinal, workers;
    uint64_t trials, goldens;
    char *lost, *reason; /* when (UTC) and how it was lost; NULL: it was not */
} bs_device_status;

typedef struct bs_file_status {
    char *name, *model, *created; /* may be NULL */
    char *storage;                /* campaign.storage, or the types of the model: "fp32"; may be NULL */
    uint64_t planned, trials;     /* trials that the job plans for this file, trials in the file */
    uint32_t shard, shards;       /* 1-based; 0: the file covers all images */
    uint64_t images, goldens;     /* images of the campaign, and those with a fault-free run */
    uint64_t broken, left_out;    /* unreadable images, and their planned trials that are not in the file */
    uint64_t masked, benign, sdc1, due; /* outcomes of the trials; they add up to `trials` */
    uint64_t golden_labelled,
        golden_correct; /* images with a label and a golden run; the label was its answer */
    int entries, strata, runs, classes;
    /* The last run; NULL and 0 without one. */
    char *started, *ended; /* UTC; ended: time of its last commit */
    char *backend, *device;
    bs_device_status *devices; /* of that run, by number; none in files of schema version 9 or less */
    size_t n_devices;
    uint64_t audited, audit_equal; /* trials re-run in full, and those of them that gave the same bits */
    int exit_status;               /* -1: still running, or killed */
    uint64_t run_trials;
    uint64_t proofs[BS_PROOF_OUTCOME_COUNT]; /* that it relied on */
    double start_seconds; /* from the start of its command to its first stored row, -1: none, or not known */
    double seconds, rate; /* trials per second */
    double since;         /* seconds from its last commit (its start, without one) to now */
    double left;          /* seconds that the remaining trials take at that rate, -1: unknown */
} bs_file_status;

/* Fills *out. Free with bs_file_status_clear(). */
bs_status bs_store_status(const char *path, bs_file_status *out);
void bs_file_status_clear(bs_file_status *s);

/* Sets the text of the job as of the last run, and the absolute path of its file. The caller frees both. */
bs_status bs_store_job(const char *path, char **job_path, char **job_text);
/* Fails if the sites of this fault entry were drawn by a bitsink of a schema version that drew them in
 * another way (history.h): then its trials cannot be repeated. */
bs_status bs_store_check_draws(const char *path, int entry);

#endif
