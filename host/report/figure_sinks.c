/* Draws the true class against the answer, after a figure of Morozov et al. (AISafety 2020): first the
 * fault-free answers, then those under a fault in a layer. A row that faults fill from many true classes is a
 * sink, in red and with its name. Few classes have their names on the axes, many have numbers. */
#include "report/data.h"
#include "report/figure.h"
#include "report/sink_panel.h"

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
/* True class (the label, or the golden answer of images without one), answer, its share in that class. */
static const char sql_golden[] =
    "SELECT coalesce(i.class, g.class), g.class, 1.0 * count(*) / sum(count(*)) OVER (PARTITION BY "
    "coalesce(i.class, g.class)), 0 FROM golden g JOIN image i ON i.id = g.image WHERE g.class >= 0 GROUP BY "
    "1, 2 ORDER BY 1, 2";
static const char sql_layer[] =
    "SELECT coalesce(i.class, g.class), s.class, 1.0 * sum(s.n) / sum(sum(s.n)) OVER (PARTITION BY "
    "coalesce(i.class, g.class)), s.class <> g.class FROM summary s JOIN golden g ON g.image = s.image JOIN "
    "image i ON i.id = s.image WHERE s.entry = ?1 AND s.layer = ?2 AND s.class >= 0 GROUP BY 1, 2, 4 ORDER "
    "BY "
    "4, 1, 2";
static const char sql_sinks[] =
    "SELECT s.class, c.name, s.sdc_share, s.unit FROM sink_class s JOIN class_shown c ON c.class = s.class "
    "WHERE "
    "s.level = 'layer' AND s.entry = ?1 AND s.layer = ?2 ORDER BY s.share DESC, s.class";

/* Names of the classes, for the axes. ?1: the most that fit there. */
static const char sql_names[] = "SELECT name FROM class_shown WHERE (SELECT count(*) FROM class) <= ?1 AND "
                                "EXISTS (SELECT 1 FROM class WHERE name IS NOT NULL) ORDER BY class";

static bool is_one_entry(const bs_data *layers)
{
    for (size_t k = 1; k < layers->n; k++)
        if (bs_data_value(layers, k, 0) != bs_data_value(layers, 0, 0))
            return false;
    return layers->n > 0;
}

/* `role` stands before the layer's name. */
static bs_status draw_layer(bs_panel *n, const bs_db *db, const bs_data *layers, const bs_common_path *path,
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
    bs_str_printf(&title, "%s%s", role, bs_common_path_cut(path, bs_data_text(layers, k, 2)));
    if (!is_one_entry(layers))
        bs_str_printf(&title, " (entry %lld)", bound[0]);
    bs_str_printf(&subtitle, "SDC %.2f %%, ", 100 * bs_data_value(layers, k, 4));
    if (n->sinks.n)
        bs_str_printf(&subtitle, "%.0f %% of them in %zu sink%s (%ss counted)", 100 * share, n->sinks.n,
                      n->sinks.n == 1 ? "" : "s", bs_data_text(&n->sinks, 0, 3));
    else
        bs_str_puts(&subtitle, "no significant sink");
    bs_panel_draw_pairs(n, &d);
    bs_panel_draw_frame(n, title.ptr ? title.ptr : "", subtitle.ptr ? subtitle.ptr : "");
out:
    bs_data_clear(&d);
    bs_data_clear(&n->sinks);
    bs_str_clear(&title);
    bs_str_clear(&subtitle);
    return st;
}

/* Writes on top which fault it is, if it is the same in all panels. */
static bs_status draw_fault(const bs_panel *n, const bs_db *db, const bs_data *layers)
{
    bs_str text = {0};
    bs_status st;
    bs_str_printf(&text, "Entry %s, %s: ", bs_data_text(layers, 0, 0), bs_data_text(layers, 0, 3));
    BS_TRY_GOTO(bs_figure_put_fault(&text, db, (long long)bs_data_value(layers, 0, 0)), out);
    bs_panel_draw_headline(n, text.ptr);
out:
    bs_str_clear(&text);
    return st;
}

/* Draws all panels, and what stands above and below them. */
static bs_status draw_page(bs_panel *n, const bs_db *db, const bs_data *golden, const bs_data *layers,
                           bool two)
{
    bs_common_path path = {0};
    bs_status st = BS_OK;
    BS_TRY(bs_figure_paths(&path, db));
    bs_panel_place(n, 0);
    bs_panel_draw_pairs(n, golden);
    bs_panel_draw_frame(n, "without faults", "the same images");
    for (size_t k = 0; k < layers->n && st == BS_OK; k++) {
        bs_panel_place(n, k + 1);
        st = draw_layer(n, db, layers, &path, k, !two ? "" : k == 0 ? "early: " : "late: ");
    }
    bs_panel_draw_key(n, layers->n > 0);
    if (st == BS_OK && is_one_entry(layers))
        st = draw_fault(n, db, layers);
    bs_common_path_clear(&path);
    return st;
}

bs_status bs_figure_sinks(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data layers = {0}, golden = {0};
    const long long bound[3] = {o->entry, o->layer, o->late}, few = BS_PANEL_FEW;
    sqlite3_int64 classes = 0;
    bs_panel n = {0};
    bs_status st;
    BS_TRY(bs_db_integer(&classes, db, "SELECT classes FROM campaign"));
    BS_TRY(bs_data_load(&layers, db, sql_layers, 3, bound));
    BS_TRY_GOTO(bs_data_load(&golden, db, sql_golden, 0, NULL), out);
    if (golden.n == 0)
        BS_TRY_GOTO(bs_figure_empty("no golden runs", "run the campaign first"), out);
    BS_TRY_GOTO(bs_figure_check_layers(db), out);
    n.classes = (int)classes;
    BS_TRY_GOTO(bs_data_load(&n.names, db, sql_names, 1, &few), out);
    BS_TRY_GOTO(bs_panel_page(&n, p, layers.n + 1, layers.n > 0), out);
    st = draw_page(&n, db, &golden, &layers, o->late != BS_FIGURE_ANY && layers.n == 2);
    if (st == BS_OK)
        st = bs_page_end(p);
    else
        bs_page_drop(p);
out:
    bs_data_clear(&n.names);
    bs_data_clear(&layers);
    bs_data_clear(&golden);
    return st;
}
