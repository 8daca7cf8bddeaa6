/* Phases of a command, such as "read the model": what it did before its first result, and how long each took.
 * For the main thread only. A phase that takes more than a second is shown as progress on a terminal. */
#ifndef BS_BASE_PHASE_H
#define BS_BASE_PHASE_H

/* Starts the clock of the command; main() calls it first. */
void bs_phases_begin(void);
/* Prints a line on stderr for each phase that ends from now on, unless messages are off (base/log.h). */
void bs_phases_show(void);
/* Ends the running phase and prints the total. */
void bs_phases_end(void);

/* Ends the running phase and begins another; NULL: none. `name` must outlive the program's use of phases. */
void bs_phase(const char *name);
/* Prints, as a phase would be, that something happened this many seconds after the start of the command. */
void bs_phase_event(const char *name, double seconds);

/* Returns bs_resources_clock() at the start of the command. */
double bs_phases_start(void);

#endif
