/* Progress and diagnostics, on stderr. Results go to stdout and never through these functions. */
#ifndef BS_BASE_LOG_H
#define BS_BASE_LOG_H

#include <stdbool.h>

typedef enum bs_log_level { BS_LOG_QUIET, BS_LOG_WARN, BS_LOG_INFO } bs_log_level;

void bs_log_set_level(bs_log_level level);
void bs_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void bs_info(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Shows one line that overwrites itself, only if stderr is a terminal. An empty line erases it. */
void bs_progress(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As bs_progress(), which comes first: nothing is shown where it was called within the last two seconds. */
void bs_progress_meanwhile(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Returns true if progress is shown at all. */
bool bs_progress_possible(void);

#endif
