/* The tables and views of a result file that `bitsink bn` prints. */
#ifndef BS_BN_TABLES_H
#define BS_BN_TABLES_H

#include "bn/print_rows.h"

#include <stdbool.h>
#include <stdint.h>

/* The order of rows that have a layer. */
#define BS_BN_LAYERS "(SELECT ordinal FROM layer o WHERE o.id = layer)"
/* Places of sinks: entries as a whole, their layers, their bit positions. */
#define BS_BN_PLACES "level = 'bit', level = 'layer', entry, " BS_BN_LAYERS ", bit"

/* Operations, the largest loss of accuracy first. */
#define BS_BN_LOSSES                                                                                         \
    "entry, weights, round(accuracy_drop, 12) DESC NULLS LAST, round(sdc1_rate, 12) DESC, op, kind"

/* X(name, order, columns): the tables and views that can be shown, the columns that put their rows in the one
 * order in which they are shown, and those that are shown to people who ask for no others (NULL: all).
 * schema/ describes them: bs_schema_comment(). */
#define BS_BN_TABLES(X)                                                                                      \
    X(layer_accuracy, "entry, " BS_BN_LAYERS,                                                                \
      "entry, layer_name, trials, golden_accuracy, accuracy, masked_rate, sdc1_rate, sdc1_low, sdc1_high, "  \
      "due_rate, units, unit")                                                                               \
    X(layer_outcome, "entry, " BS_BN_LAYERS ", outcome",                                                     \
      "entry, layer_name, outcome, rate, low, high, trials, units, unit")                                    \
    X(layer_outcome_exact, "entry, " BS_BN_LAYERS ", outcome", NULL)                                         \
    X(bit_accuracy, "entry, " BS_BN_LAYERS ", bit",                                                          \
      "entry, layer_name, bit, trials, masked_rate, sdc1_rate, sdc1_low, sdc1_high, due_rate, due_low, "     \
      "due_high")                                                                                            \
    X(network_sdc, "entry, weights",                                                                         \
      "entry, weights, trials, masked_rate, sdc1_rate, sdc1_low, sdc1_high, due_rate, due_low, due_high, "   \
      "coverage")                                                                                            \
    X(network_outcome, "entry, weights, outcome",                                                            \
      "entry, weights, outcome, rate, low, high, population_low, population_high, trials, coverage")         \
    X(sdc1_or_due, "entry, " BS_BN_LAYERS ", weights",                                                       \
      "entry, layer_name, weights, rate, low, high, trials, coverage")                                       \
    X(accuracy_curve, "scope, layer IS NOT NULL, entry, " BS_BN_LAYERS ", p", NULL)                          \
    X(op_accuracy, BS_BN_LOSSES,                                                                             \
      "entry, op, kind, weights, trials, accuracy, accuracy_drop, sdc1_rate, sdc1_low, sdc1_high, due_rate") \
    X(ber_curve, "hits, ber, entry",                                                                         \
      "entry, name, ber, trials, golden, accuracy, accuracy_low, accuracy_high, sdc1, sdc1_low, sdc1_high, " \
      "due")                                                                                                 \
    X(sink_class, BS_BN_PLACES ", unit DESC, share DESC, class",                                             \
      "level, entry, layer_name, bit, class_name, hits, units, unit, share, golden_share, runner_up_share, " \
      "q_value")                                                                                             \
    X(sink_test, BS_BN_PLACES ", unit DESC, share DESC, class",                                              \
      "level, entry, layer_name, bit, class_name, is_sink, hits, units, unit, share, golden_share, "         \
      "runner_up_share, q_value")                                                                            \
    X(sink_concentration, BS_BN_PLACES, NULL)                                                                \
    X(bn_trust, "scope, trust_label IS NULL, round(trust_label, 12), round(label_with_fault, 12), class",    \
      "scope, class, class_name, p, trust_label, trust_label_low, trust_label_high, label_with_fault, "      \
      "golden_with_fault, n, wrong")                                                                         \
    X(bn_trust_curve, "scope, place, p",                                                                     \
      "scope, class, class_name, p, trust_label, trust_label_low, trust_label_high, trust_golden")           \
    X(bn_correct_given_layer, "entry, " BS_BN_LAYERS,                                                        \
      "entry, layer_name, correct_label, label_low, label_high, correct_golden, golden_low, golden_high, "   \
      "trials")                                                                                              \
    X(bn_class, "scope, class < 0, class",                                                                   \
      "scope, class, class_name, probability, low, high, probability_golden, probability_fault, p_fault, "   \
      "n, wrong")                                                                                            \
    X(bn_class_given_layer, "entry, " BS_BN_LAYERS ", class",                                                \
      "entry, layer, class, class_name, probability, low, high, trust_label, trust_golden, n, wrong")        \
    X(bn_class_given_image, "scope, image, class IS NULL, class",                                            \
      "scope, image, class, class_name, probability, low, high, with_fault, correct_label, n")               \
    X(bn_class_given_image_layer, "entry, " BS_BN_LAYERS ", image, class IS NULL, class", NULL)              \
    X(bn_layer_given_class, "scope, class < 0, class, entry IS NULL, entry, " BS_BN_LAYERS, NULL)            \
    X(bn_image_given_class, "scope, class < 0, class, image IS NULL, image",                                 \
      "scope, class, class_name, image, probability, low, high, correct_label, n")                           \
    X(bn_layer, "scope, entry, " BS_BN_LAYERS,                                                               \
      "scope, entry, layer_name, bits, exposure, probability, trials, images, coverage")                     \
    X(bn_image, "image", NULL)                                                                               \
    X(bn_support, "entry, " BS_BN_LAYERS,                                                                    \
      "entry, layer, images, coverage, trials, units, unit, faults, observations, census")                   \
    X(bn_overlap, "layer, entry_a, entry_b", NULL)                                                           \
    X(bn_scope, "scope", NULL)                                                                               \
    X(bn_term, "scope, class < 0, class",                                                                    \
      "scope, class, class_name, p, golden, fault, fault_low, fault_high, n, wrong")                         \
    X(rerun_policy, "scope",                                                                                 \
      "scope, size, budget, extra, caught, caught_low, caught_high, false_alarm, sdc_rate, "                 \
      "residual_sdc_rate")                                                                                   \
    X(rerun_set, "scope, place", NULL)                                                                       \
    X(rerun_curve, "scope, size",                                                                            \
      "scope, size, class_name, budget, extra, caught, caught_low, caught_high, residual_sdc_rate")          \
    X(severity, "correct, entry, " BS_BN_LAYERS,                                                             \
      "correct, entry, layer_name, trials, cost, low, high, wrong_rate, wrong_group_rate")                   \
    X(severity_confusion, "correct, entry, " BS_BN_LAYERS ", truth_group, answer_group", NULL)               \
    X(failure_rate, "scope, level = 'layer', level = 'kind', kind, entry, " BS_BN_LAYERS,                    \
      "scope, level, kind, layer_name, bits, raw_fit, sdc_fit, sdc_fit_low, sdc_fit_high, due_fit, "         \
      "fit_target, target")                                                                                  \
    X(bn_parameter, "rowid", NULL)                                                                           \
    X(bn_prior_layer, "entry, " BS_BN_LAYERS, NULL)                                                          \
    X(bn_prior_image, "image", NULL)                                                                         \
    X(class_group, "class", NULL)                                                                            \
    X(group_cost, "truth, answer", NULL)                                                                     \
    X(outcome, "trial",                                                                                      \
      "trial, entry, layer_name, image, class, golden_class, label_class, masked, sdc1, due, correct")       \
    X(trial, "id",                                                                                           \
      "id, entry, layer, image, repetition, element, bit, n_sites, died_at, top1, p_golden, flags")          \
    X(audit, "trial, full", "trial, full, run, died_at, top1, score1, p_golden, flags, logits_hash")         \
    X(campaign, "id", "name, created, version, model, seed, classes, shard, shards, planned_trials")         \
    X(entry, "id", "id, name, kind, bits, burst, count, ber, scope, targets, trials")                        \
    X(fault_kind, "bitwise DESC, permanent, kind", NULL)                                                     \
    X(layer, "ordinal", NULL)                                                                                \
    X(stratum, "entry, " BS_BN_LAYERS, NULL)                                                                 \
    X(class, "id", NULL)                                                                                     \
    X(class_shown, "class", NULL)                                                                            \
    X(image, "id", NULL)                                                                                     \
    X(broken_image, "image", NULL)                                                                           \
    X(golden, "image", "image, top1, top2, score1, score2, p_top1, class")                                   \
    X(ranking, "trial IS NOT NULL, trial, image, rank", NULL)                                                \
    X(run, "id",                                                                                             \
      "id, started, seconds, trials, audited, audit_equal, exit, host, device, version, mode, selftest")     \
    X(proof, "run, layer IS NULL, " BS_BN_LAYERS ", key", NULL)

/* What of a table is wanted, and how it is written. */
typedef struct bs_bn_selection {
    bs_rows_format format;
    uint64_t limit;      /* of rows, 0: all */
    const char *scope;   /* column `scope`, or `entry` where there is none: an entry, or -1; NULL: any */
    const char *layer;   /* column `layer`, as bs_bn_find() takes it; NULL: any */
    const char *columns; /* these, "entry,sdc1_rate"; NULL: for people those that say most, else all */
    const char *sort;    /* by these first, "-sdc1_rate,entry", from the largest where there is a minus; NULL:
                            as always */
    bool wide;           /* all columns for people, too */
} bs_bn_selection;

/* Prints rows of a table or view. BS_USAGE for an unknown name, and for a selection by columns that the table
 * lacks. Says where there is no row, and why if that is known; and where columns are left out. */
bs_status bs_bn_print(FILE *out, const char *db_path, const char *name, const bs_bn_selection *only);
/* Prints name and description of each table and view, one per line, aligned. */
void bs_bn_list(FILE *out);

#endif
