/* Compares a manifest (manifest.h) with what it names. */
#ifndef BS_REPORT_VERIFY_H
#define BS_REPORT_VERIFY_H

#include "base/buf.h"
#include "store/db.h"

typedef enum bs_verdict {
    BS_SAME,
    BS_NOT_SAME,
    BS_NOT_CHECKED /* what would be compared is not at hand */
} bs_verdict;

/* A manifest that has been read. */
typedef struct bs_manifest bs_manifest;

/* Reads a manifest; BS_USAGE for a file that is none. Free with bs_manifest_free(). */
bs_status bs_manifest_read(bs_manifest **out, const char *path);
void bs_manifest_free(bs_manifest *m);
/* Sets *out to a text of it, by its path, such as "$.model.sha256"; "" if there is none. The caller frees it.
 */
bs_status bs_manifest_fact(char **out, const bs_manifest *m, const char *path);

/* Compares report.html, which lies beside the manifest. `why`: what differs, or why it cannot be checked. */
bs_status bs_verify_report(bs_verdict *out, bs_str *why, const bs_manifest *m);
/* What is compared of a result file: the facts of campaign, results, model, job and images that any run of
 * the job must give; and how they came about: the runs, their audits, and when the file was made. */
typedef enum bs_verified { BS_RESULTS, BS_RUNS, BS_VERIFIED_COUNT } bs_verified;

/* Compares an open result file with all members of the manifest but the names of files. `why`: the first ones
 * that differ. The caller holds a transaction. */
bs_status bs_verify_results(bs_verdict out[BS_VERIFIED_COUNT], bs_str why[BS_VERIFIED_COUNT],
                            const bs_manifest *m, const bs_db *db);

#endif
