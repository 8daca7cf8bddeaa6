#include "report/sink_panel.h"

#include "report/key.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PANEL = 250,
    LEFT = 70,
    TOP = 70,
    GAP_X = 130,
    GAP_Y = 88,
    MAX_CELLS = 125,
    MAX_NAMES = 9,
    MOST_AXIS_NAME = 100, /* pixels */
    TEXT = 11,
    DECADES = 3 /* of the scale of shades, below 100 % */
};

static bool is_sink(const bs_panel *n, double class)
{
    for (size_t i = 0; i < n->sinks.n; i++)
        if (bs_data_value(&n->sinks, i, 0) == class)
            return true;
    return false;
}

static double row_y(const bs_panel *n, double class)
{
    return n->top + PANEL * (1 - (class + 0.5) / n->classes);
}

/* Returns how much deeper slanted names reach than numbers. */
static double axis_drop(const bs_panel *n)
{
    return 0.75 * n->axis;
}

static void draw_ticks(const bs_panel *n)
{
    char number[16];
    int ticks = n->classes <= BS_PANEL_FEW ? n->classes : 5;
    for (int i = 0; i < ticks; i++) {
        int c = n->classes <= BS_PANEL_FEW ? i : i * n->classes / 4 - (i == 4);
        bool named = n->axis > 0, sink = named && is_sink(n, c);
        snprintf(number, sizeof number, "%d", c);
        const char *text = named ? bs_data_text(&n->names, (size_t)c, 0) : number;
        bs_text at = {.x = n->left + PANEL * (c + 0.5) / n->classes + (named ? 4 : 0),
                      .y = n->top + PANEL + (named ? 10 : 14),
                      .size = TEXT,
                      .angle = named ? 55 : 0,
                      .across = named,
                      .max_width = named ? MOST_AXIS_NAME : 0};
        bs_set_color(n->p, BS_INK, 1);
        bs_draw_text(n->p, at, text);
        bs_set_color(n->p, sink ? BS_RED : BS_INK, 1);
        bs_draw_text(n->p,
                     (bs_text){.x = n->left - 5,
                               .y = row_y(n, c),
                               .size = TEXT,
                               .across = 1,
                               .middle = true,
                               .bold = sink,
                               .max_width = named ? MOST_AXIS_NAME : 0},
                     text);
    }
    bs_set_color(n->p, BS_INK, 1);
}

/* Draws the sinks' names right of the panel, where the axis has no names, moved apart where they would
 * overlap. */
static void draw_names(const bs_panel *n)
{
    size_t order[MAX_NAMES], k = 0;
    double y[MAX_NAMES];
    if (n->axis > 0)
        return;
    for (size_t i = 0; i < n->sinks.n && k < MAX_NAMES; i++, k++) {
        size_t at = k;
        for (; at > 0 && bs_data_value(&n->sinks, order[at - 1], 0) < bs_data_value(&n->sinks, i, 0); at--)
            order[at] = order[at - 1];
        order[at] = i;
    }
    for (size_t i = 0; i < k; i++) {
        y[i] = row_y(n, bs_data_value(&n->sinks, order[i], 0));
        if (i > 0 && y[i] < y[i - 1] + 13)
            y[i] = y[i - 1] + 13;
    }
    for (size_t i = k; i-- > 0;) { /* back into the panel */
        double limit = n->top + PANEL + 6 - 13 * (double)(k - 1 - i);
        y[i] = fmin(y[i], limit);
    }
    for (size_t i = 0; i < k; i++) {
        bs_set_color(n->p, BS_RED, 1);
        cairo_set_line_width(n->p->cr, 0.8);
        bs_draw_line(n->p, n->left + PANEL, row_y(n, bs_data_value(&n->sinks, order[i], 0)),
                     n->left + PANEL + 8, y[i]);
        bs_draw_text(n->p,
                     (bs_text){.x = n->left + PANEL + 10,
                               .y = y[i],
                               .size = TEXT,
                               .across = -1,
                               .middle = true,
                               .max_width = GAP_X - 56},
                     bs_data_text(&n->sinks, order[i], 1));
    }
}

