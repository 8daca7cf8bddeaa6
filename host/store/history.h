/* Shows result files of earlier schema versions as files of this one. Versions so far (db.h has the current
 * one):
 *   1  the first
 *   2  broken_image; settings and views from a file each
 *   3  shards: run.uid and run.shard, campaign.shard, shards and job_trials; audits. Single sites of small
 *      populations are drawn without replacement
 *   4  fault_wrong, kept in step with the trials
 *   5  stratum.storage; settings are finite, names UTF-8
 *   6  layer.type, stratum.bits: values of types other than fp32
 *   7  proof, run.start_seconds
 *   8  layer.ordinal, layer.label
 *   9  faults in several targets of one inference: network_target, trial_site, entry.scope, probability,
 *      shared_bit and store_sites; raw rankings: campaign.top_k, golden_ranking, trial_ranking
 *  10  run_device
 * Files are read through views that show the tables of this version; so do `bitsink upgrade` and merging.
 * Internal to host/store. */
#ifndef BS_STORE_HISTORY_H
#define BS_STORE_HISTORY_H

#include "store/db.h"

#include <stdbool.h>

/* Makes a temporary view PREFIX||table for each table of schema/tables.sql, with all of its columns, over the
 * tables of the attached file `schema` ("main" or another). With the prefix "", the view hides the file's own
 * table, and is made only if they differ. Counts that a file lacks (fault_wrong) are computed from its trials
 * at every read, and only for "main". */
bs_status bs_history_show(const bs_db *db, const char *schema, const char *prefix);
/* Drops these views. */
bs_status bs_history_forget(const bs_db *db, const char *prefix);

#endif
