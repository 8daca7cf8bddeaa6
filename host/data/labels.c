#include "base/text.h"
#include "data/listing.h"

#include <csv.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MAX_CSV_BYTES ((size_t)1 << 30)
#define MAX_LINE_BYTES                                                                                       \
    ((size_t)1 << 16) /* paths have at most 4,096; libcsv is slow where fields are long                      \
                       */

/* One pass over a labels file. Callbacks of libcsv cannot return an error, so they leave it in `st`. */
struct csv_pass {
    bs_listing *list;
    const bs_dataset_spec *spec;
    int classes;
    size_t line;
    bool any;        /* a record was seen, so no header can follow */
    bool line_ended; /* the record ended with the line */
    size_t n_fields;
    char *fields[2]; /* owned */
    bs_status st;
};

static void clear_fields(struct csv_pass *pass)
{
    for (int i = 0; i < 2; i++) {
        free(pass->fields[i]);
        pass->fields[i] = NULL;
    }
    pass->n_fields = 0;
}

static void on_field(void *text, size_t len, void *data)
{
    struct csv_pass *pass = data;
    size_t i = pass->n_fields++;
    if (pass->st != BS_OK || i >= 2)
        return;
    pass->fields[i] = strdup(text);
    if (!pass->fields[i])
        pass->st = bs_oom("labels");
    else if (strlen(text) != len)
        pass->st = bs_fail(BS_ERR, "a field holds a NUL byte");
}

static bs_status parse_label(int *out, const char *text, int classes)
{
    char *end;
    errno = 0;
    long v = strtol(text, &end, 10);
    if (!*text) {
        bs_fail(BS_ERR, "the label is missing");
        return bs_hint("add it; to do without labels set 'unlabelled: true' in the job's 'images'");
    }
    if (end == text || *end) {
        bs_fail(BS_ERR, "label '%s' is not a whole number", text);
        return bs_hint("each line reads 'file,label' with the label as class index; "
                       "a first line 'file,label' is skipped");
    }
    long last = classes > 0 ? classes - 1 : INT32_MAX;
    if (errno || v < 0 || v > last) {
        bs_fail(BS_ERR, "label %s is outside 0..%ld", text, last);
        return bs_hint(
            "labels are class indices counted from 0; the network's output says how many there are");
    }
    *out = (int)v;
    return BS_OK;
}

static bs_status take_record(struct csv_pass *pass)
{
    const char *name = pass->fields[0], *label_text = pass->n_fields > 1 ? pass->fields[1] : "";
    bool unlabelled = pass->spec->unlabelled && !*label_text;
    if (pass->n_fields != 2 && !(pass->n_fields == 1 && unlabelled)) {
        bs_fail(BS_ERR, "expected two fields, found %zu", pass->n_fields);
        return bs_hint("each line reads 'file,label'; quote file names that hold a comma");
    }
    if (!pass->any && !strcasecmp(name, "file") && (pass->n_fields == 1 || !strcasecmp(label_text, "label")))
        return BS_OK;
    int label = -1;
    if (!*name) {
        bs_fail(BS_ERR, "the file name is empty");
        return bs_hint("each line reads 'file,label'");
    }
    if (!unlabelled)
        BS_TRY(parse_label(&label, label_text, pass->classes));
    return bs_listing_add(pass->list, name, name, label, pass->line);
}

static void on_record(int terminator, void *data)
{
    (void)terminator;
    struct csv_pass *pass = data;
    if (pass->st == BS_OK)
        pass->st = take_record(pass);
    pass->any = true;
    pass->line_ended = true;
    clear_fields(pass);
}

static bool is_blank(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strchr(" \t\r\n", text[i]) || !text[i])
            return false;
    return true;
}

/* Feeds the parser line by line, so that errors know their line. A quoted field must therefore end on its
 * line. */
static bs_status parse_line(struct csv_pass *pass, struct csv_parser *parser, const char *text, size_t n)
{
    pass->line++;
    pass->line_ended = false;
    if (is_blank(text, n))
        return BS_OK;
    if (n > MAX_LINE_BYTES) {
        bs_fail(BS_ERR, "the line has %zu bytes", n);
        return bs_hint("each line reads 'file,label'");
    }
    size_t used = csv_parse(parser, text, n, on_field, on_record, pass);
    BS_TRY(pass->st);
    if (used != n && csv_error(parser) != CSV_EPARSE)
        return bs_oom("labels");
    if (used != n || !pass->line_ended) {
        bs_fail(BS_ERR, used != n ? "misplaced quote" : "a quoted field does not end on its line");
        return bs_hint("quote the whole field, and write a quote inside it twice");
    }
    return BS_OK;
}

bs_status bs_list_csv(bs_listing *list, const bs_dataset_spec *spec, int classes)
{
    const char *labels = spec->labels;
    struct csv_pass pass = {.list = list, .spec = spec, .classes = classes};
    struct csv_parser parser;
    char *text = NULL;
    size_t len = 0;
    BS_TRY(spec->root ? bs_path_in(&list->folder, "", spec->root)
                      : bs_path_beside(&list->folder, labels, ""));
    BS_TRY(bs_read_text(&text, &len, labels, MAX_CSV_BYTES));
    if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0) {
        free(text);
        return bs_oom("labels");
    }
    text[len++] = '\n'; /* replaces the NUL: the last line may lack its end */
    bs_status st = BS_OK;
    size_t at = 0;
    while (at < len && st == BS_OK) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = (size_t)(end - text) + 1 - at;
        st = parse_line(&pass, &parser, text + at, n);
        at += n;
    }
    if (st == BS_OK && csv_fini(&parser, on_field, on_record, &pass) != 0)
        st = bs_fail(BS_ERR, "a quoted field does not end");
    if (st != BS_OK)
        st = bs_context("%s:%zu", labels, pass.line);
    clear_fields(&pass);
    csv_free(&parser);
    free(text);
    return st;
}
