/* Hashes of all results of an open file. */
#ifndef BS_STORE_DIGEST_H
#define BS_STORE_DIGEST_H

#include "base/sha256.h"
#include "store/db.h"

#include <stdint.h>

typedef struct bs_results {
    char digest[33];             /* as bs_store_digest(): by it campaigns are compared */
    char sha256[BS_SHA256_TEXT]; /* of the same values in the order of their keys: nobody can make other
                                    results with the same one */
    char counts[BS_SHA256_TEXT]; /* SHA-256 of what else rates stand on: entries, classes, layers, strata, the
                                    ledger, and the counts of outcomes */
    uint64_t trials;
} bs_results;

/* Hashes trials, golden runs, sites and rankings, and what is counted, without runs, audits and times. The
 * caller holds a transaction, if the file may be written meanwhile. */
bs_status bs_results_hash(bs_results *out, const bs_db *db);

#endif
