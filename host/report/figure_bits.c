/* Draws silent data corruptions by layer and bit position: one heat map for each fault entry that flips
 * single bits. */
#include "fault.h"
#include "report/axes.h"
#include "report/data.h"
#include "report/figure.h"
#include "report/key.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ENTRY, ENTRY_NAME, PLACE, LAYER_NAME, BIT, RATE, TYPE };
enum { CELL = 13, LOW_CELL = 8, TOP = 56, RIGHT = 82, GAP = 96, MOST_NAME = 150, FEW_LAYERS = 60 };

static const char sql[] =
    "SELECT b.entry, e.name, dense_rank() OVER (ORDER BY l.ordinal) - 1, b.layer_name, b.bit, b.sdc1_rate, "
    "b.type FROM bit_accuracy b JOIN entry e ON e.id = b.entry JOIN layer l ON l.id = b.layer WHERE (?1 = -2 "
    "OR "
    "b.entry = ?1) AND l.kind <> 'network' ORDER BY b.entry, b.type, l.ordinal, b.bit";

/* What all panels share: a row for each layer, empty where an entry does not hit it, and the scale. bits: of
 * the widest type. A panel has the layers of one type that one entry hits. mixed: layers have several. */
typedef struct sheet {
    const bs_page *p;
    const bs_data *d;
    const bs_common_path *path;
    size_t rows, panels;
    double left, cell, max;
    uint32_t bits;
    bool mixed;
} sheet;

/* Returns how many rows from `first` on are of one entry and layer. */
static size_t layer_rows(const bs_data *d, size_t first)
{
    size_t n = 1;
    while (first + n < d->n && bs_data_value(d, first + n, PLACE) == bs_data_value(d, first, PLACE) &&
           bs_data_value(d, first + n, ENTRY) == bs_data_value(d, first, ENTRY))
        n++;
    return n;
}

static bs_dtype type_of(const bs_data *d, size_t row)
{
    bs_dtype type = bs_dtype_find(bs_data_text(d, row, TYPE));
    return type < BS_DTYPE_COUNT ? type : BS_DTYPE_FP32;
}

static bool same_panel(const bs_data *d, size_t a, size_t b)
{
    return bs_data_value(d, a, ENTRY) == bs_data_value(d, b, ENTRY) && type_of(d, a) == type_of(d, b);
}

static double height_of(const sheet *s)
{
    return s->cell * (double)s->rows;
}

/* Draws the outline of a field of words, and its name above. Its bits are neighbours. */
static void draw_field(const bs_page *p, double left, double top, double height, bs_dtype type,
                       bs_bit_field field, const char *name)
{
    uint32_t mask = bs_dtype_field(type, field), width = bs_dtype_word_of(type).bits;
    int above = 0, bits = (int)bs_popcount(mask);
    if (!mask)
        return;
    while (!(mask >> (width - 1 - (uint32_t)above) & 1))
        above++;
    double x = left + above * CELL, w = bits * CELL;
    bs_set_color(p, BS_GREY, 1);
    cairo_rectangle(p->cr, x, top, w, height);
    cairo_stroke(p->cr);
    bs_set_color(p, BS_INK, 1);
    bs_draw_text(p, (bs_text){.x = x + w / 2 - (above == 0 ? 8 : 0), .y = top - 8, .size = 11}, name);
}

static void draw_frame(const bs_page *p, double left, double top, double height, bs_dtype type,
                       const char *title)
{
    int width = (int)bs_dtype_word_of(type).bits;
    char text[12];
    bs_set_color(p, BS_INK, 1);
    bs_draw_text(p, (bs_text){.x = left, .y = top - 34, .size = 13, .across = -1, .bold = true}, title);
    cairo_set_line_width(p->cr, 1);
    draw_field(p, left, top, height, type, BS_BITS_SIGN, "sign");
    draw_field(p, left, top, height, type, BS_BITS_EXPONENT, "exponent");
    draw_field(p, left, top, height, type, BS_BITS_MANTISSA,
               bs_dtype_field(type, BS_BITS_EXPONENT) ? "mantissa" : "integer");
    for (int bit = width - 1; bit >= 0; bit -= bit == 31 ? 4 : 3) {
        snprintf(text, sizeof text, "%d", bit);
        bs_draw_text(p, (bs_text){.x = left + (width - 0.5 - bit) * CELL, .y = top + height + 14, .size = 11},
                     text);
    }
    bs_draw_text(p, (bs_text){.x = left + width * CELL / 2.0, .y = top + height + 30, .size = 12},
                 "bit position");
}

