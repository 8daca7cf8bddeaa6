/* Draws silent data corruptions by layer and bit position: one heat map for each fault entry that flips
 * single bits. */
#include "report/data.h"
#include "report/figure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ENTRY, ENTRY_NAME, LAYER, LAYER_NAME, BIT, RATE };
enum { CELL = 16, BITS = 32, TOP = 56, RIGHT = 110, GAP = 98 };

static const char sql[] = "SELECT b.entry, e.name, b.layer, b.layer_name, b.bit, b.sdc1_rate FROM "
                          "bit_accuracy b JOIN entry e ON e.id = "
                          "b.entry WHERE (?1 = -2 OR b.entry = ?1) AND b.layer NOT IN (SELECT id FROM layer "
                          "WHERE kind = 'network') ORDER BY b.entry, "
                          "(SELECT ordinal FROM layer WHERE id = b.layer), b.bit";

static size_t block(const bs_data *d, size_t first, int column)
{
    size_t n = 1;
    while (first + n < d->n && bs_data_value(d, first + n, column) == bs_data_value(d, first, column) &&
           bs_data_value(d, first + n, ENTRY) == bs_data_value(d, first, ENTRY))
        n++;
    return n;
}

static size_t count_layers(const bs_data *d, size_t first, size_t n)
{
    size_t layers = 0;
    for (size_t i = first; i < first + n; i += block(d, i, LAYER))
        layers++;
    return layers;
}

static double cell_height(size_t layers)
{
    return layers > 60 ? 8 : CELL;
}

static void draw_frame(const bs_page *p, double left, double top, double height, const char *title)
{
    static const struct {
        const char *name;
        int high, low;
    } fields[] = {{"sign", 31, 31}, {"exponent", 30, 23}, {"mantissa", 22, 0}};
    char text[12];
    bs_set_color(p, BS_INK, 1);
    bs_draw_text(p, (bs_text){.x = left, .y = top - 34, .size = 13, .across = -1, .bold = true}, title);
    cairo_set_line_width(p->cr, 1);
    for (int i = 0; i < 3; i++) {
        double x = left + (31 - fields[i].high) * CELL, w = (fields[i].high - fields[i].low + 1) * CELL;
        bs_set_color(p, BS_GREY, 1);
        cairo_rectangle(p->cr, x, top, w, height);
        cairo_stroke(p->cr);
        bs_set_color(p, BS_INK, 1);
        bs_draw_text(p, (bs_text){.x = x + w / 2 - (i == 0 ? 8 : 0), .y = top - 8, .size = 11},
                     fields[i].name);
    }
    for (int bit = 31; bit >= 0; bit -= bit == 31 ? 1 : 3) {
        snprintf(text, sizeof text, "%d", bit);
        bs_draw_text(p, (bs_text){.x = left + (31.5 - bit) * CELL, .y = top + height + 14, .size = 10}, text);
    }
    bs_draw_text(p, (bs_text){.x = left + BITS * CELL / 2.0, .y = top + height + 30, .size = 12},
                 "bit position");
}

static void draw_panel(const bs_page *p, const bs_data *d, const bs_common_path *path, size_t first, size_t n,
                       double left, double top)
{
    bs_str title = {0};
    double max = 0, size = cell_height(count_layers(d, first, n)), y = top;
    size_t layer = 0, rows = count_layers(d, first, n);
    for (size_t i = first; i < first + n; i++)
        max = fmax(max, bs_data_value(d, i, RATE));
    max = max > 0 ? max : 1;
    bs_set_color(p, BS_FAINT, 1); /* not tried */
    cairo_rectangle(p->cr, left, top, BITS * CELL, size * (double)rows);
    cairo_fill(p->cr);
    for (size_t i = first; i < first + n; i += block(d, i, LAYER), y += size, layer++) {
        size_t cells = block(d, i, LAYER);
        for (size_t k = i; k < i + cells; k++) {
            bs_set_scale_color(p, sqrt(bs_data_value(d, k, RATE) / max));
            cairo_rectangle(p->cr, left + (31 - bs_data_value(d, k, BIT)) * CELL, y, CELL, size);
            cairo_fill(p->cr);
        }
        bs_set_color(p, BS_INK, 1);
        if (size == CELL || layer % 2 == 0)
            bs_draw_text(p,
                         (bs_text){.x = left - 6,
                                   .y = y + size / 2,
                                   .size = 10,
                                   .across = 1,
                                   .middle = true,
                                   .is_path = true,
                                   .max_width = left - 16},
                         bs_common_path_cut(path, bs_data_text(d, i, LAYER_NAME)));
    }
    bs_str_printf(&title, "Entry %s: %s", bs_data_text(d, first, ENTRY), bs_data_text(d, first, ENTRY_NAME));
    draw_frame(p, left, top, size * (double)rows, title.ptr ? title.ptr : "");
    bs_draw_color_bar(p, left + BITS * CELL + 24, top + 4, fmin(160, fmax(60, size * (double)rows - 8)), max,
                      "SDC-1");
    bs_str_clear(&title);
}

bs_status bs_figure_bits(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data d = {0};
    bs_common_path path = {0};
    double height = TOP, left = 60;
    size_t n;
    bs_status st;
    BS_TRY(bs_data_load(&d, db, sql, 1, &o->entry));
    if (d.n == 0)
        BS_TRY_GOTO(bs_figure_empty("no trial flips exactly one bit",
                                    "it needs an entry with fault: flip and count: 1"),
                    out);
    BS_TRY_GOTO(bs_figure_paths(&path, db), out);
    for (size_t i = 0; i < d.n; i++) {
        const char *name = bs_common_path_cut(&path, bs_data_text(&d, i, LAYER_NAME));
        left = fmin(230, fmax(left, 16 + 6.4 * (double)strlen(name)));
    }
    for (size_t i = 0; i < d.n; i += n) {
        n = block(&d, i, ENTRY);
        size_t rows = count_layers(&d, i, n);
        height += fmax(68, cell_height(rows) * (double)rows) + GAP;
    }
    BS_TRY_GOTO(bs_page_begin(p, left + BITS * CELL + RIGHT, height - GAP + 54), out);
    double top = TOP;
    for (size_t i = 0; i < d.n; i += n) {
        n = block(&d, i, ENTRY);
        size_t rows = count_layers(&d, i, n);
        draw_panel(p, &d, &path, i, n, left, top);
        top += fmax(68, cell_height(rows) * (double)rows) + GAP;
    }
    bs_figure_note(p, &path);
    st = bs_page_end(p);
out:
    bs_common_path_clear(&path);
    bs_data_clear(&d);
    return st;
}
