/* Counts the outcomes of trials that two campaigns have in common. Internal to host/store. */
#ifndef BS_STORE_PAIRED_H
#define BS_STORE_PAIRED_H

#include "store/compare.h"
#include "store/db.h"

#include <stdint.h>

/* Counts of one stratum that both files have, over the trials in both. Each file is judged by its own golden
 * answers. */
typedef struct bs_paired {
    bool other_faults;                      /* trials of one id have different faults: nothing is counted */
    uint64_t trials, units;                 /* in both; units: trials, or faults of a parameter */
    uint64_t bad[BS_COMPARE_N_OUTCOMES][2]; /* trials with this outcome in A (main) and in B (other) */
    /* Units: trials with this outcome in one file only; or faults with more such trials in one. */
    uint64_t only[BS_COMPARE_N_OUTCOMES][2];
} bs_paired;

typedef struct bs_pairing bs_pairing;

/* Opens a pairing. a: file A, with B attached as `other`; b: file B. Both have this program's views: images
 * of weight 0 in either file are left out. Otherwise only tables are read, each trial once. The first trials
 * of each stratum are checked for having the same fault in both files, because another version may draw small
 * populations otherwise. */
bs_status bs_pairing_open(bs_pairing **out, const bs_db *a, const bs_db *b);
/* Counts one stratum. */
bs_status bs_pairing_count(bs_paired *out, bs_pairing *p, int entry, int layer, bool is_parameter);
void bs_pairing_close(bs_pairing *p);

#endif
