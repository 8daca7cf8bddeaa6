#include "report/html.h"

#include "base/text.h"
#include "report/data.h"

#include <string.h>

static void put_entities(bs_str *out, const bs_str *text)
{
    out->oom |= text->oom;
    for (const char *p = text->ptr ? text->ptr : ""; *p; p++)
        switch (*p) {
        case '&':
            bs_str_puts(out, "&amp;");
            break;
        case '<':
            bs_str_puts(out, "&lt;");
            break;
        case '>':
            bs_str_puts(out, "&gt;");
            break;
        case '"':
            bs_str_puts(out, "&quot;");
            break;
        default:
            bs_str_append(out, p, 1);
        }
}

void bs_html_text(bs_str *out, const char *text)
{
    bs_str shown = {0};
    bs_str_visible(&shown, text);
    put_entities(out, &shown);
    bs_str_clear(&shown);
}

void bs_html_lines(bs_str *out, const char *text)
{
    bs_str shown = {0};
    bs_str_visible_lines(&shown, text);
    put_entities(out, &shown);
    bs_str_clear(&shown);
}

/* Returns true for a number or an interval, with or without a percent sign. */
static bool like_number(const char *text)
{
    return *text && strchr("0123456789+-", *text) && strspn(text, "0123456789.,+-e% to") == strlen(text);
}

/* Returns true if a column contains numbers and intervals only, and at least one. */
static bool is_numeric(const bs_data *d, int column)
{
    bool any = false;
    for (size_t r = 0; r < d->n; r++) {
        const char *text = bs_data_text(d, r, column);
        if (*text && strcmp(text, "census") != 0 && !like_number(text))
            return false;
        any |= like_number(text);
    }
    return any;
}

/* Opens the cell of a layer, with its whole name as the title if that is not shown. */
static const char *open_layer(bs_str *out, const bs_common_path *path, const char *name)
{
    const char *shown = bs_common_path_cut(path, name);
    bs_str_puts(out, shown == name ? "<td>" : "<td title=\"");
    if (shown != name) {
        bs_html_text(out, name);
        bs_str_puts(out, "\">");
    }
    return shown;
}

enum { COLUMNS = 64, BROAD = 9 }; /* BROAD: more columns fit on paper in small print only */

/* How a column is shown: not at all if no row has a value there. */
typedef enum column { EMPTY, TEXT, NUMBERS } column;

static column find_column(const bs_data *d, int c)
{
    for (size_t r = 0; r < d->n; r++)
        if (*bs_data_text(d, r, c))
            return is_numeric(d, c) ? NUMBERS : TEXT;
    return EMPTY;
}

static void table_head(bs_str *out, const bs_data *d, const column *kind)
{
    bs_str_puts(out, "<thead><tr>");
    for (int c = 0; c < d->n_columns && c < COLUMNS; c++) {
        if (kind[c] == EMPTY)
            continue;
        bs_str_puts(out, kind[c] == NUMBERS ? "<th scope=col class=n>" : "<th scope=col>");
        bs_html_text(out, d->column[c]);
        bs_str_puts(out, "</th>");
    }
    bs_str_puts(out, "</tr></thead>");
}

static void table_rows(bs_str *out, const bs_data *d, const bs_common_path *path, const column *kind)
{
    bs_str_puts(out, "<tbody>\n");
    for (size_t r = 0; r < d->n; r++) {
        bs_str_puts(out, "<tr>");
        for (int c = 0; c < d->n_columns && c < COLUMNS; c++) {
            const char *text = bs_data_text(d, r, c);
            if (kind[c] == EMPTY)
                continue;
            if (strcmp(d->column[c], "layer") == 0)
                text = open_layer(out, path, text);
            else
                bs_str_puts(out, kind[c] == NUMBERS ? "<td class=n>" : "<td>");
            bs_html_text(out, text);
            bs_str_puts(out, "</td>");
        }
        bs_str_puts(out, "</tr>\n");
    }
    bs_str_puts(out, "</tbody></table>");
}

