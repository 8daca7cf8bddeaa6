#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local bs_error current;

bs_status bs_fail(bs_status status, const char *fmt, ...)
{
    va_list ap;
    /* Formatted into a copy first: an argument may be the current message itself. */
    char message[sizeof current.message];
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    memcpy(current.message, message, sizeof message);
    current.hint[0] = '\0';
    current.status = status;
    return status;
}

bs_status bs_hint(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(current.hint, sizeof current.hint, fmt, ap);
    va_end(ap);
    return current.status;
}

bs_status bs_context(const char *fmt, ...)
{
    char joined[sizeof current.message];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(joined, sizeof joined, fmt, ap);
    va_end(ap);
    if (n < 0)
        return current.status;
    strncat(joined, ": ", sizeof joined - strlen(joined) - 1);
    strncat(joined, current.message, sizeof joined - strlen(joined) - 1);
    memcpy(current.message, joined, sizeof joined);
    return current.status;
}

bs_status bs_oom(const char *what)
{
    bs_fail(BS_NO_MEMORY, "%s: out of memory", what);
    return bs_hint_memory();
}

bs_status bs_hint_memory(void)
{
    return bs_hint("raise the limit of memory or of processes (ulimit, the batch system), or ask for less at "
                   "once, such as "
                   "fewer --threads");
}

const char *bs_error_message(void)
{
    return current.message;
}

const char *bs_error_hint(void)
{
    return current.hint;
}

bs_status bs_error_status(void)
{
    return current.status;
}

void bs_error_clear(void)
{
    memset(&current, 0, sizeof current);
}

void bs_error_save(bs_error *out)
{
    *out = current;
}

bs_status bs_error_restore(const bs_error *e)
{
    current = *e;
    return e->status;
}
