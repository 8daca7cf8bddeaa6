/* The schema of a result file. Its tables of facts are made once; its settings and views (schema/) belong to
 * the program and are brought up to date when a file made by an earlier version is used. */
#ifndef BS_STORE_SCHEMA_H
#define BS_STORE_SCHEMA_H

#include "store/db.h"

/* The SQL of schema/, as strings. */
extern const char bs_sql_bits[], bs_sql_query[], bs_sql_bif[], bs_sql_report[];

/* Makes all tables and views in an empty file; within the caller's transaction. */
bs_status bs_schema_create(const bs_db *db);
/* Adds settings that are missing and replaces views that differ, in the file itself, and brings one of an
 * older schema version to BS_DB_VERSION: counts that it does not keep (fault_wrong) are made from the trials.
 * Those by bit position are dropped until wanted. The caller holds the lock of a file of an older version, so
 * that nobody adds trials without these counts. */
bs_status bs_schema_update(const bs_db *db);
/* The same for a file that is open for reading only: what is missing or differs hides what the file has,
 * until it is closed. `all`: hide settings and views in any case, so that they can be changed without
 * touching the file. *done: something was hidden; once is enough. */
bs_status bs_schema_shadow(const bs_db *db, bool all, bool *done);

#endif
