/* What a result file alone says about a trial. */
#ifndef BS_CLI_TRACE_STORED_H
#define BS_CLI_TRACE_STORED_H

#include "base/error.h"
#include "trial.h"

#include <stdbool.h>

/* Prints the stored sites and answers of a trial, and, not as JSON, the command that computes it again from
 * the job that the file names. Opens nothing but the file, and expands no variable. Fails if the trial is not
 * in it. */
bs_status bs_trace_stored(const char *db_path, bs_trial_coords t, bool json);

#endif
