/* Brings a result file of an earlier schema version up to date, by making a new file from its facts. */
#ifndef BS_STORE_UPGRADE_H
#define BS_STORE_UPGRADE_H

#include "base/error.h"

#include <signal.h>
#include <stdint.h>

/* Zero-initialise; bs_upgrade_report_clear() frees. */
typedef struct bs_upgrade_report {
    int from, to;           /* schema versions; equal: nothing was to be done, `output` is a copy */
    uint64_t trials;        /* copied */
    uint64_t lost_settings; /* settings that this version no longer allows: they have their defaults */
    char digest[33];        /* of all results: the same in both files */
    char *own;              /* tables and triggers that people added, which stay behind; NULL: none */
    char *backup;           /* where the old file is now; NULL: where it was */
} bs_upgrade_report;

/* Makes a file of today's schema from `path`: facts and settings are copied, every count is made again from
 * the trial rows, and the digests of both files are compared. Then the old file is kept as PATH.vN (N: its
 * version), and the new one takes its place in one step; with `output` not NULL, the new file is written
 * there and `path` stays as it is. Killed at any moment, `path` is the old file or the new one, complete; the
 * same call goes on.
 *
 * Fails if another program writes `path`, or has it open in WAL mode, if it is read-only, if PATH.vN is
 * another file, and if the old file is damaged. Needs room for a second file, in a folder PATH.upgrade that
 * it makes and removes. *stop (may be NULL): once it is set, gives up with BS_STOPPED and leaves `path` as it
 * is. */
bs_status bs_store_upgrade(bs_upgrade_report *report, const char *path, const char *output,
                           volatile sig_atomic_t *stop);
void bs_upgrade_report_clear(bs_upgrade_report *r);

#endif
