/* The result file: one campaign in SQLite. Schema in schema/, limits and meaning of columns documented there.
 * One connection writes (the writer thread's); everything here is called by one thread at a time. */
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

/* What a run is, besides its plan. */
typedef struct bs_run_info {
    bs_device_info device;
    const char *backend;  /* "cpu" */
    const char *version;  /* bitsink's */
    const char *mode;     /* replay mode: "full", "suffix" */
    const char *selftest; /* "passed", "skipped", or text on the schedules tested or what fell back */
    int threads;
    uint64_t
        fingerprint;  /* XXH3-64 of golden outputs of a probe: the same on machines whose numerics agree */
    bool allow_mixed; /* store rows although the file holds rows of another fingerprint */
} bs_run_info;

/* Opens or creates `path` for the plan; creates campaign, classes, layers, images, entries. An existing file
 * must have the same identity (model hash, seed, preprocessing, entries by id, image paths and labels; extent
 * may grow). Locks the file against a second writer. class_names may be NULL (n_classes names else). */
bs_status bs_store_open(bs_store **out, const char *path, const bs_plan *plan, const bs_dataset *images,
                        const char *const *class_names);
/* Closes without finishing a run (rolls back what is uncommitted). NULL-safe. */
void bs_store_close(bs_store *s);

/* Repetitions of the unit that are in the file already (0 if never seen). Valid as of the open. */
uint32_t bs_store_done(const bs_store *s, int stratum, uint32_t image);
/* Is the golden row of this image stored? */
bool bs_store_has_golden(const bs_store *s, uint32_t image);
/* Images recorded as broken so far (a golden row withdraws that), and their planned trials that are not in
 * the file. */
bs_status bs_store_left_out(const bs_store *s, uint64_t *images, uint64_t *trials);
uint64_t bs_store_trials(const bs_store *s); /* rows in the file as of the open */
/* Is a self-test with this fingerprint, mode, bitsink version and result (as in `run`) recorded in this file?
 */
bool bs_store_selftest_passed(const bs_store *s, uint64_t fingerprint, const char *mode, const char *version,
                              const char *result);

/* Starts a run: one row in `run`. Refuses another fingerprint than the file's unless allow_mixed. */
bs_status bs_store_begin_run(bs_store *s, const bs_run_info *info);
/* Adds a batch (rows, summaries, units, golden) to the open transaction; commits every 20,000 rows or 2
 * seconds. A batch is never split between transactions. */
bs_status bs_store_add(bs_store *s, const bs_result_batch *b);
/* Commits, and finishes the run with this exit status (0 done, 3 stopped, ...). */
bs_status bs_store_end_run(bs_store *s, int exit_status);

/* Order-independent hash of all trial and golden facts (not of runs, times, devices): 32 hex digits. */
bs_status bs_store_digest(const char *path, char out[33], uint64_t *n_rows);

#endif
