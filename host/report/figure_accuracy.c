/* Draws the accuracy of each layer under one fault: one panel for each fault entry. All panels have the same
 * axes: a layer has one place, which is empty where an entry does not hit it. */
#include "report/axes.h"
#include "report/data.h"
#include "report/figure.h"
#include "report/key.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { ENTRY, ENTRY_NAME, PLACE, LAYER_NAME, GOLDEN, RATE, LOW, HIGH, BY_LABEL };
enum { PANEL = 190, LEFT = 66, RIGHT = 16, TOP = 60, GAP = 50, MOST_NAME = 200, PLACE_WIDTH = 14 };

static const char sql[] =
    "SELECT c.entry, e.name, dense_rank() OVER (ORDER BY l.ordinal) - 1, c.layer_name, "
    "coalesce(c.label_without_fault, 1.0), coalesce(c.correct_label, c.correct_golden), "
    "coalesce(c.label_low, "
    "c.golden_low), coalesce(c.label_high, c.golden_high), c.correct_label IS NOT NULL FROM "
    "bn_correct_given_layer c JOIN entry e ON e.id = c.entry JOIN layer l ON l.id = c.layer WHERE (?1 = -2 "
    "OR "
    "c.entry = ?1) AND l.kind <> 'network' ORDER BY c.entry, l.ordinal";

/* What all panels share. */
typedef struct sheet {
    const bs_page *p;
    const bs_data *d;
    const bs_common_path *path;
    bs_axes axes;
    size_t places, panels;
    double names; /* width of the longest name */
} sheet;

static const char *name_of(const sheet *s, size_t row)
{
    return bs_common_path_cut(s->path, bs_data_text(s->d, row, LAYER_NAME));
}

/* Returns n such that rows [first, first + n) belong to one entry. */
static size_t entry_rows(const bs_data *d, size_t first)
{
    size_t n = 1;
    while (first + n < d->n && bs_data_value(d, first + n, ENTRY) == bs_data_value(d, first, ENTRY))
        n++;
    return n;
}

static void draw_layers(const sheet *s, const bs_axes *a, size_t first, size_t n)
{
    bool many = s->places > 150;
    bs_names names = {-HUGE_VAL, MOST_NAME, true};
    for (size_t i = first; i < first + n; i++) {
        double place = bs_data_value(s->d, i, PLACE), x = bs_axes_x(a, place);
        bs_axes_draw_name(s->p, a, &names, place, name_of(s, i));
        bs_set_color(s->p, BS_BLUE, 1);
        cairo_set_line_width(s->p->cr, many ? 1 : 1.6);
        bs_draw_line(s->p, x, bs_axes_y(a, bs_data_value(s->d, i, LOW)), x,
                     bs_axes_y(a, bs_data_value(s->d, i, HIGH)));
        bs_draw_dot(s->p, x, bs_axes_y(a, bs_data_value(s->d, i, RATE)), many ? 1.6 : 3);
    }
}

static bs_status draw_panel(const sheet *s, double top, const bs_db *db, size_t first, size_t n)
{
    bs_str title = {0}, fault = {0};
    bs_axes a = s->axes;
    bs_status st;
    BS_TRY_GOTO(bs_figure_put_fault(&fault, db, (long long)bs_data_value(s->d, first, ENTRY)), out);
    bs_str_printf(&title, "Entry %s: %s", bs_data_text(s->d, first, ENTRY),
                  bs_data_text(s->d, first, ENTRY_NAME));
    a.top = top;
    a.title = title.ptr;
    a.subtitle = fault.ptr;
    a.y_name = bs_data_value(s->d, first, BY_LABEL) > 0 ? "correct (label)" : "correct (golden)";
    bs_axes_draw(s->p, &a);
    bs_draw_fault_free_line(s->p, a.left, a.left + a.width,
                            bs_axes_y(&a, bs_data_value(s->d, first, GOLDEN)));
    draw_layers(s, &a, first, n);
out:
    bs_str_clear(&title);
    bs_str_clear(&fault);
    return st;
}

/* Finds the axes that hold all entries. */
static void measure(sheet *s)
{
    const bs_data *d = s->d;
    double low = 1, high = 0;
    size_t characters = 0;
    for (size_t i = 0; i < d->n; i++) {
        size_t length = strlen(name_of(s, i)), place = (size_t)bs_data_value(d, i, PLACE);
        low = fmin(low, fmin(bs_data_value(d, i, LOW), bs_data_value(d, i, GOLDEN)));
        high = fmax(high, fmax(bs_data_value(d, i, HIGH), bs_data_value(d, i, GOLDEN)));
        s->places = place + 1 > s->places ? place + 1 : s->places;
        s->panels += i == 0 || bs_data_value(d, i, ENTRY) != bs_data_value(d, i - 1, ENTRY);
        characters = length > characters ? length : characters;
    }
    s->names = bs_names_width(characters, MOST_NAME);
    s->axes = (bs_axes){.left = fmax(LEFT, bs_names_left(s->names)),
                        .width = fmin(900, fmax(400, (double)s->places * PLACE_WIDTH)),
                        .height = PANEL,
                        .x_min = -0.7,
                        .x_max = (double)s->places - 0.3,
                        .no_x = true,
                        .y_percent = true};
    bs_axes_fit_share(&s->axes, low, high);
}

static bs_status draw(sheet *s, bs_page *p, const bs_db *db, double confidence)
{
    char note[256];
    double below = bs_names_depth(s->names), step = PANEL + below + GAP, top = TOP;
    bs_axes *a = &s->axes;
    snprintf(note, sizeof note,
             "Bars: %g %% intervals. They count trials of activations, but faults of parameters: one faulty "
             "weight meets all images.%s",
             confidence, s->panels > 1 ? " All panels have the same axes; a gap: not hit by the entry." : "");
    BS_TRY(bs_page_begin(p, a->left + a->width + RIGHT,
                         TOP + (double)s->panels * step - GAP + 20 +
                             BS_KEY_LINE * (bs_key_lines(note, a->width) + 1.0)));
    s->p = p;
    for (size_t row = 0, n; row < s->d->n; row += n, top += step) {
        n = entry_rows(s->d, row);
        BS_TRY(draw_panel(s, top, db, row, n));
    }
    bs_key key = {p, a->left, top - GAP + 14, a->width};
    bs_key_fault_free(&key,
                      bs_data_value(s->d, 0, BY_LABEL) > 0 ? "without faults" : "the fault-free answer");
    bs_key_note(&key, note);
    bs_figure_note(p, s->path);
    return bs_page_end(p);
}

bs_status bs_figure_accuracy(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data d = {0};
    bs_common_path path = {0};
    double confidence;
    bs_status st;
    BS_TRY(bs_figure_confidence(&confidence, db));
    BS_TRY(bs_data_load(&d, db, sql, 1, &o->entry));
    if (d.n == 0)
        BS_TRY_GOTO(
            bs_figure_empty("no trials that hit one layer each",
                            "run the campaign, or name another --entry; figure ber is for entries that "
                            "hit the whole network"),
            out);
    BS_TRY_GOTO(bs_figure_paths(&path, db), out);
    sheet s = {.d = &d, .path = &path};
    measure(&s);
    st = draw(&s, p, db, confidence);
    bs_page_drop(p);
out:
    bs_common_path_clear(&path);
    bs_data_clear(&d);
    return st;
}
