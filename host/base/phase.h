/* Phases of a command, such as "read the model": what it did before its first result, and how long each took.
 * For the main thread only. */
#ifndef BS_BASE_PHASE_H
#define BS_BASE_PHASE_H

/* Ends the running phase and begins another; NULL: none. `name` must outlive the program's use of phases. */
void bs_phase(const char *name);

#endif