void bs_panel_draw_frame(const bs_panel *n, const char *title, const char *subtitle)
{
    const bs_page *p = n->p;
    bs_set_color(p, BS_INK, 1);
    bs_draw_text(p,
                 (bs_text){.x = n->left,
                           .y = n->top - 24,
                           .size = 12,
                           .across = -1,
                           .bold = true,
                           .is_path = true,
                           .max_width = PANEL + 90},
                 title);
    bs_draw_text(p,
                 (bs_text){.x = n->left, .y = n->top - 9, .size = 11, .across = -1, .max_width = PANEL + 90},
                 subtitle);
    bs_set_color(p, BS_GREY, 1);
    cairo_set_line_width(p->cr, 1);
    cairo_rectangle(p->cr, n->left, n->top, PANEL, PANEL);
    cairo_stroke(p->cr);
    bs_set_color(p, BS_INK, 1);
    draw_ticks(n);
    bs_draw_text(p,
                 (bs_text){.x = n->left + PANEL / 2.0, .y = n->top + PANEL + 30 + axis_drop(n), .size = 11},
                 "true class");
    bs_draw_text(
        p,
        (bs_text){.x = n->left - fmax(34, n->axis + 14), .y = n->top + PANEL / 2.0, .size = 11, .angle = 90},
        "answer");
    draw_names(n);
}

/* Returns the opacity of a cell that has this share of its true class: logarithmic, from 0.1 % to 100 %. */
static double shade(bs_color color, double share)
{
    double least = color == BS_RED ? 0.35 : 0.2, v = 1 + log10(fmax(share, 1e-9)) / DECADES;
    return least + (1 - least) * fmin(1, fmax(0, v));
}

/* Draws a square, or half of it: the lower right one, over what is there. */
static void draw_cell(const bs_page *p, double x, double y, double size, bool half, bs_color color,
                      double alpha)
{
    for (int over = half ? 0 : 1; over < 2; over++) {
        bs_set_color(p, over ? color : BS_WHITE, over ? alpha : 1);
        cairo_move_to(p->cr, x + size, y);
        cairo_line_to(p->cr, x + size, y + size);
        cairo_line_to(p->cr, x, y + size);
        if (!half)
            cairo_line_to(p->cr, x, y);
        cairo_close_path(p->cr);
        cairo_fill(p->cr);
    }
}

void bs_panel_draw_pairs(bs_panel *n, const bs_data *d)
{
    int cells = n->classes < MAX_CELLS ? n->classes : MAX_CELLS;
    bool drawn[2][MAX_CELLS * MAX_CELLS] = {
        {false}}; /* on the grid, one dot for each place keeps the file small */
    double size = (double)PANEL / cells, dot = fmax(size, 2.4);
    for (int red = 0; red < 2; red++)
        for (size_t i = 0; i < d->n; i++) {
            double x = bs_data_value(d, i, 0), y = bs_data_value(d, i, 1);
            bool sink = bs_data_value(d, i, 3) > 0 && is_sink(n, y);
            if (sink != red || !(x >= 0 && x < n->classes && y >= 0 && y < n->classes))
                continue;
            int column = (int)(x * cells / n->classes), row = (int)(y * cells / n->classes);
            if (cells == MAX_CELLS && drawn[red][row * cells + column])
                continue;
            drawn[red][row * cells + column] = true;
            double cx = n->left + (column + 0.5) * size, cy = n->top + PANEL - (row + 0.5) * size;
            bs_color color = sink ? BS_RED : BS_BLUE;
            double alpha = cells < MAX_CELLS ? shade(color, bs_data_value(d, i, 2)) : sink ? 1 : 0.6;
            bool half = sink && cells < MAX_CELLS && drawn[0][row * cells + column];
            n->has_halves |= half;
            draw_cell(n->p, cx - dot / 2, cy - dot / 2, dot, half, color, alpha);
        }
}

