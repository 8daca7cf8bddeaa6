/* What a campaign finds out, as it travels from the workers to the result file. */
#ifndef BS_STORE_RESULT_BATCH_H
#define BS_STORE_RESULT_BATCH_H

#include "base/error.h"
#include "rank.h"
#include "trial.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

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

/* A result batch: what one atomic piece of the stream brings. A worker fills it, the writer stores it, nobody
 * copies it on the way. Rows belong to whole repetitions, and units vouch for them, so that a batch stored is
 * a batch complete. Zero-initialise. Lists that bs_batch_add_*() made are freed by bs_result_batch_clear();
 * borrowed ones (capacity 0) are not. */
typedef struct bs_result_batch {
    bs_golden_row *golden;
    size_t n_golden, cap_golden;
    bs_row *rows; /* sorted by id when they are stored */
    size_t n_rows, cap_rows;
    bs_unit *units;
    size_t n_units, cap_units;
    bs_broken_row *broken;
    size_t n_broken, cap_broken;
    bs_audit_row *audits;
    size_t n_audits, cap_audits;
} bs_result_batch;

void bs_result_batch_clear(bs_result_batch *b);
/* And the batch itself, which was allocated; NULL-safe. */
void bs_result_batch_free(bs_result_batch *b);
bool bs_result_batch_is_empty(const bs_result_batch *b);
/* Room for n more rows behind those that are there: a worker fills rows[n_rows ..] while it computes them,
 * and counts them when they are done. */
bs_status bs_result_batch_reserve(bs_result_batch *b, size_t n);
bs_status bs_result_batch_add_golden(bs_result_batch *b, const bs_golden_row *row);
bs_status bs_result_batch_add_broken(bs_result_batch *b, const bs_broken_row *row);
bs_status bs_result_batch_add_audit(bs_result_batch *b, const bs_audit_row *row);
/* Records that the unit now has `done` repetitions; a unit mentioned before moves on. */
bs_status bs_result_batch_add_unit(bs_result_batch *b, const bs_unit *unit);
/* Sorts rows by id, as the store wants them. */
void bs_result_batch_sort(bs_result_batch *b);

#endif