/* Draws the cells of one entry and layer, and its name. */
static void draw_layer(const sheet *s, size_t first, size_t n, double y, double *named)
{
    const bs_page *p = s->p;
    uint32_t width = bs_dtype_word_of(type_of(s->d, first)).bits;
    bs_set_color(p, BS_FAINT, 1); /* not tried */
    cairo_rectangle(p->cr, s->left, y, width * CELL, s->cell);
    cairo_fill(p->cr);
    for (size_t k = first; k < first + n; k++) {
        bs_set_scale_color(p, sqrt(bs_data_value(s->d, k, RATE) / s->max));
        cairo_rectangle(p->cr, s->left + (width - 1 - bs_data_value(s->d, k, BIT)) * CELL, y, CELL, s->cell);
        cairo_fill(p->cr);
    }
    if (y < *named + CELL - 1)
        return;
    *named = y;
    bs_set_color(p, BS_INK, 1);
    bs_draw_text(p,
                 (bs_text){.x = s->left - 6,
                           .y = y + s->cell / 2,
                           .size = 11,
                           .across = 1,
                           .middle = true,
                           .is_path = true,
                           .max_width = MOST_NAME},
                 bs_common_path_cut(s->path, bs_data_text(s->d, first, LAYER_NAME)));
}

/* Draws the panel whose rows begin at `first`, and returns where the next one begins. */
static size_t draw_panel(const sheet *s, size_t first, double top)
{
    const bs_data *d = s->d;
    bs_str title = {0};
    double named = -HUGE_VAL;
    size_t i = first, n;
    bs_dtype type = type_of(d, first);
    for (; i < d->n && same_panel(d, i, first); i += n) {
        n = layer_rows(d, i);
        draw_layer(s, i, n, top + bs_data_value(d, i, PLACE) * s->cell, &named);
    }
    bs_str_printf(&title, "Entry %s: %s", bs_data_text(d, first, ENTRY), bs_data_text(d, first, ENTRY_NAME));
    if (s->mixed || type != BS_DTYPE_FP32)
        bs_str_printf(&title, ", %s", bs_dtype_name(type));
    draw_frame(s->p, s->left, top, height_of(s), type, title.ptr ? title.ptr : "");
    bs_draw_color_bar(s->p, s->left + s->bits * CELL + 14, top + 4, fmin(160, fmax(40, height_of(s) - 8)),
                      s->max, "SDC-1");
    bs_str_clear(&title);
    return i;
}

static void measure(sheet *s)
{
    const bs_data *d = s->d;
    s->left = 60;
    s->bits = 16; /* at least, so that names and notes have room */
    for (size_t i = 0; i < d->n; i++) {
        const char *name = bs_common_path_cut(s->path, bs_data_text(d, i, LAYER_NAME));
        size_t place = (size_t)bs_data_value(d, i, PLACE);
        s->left = fmax(s->left, 12 + bs_names_width(strlen(name), MOST_NAME));
        s->rows = place + 1 > s->rows ? place + 1 : s->rows;
        uint32_t bits = bs_dtype_word_of(type_of(d, i)).bits;
        s->panels += i == 0 || !same_panel(d, i, i - 1);
        s->mixed = s->mixed || type_of(d, i) != type_of(d, 0);
        s->bits = bits > s->bits ? bits : s->bits;
        s->max = fmax(s->max, bs_data_value(d, i, RATE));
    }
    s->max = s->max > 0 ? s->max : 1;
    s->cell = s->rows > 4 * FEW_LAYERS ? LOW_CELL / 2 : s->rows > FEW_LAYERS ? LOW_CELL : CELL;
}

static void draw_key(const sheet *s, double y, const char *note)
{
    bs_key key = {s->p, 12, y, s->p->width - 24};
    bs_set_scale_color(s->p, 0);
    bs_key_swatch(&key, "pale: trials, but no SDC-1");
    bs_set_color(s->p, BS_FAINT, 1);
    bs_key_swatch(&key, "grey: no trial flipped this bit");
    if (s->panels > 1) {
        bs_set_color(s->p, BS_WHITE, 1);
        bs_key_swatch(&key, "white row: not hit by this entry, or of another type");
    }
    bs_key_note(&key, note);
}

bs_status bs_figure_bits(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    static const char note[] = "Colours: share of the trials of a bit with another answer (SDC-1), on a "
                               "square-root scale, which is the same for all entries.";
    bs_data d = {0};
    bs_common_path path = {0};
    bs_status st;
    BS_TRY(bs_data_load(&d, db, sql, 1, &o->entry));
    if (d.n == 0)
        BS_TRY_GOTO(bs_figure_empty("no trial flips exactly one bit",
                                    "it needs an entry with fault: flip and count: 1"),
                    out);
    BS_TRY_GOTO(bs_figure_paths(&path, db), out);
    sheet s = {.p = p, .d = &d, .path = &path};
    measure(&s);
    double step = fmax(48, height_of(&s)) + GAP, width = s.left + s.bits * CELL + RIGHT,
           below = TOP + (double)s.panels * step - GAP + 58;
    BS_TRY_GOTO(
        bs_page_begin(p, width, below + (2 + (s.panels > 1) + bs_key_lines(note, width - 24)) * BS_KEY_LINE),
        out);
    double top = TOP;
    for (size_t i = 0; i < d.n; top += step)
        i = draw_panel(&s, i, top);
    draw_key(&s, below, note);
    bs_figure_note(p, &path);
    st = bs_page_end(p);
out:
    bs_common_path_clear(&path);
    bs_data_clear(&d);
    return st;
}
