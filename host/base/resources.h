/* Resources this process may use: cores by affinity and cgroup quota, memory by limits of cgroups (both
 * versions) and of the process (ulimit), and by free memory. */
#ifndef BS_BASE_RESOURCES_H
#define BS_BASE_RESOURCES_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Returns the number of cores to use, at least 1. */
int bs_resources_cores(void);
/* Returns the bytes of memory that this process can still get without swapping, being killed or refused. */
size_t bs_resources_memory(void);
/* Checks whether a limit of this process (ulimit -v, -d) bounds its memory. */
bool bs_resources_limited(void);
/* Fails, as bs_oom(what) does, unless this process can get `bytes` more now. To be asked before calls of
 * libraries that crash without memory. */
bs_status bs_resources_room(size_t bytes, const char *what);
/* Returns the largest amount of memory that this process has had, in bytes. */
size_t bs_resources_peak(void);
/* Writes a time of the calendar as "2026-01-31T23:59:59Z" (UTC); "" where the calendar has none. */
enum { BS_UTC_TEXT = 24 };
void bs_resources_utc(char out[BS_UTC_TEXT], time_t when);
/* Returns seconds on a clock that never jumps. */
double bs_resources_clock(void);

#endif
