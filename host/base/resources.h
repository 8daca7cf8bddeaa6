/* Resources this process may use: cores by affinity and cgroup quota, memory by cgroup limit and free
 * memory. */
#ifndef BS_BASE_RESOURCES_H
#define BS_BASE_RESOURCES_H

#include <stddef.h>

/* Returns the number of cores to use, at least 1. */
int bs_resources_cores(void);
/* Returns the bytes of memory that can be used without swapping or being killed. */
size_t bs_resources_memory(void);
/* Returns the largest amount of memory that this process has had, in bytes. */
size_t bs_resources_peak(void);
/* Returns seconds on a clock that never jumps. */
double bs_resources_clock(void);

#endif
