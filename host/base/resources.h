/* What this process may use: cores by affinity and cgroup quota, memory by cgroup limit and what is free. */
#ifndef BS_BASE_RESOURCES_H
#define BS_BASE_RESOURCES_H

#include <stddef.h>

/* Cores to use, at least 1. */
int bs_resources_cores(void);
/* Bytes of memory that can be taken without swapping or being killed. */
size_t bs_resources_memory(void);
/* Bytes of memory that this process has had at most. */
size_t bs_resources_peak(void);
/* Seconds on a clock that never jumps. */
double bs_resources_clock(void);

#endif
