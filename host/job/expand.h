/* Environment variables in the values of a job file. */
#ifndef BS_JOB_EXPAND_H
#define BS_JOB_EXPAND_H

#include "base/error.h"

#include <stddef.h>

/* Replaces $VAR, ${VAR} and ${VAR:-default} (the default, without variables in it, stands in for an unset or
 * empty one) and $$ (one dollar) in text[0..len). An unset variable without a default is BS_USAGE, naming it.
 * Caller frees *out. */
bs_status bs_expand(char **out, const char *text, size_t len);

#endif
