/* Draws rates of the whole network over several campaigns, such as one a night: panels one above the other on
 * one axis of campaigns, a line for each fault entry. */
#include "report/figure_trend.h"

#include "report/axes.h"
#include "report/key.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { LEFT = 66, TOP = 66, RIGHT = 16, GAP = 22, TALL = 170, FLAT = 110, MOST_NAME = 150, NIGHT = 12 };
enum { MOST_LINES = 12, MARKS = 3, MARK_LINE = 11 };

static const struct {
    bs_night_change change;
    const char *letter, *text;
} marks[MARKS] = {{BS_CHANGED_MODEL, "M", "M: model changed"},
                  {BS_CHANGED_JOB, "J", "J: job changed (seed, images, preprocessing, storage)"},
                  {BS_CHANGED_DEVICE, "D", "D: device changed (or library, version, arithmetic)"}};

typedef struct sheet {
    const bs_page *p;
    const bs_nights *nights;
    long long line[MOST_LINES]; /* ids of entries */
    int lines, left_out;
    bool labelled;
    double width;
} sheet;

/* What a panel shows. */
typedef enum value { SDC1, DUE, GOLDEN } value;

static bs_bounded value_of(const sheet *s, value what, size_t night, int line)
{
    const bs_night_entry *e = bs_night_find(&s->nights->night[night], s->line[line]);
    if (what == GOLDEN)
        return (bs_bounded){s->nights->night[night].golden, NAN, NAN};
    return !e ? (bs_bounded){NAN, NAN, NAN} : what == SDC1 ? e->sdc1 : e->due;
}

static bool is_joined(const sheet *s, value what, size_t night, int line)
{
    return what == GOLDEN ? night > 0 && !s->nights->night[night].changed
                          : bs_nights_joined(s->nights, night, s->line[line]);
}

/* Draws a line a little aside of the others, so that bars do not cover each other. */
static void draw_line(const sheet *s, const bs_axes *a, value what, int line)
{
    cairo_t *cr = s->p->cr;
    double step = a->width / (a->x_max - a->x_min), aside = 0;
    if (what != GOLDEN)
        aside = (line - (s->lines - 1) / 2.0) * fmin(6, 0.7 * step / s->lines);
    bs_set_series(s->p, what == GOLDEN ? 4 : line, 1.6, 1);
    cairo_new_path(cr);
    for (size_t i = 0; i < s->nights->n; i++) {
        bs_bounded v = value_of(s, what, i, line);
        double x = bs_axes_x(a, (double)i) + aside;
        if (isnan(v.rate))
            continue;
        if (is_joined(s, what, i, line))
            cairo_line_to(cr, x, bs_axes_y(a, v.rate));
        else
            cairo_move_to(cr, x, bs_axes_y(a, v.rate));
    }
    cairo_stroke(cr);
    cairo_set_dash(cr, NULL, 0, 0);
    for (size_t i = 0; i < s->nights->n; i++) {
        bs_bounded v = value_of(s, what, i, line);
        double x = bs_axes_x(a, (double)i) + aside;
        if (isnan(v.rate))
            continue;
        if (!isnan(v.low)) /* no census */
            bs_draw_interval(s->p, x, bs_axes_y(a, v.low), bs_axes_y(a, v.high));
        bs_draw_mark(s->p, what == GOLDEN ? 4 : line, x, bs_axes_y(a, v.rate));
    }
}

static void draw_panel(const sheet *s, bs_axes *a, value what)
{
    int lines = what == GOLDEN ? 1 : s->lines;
    double low = 1, high = 0;
    for (size_t i = 0; i < s->nights->n; i++)
        for (int k = 0; k < lines; k++) {
            bs_bounded v = value_of(s, what, i, k);
            low = fmin(low, fmin(v.rate, v.low));
            high = fmax(high, fmax(v.rate, v.high));
        }
    if (what == GOLDEN)
        bs_axes_fit_share(a, low, high);
    else /* small rates fill the panel, too */
        a->y_max = high > 0 ? fmin(1, 1.08 * high) : 0.01;
    bs_axes_draw(s->p, a);
    cairo_save(s->p->cr);
    cairo_rectangle(s->p->cr, a->left, a->top - 4, a->width, a->height + 8);
    cairo_clip(s->p->cr);
    for (int k = 0; k < lines; k++)
        draw_line(s, a, what, k);
    cairo_restore(s->p->cr);
}

/* Draws a line through all panels where nights are not comparable, with letters that say why. */
static void draw_changes(const sheet *s, const bs_axes *a, double bottom)
{
    static const double dash[] = {1, 3};
    for (size_t i = 0; i < s->nights->n; i++) {
        double x = bs_axes_x(a, (double)i - 0.5);
        if (!s->nights->night[i].changed)
            continue;
        bs_set_color(s->p, BS_INK, 1);
        cairo_set_line_width(s->p->cr, 1);
        cairo_set_dash(s->p->cr, dash, 2, 0);
        bs_draw_line(s->p, x, TOP - 2, x, bottom);
        cairo_set_dash(s->p->cr, NULL, 0, 0);
        for (int k = 0; k < MARKS; k++)
            if (s->nights->night[i].changed & marks[k].change)
                bs_draw_text(s->p, (bs_text){.x = x, .y = TOP - 5 - (MARKS - 1 - k) * MARK_LINE, .size = 11},
                             marks[k].letter);
    }
}

