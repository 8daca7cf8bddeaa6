/* Upgrades a result file of an earlier schema version, by making a new file from its facts. */
#ifndef BS_STORE_UPGRADE_H
#define BS_STORE_UPGRADE_H

#include "base/error.h"

#include <signal.h>
#include <stdint.h>

/* Zero-initialise; free with bs_upgrade_report_clear(). */
typedef struct bs_upgrade_report {
    int from, to;           /* schema versions; equal: nothing to do, `output` is a copy */
    uint64_t trials;        /* copied */
    uint64_t lost_settings; /* settings that this version no longer allows, set to their defaults */
    char digest[33];        /* of all results: the same in both files */
    char *own;              /* tables and triggers that users added, which are not copied; NULL: none */
    char *backup;           /* path of the old file now; NULL: its old path */
} bs_upgrade_report;

/* Makes a file of the current schema from `path`: copies facts and settings, counts again from the trial
 * rows, and compares the digests of both files. Then keeps the old file as PATH.vN (N: its version) and puts
 * the new one in its place in one step; with `output` not NULL, writes the new file there and leaves `path`
 * as it is. If the process is killed at any moment, `path` is the complete old or the complete new file, and
 * the same call continues.
 *
 * Fails if another program writes `path` or has it open in WAL mode, if it is read-only, if PATH.vN is
 * another file, and if the old file is damaged. Needs room for a second file, in a folder PATH.upgrade that
 * it makes and removes. *stop (may be NULL): once set, returns BS_STOPPED and leaves `path` as it is. */
bs_status bs_store_upgrade(bs_upgrade_report *report, const char *path, const char *output,
                           volatile sig_atomic_t *stop);
void bs_upgrade_report_clear(bs_upgrade_report *r);

#endif
