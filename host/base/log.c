#include "base/log.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

static bs_log_level threshold = BS_LOG_INFO;
static bool progress_shown;

void bs_log_set_level(bs_log_level level)
{
    threshold = level;
}

/* Prints a message with hidden characters escaped, since names in it must not steer the terminal or imitate
 * another message. Returns true if it is not empty. */
static bool put_message(const char *fmt, va_list ap)
{
    char message[2048];
    vsnprintf(message, sizeof message, fmt, ap);
    fputs(bs_visible(message), stderr);
    return *message;
}

static void emit(bs_log_level level, const char *prefix, const char *fmt, va_list ap)
{
    if (level > threshold)
        return;
    flockfile(stderr);
    if (progress_shown)
        fputs("\r\033[K", stderr);
    progress_shown = false;
    fputs(prefix, stderr);
    put_message(fmt, ap);
    fputc('\n', stderr);
    funlockfile(stderr);
}

#define BS_LOG_FUNCTION(name, level, prefix)                                                                 \
    void name(const char *fmt, ...)                                                                          \
    {                                                                                                        \
        va_list ap;                                                                                          \
        va_start(ap, fmt);                                                                                   \
        emit(level, prefix, fmt, ap);                                                                        \
        va_end(ap);                                                                                          \
    }

BS_LOG_FUNCTION(bs_warn, BS_LOG_WARN, "warning: ")
BS_LOG_FUNCTION(bs_info, BS_LOG_INFO, "")

void bs_progress(const char *fmt, ...)
{
    if (threshold < BS_LOG_INFO || !isatty(STDERR_FILENO))
        return;
    va_list ap;
    flockfile(stderr);
    fputs("\r\033[K", stderr);
    va_start(ap, fmt);
    progress_shown = put_message(fmt, ap);
    va_end(ap);
    fflush(stderr);
    funlockfile(stderr);
}
