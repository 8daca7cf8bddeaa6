#include "report/chart.h"

#include "base/common_path.h"
#include "base/new_file.h"
#include "base/text.h"

#include <cairo-svg.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { PNG_SCALE = 2, MAX_PIXELS = 32767 };

static bool ends_with(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n >= k && strcmp(text + n - k, end) == 0;
}

bs_status bs_page_check_path(const char *path)
{
    if (ends_with(path, ".png") || ends_with(path, ".svg"))
        return BS_OK;
    bs_fail(BS_USAGE, "cannot tell the format of '%s'", path);
    return bs_hint("name a file that ends in .png or .svg");
}

static cairo_status_t append(void *to, const unsigned char *bytes, unsigned int n)
{
    bs_str *s = to;
    bs_str_append(s, (const char *)bytes, n);
    return s->oom ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

static bs_status cairo_error(const bs_page *p, cairo_status_t status)
{
    const char *name = p->path ? p->path : "figure";
    if (status == CAIRO_STATUS_NO_MEMORY)
        return bs_oom(name);
    return bs_fail(BS_ERR, "cannot draw '%s': %s", name, cairo_status_to_string(status));
}

bs_status bs_page_begin(bs_page *p, double width, double height)
{
    bool png = p->path && ends_with(p->path, ".png");
    if (png && (width * PNG_SCALE > MAX_PIXELS || height * PNG_SCALE > MAX_PIXELS)) {
        bs_fail(BS_ERR, "the figure is too large for a PNG: %.0f x %.0f pixels", width, height);
        return bs_hint("write it as .svg, or draw one --entry");
    }
    p->width = width;
    p->height = height;
    if (png) {
        p->surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(width * PNG_SCALE),
                                                (int)(height * PNG_SCALE));
        cairo_surface_set_device_scale(p->surface, PNG_SCALE, PNG_SCALE);
    } else {
        p->surface = cairo_svg_surface_create_for_stream(append, &p->bytes, width, height);
        if (cairo_surface_status(p->surface) == CAIRO_STATUS_SUCCESS)
            cairo_svg_surface_set_document_unit(p->surface, CAIRO_SVG_UNIT_PX);
    }
    p->cr = cairo_create(p->surface);
    if (cairo_status(p->cr) != CAIRO_STATUS_SUCCESS) {
        bs_status st = cairo_error(p, cairo_status(p->cr));
        bs_page_drop(p);
        return st;
    }
    cairo_select_font_face(p->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_NORMAL);
    bs_set_color(p, BS_WHITE, 1);
    cairo_paint(p->cr);
    cairo_set_line_width(p->cr, 1);
    return BS_OK;
}

void bs_page_drop(bs_page *p)
{
    if (p->cr)
        cairo_destroy(p->cr);
    if (p->surface)
        cairo_surface_destroy(p->surface);
    p->cr = NULL;
    p->surface = NULL;
    if (p->path)
        bs_str_clear(&p->bytes);
}

bs_status bs_page_end(bs_page *p)
{
    cairo_status_t status = cairo_status(p->cr);
    if (status == CAIRO_STATUS_SUCCESS && p->path && ends_with(p->path, ".png"))
        status = cairo_surface_write_to_png_stream(p->surface, append, &p->bytes);
    cairo_surface_finish(p->surface);
    if (status == CAIRO_STATUS_SUCCESS)
        status = cairo_surface_status(p->surface);
    bs_status st = status == CAIRO_STATUS_SUCCESS ? bs_str_status(&p->bytes) : cairo_error(p, status);
    if (st == BS_OK && p->path)
        st = bs_write_file(p->path, p->bytes.ptr, p->bytes.len);
    bs_page_drop(p);
    return st;
}

/* The palette of Okabe and Ito (Color Universal Design, 2008), but for red, whose place vermilion has there:
 * it looks orange. This one is dark, so that no kind of colour vision takes it for blue. */
static const unsigned char palette[][3] = {
    [BS_INK] = {34, 34, 34},      [BS_GREY] = {120, 120, 120},  [BS_FAINT] = {225, 225, 225},
    [BS_BLUE] = {0, 114, 178},    [BS_ORANGE] = {230, 159, 0},  [BS_GREEN] = {0, 158, 115},
    [BS_SKY] = {86, 180, 233},    [BS_RED] = {178, 24, 43},     [BS_PURPLE] = {204, 121, 167},
    [BS_YELLOW] = {240, 228, 66}, [BS_WHITE] = {255, 255, 255},
};

void bs_set_color(const bs_page *p, bs_color color, double alpha)
{
    const unsigned char *c = palette[color];
    cairo_set_source_rgba(p->cr, c[0] / 255.0, c[1] / 255.0, c[2] / 255.0, alpha);
}

