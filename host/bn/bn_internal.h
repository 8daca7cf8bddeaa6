/* What settings and loaded tables share. Internal to host/bn. */
#ifndef BS_BN_INTERNAL_H
#define BS_BN_INTERNAL_H

#include "bn/bn.h"

/* The largest number that settings take: squares and products of three stay finite. */
#define BS_BN_MOST 1e30

/* The number that the whole text is; false for anything else, NaN and infinity included. */
bool bs_bn_number(double *out, const char *text);

/* Is it #ID, which is never a name? */
bool bs_bn_is_id(const char *text);
/* The name of a group that bs_bn_find() found, on the same connection; the caller frees it. */
bs_status bs_bn_group_name(char **out, const bs_db *db, int64_t id);

/* Opens a result file and begins a transaction on settings and views of this version. The caller closes it,
 * also where this fails. */
bs_status bs_bn_begin(bs_db **out, const char *path);

/* Why the strata of bn_prior_layer are no scope although layer_prior says so. */
typedef enum bs_prior_fault {
    BS_PRIOR_FINE,
    BS_PRIOR_EMPTY,          /* there are none */
    BS_PRIOR_NO_PROBABILITY, /* layer_prior=direct, and no stratum has a probability */
    BS_PRIOR_ZERO,           /* all weigh 0 */
} bs_prior_fault;

/* The prior of layers as the settings have it. */
typedef struct bs_prior {
    char kind[16]; /* layer_prior: uniform, bits, exposure, direct */
    bs_prior_fault fault;
    int64_t strata, weighed; /* of scope -1; of them: with a weight that is known */
} bs_prior;

bs_status bs_prior_read(bs_prior *out, const bs_db *db);
/* For readers of a file: warns where no layer, or no image, weighs anything, so that nothing vanishes
 * silently. */
bs_status bs_prior_warn(const bs_db *db);
bs_status bs_prior_set_kind(const bs_db *db, const char *kind);
/* BS_USAGE for an entry with a bit error rate: its trials hit many bits at once and cannot be pooled. */
bs_status bs_prior_check_entry(const bs_db *db, int64_t entry);
/* The prior after a change. BS_USAGE with a hint where the change made it faulty. */
bs_status bs_prior_settle(bs_prior *after, const bs_db *db, const bs_prior *before);
/* Says what a change has brought about, unless it is what was asked for: `named`, the user wrote this
 * layer_prior, and there are the same scopes as before. */
void bs_prior_tell(const bs_prior *before, const bs_prior *after, bool named);
/* Warns where a residency has no hours (activation_hours, parameter_hours) to be a share of. */
bs_status bs_prior_warn_residency(const bs_db *db);

/* What a table means that load.c has filled. BS_USAGE for a row of a layer that its entry does not hit. */
bs_status bs_load_check_strata(const bs_db *db);
/* layer_prior follows the columns that have values: probabilities are no use but to `direct`, and all else is
 * for `exposure`. */
bs_status bs_load_follow_priors(const bs_db *db, const bs_prior *before);
bs_status bs_load_tell_priors(const bs_db *db, const bs_prior *before, const bs_prior *after);
/* Warns of images that a table of weights leaves out: they are out of every rate. BS_USAGE where all are. */
bs_status bs_load_check_weights(const bs_db *db);
/* Warns of costs of groups that a new table of groups does not have: they are never paid. */
bs_status bs_load_check_costs(const bs_db *db);

#endif
