/* Exact bounds, which SQL cannot compute. Internal to host/bn. */
#ifndef BS_BN_EXACT_H
#define BS_BN_EXACT_H

#include "store/db.h"

/* Makes the temporary table layer_outcome_exact: the rows of view layer_outcome that are a share of
 * observations (all but accuracy_drop), with the bounds of Clopper and Pearson at the confidence of the file
 * (fault/sample.h). */
bs_status bs_bn_make_exact(const bs_db *db);

#endif
