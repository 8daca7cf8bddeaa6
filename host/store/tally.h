/* Counts outcomes in memory until the next commit, so that the summary tables are touched once for many rows.
 * Outcome definitions are those of schema/outcome.sql; the two must agree (tests/unit/test_store_summary.c).
 */
#ifndef BS_STORE_TALLY_H
#define BS_STORE_TALLY_H

#include "base/error.h"
#include "rank.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BS_CLASS_DUE = -1 };

/* An image's golden answer. */
typedef struct bs_gold {
    bool known;
    int32_t label; /* class of the image's label, INT32_MIN: unknown */
    int32_t class; /* golden answer, or BS_CLASS_DUE */
    int32_t top[BS_TOP];
    float p;
    uint64_t logits_hash;
} bs_gold;

/* The outcome of one trial, compared with golden. */
typedef struct bs_outcome {
    int32_t class;
    bool masked, sdc5, sdc10, sdc20;
} bs_outcome;

bs_outcome bs_outcome_of(const bs_gold *g, int32_t died_at, const bs_answer *a);
/* Returns the class of an answer, or BS_CLASS_DUE. */
int32_t bs_outcome_class(const bs_answer *a);

/* X(column): the counts of tables `summary`, `layer_summary`, `fault_summary` and `fault_wrong`, in the order
 * of schema/tables.sql, besides `n` and their keys. */
#define BS_SUMMARY_COUNTS(X) X(masked) X(sdc5) X(sdc10) X(sdc20)
#define BS_LAYER_COUNTS(X)                                                                                   \
    X(masked)                                                                                                \
    X(wrong) X(sdc5) X(sdc10) X(sdc20) X(labelled) X(correct) X(golden_correct) X(golden_correct_wrong)
#define BS_FAULT_COUNTS(X) X(masked) X(sdc1) X(due)
#define BS_WRONG_COUNTS(X) X(runner_up_n) X(golden_n)

/* Counters of these tables. Keys: layer_summary's has stratum and class, fault_summary's stratum and
 * repetition, fault_wrong's the index of the fault's cell and the class. */
#define X(column) , column
typedef struct bs_cell {
    uint32_t stratum, image;
    int32_t class;
    uint32_t n BS_SUMMARY_COUNTS(X);
} bs_cell;

typedef struct bs_layer_cell {
    uint64_t key;
    uint32_t n BS_LAYER_COUNTS(X);
} bs_layer_cell;

typedef struct bs_fault_cell {
    uint64_t key;
    uint32_t n BS_FAULT_COUNTS(X);
} bs_fault_cell;

typedef struct bs_wrong_cell {
    uint64_t key;
    uint32_t n BS_WRONG_COUNTS(X);
} bs_wrong_cell;
#undef X

/* A hash table with open addressing: a bucket holds index + 1 of a cell. */
typedef struct bs_index {
    uint32_t *bucket;
    size_t size; /* a power of two */
} bs_index;

/* Zero-initialise; free with bs_tally_clear(). */
typedef struct bs_tally {
    bs_cell *cells;
    size_t n_cells, cap_cells, group; /* cells[group..]: the (stratum, image) counted last */
    bs_layer_cell *layers;
    size_t n_layers, cap_layers;
    bs_fault_cell *faults;
    size_t n_faults, cap_faults;
    bs_wrong_cell *wrong;
    size_t n_wrong, cap_wrong;
    bs_index layer_index, fault_index, wrong_index;
} bs_tally;

/* Counts one trial. Rows of the same (stratum, image) should come together. `is_parameter`: count its fault,
 * too. */
bs_status bs_tally_add(bs_tally *t, uint32_t stratum, uint32_t image, uint32_t repetition, bool is_parameter,
                       const bs_gold *g, const bs_outcome *o);
/* Forgets all counts, keeps the memory. */
void bs_tally_reset(bs_tally *t);
void bs_tally_clear(bs_tally *t);

#endif
