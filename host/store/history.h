/* What result files of earlier schema versions lack. Versions so far (db.h has today's):
 *   1  the first
 *   2  broken_image; settings and views from a file each
 *   3  shards: run.uid and run.shard, campaign.shard, shards and job_trials; audits. Single sites of small
 *      populations are drawn without replacement
 *   4  fault_wrong, kept in step with the trials
 *   5  stratum.storage; settings are finite, names UTF-8
 *   6  layer.type, stratum.bits: values of types other than fp32
 * Reading is by views that show the tables of today; `bitsink upgrade` and merging read through the same
 * views. Internal to host/store. */
#ifndef BS_STORE_HISTORY_H
#define BS_STORE_HISTORY_H

#include "store/db.h"

#include <stdbool.h>

/* Makes a temporary view PREFIX||table for each table of today's tables.sql, with all of its columns, over
 * the tables of the attached file `schema` ("main" or another). Where the prefix is "", the view hides the
 * table of the file, and is made only where they differ. Counts that a file lacks (fault_wrong) are made from
 * its trials whenever they are read, and only for "main". */
bs_status bs_history_show(const bs_db *db, const char *schema, const char *prefix);
/* Takes these views away. */
bs_status bs_history_forget(const bs_db *db, const char *prefix);

#endif
