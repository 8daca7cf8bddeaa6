#include "report/key.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { SAMPLE = 26, SIZE = 12 };

void bs_set_series(const bs_page *p, int k, double width, double alpha)
{
    static const bs_color colors[] = {BS_BLUE, BS_ORANGE, BS_GREEN, BS_PURPLE, BS_INK};
    static const struct {
        double lengths[4];
        int n;
    } dashes[] = {{{0}, 0}, {{7, 3}, 2}, {{2, 2}, 2}, {{8, 3, 2, 3}, 4}};
    enum { COLORS = sizeof colors / sizeof *colors, DASHES = sizeof dashes / sizeof *dashes };
    bs_set_color(p, colors[k % COLORS], alpha);
    cairo_set_line_width(p->cr, width);
    cairo_set_dash(p->cr, dashes[k % DASHES].lengths, dashes[k % DASHES].n, 0);
}

void bs_set_scale_color(const bs_page *p, double v)
{
    /* Viridis (van der Walt and Smith, 2015; CC0) from its light end, which starts paler here, but unlike
     * white. */
    static const double scale[][3] = {{247, 241, 212}, {253, 231, 37}, {94, 201, 98},
                                      {33, 145, 140},  {59, 82, 139},  {68, 1, 84}};
    enum { LAST = sizeof scale / sizeof *scale - 1 };
    double at = fmin(1, fmax(0, v)) * LAST;
    int i = at >= LAST ? LAST - 1 : (int)at;
    double f = at - i, rgb[3];
    for (int k = 0; k < 3; k++)
        rgb[k] = (scale[i][k] + f * (scale[i + 1][k] - scale[i][k])) / 255;
    cairo_set_source_rgb(p->cr, rgb[0], rgb[1], rgb[2]);
}

void bs_draw_mark(const bs_page *p, int k, double x, double y)
{
    cairo_new_path(p->cr);
    switch (k % 4) {
    case 0:
        cairo_arc(p->cr, x, y, 3.6, 0, 2 * M_PI);
        break;
    case 1:
        cairo_rectangle(p->cr, x - 3.2, y - 3.2, 6.4, 6.4);
        break;
    case 2:
        cairo_move_to(p->cr, x, y - 4.6);
        cairo_line_to(p->cr, x + 4.3, y + 3.2);
        cairo_line_to(p->cr, x - 4.3, y + 3.2);
        break;
    default:
        cairo_move_to(p->cr, x, y - 4.8);
        cairo_line_to(p->cr, x + 4.8, y);
        cairo_line_to(p->cr, x, y + 4.8);
        cairo_line_to(p->cr, x - 4.8, y);
    }
    cairo_fill(p->cr);
}

void bs_draw_interval(const bs_page *p, double x, double low, double high)
{
    bs_draw_line(p, x, low, x, high);
    bs_draw_line(p, x - 2.5, low, x + 2.5, low);
    bs_draw_line(p, x - 2.5, high, x + 2.5, high);
}

void bs_draw_color_bar(const bs_page *p, double x, double y, double height, double max, const char *name)
{
    enum { STEPS = 60, WIDTH = 14 };
    char text[32];
    for (int i = 0; i < STEPS; i++) {
        bs_set_scale_color(p, (i + 0.5) / STEPS);
        cairo_rectangle(p->cr, x, y + height * (STEPS - 1 - i) / STEPS, WIDTH, height / STEPS + 0.6);
        cairo_fill(p->cr);
    }
    bs_set_color(p, BS_GREY, 1);
    cairo_set_line_width(p->cr, 1);
    cairo_rectangle(p->cr, x, y, WIDTH, height);
    cairo_stroke(p->cr);
    bs_set_color(p, BS_INK, 1);
    for (int i = 0; i <= 4; i += height < 60 ? 2 : 1) {
        double v = max * (i / 4.0) * (i / 4.0);
        snprintf(text, sizeof text, "%.*f %%", i == 0 ? 0 : max < 0.02 ? 3 : max < 0.2 ? 2 : 1, 100 * v);
        bs_draw_text(p,
                     (bs_text){.x = x + WIDTH + 6,
                               .y = y + height * (1 - i / 4.0),
                               .size = 11,
                               .across = -1,
                               .middle = true},
                     text);
    }
    bs_draw_text(p, (bs_text){.x = x, .y = y - 9, .size = 11, .across = -1}, name);
}

void bs_draw_fault_free_line(const bs_page *p, double left, double right, double y)
{
    static const double dash[] = {5, 4};
    bs_set_color(p, BS_INK, 1);
    cairo_set_line_width(p->cr, 1.6);
    cairo_set_dash(p->cr, dash, 2, 0);
    bs_draw_line(p, left, y, right, y);
    cairo_set_dash(p->cr, NULL, 0, 0);
}

/* Returns how many bytes of the text are its next line, which has at most so many characters. */
static size_t next_line(const char *text, double width)
{
    size_t most = (size_t)fmax(10, width / 7), end = 0;
    for (size_t i = 0; i <= most; i++) {
        if (text[i] == '\0')
            return i;
        if (text[i] == ' ' && text[i + 1] != '%')
            end = i;
    }
    return end ? end : most;
}

int bs_key_lines(const char *text, double width)
{
    int lines = 0;
    for (; *text; lines++) {
        text += next_line(text, width);
        text += *text == ' ';
    }
    return lines;
}

void bs_key_note(bs_key *k, const char *text)
{
    char line[256];
    bs_set_color(k->p, BS_INK, 1);
    while (*text) {
        size_t n = next_line(text, k->width);
        snprintf(line, sizeof line, "%.*s", (int)n, text);
        bs_draw_text(k->p, (bs_text){.x = k->x, .y = k->y, .size = SIZE, .across = -1, .max_width = k->width},
                     line);
        text += n;
        text += *text == ' ';
        k->y += BS_KEY_LINE;
    }
}

/* Writes the text beside a sample, and goes to the next line. */
static void explain(bs_key *k, const char *text)
{
    bs_set_color(k->p, BS_INK, 1);
    bs_draw_text(k->p,
                 (bs_text){.x = k->x + SAMPLE + 8,
                           .y = k->y,
                           .size = SIZE,
                           .across = -1,
                           .max_width = k->width - SAMPLE - 8},
                 text);
    k->y += BS_KEY_LINE;
}

void bs_key_series(bs_key *k, int series, bool mark, const char *text)
{
    bs_set_series(k->p, series, 2, 1);
    bs_draw_line(k->p, k->x, k->y - 4, k->x + SAMPLE, k->y - 4);
    cairo_set_dash(k->p->cr, NULL, 0, 0);
    if (mark)
        bs_draw_mark(k->p, series, k->x + SAMPLE / 2.0, k->y - 4);
    explain(k, text);
}

void bs_key_fault_free(bs_key *k, const char *text)
{
    bs_draw_fault_free_line(k->p, k->x, k->x + SAMPLE, k->y - 4);
    explain(k, text);
}

void bs_key_swatch(bs_key *k, const char *text)
{
    cairo_rectangle(k->p->cr, k->x, k->y - 10, SAMPLE, 12);
    cairo_fill_preserve(k->p->cr);
    bs_set_color(k->p, BS_GREY, 1);
    cairo_set_line_width(k->p->cr, 1);
    cairo_stroke(k->p->cr);
    explain(k, text);
}
