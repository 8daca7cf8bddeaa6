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
/* Bits that a fault of the entry may hit: in targets of one type, or (BS_DTYPE_COUNT) of any, taken together.
 */
uint32_t bs_identity_bits(const bs_plan *plan, int entry, bs_dtype type);
/* The parameter of the kind as columns value, low and high of table entry; NaN: NULL. */
void bs_identity_parameter(double column[3], const bs_fault_model *m);
/* Fault model, targets and, for an explicit list, the hash of its bytes; fails if the list cannot be read. */
bs_status bs_identity_entry(bs_str *out, const bs_plan *plan, int entry);

#endif
