/* Text from other people's files: whether it is UTF-8, and how it is escaped for terminals, shells, JSON and
 * CSV. A name is stored as it is and escaped where it is printed. */
#ifndef BS_BASE_TEXT_H
#define BS_BASE_TEXT_H

#include "base/buf.h"

#include <stdbool.h>

/* Decodes the UTF-8 character at `p` (NUL-terminated). Returns its length, 1 to 4 bytes, or 0 if there is
 * none: overlong forms, surrogates and values above U+10FFFF are invalid. */
int bs_utf8_decode(uint32_t *out, const char *p);
bool bs_utf8_valid(const char *text);
/* Fails with `status` unless all `len` bytes of `text` (NUL-terminated) are UTF-8. The message names file,
 * line, byte and the text before it; the hint is a command that converts the file. */
bs_status bs_utf8_check(const char *text, size_t len, const char *path, bs_status status);
/* Like bs_read_file(), for text: refuses UTF-16 and UTF-32, recognised by their byte order marks, and
 * files of other kinds (base/file_kind.h), and drops the mark of UTF-8. Does not check any other bytes. */
bs_status bs_read_text(char **out, size_t *len, const char *path, size_t limit);

/* Returns true for characters that steer a terminal or are invisible: controls, line separators, direction
 * marks, zero width (except the two joiners that scripts need), tags, noncharacters. */
bool bs_char_is_hidden(uint32_t c);
/* Appends `text` on one line, for reading: hidden characters become \n, \t, \r, \xNN, \uNNNN or \UNNNNNNNN,
 * bytes that are not UTF-8 become \xNN; all else, backslashes too, stays as it is. */
void bs_str_visible(bs_str *s, const char *text);
/* The same for text of several lines: line ends (LF, CR) and tabs stay. */
void bs_str_visible_lines(bs_str *s, const char *text);
/* Appends `text` with only those bytes escaped that are not UTF-8: the form in which paths are stored. */
void bs_str_utf8(bs_str *s, const char *text);
/* Appends `text` as a JSON string, quotes included. Nothing is lost: hidden characters become \uNNNN; only
 * bytes that are not UTF-8, which JSON cannot hold, read back as the four characters \xNN. */
void bs_str_json(bs_str *s, const char *text);
/* Appends a number as JSON: with 9 digits, enough for any float; what JSON has no number for as a string,
 * "Infinity", "-Infinity" or "NaN". */
void bs_str_json_number(bs_str *s, double v);
/* Appends `text` as a field of a CSV file for people: on one line, with hidden characters made visible,
 * quoted where needed (RFC 4180, and for spreadsheets that separate by semicolons). A text that starts with =
 * + - @ and is not a number gets an apostrophe before it, so that no spreadsheet runs it as a formula;
 * bs_csv_unguard() removes it. */
void bs_str_csv(bs_str *s, const char *text);
/* Appends `text` as one word of a shell's command line, quoted where needed. */
void bs_str_shell(bs_str *s, const char *text);

/* bs_str_visible() for arguments of printf: returns `text` itself if nothing is hidden, else a copy that is
 * valid until the eighth call after it on this thread. bs_visible_cut() also cuts it, between characters, to
 * `max` bytes. */
const char *bs_visible(const char *text);
const char *bs_visible_cut(const char *text, size_t max);
/* bs_str_shell() in the same way, for commands in hints. */
const char *bs_shell_word(const char *text);

/* Removes in place the apostrophe that bs_str_csv() put before = + - @ in a field of a CSV file. */
void bs_csv_unguard(char *text);

#endif
