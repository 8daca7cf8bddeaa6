/* A thread team: the same function on several threads, with the first error carried back to the caller. */
#ifndef BS_BASE_TEAM_H
#define BS_BASE_TEAM_H

#include "base/error.h"

/* Runs fn(shared, 0..threads-1) side by side and waits for all; where the system gives fewer threads, fewer
 * workers run, so they should share out the work as they go. Returns BS_OK, or the error of the
 * lowest-numbered worker that failed; BS_STOPPED counts only if there is no other. A worker that fails must
 * tell the others to stop, if they should, through `shared`. */
bs_status bs_team_run(int threads, bs_status (*fn)(void *shared, int worker), void *shared);

/* To be called by workers: waits until all that are running have called it as often. BS_STOPPED where one of
 * them has failed. Outside of a team there is nobody to wait for: BS_OK at once. */
bs_status bs_team_barrier(void);

#endif
