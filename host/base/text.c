#include "base/text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- UTF-8 --- */

int bs_utf8_decode(uint32_t *out, const char *text)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *p = (const unsigned char *)text;
    int n = p[0] < 0x80 ? 1 : p[0] < 0xC0 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF8 ? 4 : 0;
    uint32_t c = n <= 1 ? p[0] : p[0] & (0xFFu >> (n + 1));
    for (int i = 1; i < n; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        c = c << 6 | (p[i] & 0x3Fu);
    }
    if (n > 1 && (c < least[n] || c > 0x10FFFF || (c >= 0xD800 && c < 0xE000)))
        return 0;
    *out = c;
    return n;
}

bool bs_utf8_valid(const char *text)
{
    uint32_t c;
    for (int n; *text; text += n) {
        n = bs_utf8_decode(&c, text);
        if (n == 0)
            return false;
    }
    return true;
}

/* --- escapes --- */

bool bs_char_is_hidden(uint32_t c)
{
    static const uint32_t ranges[][2] = {
        {0x00, 0x1F},     {0x7F, 0x9F},     {0xAD, 0xAD},      {0x61C, 0x61C},   {0x180E, 0x180E},
        {0x200B, 0x200B}, {0x200E, 0x200F}, {0x2028, 0x202E},  {0x2060, 0x206F}, {0xFEFF, 0xFEFF},
        {0xFFF9, 0xFFFB}, {0xFFFE, 0xFFFF}, {0xE0000, 0xE007F}};
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (c >= ranges[i][0] && c <= ranges[i][1])
            return true;
    return false;
}

static void escape(bs_str *s, uint32_t c)
{
    if (c == '\n' || c == '\t' || c == '\r')
        bs_str_puts(s, c == '\n' ? "\\n" : c == '\t' ? "\\t" : "\\r");
    else if (c < 0x80)
        bs_str_printf(s, "\\x%02x", (unsigned)c);
    else
        bs_str_printf(s, c <= 0xFFFF ? "\\u%04x" : "\\U%08x", (unsigned)c);
}

/* Copies whole runs of characters that stay, so that plain text is one copy. */
static void append_escaped(bs_str *s, const char *text, bool (*stays)(uint32_t c))
{
    const char *run = text;
    while (*text) {
        uint32_t c = 0;
        int n = bs_utf8_decode(&c, text);
        if (n > 0 && stays(c)) {
            text += n;
            continue;
        }
        bs_str_append(s, run, (size_t)(text - run));
        if (n > 0)
            escape(s, c);
        else
            bs_str_printf(s, "\\x%02x", (unsigned char)*text);
        run = text += n > 0 ? n : 1;
    }
    bs_str_append(s, run, (size_t)(text - run));
}

static bool is_shown(uint32_t c)
{
    return !bs_char_is_hidden(c);
}

static bool is_shown_or_break(uint32_t c)
{
    return c == '\n' || c == '\r' || c == '\t' || is_shown(c);
}

static bool is_any(uint32_t c)
{
    (void)c;
    return true;
}

void bs_str_visible(bs_str *s, const char *text)
{
    append_escaped(s, text, is_shown);
}

void bs_str_visible_lines(bs_str *s, const char *text)
{
    append_escaped(s, text, is_shown_or_break);
}

void bs_str_utf8(bs_str *s, const char *text)
{
    append_escaped(s, text, is_any);
}

void bs_str_shell(bs_str *s, const char *text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:,+@%";
    if (*text && text[strspn(text, plain)] == '\0') {
        bs_str_puts(s, text);
        return;
    }
    bs_str shown = {0};
    bs_str_visible(&shown, text);
    /* Most shells understand $'...', which takes escapes; all understand '...', which is used where it
     * suffices. */
    bool escapes = shown.ptr && strcmp(shown.ptr, text) != 0;
    bs_str_clear(&shown);
    bs_str_puts(s, escapes ? "$'" : "'");
    for (const char *p = text; *p;) {
        uint32_t c = 0;
        int n = bs_utf8_decode(&c, p);
        if (n == 0 || bs_char_is_hidden(c)) {
            n = n > 0 ? n : 1;
            for (int i = 0; i < n; i++)
                bs_str_printf(s, "\\%03o", (unsigned char)p[i]);
        } else if (*p == '\'') {
            bs_str_puts(s, escapes ? "\\'" : "'\\''");
        } else if (*p == '\\' && escapes) {
            bs_str_puts(s, "\\\\");
        } else {
            bs_str_append(s, p, (size_t)n);
        }
        p += n;
    }
    bs_str_puts(s, "'");
}

