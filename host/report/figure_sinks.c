/* Draws the true class against the answer, after a figure of Morozov et al. (AISafety 2020): first the
 * fault-free answers, then those under a fault in a layer. A row that faults fill from many true classes is a
 * sink, in red and with its name. Few classes have their names on the axes, many have numbers. */
#include "report/data.h"
#include "report/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PANEL = 250,
    LEFT = 70,
    TOP = 70,
    GAP_X = 130,
    GAP_Y = 84,
    ACROSS = 3,
    LAYERS = 5,
    MAX_CELLS = 125,
    MAX_NAMES = 9,
    FEW = 12,            /* classes, of which each has a tick */
    MOST_AXIS_NAME = 72, /* pixels */
    LEGEND_LINE = 17
};

/* The layers with most silent data corruptions that show a sink, then other layers. ?1: entry or -2, ?2:
 * layer or -2, ?3: -2, or another layer: then both, in the order of the network. */
static const char sql_layers[] =
    "WITH sink AS MATERIALIZED (SELECT entry, layer, count(*) AS n FROM sink_class WHERE level = 'layer' "
    "GROUP BY entry, "
    "layer) SELECT a.entry, a.layer, a.layer_name, e.name, a.sdc1_rate FROM layer_accuracy a JOIN entry e ON "
    "e.id = "
    "a.entry LEFT JOIN sink s ON s.entry = a.entry AND s.layer = a.layer WHERE (?1 = -2 OR a.entry = ?1) AND "
    "(?2 = -2 AND ?3 = -2 OR a.layer IN (?2, ?3)) AND a.sdc1_rate > 0 AND a.kind <> 'network' ORDER BY "
    "iif(?3 = -2, "
    "s.n IS NULL, 0), iif(?3 = -2, -a.sdc1_rate, 0), a.entry, (SELECT ordinal FROM layer "
    "WHERE id = a.layer) LIMIT 5";
/* True class (the label, or the golden answer of images without one), answer, count. */
static const char sql_golden[] = "SELECT coalesce(i.class, g.class), g.class, count(*), 0 FROM golden g JOIN "
                                 "image i ON i.id = g.image WHERE g.class >= "
                                 "0 GROUP BY 1, 2 ORDER BY 1, 2";
static const char sql_layer[] = "SELECT coalesce(i.class, g.class), s.class, sum(s.n), s.class <> g.class "
                                "FROM summary s JOIN golden g ON g.image = "
                                "s.image JOIN image i ON i.id = s.image WHERE s.entry = ?1 AND s.layer = ?2 "
                                "AND s.class >= 0 GROUP BY 1, 2, 4 ORDER BY 4, 1, 2";
static const char sql_sinks[] =
    "SELECT s.class, c.name, s.sdc_share, s.unit FROM sink_class s JOIN class_shown c ON c.class = s.class "
    "WHERE "
    "s.level = 'layer' AND s.entry = ?1 AND s.layer = ?2 ORDER BY s.share DESC, s.class";

/* Names of the classes, for the axes. ?1: the most that fit there. */
static const char sql_names[] = "SELECT name FROM class_shown WHERE (SELECT count(*) FROM class) <= ?1 AND "
                                "EXISTS (SELECT 1 FROM class WHERE name IS NOT NULL) ORDER BY class";

typedef struct panel {
    const bs_page *p;
    double left, top;
    double axis; /* width of the names on the axes, 0: numbers */
    int classes;
    bs_data names, sinks;
    bool has_halves; /* set if cells are split in two colours */
} panel;

static bool is_sink(const panel *n, double class)
{
    for (size_t i = 0; i < n->sinks.n; i++)
        if (bs_data_value(&n->sinks, i, 0) == class)
            return true;
    return false;
}

static double row_y(const panel *n, double class)
{
    return n->top + PANEL * (1 - (class + 0.5) / n->classes);
}

/* Returns how much deeper slanted names reach than numbers. */
static double axis_drop(const panel *n)
{
    return 0.7 * n->axis;
}

