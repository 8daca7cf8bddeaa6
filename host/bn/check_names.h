/* What `bitsink check` can hold against a limit: one table, from which the parser, the SQL and the help come.
 */
#ifndef BS_BN_CHECK_NAMES_H
#define BS_BN_CHECK_NAMES_H

#include <stdbool.h>
#include <stddef.h>

/* The outcomes that a view of one row an outcome has for single layers and for the network. */
#define BS_CHECK_OUTCOMES(X, level, SOURCE)                                                                  \
    X(level##_sdc, SOURCE, RATE, "outcome = 'sdc1'")                                                         \
    X(level##_sdc1, SOURCE, RATE, "outcome = 'sdc1'")                                                        \
    X(level##_due, SOURCE, RATE, "outcome = 'due'")                                                          \
    X(level##_sdc1_or_due, SOURCE, RATE, "outcome = 'sdc1_or_due'")                                          \
    X(level##_sdc5, SOURCE, RATE, "outcome = 'sdc5'")                                                        \
    X(level##_sdc10, SOURCE, RATE, "outcome = 'sdc10'")                                                      \
    X(level##_sdc20, SOURCE, RATE, "outcome = 'sdc20'")                                                      \
    X(level##_masked, SOURCE, RATE, "outcome = 'masked'")                                                    \
    X(level##_benign, SOURCE, RATE, "outcome = 'benign'")                                                    \
    X(level##_accuracy, SOURCE, RATE, "outcome = 'accuracy'")

/* X(name, source, columns, which rows of the source). */
#define BS_CHECKS(X)                                                                                         \
    BS_CHECK_OUTCOMES(X, network, NETWORK)                                                                   \
    BS_CHECK_OUTCOMES(X, layer, LAYER)                                                                       \
    X(layer_accuracy_drop, LAYER, DROP, "outcome = 'accuracy_drop'")                                         \
    X(layer_sdc1_golden_correct, LAYER, RATE, "outcome = 'sdc1_golden_correct'")                             \
    X(bit_sdc, BIT, BIT_SDC, "1")                                                                            \
    X(bit_sdc1, BIT, BIT_SDC, "1")                                                                           \
    X(bit_due, BIT, BIT_DUE, "1")                                                                            \
    X(sdc_fit, FIT, SDC_FIT, "level = 'all'")                                                                \
    X(due_fit, FIT, DUE_FIT, "level = 'all'")                                                                \
    X(spfm, FIT, SPFM, "level = 'all'")                                                                      \
    X(avf, FIT, AVF, "level = 'all'")                                                                        \
    X(pvf, FIT, PVF, "level = 'all'")                                                                        \
    X(kind_sdc_fit, FIT, SDC_FIT, "level = 'kind'")                                                          \
    X(kind_due_fit, FIT, DUE_FIT, "level = 'kind'")                                                          \
    X(kind_spfm, FIT, SPFM, "level = 'kind'")                                                                \
    X(kind_avf, FIT, AVF, "level = 'kind'")                                                                  \
    X(kind_pvf, FIT, PVF, "level = 'kind'")                                                                  \
    X(kind_parameter_vf, FIT, PARAMETER_VF, "level = 'kind' AND kind = 'parameters'")                        \
    X(layer_sdc_fit, LAYER_FIT, SDC_FIT, "level = 'layer' AND scope >= 0")                                   \
    X(layer_due_fit, LAYER_FIT, DUE_FIT, "level = 'layer' AND scope >= 0")                                   \
    X(layer_spfm, LAYER_FIT, SPFM, "level = 'layer' AND scope >= 0")                                         \
    X(layer_avf, LAYER_FIT, AVF, "level = 'layer' AND scope >= 0")                                           \
    X(layer_pvf, LAYER_FIT, PVF, "level = 'layer' AND scope >= 0")                                           \
    X(layer_parameter_vf, LAYER_FIT, PARAMETER_VF, "level = 'layer' AND scope >= 0 AND kind = 'parameters'") \
    X(severity, SEVERITY, COST, "correct = 'golden'")                                                        \
    X(severity_label, SEVERITY, COST, "correct = 'label'")                                                   \
    X(correct_label, CORRECT, CORRECT_LABEL, "1")                                                            \
    X(correct_golden, CORRECT, CORRECT_GOLDEN, "1")                                                          \
    X(trust, TRUST, TRUST_LABEL, "1")                                                                        \
    X(trust_label, TRUST, TRUST_LABEL, "1")                                                                  \
    X(trust_golden, TRUST, TRUST_GOLDEN, "1")                                                                \
    X(rerun_caught, RERUN, CAUGHT, "1")

/* Where the rows of a check come from. Texts are SQL over the columns of the view. */
typedef struct bs_check_source {
    const char *view;
    const char *entry; /* entry.id, or a scope: an entry or -1 */
    const char *layer; /* layer.id; NULL: rows are of whole entries */
    const char *of;    /* what else the row is of, such as a class; "NULL": nothing */
    const char *order; /* of the rows of one entry and layer */
    const char *units; /* what the bounds count; "NULL": the sum over the strata of the row */
    const char *unit;  /* trial or fault; "NULL": that of these strata */
    const char *exact; /* true: a census, NULL bounds are the rate itself */
    const char *asked; /* strata (s) of entries (e) that would have rows here, if they had trials */
    bool weights;      /* the view has rows for both weightings of strata */
    bool bits;         /* it needs the counts by bit position */
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
    double least, most; /* that the rate can be */
} bs_check_columns;

typedef struct bs_check_name {
    const char *name;
    const bs_check_source *source;
    const bs_check_columns *columns;
    const char *where;
} bs_check_name;

/* NULL where there is none of that name; the error is recorded (BS_USAGE). */
const bs_check_name *bs_check_find(const char *name);
/* As in --bound; [kind][0: of a largest, 1: of a smallest value]. */
extern const char *const bs_check_bound_name[BS_CHECK_RATE + 1][2];

#endif
