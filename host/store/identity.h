/* Texts that identify a campaign: two campaigns are the same if their texts are. On-disk format: files with
 * another text are refused. */
#ifndef BS_STORE_IDENTITY_H
#define BS_STORE_IDENTITY_H

#include "base/buf.h"
#include "fault/plan.h"

/* Ends the definition of an entry whose single sites were drawn with replacement, as before schema version 3
 * (history.c). View bn_stratum of rates.sql looks for it, too. */
#define BS_WITH_REPLACEMENT " with replacement"

/* Each function appends one line without a newline to *out. */
void bs_identity_preprocess(bs_str *out, const bs_preprocess *p);
/* Appends the types in which values of fp32 are stored. */
void bs_identity_storage(bs_str *out, const bs_plan *plan);
/* Writes a hash of the scales of all targets; returns `out`, NULL if there are none. */
const char *bs_identity_scales(char out[17], const bs_plan *plan);
/* Appends the target ids of an entry, such as "0,4-9", with the probabilities that are below 1, such as
 * "0,4-9@0.5". */
void bs_identity_targets(bs_str *out, const bs_plan *plan, int entry);
/* Returns the bits that a fault of the entry may hit in targets of one type, or (BS_DTYPE_COUNT) of any
 * type. */
uint32_t bs_identity_bits(const bs_plan *plan, int entry, bs_dtype type);
/* Returns the classes of each ranking: the job's `top_k`, at most all. */
uint32_t bs_identity_top_k(const bs_plan *plan);
/* Fills column[] with the kind's parameter as columns value, low and high of table entry; NaN stands for
 * NULL. */
void bs_identity_parameter(double column[3], const bs_fault_model *m);
/* Appends the fault model, the targets and, for a site list, the hash of its bytes. Fails if the list cannot
 * be read. */
bs_status bs_identity_entry(bs_str *out, const bs_plan *plan, int entry);

#endif
