/* Progress and diagnostics, on stderr. Results go to stdout and never through these functions. */
#ifndef BS_BASE_LOG_H
#define BS_BASE_LOG_H

#include <stdbool.h>

typedef enum bs_log_level { BS_LOG_QUIET, BS_LOG_WARN, BS_LOG_INFO } bs_log_level;

void bs_log_set_level(bs_log_level level);
void bs_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void bs_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Shows how far a command is: on a terminal one line that overwrites itself, elsewhere, as in the log of a
 * cluster's job, a line with the time (UTC) each minute, the first a minute after the first call. */
void bs_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Erases the line of the terminal. */
void bs_progress_end(void);
/* As bs_progress(), which comes first, on a terminal only: nothing is shown where that was called within the
 * last two seconds. An empty line erases what is shown. */
void bs_progress_meanwhile(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Returns true if stderr is a terminal, and messages are not off. */
bool bs_progress_possible(void);
/* Sets the seconds between lines where there is no terminal, for tests. */
void bs_progress_set_period(double seconds);

#endif
