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
