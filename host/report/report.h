/* The report of a campaign: one self-contained HTML page. */
#ifndef BS_REPORT_REPORT_H
#define BS_REPORT_REPORT_H

#include "base/error.h"

/* Writes FOLDER/report.html and FOLDER/manifest.json (manifest.h), and makes the folder if necessary. Figures
 * are inline; no scripts, no other resources. */
bs_status bs_report_write(const char *db_path, const char *folder);

#endif
