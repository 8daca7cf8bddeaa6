/* The parts of a merge that are a statement of SQL over two files: do they belong together, and the union of
 * what describes them. Internal to host/store. */
#ifndef BS_STORE_COMBINE_H
#define BS_STORE_COMBINE_H

#include "store/db.h"

#include <stdbool.h>

/* Attaches the file `path` as schema `other` of the connection, with views other_TABLE of its tables as those
 * of today are, and takes it away. */
bs_status bs_combine_attach(const bs_db *db, const char *path);
void bs_combine_detach(const bs_db *db);
/* After a failure: where SQLite found a damaged file, the attached one may be it, and is named. */
void bs_combine_blame(const bs_db *db, const char *path);

/* Fails, naming the first difference, unless main and other are of one campaign. */
bs_status bs_combine_check(const bs_db *db, const char *other_path, bool allow_mixed);
/* Adds what describes `other` to main: job, classes, layers, entries, strata, images, runs. The larger extent
 * wins. `fresh`: main has tables, but nothing in them. Inside the caller's transaction. */
bs_status bs_combine_union(const bs_db *db, bool fresh);

#endif
