/* The texts that say whether two campaigns are the same. On-disk format: files of another text are refused.
 */
#ifndef BS_STORE_IDENTITY_H
#define BS_STORE_IDENTITY_H

#include "base/buf.h"
#include "fault/plan.h"

/* Ends the definition of an entry whose single sites were drawn with replacement, as before schema version 3
 * (history.c). View bn_stratum of rates.sql looks for it, too. */
#define BS_WITH_REPLACEMENT " with replacement"

/* Each appends one line without a newline to *out. */
void bs_identity_preprocess(bs_str *out, const bs_preprocess *p);
/* Target ids of an entry, such as "0,4-9". */
void bs_identity_targets(bs_str *out, const bs_plan *plan, int entry);
/* Fault model, targets and, for an explicit list, the hash of its bytes; fails if the list cannot be read. */
bs_status bs_identity_entry(bs_str *out, const bs_plan *plan, int entry);

#endif
