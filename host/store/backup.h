/* Copies a result file as of one moment, also while a run writes it. */
#ifndef BS_STORE_BACKUP_H
#define BS_STORE_BACKUP_H

#include "base/error.h"

/* Copies `path` to `out` by SQLite's backup API. `out` is replaced in one step, when the copy is complete: a
 * crash leaves the old one, and at most a file "OUT.part". The copy takes no locks, so `out` may be on a
 * network file system; two processes must not make the same copy at once. */
bs_status bs_store_backup(const char *path, const char *out);

#endif
