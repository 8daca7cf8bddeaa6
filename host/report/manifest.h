/* The evidence of a report: a manifest in JSON that names by hash what its numbers stand on, so that anybody
 * who has the files can see whether they are still those. */
#ifndef BS_REPORT_MANIFEST_H
#define BS_REPORT_MANIFEST_H

#include "base/buf.h"
#include "store/db.h"

#include <stddef.h>

/* Number of the format, member "manifest". */
enum { BS_MANIFEST_FORMAT = 1 };

/* Appends the manifest of an open result file: campaign, results (counts, audits, digest and SHA-256 of all
 * rows, SHA-256 of what is counted), model, job, images (SHA-256 over a line "ID SHA256 CLASS" for each
 * golden run, by id, with - for no label) and the runs that added rows. `file`: where the result file lies,
 * as the reader of the manifest should find it. `page`: the report's bytes, NULL for none. The caller holds a
 * transaction. */
bs_status bs_manifest_append(bs_str *out, const bs_db *db, const char *file, const bs_str *page);

/* Appends the path of `target` as seen from `folder`, both of which exist: "../demo.db". */
bs_status bs_relative_path(bs_str *out, const char *folder, const char *target);

#endif
