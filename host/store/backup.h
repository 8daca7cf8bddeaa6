/* Copies a result file as of one moment, also while a run writes it. */
#ifndef BS_STORE_BACKUP_H
#define BS_STORE_BACKUP_H

#include "base/error.h"

/* Copies `path` to `out` by SQLite's backup API. `out` is replaced in one step, when the copy is complete: a
 * crash leaves the old one, and at most a file "OUT.part". An old one must be a database that no program
 * writes; what its WAL holds goes with it. `out` may be on a file system without locks. */
bs_status bs_store_backup(const char *path, const char *out);

#endif
