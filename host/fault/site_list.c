#include "fault/site_list.h"

#include "base/file_kind.h"
#include "base/text.h"
#include "fault.h"
#include "fault/plan.h"
#include "fault/table.h"

#include <csv.h>
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CHUNK = 1 << 16, FIELD_LIMIT = 4096, MAX_ROWS = 1 << 28 };

enum column {
#define X(suffix, ...) COLUMN_##suffix,
    BS_SITE_COLUMNS(X)
#undef X
        N_COLUMNS
};

static const char *const column_names[] = {
#define X(suffix, name, meaning) name,
    BS_SITE_COLUMNS(X)
#undef X
};

typedef struct reader {
    const char *path;
    const bs_graph *graph;
    int entry_id;
    uint32_t n_images;
    bs_site_rows *out;
    uint64_t line;
    bool header_done;
    int position[N_COLUMNS]; /* of each column in a row, -1: absent */
    int n_header, at;        /* fields of the header, and of this row so far */
    bs_str cell[N_COLUMNS];  /* of this row; empty if the column is absent */
    bs_str last_name;        /* cached, because rows of one target are mostly adjacent */
    int last_target;
    bs_status st;
} reader;

static bs_status fail_row(reader *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static bs_status fail_row(reader *r, const char *fmt, ...)
{
    char message[512];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(message, sizeof message, fmt, ap);
    va_end(ap);
    return bs_fail(BS_USAGE, "%s:%llu: %s", r->path, (unsigned long long)r->line, message);
}

static const char *cell(const reader *r, int column)
{
    return r->cell[column].len ? r->cell[column].ptr : "";
}

/* Parses a whole number below `limit`. hex: 0x and hexadecimal digits. */
static bool parse_whole(uint64_t *out, const char *text, uint64_t limit, bool hex)
{
    char *end;
    if (hex && (text[0] != '0' || (text[1] | 0x20) != 'x'))
        return false;
    const char *digits = hex ? text + 2 : text;
    if (!*digits || digits[strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789")])
        return false;
    errno = 0;
    *out = strtoull(digits, &end, hex ? 16 : 10);
    return errno == 0 && *out < limit;
}

static bs_status read_target(reader *r, bs_site_row *row)
{
    const char *name = cell(r, COLUMN_TARGET);
    if (!*name)
        return fail_row(r, "the column 'target' is empty");
    if (r->last_name.len == 0 || strcmp(r->last_name.ptr, name) != 0) {
        uint64_t id;
        uint64_t n = (uint64_t)r->graph->n_targets;
        if (strcmp(name, BS_NETWORK_ROWS) == 0)
            r->last_target = BS_NETWORK_TARGET;
        else if (*name == '#' && parse_whole(&id, name + 1, n, false))
            r->last_target = (int)id;
        else if ((r->last_target = bs_graph_find_target(r->graph, name)) < 0 &&
                 parse_whole(&id, name, n, false))
            r->last_target = (int)id;
        if (r->last_target < 0) {
            bs_graph_unknown_target(r->graph, name);
            bs_context("%s:%llu", r->path, (unsigned long long)r->line);
            return BS_USAGE;
        }
        if (r->last_target == BS_NETWORK_TARGET && strcmp(name, BS_NETWORK_ROWS) != 0) {
            fail_row(r, "target '%.200s' has the id %d, which means the whole network", name,
                     BS_NETWORK_TARGET);
            return bs_hint("of 4,096 targets the last one cannot be hit: take out its rows");
        }
        r->last_name.len = 0;
        bs_str_puts(&r->last_name, name);
    }
    row->target = (uint32_t)r->last_target;
    return bs_str_status(&r->last_name);
}

static bs_status read_image(reader *r, bs_site_row *row)
{
    const char *text = cell(r, COLUMN_IMAGE);
    uint64_t v;
    row->image = BS_EVERY_IMAGE;
    if (!*text)
        return BS_OK;
    if (!parse_whole(&v, text, r->n_images, false)) {
        fail_row(r, "image '%.40s' is not an index in the data set", text);
        return bs_hint("the job takes %u images, indices count from 0; see 'limit' under images",
                       r->n_images);
    }
    row->image = (uint32_t)v;
    return BS_OK;
}

static bs_status read_trial(reader *r, bs_site_row *row)
{
    const char *text = cell(r, COLUMN_TRIAL);
    row->line = r->line;
    row->alone = !*text;
    row->trial = r->line;
    if (*text && !parse_whole(&row->trial, text, UINT64_MAX, false))
        return fail_row(r, "trial '%.40s' is not a whole number", text);
    return BS_OK;
}

static const bs_tensor *tensor_of(const reader *r, const bs_site_row *row)
{
    return &r->graph->tensors[r->graph->targets[row->target].tensor];
}

/* Says why a bit of another type does not fit. */
static bs_status hint_type(const reader *r, const bs_site_row *row)
{
    const bs_tensor *t = tensor_of(r, row);
    return bs_hint(
        "'%.200s' is stored as %s, see 'storage' in the job: a list for another type does not fit it",
        t->name, bs_dtype_name(t->type));
}

static bs_status read_mask(reader *r, const bs_site_row *row, uint32_t *mask)
{
    const char *bit = cell(r, COLUMN_BIT), *text = cell(r, COLUMN_MASK);
    uint32_t width = bs_dtype_word_of(tensor_of(r, row)->type).bits;
    uint64_t v = 0;
    if (!*bit == !*text) {
        fail_row(r, *bit ? "both 'bit' and 'mask' are given" : "neither 'bit' nor 'mask' is given");
        return bs_hint("give one of them: a bit from 0 to %u, or a mask like 0x%x", width - 1,
                       1u << (width - 2));
    }
    if (*bit && !parse_whole(&v, bit, width, false)) {
        fail_row(r, "bit '%.40s' is not a whole number from 0 to %u", bit, width - 1);
        return width < BS_WORD_BITS ? hint_type(r, row) : BS_USAGE;
    }
    if (*text && !parse_whole(&v, text, (uint64_t)1 << width, true)) {
        fail_row(r, "mask '%.40s' is not a %u-bit hexadecimal number", text, width);
        return width < BS_WORD_BITS ? hint_type(r, row) : bs_hint("write it like 0x%x", 1u << (width - 2));
    }
    *mask = *bit ? 1u << v : (uint32_t)v;
    return BS_OK;
}

static bs_status read_value(reader *r, uint32_t *bits, bs_format format)
{
    const char *text = cell(r, COLUMN_VALUE);
    uint64_t v;
    char *end;
    if (parse_whole(&v, text, (uint64_t)1 << bs_dtype_word_of(format.type).bits, true)) {
        *bits = (uint32_t)v;
        return BS_OK;
    }
    float f = strtof(text, &end);
    if (end == text || *end) {
        fail_row(r, "value '%.40s' is not a number", text);
        return bs_hint("operation '%s' needs a decimal number, or the bits of one like 0x%x",
                       cell(r, COLUMN_OPERATION), bs_format_encode(format, NAN));
    }
    *bits = bs_format_encode(format, f);
    return BS_OK;
}

/* Returns true if a list can express a fault of the kind: it needs at most a value. */
static bool is_listed(bs_fault_traits t)
{
    return !t.random && (t.parameter == BS_FAULT_TAKES_NONE || t.parameter == BS_FAULT_TAKES_VALUE);
}

static bs_status fail_operation(reader *r, const char *name)
{
    bs_str known = {0};
    fail_row(r, "unknown operation '%.40s'", name);
    for (int k = 0; k < BS_FAULT_KIND_COUNT; k++)
        if (is_listed(bs_fault_traits_of((bs_fault_kind)k)))
            bs_str_printf(&known, "%s%s", known.len ? ", " : "", bs_fault_kind_name((bs_fault_kind)k));
    bs_status st = bs_str_status(&known);
    if (st == BS_OK)
        st = bs_hint("operations of a site list: %s", known.ptr);
    bs_str_clear(&known);
    return st;
}

static bs_status read_operation(reader *r, bs_site_row *row)
{
    const char *name = cell(r, COLUMN_OPERATION);
    bs_fault_kind kind = *name ? bs_fault_kind_find(name) : BS_FAULT_FLIP;
    bs_fault_traits t = bs_fault_traits_of(kind);
    uint32_t mask = 0, value = 0;
    if (kind == BS_FAULT_KIND_COUNT || !is_listed(t))
        return fail_operation(r, name);
    if (t.bitwise)
        BS_TRY(read_mask(r, row, &mask));
    if (t.parameter == BS_FAULT_TAKES_VALUE)
        BS_TRY(read_value(r, &value, bs_tensor_format(tensor_of(r, row), row->site.element)));
    row->site = bs_fault_effect(kind, row->site.element, mask, value);
    return BS_OK;
}

static bs_status read_site(reader *r, bs_site_row *row)
{
    const char *text = cell(r, COLUMN_ELEMENT);
    uint64_t v;
    row->none = strcmp(cell(r, COLUMN_OPERATION), bs_fault_kind_name(BS_FAULT_NONE)) == 0;
    if (row->none)
        return BS_OK;
    if (row->target == BS_NETWORK_TARGET) {
        fail_row(r, "'" BS_NETWORK_ROWS "' is the whole network, which has no elements");
        return bs_hint("name a target, or give the operation 'none'");
    }
    const bs_tensor *tensor = &r->graph->tensors[r->graph->targets[row->target].tensor];
    if (!parse_whole(&v, text, (uint64_t)tensor->elements, false) || v > UINT32_MAX) {
        fail_row(r, "element '%.40s' is not in target '%s'", text, tensor->name);
        return bs_hint("its elements are 0 to %lld", (long long)tensor->elements - 1);
    }
    row->site.element = (uint32_t)v;
    return read_operation(r, row);
}

static bs_status read_row(reader *r)
{
    bs_site_row row = {0};
    uint64_t id;
    if (r->at != r->n_header)
        return fail_row(r, "%d fields where the header has %d", r->at, r->n_header);
    const char *entry = cell(r, COLUMN_ENTRY);
    if (r->position[COLUMN_ENTRY] >= 0) {
        if (!parse_whole(&id, entry, 256, false))
            return fail_row(r, "entry '%.40s' is not the id of a fault entry, 0 to 255", entry);
        if ((int)id != r->entry_id)
            return BS_OK;
    }
    BS_TRY(read_target(r, &row));
    BS_TRY(read_image(r, &row));
    BS_TRY(read_trial(r, &row));
    BS_TRY(read_site(r, &row));
    if (r->out->n >= MAX_ROWS)
        return fail_row(r, "more than %d rows", MAX_ROWS);
    BS_TRY(bs_grow(&r->out->row, &r->out->cap, r->out->n + 1, sizeof row, "site list"));
    r->out->row[r->out->n++] = row;
    return BS_OK;
}

static bs_status finish_header(reader *r)
{
    r->header_done = true;
    r->n_header = r->at;
    for (int c = COLUMN_TARGET; c <= COLUMN_ELEMENT; c++)
        if (r->position[c] < 0) {
            fail_row(r, "the header has no column '%s'", column_names[c]);
            return bs_hint("the first line names the columns, for example: target,element,bit");
        }
    return BS_OK;
}

static bs_status take_header_field(reader *r, const char *text)
{
    for (int c = 0; c < N_COLUMNS; c++) {
        if (strcmp(text, column_names[c]) != 0)
            continue;
        if (r->position[c] >= 0)
            return fail_row(r, "column '%s' is named twice", text);
        r->position[c] = r->at;
    }
    return BS_OK;
}

static void on_field(void *field, size_t len, void *data)
{
    reader *r = data;
    if (r->st != BS_OK)
        return;
    if (len > FIELD_LIMIT || (field && memchr(field, '\0', len))) {
        r->st = fail_row(r, len > FIELD_LIMIT ? "a field longer than 4096 characters" : "a NUL character");
        return;
    }
    if (!r->header_done)
        r->st = take_header_field(r, field ? field : "");
    else
        for (int c = 0; c < N_COLUMNS; c++)
            if (r->position[c] == r->at) {
                bs_str_append(&r->cell[c], field ? field : "", len);
                if (c == COLUMN_TARGET && len > 0 && !r->cell[c].oom)
                    bs_csv_unguard(r->cell[c].ptr);
            }
    r->at++;
}

static void on_row(int terminator, void *data)
{
    reader *r = data;
    (void)terminator;
    if (r->st == BS_OK)
        r->st = r->header_done ? read_row(r) : finish_header(r);
    r->at = 0;
    for (int c = 0; c < N_COLUMNS; c++) {
        if (r->st == BS_OK)
            r->st = bs_str_status(&r->cell[c]);
        r->cell[c].len = 0;
    }
}

/* Feeds the parser line by line, so that a row's line is known when its callback runs. */
static bs_status parse_chunk(reader *r, struct csv_parser *csv, const char *p, size_t n)
{
    while (n > 0 && r->st == BS_OK) {
        const char *newline = memchr(p, '\n', n);
        size_t piece = newline ? (size_t)(newline - p) + 1 : n;
        if (csv_parse(csv, p, piece, on_field, on_row, r) != piece) {
            fail_row(r, "not valid CSV: %s", csv_strerror(csv_error(csv)));
            return bs_hint("put fields with commas or quotes in quotes, and write quotes inside twice");
        }
        r->line += newline != NULL;
        p += piece;
        n -= piece;
    }
    return r->st;
}

static bs_status parse_file(reader *r, struct csv_parser *csv, FILE *f)
{
    static const char mark[] = "\xef\xbb\xbf"; /* UTF-8 byte order mark, which spreadsheets write */
    char *chunk;
    size_t n;
    bs_status st = BS_OK;
    bool first = true;
    BS_TRY(bs_calloc(&chunk, CHUNK, 1, "site list"));
    while (st == BS_OK && (n = fread(chunk, 1, CHUNK, f)) > 0) {
        if (first && bs_file_kind_check(chunk, n, BS_FILE_TEXT, r->path) != BS_OK) {
            st = bs_context("cannot read site list '%s'", r->path);
            break;
        }
        size_t skip = first && n >= 3 && memcmp(chunk, mark, 3) == 0 ? 3 : 0;
        st = parse_chunk(r, csv, chunk + skip, n - skip);
        first = false;
    }
    free(chunk);
    if (st == BS_OK && ferror(f))
        st = bs_fail(BS_ERR, "cannot read site list '%s': %s", r->path, strerror(errno));
    if (st == BS_OK && csv_fini(csv, on_field, on_row, r) != 0)
        st = fail_row(r, "not valid CSV: a quote is not closed");
    if (st == BS_OK)
        st = r->st;
    if (st == BS_OK && !r->header_done)
        st = fail_row(r, "the site list is empty");
    return st;
}

bs_status bs_site_rows_read(bs_site_rows *out, const char *path, const bs_graph *graph, int entry_id,
                            uint32_t n_images)
{
    reader r = {
        .path = path, .graph = graph, .entry_id = entry_id, .n_images = n_images, .out = out, .line = 1};
    struct csv_parser csv;
    for (int c = 0; c < N_COLUMNS; c++)
        r.position[c] = -1;
    FILE *f = fopen(path, "rb");
    if (!f)
        return bs_fail(BS_USAGE, "cannot open site list '%s': %s", path, strerror(errno));
    bs_status st;
    if (csv_init(&csv, CSV_STRICT | CSV_STRICT_FINI | CSV_APPEND_NULL) != 0) {
        st = bs_oom("CSV parser");
    } else {
        st = parse_file(&r, &csv, f);
        csv_free(&csv);
    }
    fclose(f);
    for (int c = 0; c < N_COLUMNS; c++)
        bs_str_clear(&r.cell[c]);
    bs_str_clear(&r.last_name);
    return st;
}
