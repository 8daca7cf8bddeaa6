#include "bn/print_rows.h"

#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows of a block whose widths decide the columns of a table; later blocks can only widen them. */
enum { ALIGNED_ROWS = 2000, MAX_COLUMNS = 64 };

bs_status bs_rows_parse_format(bs_rows_format *out, const char *name)
{
    static const char *const names[] = {"table", "csv", "json"};
    for (int i = 0; i < 3; i++)
        if (strcmp(name, names[i]) == 0) {
            *out = (bs_rows_format)i;
            return BS_OK;
        }
    bs_fail(BS_USAGE, "unknown format '%s'", name);
    return bs_hint("formats are table, csv and json");
}

/* --- One value --- */

void bs_str_exact(bs_str *s, double v)
{
    char text[32];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v)
            break;
    }
    bs_str_puts(s, text);
}

static void append_csv(bs_str *s, sqlite3_stmt *q, int i)
{
    const char *text = (const char *)sqlite3_column_text(q, i);
    if (sqlite3_column_type(q, i) == SQLITE_FLOAT)
        bs_str_exact(s, sqlite3_column_double(q, i));
    else if (text)
        bs_str_csv(s, text);
}

static void append_json(bs_str *s, sqlite3_stmt *q, int i)
{
    double v;
    switch (sqlite3_column_type(q, i)) {
    case SQLITE_NULL:
        bs_str_puts(s, "null");
        return;
    case SQLITE_INTEGER:
        bs_str_printf(s, "%lld", (long long)sqlite3_column_int64(q, i));
        return;
    case SQLITE_FLOAT:
        v = sqlite3_column_double(q, i);
        if (isfinite(v))
            bs_str_exact(s, v);
        else
            bs_str_puts(s, isnan(v) ? "\"nan\"" : v > 0 ? "\"inf\"" : "\"-inf\"");
        return;
    default: {
        const char *text = (const char *)sqlite3_column_text(q, i);
        bs_str_json(s, text ? text : "");
    }
    }
}

static void append_cell(bs_str *s, sqlite3_stmt *q, int i)
{
    const char *text = (const char *)sqlite3_column_text(q, i);
    if (sqlite3_column_type(q, i) == SQLITE_FLOAT) {
        bs_str_printf(s, "%.4g", sqlite3_column_double(q, i));
        return;
    }
    if (text)
        bs_str_visible(s, text);
}

/* --- Aligned columns --- */

typedef struct grid {
    bs_str text;   /* cells, each NUL-terminated */
    size_t *start; /* of each cell in text */
    bool *right;   /* by cell: a number */
    size_t n, cap, cap_right;
    int columns;
    size_t width[MAX_COLUMNS];
} grid;

static size_t display_width(const char *text)
{
    size_t n = 0;
    for (; *text; text++)
        n += ((unsigned char)*text & 0xc0) != 0x80;
    return n;
}

static bs_status grid_close_cell(grid *g, size_t start, bool number)
{
    bs_str_append(&g->text, "", 1);
    BS_TRY(bs_str_status(&g->text));
    BS_TRY(bs_grow(&g->start, &g->cap, g->n + 1, sizeof *g->start, "table"));
    BS_TRY(bs_grow(&g->right, &g->cap_right, g->n + 1, sizeof *g->right, "table"));
    size_t w = display_width(g->text.ptr + start), column = g->n % (size_t)g->columns;
    if (w > g->width[column])
        g->width[column] = w;
    g->right[g->n] = number;
    g->start[g->n++] = start;
    return BS_OK;
}

static void grid_print(const grid *g, FILE *out)
{
    for (size_t i = 0; i < g->n; i++) {
        size_t column = i % (size_t)g->columns;
        const char *text = g->text.ptr + g->start[i];
        bool last = column + 1 == (size_t)g->columns;
        int pad = (int)(g->width[column] > display_width(text) ? g->width[column] - display_width(text) : 0);
        if (g->right[i])
            fprintf(out, "%*s%s", pad, "", text);
        else
            fprintf(out, "%s%*s", text, last ? 0 : pad, "");
        fputs(last ? "\n" : "  ", out);
    }
}

