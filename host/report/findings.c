#include "report/findings.h"

#include "report/data.h"
#include "report/html.h"

#include <string.h>

static const struct {
    const char *about, *nothing;
} sentences[] = {
    {"What the faults did", "The file has no trials yet, so nothing was found"},
    {"Where they do harm", "No entry hits layers one by one, so no layer can be named"},
    {"Which bits", "No entry flips single bits of layers with memory of their own, so no bit can be named"},
    {"Where wrong answers go", "No trial gave a wrong answer, so there is nothing to test for sinks"},
    {"What the answers are worth", "Nothing can be said without trials"},
};
enum { SENTENCES = sizeof sentences / sizeof *sentences };

/* Appends a text in which no line breaks before a percent sign. */
static void put_text(bs_str *out, const char *text)
{
    for (const char *percent; (percent = strstr(text, " %")) != NULL; text = percent + 1) {
        bs_str part = {0};
        bs_str_append(&part, text, (size_t)(percent - text));
        bs_html_text(out, part.ptr ? part.ptr : "");
        bs_str_puts(out, "&nbsp;");
        out->oom |= part.oom;
        bs_str_clear(&part);
    }
    bs_html_text(out, text);
}

/* `called`: what it begins with, and stands out. */
static void put_sentence(bs_str *out, const char *text, const char *called)
{
    size_t n = strlen(called);
    if (n && strncmp(text, called, n) == 0) {
        bs_str_puts(out, "<b>");
        bs_html_text(out, called);
        bs_str_puts(out, "</b>");
        text += n;
    }
    put_text(out, text);
    bs_str_puts(out, ".");
}

/* Appends the rows of one sentence: those before the others (K below 1), then the others, as a list if there
 * are several. */
static void put_rows(bs_str *out, const bs_data *d, const char *nothing)
{
    enum { TEXT, K, CALLED };
    size_t first = 0;
    if (d->n == 0)
        put_sentence(out, nothing, "");
    for (; first < d->n && bs_data_value(d, first, K) < 1; first++) {
        put_text(out, bs_data_text(d, first, TEXT));
        bs_str_puts(out, " ");
    }
    if (d->n == first + 1)
        put_sentence(out, bs_data_text(d, first, TEXT), bs_data_text(d, first, CALLED));
    for (size_t i = first; d->n > first + 1 && i < d->n; i++) {
        bs_str_puts(out, i > first ? "<li>" : "<ul>\n<li>");
        put_sentence(out, bs_data_text(d, i, TEXT), bs_data_text(d, i, CALLED));
        bs_str_puts(out, i + 1 < d->n ? "</li>\n" : "</li></ul>");
    }
}

bs_status bs_findings_write(bs_str *out, const bs_db *db)
{
    bs_data d = {0};
    bs_str_puts(out, "<ol class=findings>\n");
    for (long long place = 1; place <= SENTENCES; place++) {
        BS_TRY(bs_data_load(&d, db, "SELECT text, k, called FROM report_finding WHERE place = ?1 ORDER BY k",
                            1, &place));
        bs_str_printf(out, "<li><b>%s.</b> ", sentences[place - 1].about);
        put_rows(out, &d, sentences[place - 1].nothing);
        bs_str_puts(out, "</li>\n");
    }
    bs_str_puts(out, "</ol>\n");
    bs_data_clear(&d);
    return bs_str_status(out);
}