static double draw_panels(const sheet *s)
{
    static const struct {
        value what;
        const char *name;
    } panels[] = {{SDC1, "SDC-1, of trials"}, {DUE, "DUE, of trials"}, {GOLDEN, "golden accuracy"}};
    double top = TOP;
    char title[64];
    snprintf(title, sizeof title, "Trend over %zu campaigns", s->nights->n);
    bs_set_color(s->p, BS_INK, 1);
    bs_draw_text(s->p, (bs_text){.x = LEFT, .y = 20, .size = 13, .across = -1, .bold = true}, title);
    bs_axes a = {.left = LEFT,
                 .width = s->width,
                 .x_min = -0.6,
                 .x_max = (double)s->nights->n - 0.4,
                 .no_x = true,
                 .y_percent = true};
    for (int i = 0; i < (s->labelled ? 3 : 2); i++) {
        a.top = top;
        a.height = i == 0 ? TALL : FLAT;
        a.y_name = panels[i].name;
        draw_panel(s, &a, panels[i].what);
        top += a.height + GAP;
    }
    draw_changes(s, &a, top - GAP);
    bs_names names = {HUGE_VAL, MOST_NAME, false};
    for (size_t i = s->nights->n; i-- > 0;) /* the newest always has its name */
        bs_axes_draw_name(s->p, &a, &names, (double)i, s->nights->night[i].label);
    return top - GAP;
}

static const bs_night_entry *newest(const sheet *s, int line)
{
    const bs_night_entry *e = NULL;
    for (size_t i = s->nights->n; i-- > 0 && !e;)
        e = bs_night_find(&s->nights->night[i], s->line[line]);
    return e;
}

/* Returns whether two nights in a row define the entry differently. */
static bool is_redefined(const sheet *s, int line)
{
    for (size_t i = 1; i < s->nights->n; i++)
        if (!s->nights->night[i].changed && bs_night_find(&s->nights->night[i], s->line[line]) &&
            bs_night_find(&s->nights->night[i - 1], s->line[line]) &&
            !bs_nights_joined(s->nights, i, s->line[line]))
            return true;
    return false;
}

/* The notes of the key. */
static void put_notes(bs_str *out, const sheet *s)
{
    bs_str_printf(
        out, "Bars: %g %% intervals, of each campaign alone. Layers are weighted by bits (view network_sdc).",
        s->nights->night[0].confidence);
    for (size_t i = 1; i < s->nights->n; i++)
        if (s->nights->night[i].changed) {
            bs_str_puts(out, " Points on both sides of a mark are not comparable, so no line joins them.");
            break;
        }
    if (s->left_out)
        bs_str_printf(out, " %d more entries are not shown: name one by --entry.", s->left_out);
}

static void draw_key(const sheet *s, double top, const char *notes)
{
    bs_key key = {s->p, LEFT, top, s->width};
    bs_str text = {0};
    unsigned changed = 0;
    for (int k = 0; k < s->lines; k++) {
        text.len = 0;
        bs_str_printf(&text, "%lld: %s%s", s->line[k], newest(s, k)->name,
                      is_redefined(s, k) ? " (not joined where its definition changed)" : "");
        bs_key_series(&key, k, true, text.ptr ? text.ptr : "");
    }
    for (size_t i = 0; i < s->nights->n; i++)
        changed |= s->nights->night[i].changed;
    for (int k = 0; k < MARKS; k++)
        if (changed & marks[k].change)
            bs_key_note(&key, marks[k].text);
    bs_key_note(&key, notes);
    bs_str_clear(&text);
}

/* Adds the entries of all nights, by id. */
static void find_lines(sheet *s)
{
    long long last = -1;
    for (;;) {
        long long next = -1;
        for (size_t i = 0; i < s->nights->n; i++)
            for (size_t k = 0; k < s->nights->night[i].n_entries; k++) {
                long long id = s->nights->night[i].entry[k].id;
                if (id > last && (next < 0 || id < next))
                    next = id;
            }
        if (next < 0)
            return;
        if (s->lines < MOST_LINES)
            s->line[s->lines++] = next;
        else
            s->left_out++;
        last = next;
    }
}

bs_status bs_figure_trend(bs_page *p, const bs_nights *nights)
{
    sheet s = {.p = p, .nights = nights, .width = fmin(900, fmax(400, (double)nights->n * NIGHT))};
    bs_str notes = {0};
    size_t characters = 0;
    bs_status st;
    find_lines(&s);
    for (size_t i = 0; i < nights->n; i++) {
        size_t length = strlen(nights->night[i].label);
        characters = length > characters ? length : characters;
        s.labelled |= !isnan(nights->night[i].golden);
    }
    double names = bs_names_depth(bs_names_width(characters, MOST_NAME));
    put_notes(&notes, &s);
    BS_TRY_GOTO(bs_str_status(&notes), out);
    double panels = TALL + FLAT + GAP + (s.labelled ? FLAT + GAP : 0),
           lines = s.lines + MARKS + bs_key_lines(notes.ptr, s.width) + 1;
    BS_TRY_GOTO(bs_page_begin(p, LEFT + s.width + RIGHT, TOP + panels + names + lines * BS_KEY_LINE), out);
    draw_key(&s, draw_panels(&s) + names + BS_KEY_LINE, notes.ptr);
    st = bs_page_end(p);
out:
    bs_str_clear(&notes);
    return st;
}