void bs_set_series(const bs_page *p, int k, double width, double alpha)
{
    static const bs_color colors[] = {BS_BLUE, BS_ORANGE, BS_GREEN, BS_PURPLE, BS_INK};
    static const double dashes[][2] = {{6, 3}, {2, 2}};
    enum { N = sizeof colors / sizeof *colors };
    bs_set_color(p, colors[k % N], alpha);
    cairo_set_line_width(p->cr, width);
    if (k < N)
        cairo_set_dash(p->cr, NULL, 0, 0);
    else
        cairo_set_dash(p->cr, dashes[k / N % 2], 2, 0);
}

void bs_set_scale_color(const bs_page *p, double v)
{
    /* Viridis (van der Walt and Smith, 2015; CC0) from its light end, which starts in nearly white here. */
    static const double scale[][3] = {{250, 250, 245}, {253, 231, 37}, {94, 201, 98},
                                      {33, 145, 140},  {59, 82, 139},  {68, 1, 84}};
    enum { LAST = sizeof scale / sizeof *scale - 1 };
    double at = fmin(1, fmax(0, v)) * LAST;
    int i = at >= LAST ? LAST - 1 : (int)at;
    double f = at - i, rgb[3];
    for (int k = 0; k < 3; k++)
        rgb[k] = (scale[i][k] + f * (scale[i + 1][k] - scale[i][k])) / 255;
    cairo_set_source_rgb(p->cr, rgb[0], rgb[1], rgb[2]);
}

double bs_text_width(const bs_page *p, double size, const char *text)
{
    cairo_text_extents_t e;
    cairo_set_font_size(p->cr, size);
    cairo_text_extents(p->cr, text, &e);
    return e.x_advance;
}

/* Shortens a text to the width; cuts between UTF-8 characters. */
static void cut_end(const bs_page *p, bs_str *s, double size, double max_width)
{
    size_t n = s->len;
    while (n > 1 && bs_text_width(p, size, s->ptr) > max_width) {
        do
            n--;
        while (n > 1 && ((unsigned char)s->ptr[n] & 0xc0) == 0x80);
        s->len = n;
        bs_str_puts(s, "...");
    }
}

/* The same, but keeps the end, by which the tensors of a model differ. */
static void cut_front(const bs_page *p, bs_str *s, double size, double max_width)
{
    bs_str whole = *s;
    if (bs_text_width(p, size, whole.ptr) <= max_width)
        return;
    *s = (bs_str){0};
    bs_str_put_brief_path(s, whole.ptr);
    bs_str_clear(&whole);
    whole = *s;
    *s = (bs_str){0};
    bs_str_puts(s, whole.ptr ? whole.ptr : "");
    for (const char *from = whole.ptr;
         from && *from && s->ptr && bs_text_width(p, size, s->ptr) > max_width;) {
        do
            from++;
        while (((unsigned char)*from & 0xc0) == 0x80);
        s->len = 0;
        bs_str_printf(s, "...%s", from);
    }
    bs_str_clear(&whole);
}

void bs_draw_text(const bs_page *p, bs_text where, const char *text)
{
    cairo_font_extents_t font;
    bs_str s = {0};
    bs_str_visible(&s, text);
    if (s.oom || !*text) {
        bs_str_clear(&s);
        return;
    }
    cairo_save(p->cr);
    if (where.bold)
        cairo_select_font_face(p->cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, CAIRO_FONT_WEIGHT_BOLD);
    if (where.max_width > 0)
        (where.is_path ? cut_front : cut_end)(p, &s, where.size, where.max_width);
    double width = bs_text_width(p, where.size, s.ptr ? s.ptr : "");
    cairo_font_extents(p->cr, &font);
    cairo_move_to(p->cr, where.x, where.y);
    cairo_rotate(p->cr, -where.angle * M_PI / 180);
    cairo_rel_move_to(p->cr, -width * (where.across + 1) / 2.0, where.middle ? font.ascent * 0.36 : 0);
    cairo_show_text(p->cr, s.ptr ? s.ptr : "");
    cairo_new_path(p->cr);
    cairo_restore(p->cr);
    bs_str_clear(&s);
}

void bs_draw_dot(const bs_page *p, double x, double y, double radius)
{
    cairo_new_path(p->cr);
    cairo_arc(p->cr, x, y, radius, 0, 2 * M_PI);
    cairo_fill(p->cr);
}

void bs_draw_line(const bs_page *p, double x1, double y1, double x2, double y2)
{
    cairo_move_to(p->cr, x1, y1);
    cairo_line_to(p->cr, x2, y2);
    cairo_stroke(p->cr);
}

/* --- Axes --- */

double bs_axes_x(const bs_axes *a, double v)
{
    double f =
        a->x_log ? log(v / a->x_min) / log(a->x_max / a->x_min) : (v - a->x_min) / (a->x_max - a->x_min);
    return a->left + f * a->width;
}

double bs_axes_y(const bs_axes *a, double v)
{
    return a->top + a->height * (1 - (v - a->y_min) / (a->y_max - a->y_min));
}

