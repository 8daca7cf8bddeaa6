/* The schema of a result file. Its tables of facts are created once. Its settings and views (schema/) belong
 * to the program, and are brought up to date when a file of an earlier version is used. */
#ifndef BS_STORE_SCHEMA_H
#define BS_STORE_SCHEMA_H

#include "store/db.h"

#include <stdint.h>

/* The SQL of schema/, as strings. */
extern const char bs_sql_bits[], bs_sql_query[], bs_sql_bif[], bs_sql_report[], bs_sql_findings[],
    bs_sql_check[], bs_sql_fault_wrong[], bs_sql_exact[];

/* Returns the comment above the statement that makes a table or view, as it stands in the SQL: lines that
 * start with "--". Its first sentence says what the rows are. NULL: no table or view of this name. */
const char *bs_schema_comment(const char *name);

/* Creates all tables and views in an empty file, within the caller's transaction. */
bs_status bs_schema_create(const bs_db *db);
/* Opens a database in memory with empty tables of facts of this version; the caller closes out->handle. */
bs_status bs_schema_open_facts(bs_db *out);
/* As bs_schema_open_facts(), with everything that bs_schema_create() makes. */
bs_status bs_schema_open_all(bs_db *out);
/* Adds missing settings and replaces views that differ, in a file of this schema version. Drops counts by bit
 * position, which are made again on demand. */
bs_status bs_schema_update(const bs_db *db);
/* As bs_schema_update(), for a file of any version that is open read-only: temporary objects hide the file's
 * own where these are missing or differ, until it is closed. `all`: hide settings and views in any case, so
 * that they can be changed without touching the file. Sets *done if something was hidden, so that one call is
 * enough. */
bs_status bs_schema_shadow(const bs_db *db, bool all, bool *done);
/* Copies the settings of the attached file `from` (of any version) to main, whose settings are as
 * bs_schema_create() made them. Sets *lost to the number that this version no longer allows. */
bs_status bs_schema_copy_settings(const bs_db *db, const char *from, uint64_t *lost);
/* Sets *same to whether the attached file `from` (of any version) has the settings of main. */
bs_status bs_schema_same_settings(bool *same, const bs_db *db, const char *from);

#endif
