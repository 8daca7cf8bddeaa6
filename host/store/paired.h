/* The same trials of two campaigns, side by side. Internal to host/store. */
#ifndef BS_STORE_PAIRED_H
#define BS_STORE_PAIRED_H

#include "store/db.h"

#include <stdint.h>

typedef enum bs_bad { BS_BAD_SDC1, BS_BAD_DUE, BS_BADS } bs_bad;

/* One stratum that both files have, over the trials that are in both. Each file is judged by its own golden
 * answers. */
typedef struct bs_paired {
    uint64_t trials, units;   /* in both; units: trials, or faults of a parameter */
    uint64_t bad[BS_BADS][2]; /* trials with this outcome in A (main) and in B (other) */
    uint64_t only[BS_BADS]
                 [2]; /* units: trials with this outcome in one only; faults with more such trials in one */
} bs_paired;

typedef struct bs_pairing bs_pairing;

/* `db`: A, with B attached as `other`. Only tables are read, each trial once. */
bs_status bs_pairing_open(bs_pairing **out, const bs_db *db);
bs_status bs_pairing_count(bs_paired *out, bs_pairing *p, int entry, int layer, bool is_parameter);
void bs_pairing_close(bs_pairing *p);

#endif
