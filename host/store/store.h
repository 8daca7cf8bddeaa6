/* The result file: one campaign in SQLite. Schema in schema/, limits and meaning of columns documented there.
 * One connection writes (the writer thread's); everything here is called by one thread at a time. */
#ifndef BS_STORE_STORE_H
#define BS_STORE_STORE_H

#include "backend/backend.h"
#include "base/error.h"
#include "data/dataset.h"
#include "fault/plan.h"
#include "trial.h"

#include <stdbool.h>
#include <stdint.h>

typedef struct bs_store bs_store;

/* One trial's raw facts. */
typedef struct bs_row {
    uint64_t id;      /* bs_trial_id() */
    uint32_t element; /* of the first site; with keep/toggle/before meaningless when n_sites = 0 */
    uint32_t keep, toggle;
    uint32_t before;
    uint32_t n_sites; /* a BER trial may have none */
    int32_t died_at;  /* target id of the node output at which the change was gone (the fault's own target if
                         it changed nothing),  -1: it reached the output */
    bs_answer answer; /* valid where died_at < 0 */
    int32_t audit;    /* 0 not audited, 1 audited and equal */
    int32_t run;      /* run.id that made it, 0: the run that is open */
} bs_row;

/* A golden run's facts. */
typedef struct bs_golden_row {
    uint32_t image;
    bs_answer answer;
    char sha256[65];
    uint64_t logits_hash; /* XXH3-64 of the output's bits: goes into the run's fingerprint */
    int32_t run;          /* as in bs_row */
} bs_golden_row;

/* An image that cannot be read: its missing trials are left out. */
typedef struct bs_broken_row {
    uint32_t image;
    uint64_t trials; /* planned on it */
    int32_t run;     /* as in bs_row */
    char reason[256];
} bs_broken_row;

/* One of the two answers to an audited trial. */
typedef struct bs_audit_row {
    uint64_t trial;
    bool full;  /* by a full re-run, else as the campaign computed it */
    bool equal; /* are both the same, bit for bit? */
    int32_t died_at;
    bs_answer answer;     /* also where died_at >= 0 */
    uint64_t logits_hash; /* XXH3-64 of the output's bits */
} bs_audit_row;

/* Progress of the piece of work (entry, target, image): repetitions 0..done-1 are in the file. */
typedef struct bs_unit {
    uint32_t entry, target, image, done;
} bs_unit;

/* Everything that one atomic piece of the stream brings. Arrays borrowed for the call. Rows are sorted by id.
 */
typedef struct bs_batch {
    const bs_golden_row *golden;
    size_t n_golden;
    const bs_row *rows;
    size_t n_rows;
    const bs_unit *units;
    size_t n_units;
    const bs_broken_row *broken;
    size_t n_broken;
    const bs_audit_row *audits;
    size_t n_audits;
} bs_batch;

/* What a run is, besides its plan. */
typedef struct bs_run_info {
    bs_device_info device;
    const char *backend;  /* "cpu" */
    const char *version;  /* bitsink's */
    const char *mode;     /* replay mode: "full", "suffix" */
    const char *selftest; /* "passed", "skipped", or text on the routes tested or what fell back */
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
bs_status bs_store_add(bs_store *s, const bs_batch *b);
/* Commits, and finishes the run with this exit status (0 done, 3 stopped, ...). */
bs_status bs_store_end_run(bs_store *s, int exit_status);

/* Order-independent hash of all trial and golden facts (not of runs, times, devices): 32 hex digits. */
bs_status bs_store_digest(const char *path, char out[33], uint64_t *n_rows);

#endif
