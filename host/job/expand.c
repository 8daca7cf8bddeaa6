#include "job/expand.h"

#include "base/buf.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LIMIT = 128, EXPANDED_LIMIT = 1 << 16 };

static size_t name_length(const char *p, const char *end)
{
    size_t n = 0;
    while (p + n < end && (isalnum((unsigned char)p[n]) || p[n] == '_'))
        n++;
    return n > 0 && isdigit((unsigned char)*p) ? 0 : n;
}

/* Appends the value of the variable, or the fallback where it is unset or (with a fallback) empty. */
static bs_status append_variable(bs_str *s, const char *name, size_t n, const char *fallback,
                                 size_t n_fallback)
{
    char key[NAME_LIMIT];
    if (n >= sizeof key)
        return bs_fail(BS_USAGE, "the name of a variable is longer than %d characters", NAME_LIMIT - 1);
    memcpy(key, name, n);
    key[n] = '\0';
    const char *value = getenv(key);
    if (fallback && (!value || !*value)) {
        bs_str_append(s, fallback, n_fallback);
    } else if (value) {
        bs_str_puts(s, value);
    } else {
        bs_fail(BS_USAGE, "variable '%s' is not set", key);
        return bs_hint("set %s in the environment, or give a default: ${%s:-value}", key, key);
    }
    return BS_OK;
}

/* *at is after "${"; moves it to after the closing brace. */
static bs_status append_braced(bs_str *s, const char **at, const char *end)
{
    size_t n = name_length(*at, end);
    const char *p = *at + n, *fallback = NULL, *close;
    if (n > 0 && end - p >= 2 && p[0] == ':' && p[1] == '-')
        fallback = p += 2;
    close = p < end ? memchr(p, '}', (size_t)(end - p)) : NULL;
    if (n == 0 || !close || (!fallback && close != p)) {
        bs_fail(BS_USAGE, "malformed variable '${%.*s'", (int)(end - *at < 40 ? end - *at : 40), *at);
        return bs_hint("write ${NAME} or ${NAME:-default}; $$ is a plain dollar sign");
    }
    BS_TRY(append_variable(s, *at, n, fallback, (size_t)(close - p)));
    *at = close + 1;
    return BS_OK;
}

static bs_status expand_into(bs_str *s, const char *p, const char *end)
{
    while (p < end) {
        const char *dollar = memchr(p, '$', (size_t)(end - p));
        if (!dollar)
            dollar = end;
        bs_str_append(s, p, (size_t)(dollar - p));
        if (dollar == end)
            break;
        p = dollar + 1;
        size_t n = name_length(p, end);
        if (p < end && *p == '$') {
            bs_str_puts(s, "$");
            p++;
        } else if (p < end && *p == '{') {
            p++;
            BS_TRY(append_braced(s, &p, end));
        } else if (n > 0) {
            BS_TRY(append_variable(s, p, n, NULL, 0));
            p += n;
        } else {
            bs_fail(BS_USAGE, "a '$' without the name of a variable");
            return bs_hint("write $$ for a plain dollar sign");
        }
        if (s->len > EXPANDED_LIMIT)
            return bs_fail(BS_USAGE, "a value longer than %d characters", EXPANDED_LIMIT);
    }
    return bs_str_status(s);
}

bs_status bs_expand(char **out, const char *text, size_t len)
{
    bs_str s = {0};
    *out = NULL;
    bs_str_puts(&s, "");
    bs_status st = expand_into(&s, text, text + len);
    if (st == BS_OK)
        st = bs_str_status(&s);
    if (st != BS_OK) {
        bs_str_clear(&s);
        return st;
    }
    *out = s.ptr;
    return BS_OK;
}
