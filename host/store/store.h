/* The result file: one campaign in an SQLite database. schema/ has the schema, and documents its columns and
 * limits.
 *
 * One store writes the file at a time. bs_store_open() finds out which trials are there; a run is begun,
 * batches are added, and the run is ended. A crash at any moment leaves a consistent file, which the next run
 * continues. Not thread-safe: the campaign's writer thread makes all calls. */
#ifndef BS_STORE_STORE_H
#define BS_STORE_STORE_H

#include "backend/backend.h"
#include "base/error.h"
#include "data/dataset.h"
#include "fault/plan.h"
#include "store/result_batch.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct bs_store bs_store;

/* Description of a run, besides its plan. */
typedef struct bs_run_info {
    bs_device_info device; /* of each of its devices */
    /* Numbers of its devices among those of the backend, by bs_result_batch.device. Worker i is on the
     * (i mod n_devices)-th. */
    int ordinal[BS_MAX_DEVICES], n_devices;
    const char *backend;  /* "cpu" */
    const char *version;  /* bitsink's */
    const char *mode;     /* replay mode: "full", "suffix" */
    const char *selftest; /* "passed", "skipped", or text about the schedules tested or the fallbacks */
    double command;       /* bs_resources_clock() when the command started; 0: the run's start counts */
    int threads;
    uint64_t fingerprint; /* XXH3-64 of a probe's golden outputs: equal on machines of equal numerics */
    bool allow_mixed;     /* accept a file that holds rows of another fingerprint */
} bs_run_info;

/* Opens or creates `path` for the plan, and writes or extends campaign, classes, layers, images and entries.
 * An existing file must have the same identity (model hash, seed, preprocessing, entries by id, image paths
 * and labels; the extent may grow). Locks the file against a second writer. class_names: n_classes names, or
 * NULL. */
bs_status bs_store_open(bs_store **out, const char *path, const bs_plan *plan, const bs_dataset *images,
                        const char *const *class_names);
/* Fails if the result file `path`, which is only read, is not of the plan's campaign, or has what the plan
 * lacks: entries, trials, images. It may be of any shard. */
bs_status bs_store_check_job(const char *path, const bs_plan *plan, const bs_dataset *images);
/* Closes without ending a run (rolls back what is uncommitted). NULL-safe. */
void bs_store_close(bs_store *s);

/* Returns the repetitions of the unit that were in the file when it was opened (0: none). */
uint32_t bs_store_done(const bs_store *s, int stratum, uint32_t image);
/* Returns true if the file had the image's golden row when it was opened. */
bool bs_store_has_golden(const bs_store *s, uint32_t image);
/* Counts the images with a label and a golden row in the file, and those of them whose best class is the
 * label. */
void bs_store_golden_accuracy(const bs_store *s, uint64_t *labelled, uint64_t *correct);
/* Sets *images to the images recorded as broken (a golden row revokes that), and *trials to their planned
 * trials that are not in the file. */
bs_status bs_store_left_out(const bs_store *s, uint64_t *images, uint64_t *trials);
uint64_t bs_store_trials(const bs_store *s); /* rows in the file when it was opened */
/* Returns true if an earlier run in the file has the proof of this key, and it did not fail. Quick; for any
 * thread, as what the open file had does not change. */
bool bs_store_proof_known(const bs_store *s, const char *key);

/* Begins a run: adds a row to table run. Fails if the file has rows of another fingerprint, unless
 * allow_mixed. */
bs_status bs_store_begin_run(bs_store *s, const bs_run_info *info);
/* Adds a batch (rows, summaries, units, golden, proofs) to the open transaction; commits the run's first rows
 * at once, and then every 20,000 rows or 2 seconds. A batch is never split between transactions. */
bs_status bs_store_add(bs_store *s, const bs_result_batch *b);
/* Commits, and ends the run with this exit status (0 done, 3 stopped, ...). selftest replaces that of
 * bs_store_begin_run(); NULL: it stays. */
bs_status bs_store_end_run(bs_store *s, int exit_status, const char *selftest);
/* Returns the seconds from the start of the command to the commit of the run's first row, -1: none yet. */
double bs_store_start_seconds(const bs_store *s);

/* Computes an order-independent hash of all trial and golden facts, with sites and rankings (without runs,
 * times and devices): 32 hex digits. *n_rows (may be NULL): trials. */
bs_status bs_store_digest(const char *path, char out[33], uint64_t *n_rows);

#endif