static void draw_ticks(const panel *n)
{
    char number[16];
    int ticks = n->classes <= FEW ? n->classes : 5;
    for (int i = 0; i < ticks; i++) {
        int c = n->classes <= FEW ? i : i * n->classes / 4 - (i == 4);
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

static void draw_frame(const panel *n, const char *title, const char *subtitle)
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
}

/* Draws the sinks' names right of the panel, where the axis has no names, moved apart where they would
 * overlap. */
static void draw_names(const panel *n)
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

/* Draws a mark for each pair that occurs: a cell if there are few classes, else a dot on a grid of
 * MAX_CELLS. */
static void draw_pairs(panel *n, const bs_data *d)
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

static double left_margin(const panel *n)
{
    return fmax(LEFT, n->axis + 36);
}

static void place(panel *n, const bs_page *p, size_t k)
{
    n->p = p;
    n->left = left_margin(n) + (double)(k % ACROSS) * (PANEL + GAP_X);
    n->top = TOP + (double)(k / ACROSS) * (PANEL + GAP_Y + axis_drop(n));
}

/* `role` stands before the layer's name. */
static bs_status draw_layer(panel *n, const bs_db *db, const bs_data *layers, const bs_common_path *path,
                            size_t k, const char *role)
{
    bs_data d = {0};
    bs_str title = {0}, subtitle = {0};
    long long bound[2] = {(long long)bs_data_value(layers, k, 0), (long long)bs_data_value(layers, k, 1)};
    bs_status st;
    BS_TRY(bs_data_load(&n->sinks, db, sql_sinks, 2, bound));
    BS_TRY_GOTO(bs_data_load(&d, db, sql_layer, 2, bound), out);
    double share = 0;
    for (size_t i = 0; i < n->sinks.n; i++)
        share += bs_data_value(&n->sinks, i, 2);
    bs_str_printf(&title, "%s%s (entry %lld)", role, bs_common_path_cut(path, bs_data_text(layers, k, 2)),
                  bound[0]);
    bs_str_printf(&subtitle, "SDC %.2f %%, ", 100 * bs_data_value(layers, k, 4));
    if (n->sinks.n)
        bs_str_printf(&subtitle, "%.0f %% of them in %zu sink%s (%ss counted)", 100 * share, n->sinks.n,
                      n->sinks.n == 1 ? "" : "s", bs_data_text(&n->sinks, 0, 3));
    else
        bs_str_puts(&subtitle, "no significant sink");
    draw_pairs(n, &d);
    draw_frame(n, title.ptr ? title.ptr : "", subtitle.ptr ? subtitle.ptr : "");
    draw_names(n);
out:
    bs_data_clear(&d);
    bs_data_clear(&n->sinks);
    bs_str_clear(&title);
    bs_str_clear(&subtitle);
    return st;
}

/* Says what shades and colours mean, from y on. */
static void draw_legend(const panel *n, double y, bool layers)
{
    enum { STEPS = 4, STEP = 9 };
    const char *shade = n->classes < MAX_CELLS
                            ? "the darker, the more answers (log of the count, for each panel)"
                            : "a pair of true class and answer that occurs";
    const struct {
        bool shown, half;
        bs_color color;
        const char *text;
    } lines[] = {
        {true, false, BS_BLUE, shade},
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

/* Says on top which fault it is, if it is the same in all panels. */
static bs_status draw_fault(const panel *n, const bs_db *db, const bs_data *layers)
{
    bs_str text = {0};
    bs_status st;
    for (size_t k = 0; k < layers->n; k++)
        if (bs_data_value(layers, k, 0) != bs_data_value(layers, 0, 0))
            return BS_OK;
    if (layers->n == 0)
        return BS_OK;
    bs_str_printf(&text, "Entry %s, %s: ", bs_data_text(layers, 0, 0), bs_data_text(layers, 0, 3));
    BS_TRY_GOTO(bs_figure_put_fault(&text, db, (long long)bs_data_value(layers, 0, 0)), out);
    bs_set_color(n->p, BS_INK, 1);
    bs_draw_text(n->p,
                 (bs_text){.x = left_margin(n),
                           .y = 20,
                           .size = 12,
                           .across = -1,
                           .max_width = n->p->width - left_margin(n) - 8},
                 text.ptr);
out:
    bs_str_clear(&text);
    return st;
}

/* Loads the names for the axes, if they fit there. */
static bs_status load_names(panel *n, const bs_db *db)
{
    const long long few = FEW;
    BS_TRY(bs_data_load(&n->names, db, sql_names, 1, &few));
    for (size_t i = 0; n->names.n == (size_t)n->classes && i < n->names.n; i++)
        n->axis = fmin(MOST_AXIS_NAME, fmax(n->axis, 6.2 * (double)strlen(bs_data_text(&n->names, i, 0))));
    return BS_OK;
}

bs_status bs_figure_sinks(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data layers = {0}, golden = {0};
    bs_common_path path = {0};
    long long bound[3] = {o->entry, o->layer, o->late};
    sqlite3_int64 classes = 0, together = 0;
    panel n = {0};
    bs_status st;
    BS_TRY(bs_db_integer(&classes, db, "SELECT classes FROM campaign"));
    BS_TRY(bs_data_load(&layers, db, sql_layers, 3, bound));
    BS_TRY_GOTO(bs_data_load(&golden, db, sql_golden, 0, NULL), out);
    if (golden.n == 0)
        BS_TRY_GOTO(bs_figure_empty("no golden runs", "run the campaign first"), out);
    BS_TRY_GOTO(
        bs_db_integer(&together, db,
                      "SELECT min(l.kind = 'network') FROM layer_summary s JOIN layer l ON l.id = s.layer"),
        out);
    if (together)
        BS_TRY_GOTO(
            bs_figure_empty("no trials that hit one layer each",
                            "`bitsink bn DB sink_class` has the sinks of the whole network; figure ber shows "
                            "its rates"),
            out);
    BS_TRY_GOTO(bs_figure_paths(&path, db), out);
    n.classes = (int)classes;
    BS_TRY_GOTO(load_names(&n, db), out);
    size_t panels = layers.n + 1, rows = (panels + ACROSS - 1) / ACROSS,
           columns = panels < ACROSS ? panels : ACROSS;
    double bottom = TOP + (double)rows * (PANEL + GAP_Y + axis_drop(&n)) - GAP_Y + 60;
    BS_TRY_GOTO(bs_page_begin(p, left_margin(&n) + (double)columns * (PANEL + GAP_X) - 30,
                              bottom + (layers.n ? 3 : 1) * LEGEND_LINE),
                out);
    place(&n, p, 0);
    draw_pairs(&n, &golden);
    draw_frame(&n, "without faults",
               n.classes < MAX_CELLS ? "the same images" : "one mark for each pair that occurs");
    bool two = o->late != BS_FIGURE_ANY && layers.n == 2;
    for (size_t k = 0; k < layers.n && st == BS_OK; k++) {
        place(&n, p, k + 1);
        st = draw_layer(&n, db, &layers, &path, k, !two ? "" : k == 0 ? "early: " : "late: ");
    }
    draw_legend(&n, bottom, layers.n > 0);
    if (st == BS_OK)
        st = draw_fault(&n, db, &layers);
    if (st == BS_OK)
        st = bs_page_end(p);
    else
        bs_page_drop(p);
out:
    bs_common_path_clear(&path);
    bs_data_clear(&n.names);
    bs_data_clear(&layers);
    bs_data_clear(&golden);
    return st;
}
