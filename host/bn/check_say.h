/* Messages of `bitsink check` about rows that are not kept, and about entries without rows. Reads its
 * temporary tables (schema/check.sql). */
#ifndef BS_BN_CHECK_SAY_H
#define BS_BN_CHECK_SAY_H

#include "bn/check_limits.h"
#include "store/db.h"

/* Reports rows that are not kept, with a hint about those that can still be shown to be: BS_LIMIT if one is
 * broken, since that is proven, else BS_OPEN. */
bs_status bs_check_fail(const bs_db *db, const bs_check_limits *l, const bs_check_counts *n);
/* Warns of the entries without a row for a name, with the reason. A name without any row, which nothing can
 * break, is BS_NOTHING_COMMON if `refuse`, else a warning. */
bs_status bs_check_left_out(const bs_db *db, const bs_check_limits *l, const bs_check_options *o,
                            bool refuse);

#endif
