#include "report/sink_panel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum {
    PANEL = 250,
    LEFT = 70,
    TOP = 70,
    GAP_X = 130,
    GAP_Y = 84,
    ACROSS = 3,
    MAX_CELLS = 125,
    MAX_NAMES = 9,
    MOST_AXIS_NAME = 100, /* pixels */
    LEGEND_LINE = 17
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
                      .size = 10,
                      .angle = named ? 55 : 0,
                      .across = named,
                      .max_width = n->axis};
        bs_set_color(n->p, BS_INK, 1);
        bs_draw_text(n->p, at, text);
        bs_set_color(n->p, sink ? BS_RED : BS_INK, 1);
        bs_draw_text(n->p,
                     (bs_text){.x = n->left - 5,
                               .y = row_y(n, c),
                               .size = 10,
                               .across = 1,
                               .middle = true,
                               .bold = sink,
                               .max_width = n->axis},
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
                               .size = 10,
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

/* Returns the opacity of a cell: v from 0 (rare) to 1 (the most frequent one). */
static double shade(bs_color color, double v)
{
    double least = color == BS_RED ? 0.4 : 0.25;
    return least + (1 - least) * v;
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
    double size = (double)PANEL / cells, most = 1, dot = fmax(size, 2.4);
    for (size_t i = 0; i < d->n; i++)
        most = fmax(most, bs_data_value(d, i, 2));
    for (int red = 0; red < 2; red++)
        for (size_t i = 0; i < d->n; i++) {
            double x = bs_data_value(d, i, 0), y = bs_data_value(d, i, 1),
                   v = log1p(bs_data_value(d, i, 2)) / log1p(most);
            bool sink = bs_data_value(d, i, 3) > 0 && is_sink(n, y);
            if (sink != red || !(x >= 0 && x < n->classes && y >= 0 && y < n->classes))
                continue;
            int column = (int)(x * cells / n->classes), row = (int)(y * cells / n->classes);
            if (cells == MAX_CELLS && drawn[red][row * cells + column])
                continue;
            drawn[red][row * cells + column] = true;
            double cx = n->left + (column + 0.5) * size, cy = n->top + PANEL - (row + 0.5) * size;
            bs_color color = sink ? BS_RED : BS_BLUE;
            double alpha = cells < MAX_CELLS ? shade(color, v) : sink ? 1 : 0.6;
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
    n->left = left_margin(n) + (double)(k % ACROSS) * (PANEL + GAP_X);
    n->top = TOP + (double)(k / ACROSS) * (PANEL + GAP_Y + axis_drop(n));
}

bs_status bs_panel_page(bs_panel *n, bs_page *p, size_t panels, bool layers)
{
    size_t rows = (panels + ACROSS - 1) / ACROSS, columns = panels < ACROSS ? panels : ACROSS;
    for (size_t i = 0; n->names.n == (size_t)n->classes && i < n->names.n; i++)
        n->axis = fmin(MOST_AXIS_NAME, fmax(n->axis, 6.2 * (double)strlen(bs_data_text(&n->names, i, 0))));
    n->p = p;
    n->bottom = TOP + (double)rows * (PANEL + GAP_Y + axis_drop(n)) - GAP_Y + 60;
    return bs_page_begin(p, left_margin(n) + (double)columns * (PANEL + GAP_X) - 30,
                         n->bottom + (layers ? 3 : 1) * LEGEND_LINE);
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

void bs_panel_draw_legend(const bs_panel *n, bool layers)
{
    double y = n->bottom;
    enum { STEPS = 4, STEP = 9 };
    const char *meaning = n->classes < MAX_CELLS
                              ? "the darker, the more answers (log of the count, for each panel)"
                              : "a pair of true class and answer that occurs";
    const struct {
        bool shown, half;
        bs_color color;
        const char *text;
    } lines[] = {
        {true, false, BS_BLUE, meaning},
        {layers, false, BS_RED,
         "red row: a sink, into which more wrong answers fall than chance and runners-up explain"},
        {n->has_halves, true, BS_RED, "half red: the fault-free network gives some of these answers, too"}};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        if (!lines[i].shown)
            continue;
        double x = left_margin(n);
        if (lines[i].half)
            draw_cell(n->p, x + (STEPS - 1) * STEP, y - STEP, STEP, false, BS_BLUE, 0.7);
        for (int k = n->classes < MAX_CELLS && !lines[i].half ? 0 : STEPS - 1; k < STEPS; k++)
            draw_cell(n->p, x + k * STEP, y - STEP, STEP, lines[i].half, lines[i].color,
                      shade(lines[i].color, k / (STEPS - 1.0)));
        bs_set_color(n->p, BS_INK, 1);
        bs_draw_text(n->p,
                     (bs_text){.x = x + STEPS * STEP + 8,
                               .y = y,
                               .size = 11,
                               .across = -1,
                               .max_width = n->p->width - x - STEPS * STEP - 16},
                     lines[i].text);
        y += LEGEND_LINE;
    }
}
