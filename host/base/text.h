/* Names that came from other people's files: what is UTF-8, what may be shown, what a shell or a spreadsheet
 * makes of it. A name is kept as it is; it is escaped where it is printed. */
#ifndef BS_BASE_TEXT_H
#define BS_BASE_TEXT_H

#include "base/buf.h"

#include <stdbool.h>

/* The UTF-8 character at `p` (NUL-terminated); returns its bytes, 1 to 4, or 0 where there is none: overlong
 * forms, surrogates and what lies above U+10FFFF are none. */
int bs_utf8_decode(uint32_t *out, const char *p);
bool bs_utf8_valid(const char *text);
/* Fails with `status`, naming file, line, byte and the text before it, unless all `len` bytes of `text`
 * (NUL-terminated) are UTF-8; the hint is a command that converts the file. */
bs_status bs_utf8_check(const char *text, size_t len, const char *path, bs_status status);
/* bs_read_file() for text: refuses UTF-16 and UTF-32, which tell themselves by their byte order marks, and
 * drops the mark of UTF-8. Other bytes are not looked at. */
bs_status bs_read_text(char **out, size_t *len, const char *path, size_t limit);

/* Characters that steer a terminal or hide: controls, line separators, marks of direction, zero width but for
 * the two joiners that scripts need, tags, noncharacters. */
bool bs_char_is_hidden(uint32_t c);
/* `text` on one line, for reading: hidden characters as \n, \t, \r, \xNN, \uNNNN or \UNNNNNNNN, bytes that
 * are not UTF-8 as \xNN; all else, backslashes too, as it is. */
void bs_str_visible(bs_str *s, const char *text);
/* The same for text of many lines: their ends (LF, CR) and tabs stay. */
void bs_str_visible_lines(bs_str *s, const char *text);
/* Only bytes that are not UTF-8 are escaped: how paths are stored. */
void bs_str_utf8(bs_str *s, const char *text);
/* `text` as a JSON string, quotes included, in which nothing is lost: hidden characters are \uNNNN.
 * Only bytes that are not UTF-8, which JSON cannot hold, read back as the four characters \xNN. */
void bs_str_json(bs_str *s, const char *text);
/* `text` as a field of CSV that people open: one line, with what is hidden made visible, quoted when
 * it must be (RFC 4180; for spreadsheets that separate by semicolons, too). A text that starts with = + - @
 * and is no number gets an apostrophe in front, so that no spreadsheet runs it as a formula; bs_csv_unguard()
 * takes it off. */
void bs_str_csv(bs_str *s, const char *text);
/* One word of a shell's command line, quoted where it must be. */
void bs_str_shell(bs_str *s, const char *text);

/* bs_str_visible() for the arguments of printf: `text` itself where nothing is hidden, else a copy that lives
 * until the eighth call after it on this thread. The second one also cuts the copy, between characters, to
 * `max` bytes. */
const char *bs_visible(const char *text);
const char *bs_visible_cut(const char *text, size_t max);
/* bs_str_shell() in the same way: for commands in hints. */
const char *bs_shell_word(const char *text);

/* Takes the apostrophe off a field of a CSV file that bs_str_csv() put in front of = + - @, in place. */
void bs_csv_unguard(char *text);

#endif
