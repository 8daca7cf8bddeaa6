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

/* What is known of an image's golden run. */
typedef struct bs_gold {
    bool known;
    int32_t label; /* class of the label, INT32_MIN: unknown */
    int32_t class; /* golden answer, BS_CLASS_DUE */
    int32_t top[BS_TOP];
    float p;
    uint64_t logits_hash;
} bs_gold;

/* One trial, judged against golden. */
typedef struct bs_outcome {
    int32_t class;
    bool masked, sdc5, sdc10, sdc20;
} bs_outcome;

bs_outcome bs_outcome_of(const bs_gold *g, int32_t died_at, const bs_answer *a);
/* Golden answer of a golden run. */
int32_t bs_outcome_class(const bs_answer *a);

/* Counters of `summary`, `layer_summary` (key: stratum, class), `fault_summary` (key: stratum,
 * repetition) and `fault_wrong` (key: index of the fault's cell, class). */
typedef struct bs_cell {
    uint32_t stratum, image;
    int32_t class;
    uint32_t n, masked, sdc5, sdc10, sdc20;
} bs_cell;

typedef struct bs_layer_cell {
    uint64_t key;
    uint32_t n, masked, wrong, sdc5, sdc10, sdc20, labelled, correct, golden_correct, golden_correct_wrong;
} bs_layer_cell;

typedef struct bs_fault_cell {
    uint64_t key;
    uint32_t n, masked, sdc1, due;
} bs_fault_cell;

typedef struct bs_wrong_cell {
    uint64_t key;
    uint32_t n, runner_up_n, golden_n;
} bs_wrong_cell;

/* Open addressing: slot holds index + 1 of a cell. */
typedef struct bs_index {
    uint32_t *slot;
    size_t size; /* a power of two */
} bs_index;

/* Zero-initialise; bs_tally_clear() frees. */
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

/* Rows of the same (stratum, image) should come together. `is_parameter`: count the fault, too. */
bs_status bs_tally_add(bs_tally *t, uint32_t stratum, uint32_t image, uint32_t repetition, bool is_parameter,
                       const bs_gold *g, const bs_outcome *o);
/* Forgets all counts, keeps the memory. */
void bs_tally_reset(bs_tally *t);
void bs_tally_clear(bs_tally *t);

#endif
