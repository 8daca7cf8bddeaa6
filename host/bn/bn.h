/* Shows the tables and views of a result file: `bitsink bn FILE TABLE`. Nothing here computes: every number
 * comes from SQL (schema/), so that the sqlite3 shell shows the same. */
#ifndef BS_BN_BN_H
#define BS_BN_BN_H

#include "base/error.h"

#include <stdint.h>
#include <stdio.h>

/* X(name, help). What can be shown. */
#define BS_BN_TABLES(X)                                                                                      \
    X(layer_accuracy, "accuracy, SDC and DUE rates of each layer under one fault, with 95 % bounds")         \
    X(network_sdc, "SDC-1 rate of the whole network, weighted over its strata, with 95 % bounds")            \
    X(sink_class, "classes that wrong answers of a layer significantly fall into")                           \
    X(sink_test, "all candidates for sink classes, with their tests")                                        \
    X(bn_trust, "probability that an answer is correct, for each class")                                     \
    X(bn_class, "P(class), with and without a fault, and P(fault | class)")                                  \
    X(bn_class_given_layer, "P(class | layer)")                                                              \
    X(bn_class_given_image_layer, "P(class | image, layer)")                                                 \
    X(bn_layer_given_class, "P(layer | class): where the fault was")                                         \
    X(bn_layer, "P(layer): prior, exposure, coverage")                                                       \
    X(bn_image, "P(image): weights, golden answers")                                                         \
    X(bn_scope, "P(fault) and coverage of each set of layers")                                               \
    X(bn_term, "the sums behind bn_class and bn_trust")                                                      \
    X(bn_parameter, "settings of the Bayesian network (UPDATE with sqlite3)")                                \
    X(bn_prior_layer, "prior of layers, filled by hand")                                                     \
    X(bn_prior_image, "weights of images, filled by hand")                                                   \
    X(outcome, "one row a trial: what it came to")                                                           \
    X(campaign, "the campaign")                                                                              \
    X(entry, "its fault entries")                                                                            \
    X(layer, "the layers of the model")                                                                      \
    X(stratum, "planned experiments: fault entry x layer")                                                   \
    X(image, "the images")                                                                                   \
    X(golden, "fault-free runs")                                                                             \
    X(run, "starts of the program on this file")

typedef enum bs_bn_format { BS_BN_TABLE, BS_BN_CSV, BS_BN_JSON } bs_bn_format;

/* "table", "csv" or "json"; BS_USAGE else. */
bs_status bs_bn_parse_format(bs_bn_format *out, const char *name);
/* Prints at most `limit` rows (0: all) of a table or view: aligned columns, CSV with a header, or one JSON
 * object a line (NULL as null, infinities and NaN as strings). Works while a run writes the file. BS_USAGE
 * for an unknown table. */
bs_status bs_bn_print(FILE *out, const char *db_path, const char *table, bs_bn_format format, uint64_t limit);
/* Names and help texts, one a line, aligned. */
void bs_bn_list(FILE *out);

#endif
