/* The Bayesian network of a result file: `bitsink bn FILE ...`. Nothing here computes: every number comes
 * from SQL (schema/), so that the sqlite3 shell shows the same. */
#ifndef BS_BN_BN_H
#define BS_BN_BN_H

#include "bn/print_rows.h"

#include <stdbool.h>
#include <stdint.h>

/* Opens a result file for reading; works while a run writes it. Views and settings that an older file lacks
 * are there, the file itself stays as it is. `bits`: bit_summary and bit_wrong are up to date, too, which may
 * take a scan of all trials. One state of the file is seen until bs_db_close(). */
bs_status bs_bn_open(bs_db **out, const char *path, bool bits);
/* Stores in the file what bs_bn_open() would make up: current views, missing settings, counts by bit
 * position. */
bs_status bs_bn_update(const char *path);
/* A class, layer, entry or image: by #ID, by id or name, by NAME #ID (as view class_shown writes names that
 * stand twice), or by any part that only one name has; *id -1 is the class DUE and the layer "none", also as
 * #-1. A group of classes: by name, by #ID or NAME #ID of a class that is a group of its own (*id is that
 * class's), or by a part. BS_USAGE with names that come near, and where a text may mean more than one: two of
 * the same name, the id of one and the name of another. Makes temporary tables. */
typedef enum bs_bn_kind { BS_BN_CLASS, BS_BN_LAYER, BS_BN_ENTRY, BS_BN_IMAGE, BS_BN_GROUP } bs_bn_kind;
bs_status bs_bn_find(int64_t *id, const bs_db *db, bs_bn_kind kind, const char *text);

/* BS_BN_DEFAULT_SCOPE becomes the lowest scope with trials; BS_USAGE for a scope without. */
enum { BS_BN_DEFAULT_SCOPE = -2 };
bs_status bs_bn_scope(int64_t *scope, const bs_db *db);

/* A question to the network, P(of | given). Texts may be NULL. */
typedef struct bs_bn_question {
    const char *given; /* evidence, "class=lion|tiger,layer=conv3_2"; query.c has the variables */
    const char *of;    /* variables, "correct,fault"; NULL: "correct" */
    const char *layer; /* the only layers that a fault hits, "conv1|conv2"; NULL: those of the scope */
    const char *p;     /* P(F = 1); NULL: that of the scope */
    int scope;         /* an entry, -1 (the strata of bn_prior_layer), or BS_BN_DEFAULT_SCOPE */
    bs_rows_format format;
    uint64_t limit; /* of rows, 0: all */
} bs_bn_question;

bs_status bs_bn_query(FILE *out, const char *db_path, const bs_bn_question *asked);
/* Names of the variables, comma-separated, for help. */
#define BS_BN_VARIABLES "class, layer, entry, image, label, golden, fault, correct_label, correct_golden"

/* Changes settings: n texts "NAME=VALUE" with a name of bn_parameter, raw_fit (FIT per Mbit: raw_rate), or
 * scope=1,2 (the entries whose strata bn_prior_layer lists, pooled as scope -1; scope= empties it). All or
 * none. The scope comes first, wherever it stands, because it sets layer_prior; strata that stay in it keep
 * their values. BS_USAGE for a name given twice, for what cannot be, and where every scope would vanish. What
 * changes or loses its effect beside what was asked for is said on stderr. */
bs_status bs_bn_set(const char *db_path, char *const *assignments, int n);
/* BS_USAGE where bn_prior_layer pools entries that may hit the same bits of one tensor (view bn_overlap). */
bs_status bs_bn_check_overlap(const bs_db *db);
/* Replaces a settings table by the rows of a CSV file with a header. `what`: groups (columns class, group),
 * costs (truth, answer, cost), priors (entry, layer, raw_rate, residency, exposure, probability), weights
 * (image, weight). Priors set layer_prior, too: direct if any has a probability, else exposure. BS_USAGE for
 * rows that would count nowhere, and for weights that are all 0. */
bs_status bs_bn_load(const char *db_path, const char *what, const char *csv_path);

/* The network of a scope as BIF, for pgmpy and bnlearn; bif.c describes it. Refused (BS_USAGE) where its
 * tables would have more than 20 million numbers; `by_layer` leaves the image out, which makes them small. */
bs_status bs_bn_export_bif(FILE *out, const char *db_path, int scope, bool by_layer);

#endif