/* Writes a table in a box of its own, which scrolls where the window is narrower, also by keyboard. */
static void table(bs_str *out, const bs_data *d, const bs_common_path *path, const char *caption, bool fold)
{
    column kind[COLUMNS];
    int n = 0;
    for (int c = 0; c < d->n_columns && c < COLUMNS; c++) {
        kind[c] = find_column(d, c);
        n += kind[c] != EMPTY;
    }
    if (fold) {
        bs_str_puts(out, "<details><summary>");
        bs_html_text(out, caption);
        bs_str_printf(out, " (%zu row%s)</summary>", d->n, d->n == 1 ? "" : "s");
    }
    bs_str_printf(out, "<div class=\"wide%s\" role=region tabindex=0 aria-label=\"",
                  n > BROAD ? " broad" : "");
    bs_html_text(out, caption);
    bs_str_puts(out, "\"><table>");
    if (!fold) {
        bs_str_puts(out, "<caption>");
        bs_html_text(out, caption);
        bs_str_puts(out, "</caption>");
    }
    table_head(out, d, kind);
    table_rows(out, d, path, kind);
    bs_str_puts(out, fold ? "</div></details>\n" : "</div>\n");
}

/* Loads the rows of a temporary view by its own query, which follows the first AS: an order inside a view
 * does not bind a query on it. */
static bs_status load_view(bs_data *out, const bs_db *db, const char *view)
{
    sqlite3_stmt *q = NULL;
    bool row;
    bs_status st;
    BS_TRY(bs_db_prepare(
        &q, db, "SELECT substr(sql, instr(sql, ' AS') + 3) FROM temp.sqlite_master WHERE name = ?1"));
    sqlite3_bind_text(q, 1, view, -1, SQLITE_STATIC);
    BS_TRY_GOTO(bs_db_step(db, q, &row), out);
    st = bs_data_load(out, db, row ? (const char *)sqlite3_column_text(q, 0) : "", 0, NULL);
out:
    sqlite3_finalize(q);
    return st;
}

bs_status bs_html_table(bs_str *out, const bs_db *db, const bs_common_path *path, const char *caption,
                        const char *view, bool fold)
{
    bs_data d = {0};
    BS_TRY(load_view(&d, db, view));
    if (d.n == 0) {
        bs_str_puts(out, "<p class=caption>");
        bs_html_text(out, caption);
        bs_str_puts(out, ": none.</p>\n");
    } else {
        table(out, &d, path, caption, fold);
    }
    bs_data_clear(&d);
    return bs_str_status(out);
}

/* Appends an SVG, with a name for those who do not see it. Cairo numbers the glyphs and clips of every SVG
 * from 0, so "id", "href" and "url" get a prefix of the figure's own. */
static void append_svg(bs_str *out, const char *svg, int number, const char *name)
{
    static const char *const marks[] = {" id=\"", "href=\"#", "url(#"};
    const char *at = strstr(svg, "<svg");
    if (at) {
        bs_str_puts(out, "<svg role=\"img\" aria-label=\"");
        bs_html_text(out, name);
        bs_str_puts(out, "\"");
        at += strlen("<svg");
    }
    while (at && *at) {
        size_t length = 0;
        for (size_t i = 0; i < sizeof marks / sizeof *marks && !length; i++)
            if (strncmp(at, marks[i], strlen(marks[i])) == 0)
                length = strlen(marks[i]);
        bs_str_append(out, at, length ? length : 1);
        if (length)
            bs_str_printf(out, "f%d-", number);
        at += length ? length : 1;
    }
}

bs_status bs_html_figure(bs_str *out, const bs_db *db, bs_figure draw, int number, const char *caption)
{
    bs_page page = {0};
    const bs_figure_options any = {BS_FIGURE_ANY, BS_FIGURE_ANY, BS_FIGURE_ANY};
    bs_status st = draw(&page, db, &any);
    if (st == BS_OK) {
        bs_str_puts(out, "<figure><div class=wide role=region tabindex=0 aria-label=\"Figure\">");
        append_svg(out, page.bytes.ptr ? page.bytes.ptr : "", number, caption);
        bs_str_puts(out, "</div><figcaption>");
        bs_html_text(out, caption);
        bs_str_puts(out, "</figcaption></figure>\n");
        st = bs_str_status(out);
    } else if (strncmp(bs_error_message(), "nothing to draw", 15) == 0) {
        bs_str_puts(out, "<p class=caption>No figure, ");
        bs_html_text(out, bs_error_message());
        bs_str_puts(out, ".</p>\n");
        bs_error_clear();
        st = bs_str_status(out);
    }
    bs_str_clear(&page.bytes);
    return st;
}
