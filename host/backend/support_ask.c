/* Helpers that the checks of all operators share. */
#include "backend/support_internal.h"

#include <stdarg.h>
#include <stdio.h>

bool bs_refuse(const bs_support_question *q, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (q->why && q->len)
        vsnprintf(q->why, q->len, fmt, ap);
    va_end(ap);
    return false;
}

bool bs_support_inputs(const bs_support_question *q, int parameters, int optional)
{
    if (!bs_asked_input(q, 0) || bs_asked_input(q, 0)->constant)
        return bs_refuse(q, "input 0 must be computed by the network");
    for (int k = 1; k <= parameters; k++) {
        const bs_tensor *t = bs_asked_input(q, k);
        if (!t && k > parameters - optional)
            continue;
        if (!t || !t->constant)
            return bs_refuse(q, "input %d must be a constant of the file", k);
    }
    return true;
}
