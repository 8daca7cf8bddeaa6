/* The rates that `bitsink check` can compare with a limit: one table, from which the parser, the SQL and the
 * help are made. */
#ifndef BS_BN_CHECK_NAMES_H
#define BS_BN_CHECK_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* Which values are better: LARGE ones, whose natural limit is a smallest value, or SMALL ones, whose natural
 * limit is a largest value. */
typedef enum bs_check_better { BS_CHECK_SMALL, BS_CHECK_LARGE, BS_CHECK_EITHER } bs_check_better;

/* The outcomes that views with one row for each outcome have, for single layers and for the network. */
#define BS_CHECK_OUTCOMES(X, level, SOURCE)                                                                  \
    X(level##_sdc, SMALL, SOURCE, RATE, "outcome = 'sdc1'")                                                  \
    X(level##_sdc1, SMALL, SOURCE, RATE, "outcome = 'sdc1'")                                                 \
    X(level##_due, SMALL, SOURCE, RATE, "outcome = 'due'")                                                   \
    X(level##_sdc1_or_due, SMALL, SOURCE, RATE, "outcome = 'sdc1_or_due'")                                   \
    X(level##_sdc5, SMALL, SOURCE, RATE, "outcome = 'sdc5'")                                                 \
    X(level##_sdc10, SMALL, SOURCE, RATE, "outcome = 'sdc10'")                                               \
    X(level##_sdc20, SMALL, SOURCE, RATE, "outcome = 'sdc20'")                                               \
    X(level##_masked, LARGE, SOURCE, RATE, "outcome = 'masked'")                                             \
    X(level##_benign, EITHER, SOURCE, RATE, "outcome = 'benign'")                                            \
    X(level##_accuracy, LARGE, SOURCE, RATE, "outcome = 'accuracy'")

/* G(title): heading in the help for the names that follow. X(name, which values are better, source, columns,
 * condition for rows of the source). */
#define BS_CHECK_GROUPS(G, X)                                                                                \
    G("shares of trials of an entry, a mean over its layers")                                                \
    BS_CHECK_OUTCOMES(X, network, NETWORK)                                                                   \
    G("shares of trials of one layer")                                                                       \
    BS_CHECK_OUTCOMES(X, layer, LAYER)                                                                       \
    X(layer_accuracy_drop, SMALL, LAYER, DROP, "outcome = 'accuracy_drop'")                                  \
    X(layer_sdc1_golden_correct, SMALL, LAYER, RATE, "outcome = 'sdc1_golden_correct'")                      \
    G("the same of one bit position of a layer")                                                             \
    X(bit_sdc, SMALL, BIT, BIT_SDC, "1")                                                                     \
    X(bit_sdc1, SMALL, BIT, BIT_SDC, "1")                                                                    \
    X(bit_due, SMALL, BIT, BIT_DUE, "1")                                                                     \
    G("an entry: failures in a billion hours, vulnerability factors (view `failure_rate`)")                  \
    X(sdc_fit, SMALL, FIT, SDC_FIT, "level = 'all'")                                                         \
    X(due_fit, SMALL, FIT, DUE_FIT, "level = 'all'")                                                         \
    X(spfm, LARGE, FIT, SPFM, "level = 'all'")                                                               \
    X(avf, SMALL, FIT, AVF, "level = 'all'")                                                                 \
    X(pvf, SMALL, FIT, PVF, "level = 'all'")                                                                 \
    G("the same of its activations and of its parameters")                                                   \
    X(kind_sdc_fit, SMALL, FIT, SDC_FIT, "level = 'kind'")                                                   \
    X(kind_due_fit, SMALL, FIT, DUE_FIT, "level = 'kind'")                                                   \
    X(kind_spfm, LARGE, FIT, SPFM, "level = 'kind'")                                                         \
    X(kind_avf, SMALL, FIT, AVF, "level = 'kind'")                                                           \
    X(kind_pvf, SMALL, FIT, PVF, "level = 'kind'")                                                           \
    X(kind_parameter_vf, SMALL, FIT, PARAMETER_VF, "level = 'kind' AND kind = 'parameters'")                 \
    G("the same of one layer")                                                                               \
    X(layer_sdc_fit, SMALL, LAYER_FIT, SDC_FIT, "level = 'layer' AND scope >= 0")                            \
    X(layer_due_fit, SMALL, LAYER_FIT, DUE_FIT, "level = 'layer' AND scope >= 0")                            \
    X(layer_spfm, LARGE, LAYER_FIT, SPFM, "level = 'layer' AND scope >= 0")                                  \
    X(layer_avf, SMALL, LAYER_FIT, AVF, "level = 'layer' AND scope >= 0")                                    \
    X(layer_pvf, SMALL, LAYER_FIT, PVF, "level = 'layer' AND scope >= 0")                                    \
    X(layer_parameter_vf, SMALL, LAYER_FIT, PARAMETER_VF,                                                    \
      "level = 'layer' AND scope >= 0 AND kind = 'parameters'")                                              \
    G("mean cost of a fault in one layer (view `severity`)")                                                 \
    X(severity, SMALL, SEVERITY, COST, "correct = 'golden'")                                                 \
    X(severity_label, SMALL, SEVERITY, COST, "correct = 'label'")                                            \
    G("right answers under a fault in one layer (view `bn_correct_given_layer`)")                            \
    X(correct_label, LARGE, CORRECT, CORRECT_LABEL, "1")                                                     \
    X(correct_golden, LARGE, CORRECT, CORRECT_GOLDEN, "1")                                                   \
    G("trust in an answer, by its class (view `bn_trust`)")                                                  \
    X(trust, LARGE, TRUST, TRUST_LABEL, "1")                                                                 \
    X(trust_label, LARGE, TRUST, TRUST_LABEL, "1")                                                           \
    X(trust_golden, LARGE, TRUST, TRUST_GOLDEN, "1")                                                         \
    G("wrong answers that a second run catches (view `rerun_policy`)")                                       \
    X(rerun_caught, LARGE, RERUN, CAUGHT, "1")

#define BS_CHECK_NO_TITLE(title)
#define BS_CHECKS(X) BS_CHECK_GROUPS(BS_CHECK_NO_TITLE, X)

/* The view that the rows of a check come from. Texts are SQL over the columns of the view. */
typedef struct bs_check_source {
    const char *view;
    const char *entry; /* entry.id, or a scope: an entry or -1 */
    const char *layer; /* layer.id; NULL: rows are of whole entries */
    const char *of;    /* what else identifies the row, such as a class; "NULL": nothing */
    const char *order; /* of the rows of one entry and layer */
    const char *units; /* number of units that the bounds count; "NULL": the sum over the strata of the row */
    const char *unit;  /* trial or fault; "NULL": that of these strata */
    const char *outcome; /* outcome, for shares of trials; NULL: other rates */
    const char *exact;   /* true: a census, NULL bounds are the rate itself */
    const char *asked;   /* strata (s) of entries (e) that would have rows here, if they had trials */
    const char *lacks; /* why an entry (e) has no row, completes "entry 3 has "; NULL, or a NULL: not known */
    const char *instead;  /* alternative then: a name, its prefix ("layer_": with the outcome), an option;
                             NULL: none */
    bool weights;         /* the view has rows for both weightings of strata */
    const char *coverage; /* share of the rate's population that has trials; NULL: all */
    bool bits;            /* the view needs the counts by bit position */
} bs_check_source;

/* Kinds of bounds. BS_CHECK_RATE: the rate itself. */
typedef enum bs_check_bound {
    BS_CHECK_ONE_SIDED,
    BS_CHECK_TWO_SIDED,
    BS_CHECK_POPULATION,
    BS_CHECK_RATE
} bs_check_bound;

/* The columns of a rate. Bounds: [kind][0: above, 1: below]; NULL: the view has none. */
typedef struct bs_check_columns {
    const char *rate;
    const char *bound[BS_CHECK_RATE][2];
    double least, most; /* range of the rate */
} bs_check_columns;

typedef struct bs_check_name {
    const char *name;
    bs_check_better better;
    const bs_check_source *source;
    const bs_check_columns *columns;
    const char *where;
} bs_check_name;

/* Returns the rate of that name; NULL, with the error recorded (BS_USAGE), if there is none. */
const bs_check_name *bs_check_find(const char *name);
/* Names of bounds as in --bound; [kind][0: for a largest, 1: for a smallest value]. */
extern const char *const bs_check_bound_name[BS_CHECK_RATE + 1][2];

#endif
