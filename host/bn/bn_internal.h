/* Shared by settings and loaded tables. Internal to host/bn. */
#ifndef BS_BN_INTERNAL_H
#define BS_BN_INTERNAL_H

#include "bn/bn.h"

/* The largest value of a setting: squares and products of three stay finite. */
#define BS_BN_MOST 1e30

/* Parses a text that is a number as a whole. Returns false for anything else, NaN and infinity included. */
bool bs_bn_number(double *out, const char *text);

/* Returns true for #ID, which is never a name. */
bool bs_bn_is_id(const char *text);
/* Sets *out to the name of a group that bs_bn_find() found on the same connection; the caller frees it. */
bs_status bs_bn_group_name(char **out, const bs_db *db, int64_t id);

/* Logs which inferences the answers of a scope are about. */
bs_status bs_bn_tell_scope(const bs_db *db, int64_t scope);

/* Opens a result file and begins a transaction on settings and views of this version. The caller closes it,
 * also after an error. */
bs_status bs_bn_begin(bs_db **out, const char *path);

/* Reasons why the strata of bn_prior_layer form no scope although layer_prior requires one. */
typedef enum bs_prior_fault {
    BS_PRIOR_FINE,
    BS_PRIOR_EMPTY,          /* bn_prior_layer has no strata */
    BS_PRIOR_NO_PROBABILITY, /* layer_prior=direct, and no stratum has a probability */
    BS_PRIOR_ZERO,           /* all strata have weight 0 */
} bs_prior_fault;

/* The prior of layers, as the settings define it. */
typedef struct bs_prior {
    char kind[16]; /* layer_prior: uniform, bits, exposure, direct */
    bs_prior_fault fault;
    int64_t strata, weighed; /* strata of scope -1, and those of them whose weight is known */
} bs_prior;

/* Reads the prior of layers from the settings. */
bs_status bs_prior_read(bs_prior *out, const bs_db *db);
/* Warns a reader of the file if no layer, or no image, has a weight above 0: rates are missing then. */
bs_status bs_prior_warn(const bs_db *db);
/* Sets layer_prior. */
bs_status bs_prior_set_kind(const bs_db *db, const char *kind);
/* Returns BS_USAGE for an entry whose trials may hold any number of faults (bn_stratum.conditional) and
 * cannot be pooled. */
bs_status bs_prior_check_entry(const bs_db *db, int64_t entry);
/* Reads the prior after a change. BS_USAGE, with a hint, if the change made it faulty. */
bs_status bs_prior_settle(bs_prior *after, const bs_db *db, const bs_prior *before);
/* Logs the effects of a change on layer_prior, unless the user asked for them: `named`, the user set this
 * layer_prior, and the scopes are the same as before. */
void bs_prior_tell(const bs_prior *before, const bs_prior *after, bool named);
/* Warns if a residency is given, but the hours that it is a share of (activation_hours, parameter_hours) are
 * 0. */
bs_status bs_prior_warn_residency(const bs_db *db);

/* Checks of a table that load.c has filled.
 *
 * BS_USAGE for a row of a layer that its entry does not hit. */
bs_status bs_load_check_strata(const bs_db *db);
/* Sets layer_prior according to the columns that have values: `direct` if there are probabilities, which only
 * it uses, else `exposure`. */
bs_status bs_load_follow_priors(const bs_db *db, const bs_prior *before);
/* Logs the effects of loaded priors. */
bs_status bs_load_tell_priors(const bs_db *db, const bs_prior *before, const bs_prior *after);
/* Warns of images that a table of weights leaves out: no rate counts them. BS_USAGE if all weights are 0. */
bs_status bs_load_check_weights(const bs_db *db);
/* Warns of costs of groups that a new table of groups lacks: they count nowhere. */
bs_status bs_load_check_costs(const bs_db *db);

#endif
