/* The first words of the report: what a campaign found, in five sentences. */
#ifndef BS_REPORT_FINDINGS_H
#define BS_REPORT_FINDINGS_H

#include "base/buf.h"
#include "store/db.h"

/* Appends the sentences as a list in HTML: what the faults did, in which layers, at which bits, which classes
 * wrong answers fall into, what the answers are worth. They are the rows of report_finding
 * (schema/findings.sql); where it has none, the sentence says why. */
bs_status bs_findings_write(bs_str *out, const bs_db *db);

#endif
