#include "base/log.h"

#include "base/resources.h"
#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

static bs_log_level threshold = BS_LOG_INFO;
static bool progress_shown;
static double period = 60; /* seconds between lines of progress in a log */

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

void bs_progress_set_period(double seconds)
{
    period = seconds;
}

bool bs_progress_possible(void)
{
    return threshold >= BS_LOG_INFO && isatty(STDERR_FILENO);
}

/* Writes a line with the time of day for a log, once in a while. The caller has locked stderr. */
static void log_progress(const char *fmt, va_list ap)
{
    static double last = -1; /* before the first call */
    char when[BS_UTC_TEXT];
    double now = bs_resources_clock();
    if (last < 0)
        last = now;
    if (now - last < period)
        return;
    last = now;
    bs_resources_utc(when, time(NULL));
    fprintf(stderr, "%s  ", when);
    put_message(fmt, ap);
    fputc('\n', stderr);
}

/* Overwrites the line of the terminal. The caller has locked stderr. */
static void show_progress(bool meanwhile, const char *fmt, va_list ap)
{
    static double last = -10; /* time of the last one that was not `meanwhile` */
    double now = bs_resources_clock();
    if (!meanwhile)
        last = now;
    if (meanwhile && now - last <= 2)
        return;
    fputs("\r\033[K", stderr);
    progress_shown = put_message(fmt, ap);
    fflush(stderr);
}

void bs_progress(const char *fmt, ...)
{
    va_list ap;
    if (threshold < BS_LOG_INFO)
        return;
    va_start(ap, fmt);
    flockfile(stderr);
    if (isatty(STDERR_FILENO))
        show_progress(false, fmt, ap);
    else
        log_progress(fmt, ap);
    funlockfile(stderr);
    va_end(ap);
}

void bs_progress_end(void)
{
    flockfile(stderr);
    if (progress_shown)
        fputs("\r\033[K", stderr);
    progress_shown = false;
    funlockfile(stderr);
}

void bs_progress_meanwhile(const char *fmt, ...)
{
    va_list ap;
    if (!bs_progress_possible())
        return;
    va_start(ap, fmt);
    flockfile(stderr);
    show_progress(true, fmt, ap);
    funlockfile(stderr);
    va_end(ap);
}