static void grid_clear(grid *g)
{
    bs_str_clear(&g->text);
    free(g->start);
    free(g->right);
}

static bs_status grid_add_row(grid *g, sqlite3_stmt *q)
{
    for (int i = 0; i < g->columns; i++) {
        size_t start = g->text.len;
        int type = sqlite3_column_type(q, i);
        append_cell(&g->text, q, i);
        BS_TRY(grid_close_cell(g, start, type == SQLITE_INTEGER || type == SQLITE_FLOAT));
    }
    return BS_OK;
}

/* Adds the headings; grid_align_header() aligns those of numbers to the right. */
static bs_status grid_add_header(grid *g, sqlite3_stmt *q)
{
    for (int i = 0; i < g->columns; i++) {
        size_t start = g->text.len;
        bs_str_puts(&g->text, sqlite3_column_name(q, i));
        BS_TRY(grid_close_cell(g, start, false));
    }
    return BS_OK;
}

static void grid_align_header(grid *g)
{
    for (size_t i = 0; i < (size_t)g->columns && i < g->n; i++)
        for (size_t k = i + (size_t)g->columns; k < g->n; k += (size_t)g->columns)
            g->right[i] |= g->right[k];
}

static bs_status print_table(FILE *out, const bs_db *db, sqlite3_stmt *q, bool *any)
{
    grid g = {.columns = sqlite3_column_count(q)};
    bool row = true, first = true;
    bs_status st;
    BS_TRY_GOTO(grid_add_header(&g, q), out);
    while (row) {
        for (int n = 0; n < ALIGNED_ROWS; n++) {
            BS_TRY_GOTO(bs_db_step(db, q, &row), out);
            if (!row)
                break;
            *any = true;
            BS_TRY_GOTO(grid_add_row(&g, q), out);
        }
        if (first)
            grid_align_header(&g);
        first = false;
        grid_print(&g, out);
        g.n = 0;
        g.text.len = 0;
    }
out:
    grid_clear(&g);
    return st;
}

/* --- Lines --- */

static void append_line(bs_str *line, sqlite3_stmt *q, bs_rows_format format)
{
    int n = sqlite3_column_count(q);
    bs_str_puts(line, format == BS_ROWS_JSON ? "{" : "");
    for (int i = 0; i < n; i++) {
        if (i > 0)
            bs_str_puts(line, format == BS_ROWS_JSON ? ", " : ",");
        if (format == BS_ROWS_JSON) {
            bs_str_json(line, sqlite3_column_name(q, i));
            bs_str_puts(line, ": ");
            append_json(line, q, i);
        } else {
            append_csv(line, q, i);
        }
    }
    bs_str_puts(line, format == BS_ROWS_JSON ? "}\n" : "\n");
}

static bs_status print_lines(FILE *out, const bs_db *db, sqlite3_stmt *q, bs_rows_format format, bool *any)
{
    bs_str line = {0};
    bool row;
    bs_status st = BS_OK;
    if (format == BS_ROWS_CSV) {
        for (int i = 0; i < sqlite3_column_count(q); i++) {
            bs_str_puts(&line, i ? "," : "");
            bs_str_csv(&line, sqlite3_column_name(q, i));
        }
        bs_str_puts(&line, "\n");
    }
    for (;;) {
        BS_TRY_GOTO(bs_str_status(&line), out);
        if (line.len)
            fwrite(line.ptr, 1, line.len, out);
        line.len = 0;
        BS_TRY_GOTO(bs_db_step(db, q, &row), out);
        if (!row)
            break;
        *any = true;
        append_line(&line, q, format);
    }
out:
    bs_str_clear(&line);
    return st;
}

bs_status bs_rows_print(FILE *out, const bs_db *db, sqlite3_stmt *q, bs_rows_format format, bool *any)
{
    *any = false;
    bs_status st =
        format == BS_ROWS_TABLE ? print_table(out, db, q, any) : print_lines(out, db, q, format, any);
    if (st == BS_OK && (fflush(out) != 0 || ferror(out)))
        st = bs_fail(BS_ERR, "cannot write output: %s", strerror(errno));
    return st;
}