/* Returns 1, 2 or 5 times a power of ten, for about n steps. */
static double nice_step(double range, int n)
{
    double raw = range / n, power = pow(10, floor(log10(raw))), f = raw / power;
    return power * (f < 1.5 ? 1 : f < 3.5 ? 2 : f < 7.5 ? 5 : 10);
}

static void tick_text(char *out, size_t size, double v, double step, bool percent)
{
    double shown = percent ? v * 100 : v, unit = percent ? step * 100 : step;
    int digits = unit >= 1 ? 0 : (int)ceil(-log10(unit) - 1e-9);
    snprintf(out, size, "%.*f%s", digits, fabs(shown) < unit * 1e-6 ? 0.0 : shown, percent ? " %" : "");
}

static void draw_y_ticks(const bs_page *p, const bs_axes *a)
{
    char text[32];
    double step = nice_step(a->y_max - a->y_min, a->height > 150 ? 5 : 3);
    for (double v = ceil(a->y_min / step - 1e-9) * step; v <= a->y_max + step * 1e-6; v += step) {
        double y = bs_axes_y(a, v);
        bs_set_color(p, BS_FAINT, 1);
        bs_draw_line(p, a->left, y, a->left + a->width, y);
        bs_set_color(p, BS_INK, 1);
        tick_text(text, sizeof text, v, step, a->y_percent);
        bs_draw_text(p, (bs_text){.x = a->left - 6, .y = y, .size = 11, .across = 1, .middle = true}, text);
    }
}

static void draw_x_tick(const bs_page *p, const bs_axes *a, double v, const char *text)
{
    double x = bs_axes_x(a, v), bottom = a->top + a->height;
    bs_set_color(p, BS_FAINT, 1);
    bs_draw_line(p, x, a->top, x, bottom);
    bs_set_color(p, BS_INK, 1);
    bs_draw_text(p, (bs_text){.x = x, .y = bottom + 15, .size = 11}, text);
}

static void draw_x_ticks(const bs_page *p, const bs_axes *a)
{
    char text[32];
    if (a->x_log) {
        for (double k = ceil(log10(a->x_min) - 1e-9); k <= log10(a->x_max) + 1e-9; k++) {
            if (k > -3)
                snprintf(text, sizeof text, "%g", pow(10, k));
            else
                snprintf(text, sizeof text, "1e%.0f", k);
            draw_x_tick(p, a, pow(10, k), text);
        }
        return;
    }
    double step = nice_step(a->x_max - a->x_min, a->width > 250 ? 6 : 4);
    for (double v = ceil(a->x_min / step - 1e-9) * step; v <= a->x_max + step * 1e-6; v += step) {
        tick_text(text, sizeof text, v, step, a->x_percent);
        draw_x_tick(p, a, v, text);
    }
}

void bs_axes_draw(const bs_page *p, const bs_axes *a)
{
    cairo_set_dash(p->cr, NULL, 0, 0);
    cairo_set_line_width(p->cr, 1);
    draw_y_ticks(p, a);
    if (!a->no_x)
        draw_x_ticks(p, a);
    bs_set_color(p, BS_GREY, 1);
    cairo_rectangle(p->cr, a->left, a->top, a->width, a->height);
    cairo_stroke(p->cr);
    bs_set_color(p, BS_INK, 1);
    if (a->title)
        bs_draw_text(p,
                     (bs_text){.x = a->left,
                               .y = a->top - (a->subtitle ? 26 : 10),
                               .size = 13,
                               .across = -1,
                               .bold = true,
                               .max_width = a->width},
                     a->title);
    if (a->subtitle)
        bs_draw_text(
            p, (bs_text){.x = a->left, .y = a->top - 9, .size = 11, .across = -1, .max_width = a->width},
            a->subtitle);
    if (a->x_name)
        bs_draw_text(p, (bs_text){.x = a->left + a->width / 2, .y = a->top + a->height + 34, .size = 12},
                     a->x_name);
    if (a->y_name)
        bs_draw_text(p, (bs_text){.x = a->left - 48, .y = a->top + a->height / 2, .size = 12, .angle = 90},
                     a->y_name);
}

void bs_axes_fit_share(bs_axes *a, double low, double high)
{
    double margin = fmax(0.01, (high - low) * 0.08);
    a->y_min = fmax(0, low - margin);
    a->y_max = fmin(1, high + margin);
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
    bs_set_color(p, BS_INK, 1);
    for (int i = 0; i <= 4; i++) {
        double v = max * (i / 4.0) * (i / 4.0);
        snprintf(text, sizeof text, "%.*f %%", max < 0.02 ? 3 : max < 0.2 ? 2 : 1, 100 * v);
        bs_draw_text(p,
                     (bs_text){.x = x + WIDTH + 6,
                               .y = y + height * (1 - i / 4.0),
                               .size = 11,
                               .across = -1,
                               .middle = true},
                     text);
    }
    bs_draw_text(p, (bs_text){.x = x, .y = y - 8, .size = 11, .across = -1}, name);
}
