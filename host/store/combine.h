/* The parts of a merge that are SQL over two files: checks that they belong together, and unites the tables
 * that describe them. Internal to host/store. */
#ifndef BS_STORE_COMBINE_H
#define BS_STORE_COMBINE_H

#include "store/db.h"

#include <stdbool.h>

/* Attaches the file `path` as schema `other` of the connection, with views other_TABLE that show its tables
 * as this version has them. */
bs_status bs_combine_attach(const bs_db *db, const char *path);
/* Detaches it again. */
void bs_combine_detach(const bs_db *db);
/* After a failure, reports the attached file `path` as the likely one if SQLite found a damaged file. */
void bs_combine_blame(const bs_db *db, const char *path);

/* Fails, naming the first difference, unless main and other belong to one campaign. */
bs_status bs_combine_check(const bs_db *db, const char *other_path, bool allow_mixed);
/* Adds the description of `other` to main: job, classes, layers, entries, strata, images, runs. The larger
 * extent wins. `fresh`: the tables of main are empty. Call inside a transaction. */
bs_status bs_combine_union(const bs_db *db, bool fresh);

#endif
