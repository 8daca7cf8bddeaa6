/* What `bitsink check` says of rows that are not kept, and of entries that have none. Reads its temporary
 * tables (schema/check.sql). */
#ifndef BS_BN_CHECK_SAY_H
#define BS_BN_CHECK_SAY_H

#include "bn/check_limits.h"
#include "store/db.h"

/* The error of rows that are not kept, with a hint on those that can still be shown: BS_LIMIT if one is
 * broken, as that is proven, else BS_OPEN. */
bs_status bs_check_fail(const bs_db *db, const bs_check_limits *l, const bs_check_counts *n);
/* Warns of the entries that a name has no row of, and why. A name without any row would be kept by nothing:
 * BS_NOTHING_COMMON if `refuse`, else a warning. */
bs_status bs_check_left_out(const bs_db *db, const bs_check_limits *l, const bs_check_options *o,
                            bool refuse);

#endif