static double left_margin(const bs_panel *n)
{
    return fmax(LEFT, n->axis + 36);
}

void bs_panel_place(bs_panel *n, size_t k)
{
    n->left = left_margin(n) + (double)(k % n->across) * (PANEL + GAP_X);
    n->top = TOP + (double)(k / n->across) * (PANEL + GAP_Y + axis_drop(n));
}

bs_status bs_panel_page(bs_panel *n, bs_page *p, size_t panels, bool layers)
{
    n->across = panels < 3 ? panels : panels == 3 ? 3 : 2; /* figure talk has three in one line */
    size_t rows = (panels + n->across - 1) / n->across;
    for (size_t i = 0; n->names.n == (size_t)n->classes && i < n->names.n; i++)
        n->axis = fmin(MOST_AXIS_NAME, fmax(n->axis, 7.0 * (double)strlen(bs_data_text(&n->names, i, 0))));
    n->p = p;
    n->bottom = TOP + (double)rows * (PANEL + GAP_Y + axis_drop(n)) - GAP_Y + 60;
    return bs_page_begin(p, left_margin(n) + (double)n->across * (PANEL + GAP_X) - 30,
                         n->bottom + (layers ? 5 : 3) * BS_KEY_LINE);
}

void bs_panel_draw_headline(const bs_panel *n, const char *text)
{
    bs_set_color(n->p, BS_INK, 1);
    bs_draw_text(n->p,
                 (bs_text){.x = left_margin(n),
                           .y = 20,
                           .size = 12,
                           .across = -1,
                           .max_width = n->p->width - left_margin(n) - 8},
                 text);
}

/* Draws the scale of shades: what each stands for is written behind it. */
static void draw_shades(bs_key *key, const bs_color *colors, int n_colors)
{
    static const char *const shares[] = {"0.1 % or less", "1 %", "10 %", "100 %"};
    enum { BOX = 14 };
    double x = key->x;
    for (int i = 0; i <= DECADES; i++) {
        for (int k = 0; k < n_colors; k++, x += BOX)
            draw_cell(key->p, x, key->y - 11, BOX, false, colors[k], shade(colors[k], pow(10, i - DECADES)));
        bs_set_color(key->p, BS_INK, 1);
        bs_draw_text(key->p, (bs_text){.x = x + 5, .y = key->y, .size = 12, .across = -1}, shares[i]);
        x += 18 + bs_text_width(key->p, 12, shares[i]);
    }
    key->y += BS_KEY_LINE;
}

void bs_panel_draw_key(const bs_panel *n, bool layers)
{
    static const bs_color colors[] = {BS_BLUE, BS_RED};
    bs_key key = {n->p, left_margin(n), n->bottom, n->p->width - left_margin(n) - 8};
    if (n->classes < MAX_CELLS) {
        bs_key_note(&key, "Shades: share of this answer in its true class (log scale); white: none");
        draw_shades(&key, colors, layers ? 2 : 1);
    } else {
        bs_set_color(n->p, BS_BLUE, 0.6);
        bs_key_swatch(&key, "a pair of true class and answer that occurs, however often");
    }
    if (layers) {
        bs_set_color(n->p, BS_RED, 1);
        bs_key_swatch(&key, "red: a sink, with more wrong answers than chance and runners-up explain");
    }
    if (n->has_halves) {
        draw_cell(n->p, key.x + 6, key.y - 11, 14, false, BS_BLUE, 0.7);
        draw_cell(n->p, key.x + 6, key.y - 11, 14, true, BS_RED, 0.7);
        key.x += 34;
        bs_key_note(&key, "half red: the fault-free network gives some of these answers, too");
    }
}