/* --- for printf --- */

enum { COPIES = 8 };

static bs_str *next_copy(void)
{
    static _Thread_local bs_str copy[COPIES];
    static _Thread_local unsigned next;
    bs_str *s = &copy[next++ % COPIES];
    s->len = 0;
    s->oom = 0;
    return s;
}

const char *bs_visible(const char *text)
{
    uint32_t c = 0;
    const char *p = text;
    for (int n; *p && (n = bs_utf8_decode(&c, p)) > 0 && is_shown(c);)
        p += n;
    if (!*p)
        return text;
    bs_str *s = next_copy();
    bs_str_visible(s, text);
    return s->oom ? "?" : s->ptr;
}

const char *bs_visible_cut(const char *text, size_t max)
{
    uint32_t c;
    const char *shown = bs_visible(text);
    size_t n = 0;
    if (strlen(shown) <= max)
        return shown;
    for (size_t k; (k = (size_t)bs_utf8_decode(&c, shown + n)) > 0 && n + k <= max;)
        n += k;
    bs_str *s = next_copy();
    bs_str_append(s, shown, n);
    return s->oom ? "?" : s->ptr;
}

const char *bs_shell_word(const char *text)
{
    bs_str *s = next_copy();
    bs_str_shell(s, text);
    return s->oom ? "FILE" : s->ptr;
}

/* --- JSON --- */

void bs_str_json(bs_str *s, const char *text)
{
    bs_str_puts(s, "\"");
    for (int n; *text; text += n) {
        uint32_t c = 0;
        n = bs_utf8_decode(&c, text);
        if (n == 0) {
            bs_str_printf(s, "\\\\x%02x", (unsigned char)*text);
            n = 1;
        } else if (c == '"' || c == '\\') {
            bs_str_printf(s, "\\%c", (char)c);
        } else if (!bs_char_is_hidden(c)) {
            bs_str_append(s, text, (size_t)n);
        } else if (c <= 0xFFFF) {
            bs_str_printf(s, "\\u%04x", (unsigned)c);
        } else {
            c -= 0x10000;
            bs_str_printf(s, "\\u%04x\\u%04x", 0xD800u + (unsigned)(c >> 10),
                          0xDC00u + (unsigned)(c & 0x3FF));
        }
    }
    bs_str_puts(s, "\"");
}

void bs_str_json_number(bs_str *s, double v)
{
    if (isfinite(v))
        bs_str_printf(s, "%.9g", v);
    else
        bs_str_puts(s, isnan(v) ? "\"NaN\"" : v > 0 ? "\"Infinity\"" : "\"-Infinity\"");
}

/* --- CSV --- */

static bool is_number(const char *text)
{
    char *end;
    if (text[strspn(text, "+-.0123456789eE")])
        return false;
    strtod(text, &end);
    return end != text && !*end;
}

/* Returns true if a spreadsheet would take the text for a formula. A formula after apostrophes counts too: it
 * gets one more, so that bs_csv_unguard() restores it. */
static bool needs_guard(const char *text)
{
    const char *first = text + strspn(text, "'");
    return *first && strchr("=+-@", *first) && !is_number(text);
}

void bs_str_csv(bs_str *s, const char *text)
{
    bs_str shown = {0};
    bs_str_visible(&shown, text);
    s->oom |= shown.oom;
    const char *p = shown.ptr ? shown.ptr : "";
    bool blank = *p == ' ' || (*p && p[strlen(p) - 1] == ' '); /* readers drop such blanks */
    const char *quote = blank || strpbrk(p, ",;\"") ? "\"" : "";
    bs_str_printf(s, "%s%s", quote, needs_guard(p) ? "'" : "");
    for (; *p; p++)
        bs_str_append(s, *p == '"' ? "\"\"" : p, *p == '"' ? 2 : 1);
    bs_str_puts(s, quote);
    bs_str_clear(&shown);
}

void bs_csv_unguard(char *text)
{
    size_t n = strspn(text, "'");
    if (n > 0 && text[n] && strchr("=+-@", text[n]))
        memmove(text, text + 1, strlen(text));
}
