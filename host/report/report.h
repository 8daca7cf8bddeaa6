/* The report of a campaign: one HTML page that needs nothing else. */
#ifndef BS_REPORT_REPORT_H
#define BS_REPORT_REPORT_H

#include "base/error.h"

/* Writes FOLDER/report.html (making the folder if need be). Figures are inline; no script, no other resource.
 */
bs_status bs_report_write(const char *db_path, const char *folder);

#endif
