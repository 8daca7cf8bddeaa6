/* A thread team: the same function on several threads, with the first error carried back to the caller. */
#ifndef BS_BASE_TEAM_H
#define BS_BASE_TEAM_H

#include "base/error.h"

/* Runs fn(shared, 0 .. threads - 1) side by side and waits for all. If the system grants fewer threads, fewer
 * workers run, so they should share out the work as they go. Returns BS_OK, or the error of the
 * lowest-numbered worker that failed; BS_STOPPED counts only if there is no other. A worker that fails must
 * tell the others through `shared` if they are to stop. */
bs_status bs_team_run(int threads, bs_status (*fn)(void *shared, int worker), void *shared);

/* Waits until all running workers of the team have called it equally often. Returns BS_STOPPED if one of them
 * has failed. Outside a team it returns BS_OK at once. */
bs_status bs_team_barrier(void);

/* Returns how many workers of this thread's team were started, once all that can be are; 1 outside a team. */
int bs_team_size(void);

#endif
