/* Draws the true class against the answer, after a figure of Morozov et al. (AISafety 2020): first the
 * fault-free answers, then those under a fault in a layer. A row that faults fill from many true classes is a
 * sink, in red and with its name. */
#include "report/data.h"
#include "report/figure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    PANEL = 250,
    LEFT = 70,
    TOP = 70,
    GAP_X = 130,
    GAP_Y = 84,
    ACROSS = 3,
    LAYERS = 5,
    MAX_CELLS = 125,
    MAX_NAMES = 9
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

typedef struct panel {
    const bs_page *p;
    double left, top;
    int classes;
    bs_data sinks;
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

static void draw_frame(const panel *n, const char *title, const char *subtitle)
{
    const bs_page *p = n->p;
    char text[16];
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
    int ticks = n->classes <= 12 ? n->classes : 5;
    for (int i = 0; i < ticks; i++) {
        int c = n->classes <= 12 ? i : i * n->classes / 4 - (i == 4);
        snprintf(text, sizeof text, "%d", c);
        bs_draw_text(
            p, (bs_text){.x = n->left + PANEL * (c + 0.5) / n->classes, .y = n->top + PANEL + 14, .size = 10},
            text);
        bs_draw_text(
            p, (bs_text){.x = n->left - 5, .y = row_y(n, c), .size = 10, .across = 1, .middle = true}, text);
    }
    bs_draw_text(p, (bs_text){.x = n->left + PANEL / 2.0, .y = n->top + PANEL + 30, .size = 11},
                 "true class");
    bs_draw_text(p, (bs_text){.x = n->left - 34, .y = n->top + PANEL / 2.0, .size = 11, .angle = 90},
                 "answer");
}

/* Draws the sinks' names right of the panel, moved apart where they would overlap. */
static void draw_names(const panel *n)
{
    size_t order[MAX_NAMES], k = 0;
    double y[MAX_NAMES];
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

/* Draws a mark for each pair that occurs: a cell if there are few classes, else a dot on a grid of
 * MAX_CELLS. */
static void draw_pairs(const panel *n, const bs_data *d)
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
            double alpha = cells < MAX_CELLS ? 0.25 + 0.75 * v : 0.6;
            bs_set_color(n->p, sink ? BS_RED : BS_BLUE, alpha);
            cairo_rectangle(n->p->cr, cx - dot / 2, cy - dot / 2, dot, dot);
            cairo_fill(n->p->cr);
        }
}

static void place(panel *n, const bs_page *p, size_t k)
{
    n->p = p;
    n->left = LEFT + (double)(k % ACROSS) * (PANEL + GAP_X);
    n->top = TOP + (double)(k / ACROSS) * (PANEL + GAP_Y);
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

bs_status bs_figure_sinks(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data layers = {0}, golden = {0};
    bs_common_path path = {0};
    long long bound[3] = {o->entry, o->layer, o->late};
    sqlite3_int64 classes = 0;
    panel n = {0};
    bs_status st;
    BS_TRY(bs_db_integer(&classes, db, "SELECT classes FROM campaign"));
    BS_TRY(bs_data_load(&layers, db, sql_layers, 3, bound));
    BS_TRY_GOTO(bs_data_load(&golden, db, sql_golden, 0, NULL), out);
    if (golden.n == 0)
        BS_TRY_GOTO(bs_figure_empty("no golden runs", "run the campaign first"), out);
    BS_TRY_GOTO(bs_figure_check_layers(db), out);
    BS_TRY_GOTO(bs_figure_paths(&path, db), out);
    n.classes = (int)classes;
    size_t panels = layers.n + 1, rows = (panels + ACROSS - 1) / ACROSS,
           columns = panels < ACROSS ? panels : ACROSS;
    BS_TRY_GOTO(bs_page_begin(p, LEFT + (double)columns * (PANEL + GAP_X) - 30,
                              TOP + (double)rows * (PANEL + GAP_Y) - GAP_Y + 60),
                out);
    place(&n, p, 0);
    draw_pairs(&n, &golden);
    draw_frame(&n, "without faults", "one mark for each pair that occurs");
    bool two = o->late != BS_FIGURE_ANY && layers.n == 2;
    for (size_t k = 0; k < layers.n && st == BS_OK; k++) {
        place(&n, p, k + 1);
        st = draw_layer(&n, db, &layers, &path, k, !two ? "" : k == 0 ? "early: " : "late: ");
    }
    bs_figure_note(p, &path);
    if (st == BS_OK)
        st = bs_page_end(p);
    else
        bs_page_drop(p);
out:
    bs_common_path_clear(&path);
    bs_data_clear(&layers);
    bs_data_clear(&golden);
    return st;
}
