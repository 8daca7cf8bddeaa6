/* The same trials of two campaigns, side by side. Internal to host/store. */
#ifndef BS_STORE_PAIRED_H
#define BS_STORE_PAIRED_H

#include "store/compare.h"
#include "store/db.h"

#include <stdint.h>

/* One stratum that both files have, over the trials that are in both. Each file is judged by its own golden
 * answers. */
typedef struct bs_paired {
    bool other_faults;                      /* trials of one id have different faults: nothing was counted */
    uint64_t trials, units;                 /* in both; units: trials, or faults of a parameter */
    uint64_t bad[BS_COMPARE_N_OUTCOMES][2]; /* trials with this outcome in A (main) and in B (other) */
    /* Units: trials with this outcome in one only; faults with more such trials in one. */
    uint64_t only[BS_COMPARE_N_OUTCOMES][2];
} bs_paired;

typedef struct bs_pairing bs_pairing;

/* a: A, with B attached as `other`; b: B. Both have this program's views: images of weight 0 in either file
 * are left out. Else only tables are read, each trial once. That trials of one id have the same fault is
 * checked on the first ones of each stratum: files of another version may draw small populations otherwise.
 */
bs_status bs_pairing_open(bs_pairing **out, const bs_db *a, const bs_db *b);
bs_status bs_pairing_count(bs_paired *out, bs_pairing *p, int entry, int layer, bool is_parameter);
void bs_pairing_close(bs_pairing *p);

#endif
