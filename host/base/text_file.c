/* Text files that people wrote: their encoding, and whether they are text at all. */
#include "base/text.h"

#include "base/file_kind.h"

#include <stdlib.h>
#include <string.h>

/* Returns the first byte that is not UTF-8, or NULL. */
static const char *find_invalid(const char *text, size_t len)
{
    const char *end = text + len;
    uint32_t c;
    for (int n; text < end; text += n) {
        n = bs_utf8_decode(&c, text);
        if (n == 0)
            return text;
    }
    return NULL;
}

static bs_status hint_iconv(const char *from, const char *path)
{
    return bs_hint("names are UTF-8; convert the file: iconv -f %s -t UTF-8 %s >NEW", from,
                   bs_shell_word(path));
}

/* Hints at the most likely encoding: UTF-8 with one bad line if the file holds other multi-byte characters,
 * Windows-1252 if it uses bytes that are controls in Latin-1, else Latin-1. iconv converts the latter two
 * without an error. */
static bs_status hint_encoding(const char *text, const char *path)
{
    bool windows = false, undefined = false;
    uint32_t c;
    for (const char *p = text; *p; p++) {
        unsigned char byte = (unsigned char)*p;
        if (byte < ' ' && !strchr("\t\n\r", byte))
            return bs_hint("is this the file that you meant? It does not look like text");
        if (bs_utf8_decode(&c, p) > 1)
            return bs_hint("the file holds other names in UTF-8: correct this line");
        windows |= byte >= 0x80 && byte < 0xA0;
        undefined |= byte == 0x81 || byte == 0x8D || byte == 0x8F || byte == 0x90 || byte == 0x9D;
    }
    return hint_iconv(windows && !undefined ? "WINDOWS-1252" : "ISO-8859-1", path);
}

bs_status bs_utf8_check(const char *text, size_t len, const char *path, bs_status status)
{
    const char *bad = find_invalid(text, len), *start = text;
    size_t line = 1;
    if (!bad)
        return BS_OK;
    for (const char *p = text; p < bad; p++)
        if (*p == '\n') {
            line++;
            start = p + 1;
        }
    if (bad - start > 60)
        start = bad - 60;
    bs_fail(status, "%s:%zu: byte 0x%02x is not UTF-8, after '%.*s'", path, line, (unsigned char)*bad,
            (int)(bad - start), start);
    return hint_encoding(text, path);
}

bs_status bs_read_text(char **out, size_t *len, const char *path, size_t limit)
{
    static const struct {
        const char *mark;
        size_t n;
        const char *name; /* of the encoding; NULL: UTF-8, whose mark is dropped */
    } marks[] = {{"\xFF\xFE\0\0", 4, "UTF-32"},
                 {"\0\0\xFE\xFF", 4, "UTF-32"},
                 {"\xFF\xFE", 2, "UTF-16"},
                 {"\xFE\xFF", 2, "UTF-16"},
                 {"\xEF\xBB\xBF", 3, NULL}};
    BS_TRY(bs_read_file(out, len, path, limit));
    if (bs_file_kind_check(*out, *len, BS_FILE_TEXT, path) != BS_OK) {
        free(*out);
        *out = NULL;
        return bs_context("cannot read '%s'", path);
    }
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (*len < marks[i].n || memcmp(*out, marks[i].mark, marks[i].n) != 0)
            continue;
        if (!marks[i].name) {
            *len -= marks[i].n;
            memmove(*out, *out + marks[i].n, *len + 1);
            return BS_OK;
        }
        free(*out);
        *out = NULL;
        bs_fail(BS_ERR, "%s:1: the file is %s, not UTF-8: it starts with byte 0x%02x", path, marks[i].name,
                (unsigned char)marks[i].mark[0]);
        return hint_iconv(marks[i].name, path);
    }
    return BS_OK;
}
