/* Draws the two figures with which results are told, each as one sheet: the accuracy of each layer, and the
 * true class against the answer without faults, with faults in an early layer, and in a late one. */
#include "report/data.h"
#include "report/figure.h"

#include <string.h>

/* Layers in which fewer trials went wrong are taken only where there is nothing else: sinks would be missing.
 */
#define ENOUGH "10"

/* The first entry that has two layers with enough wrong answers, else two with any, and its first and last
 * such layer. ?1: entry, ?2: early layer, ?3: late layer; -2: any. */
static const char sql[] =
    "WITH wrong AS MATERIALIZED (SELECT s.entry, s.layer, l.ordinal, sum(s.wrong) AS n FROM layer_summary s "
    "JOIN layer l ON l.id = s.layer WHERE s.class >= 0 AND l.kind <> 'network' AND (?1 = -2 OR s.entry = ?1) "
    "GROUP BY s.entry, s.layer HAVING sum(s.wrong) > 0), chosen AS (SELECT entry FROM wrong GROUP BY entry "
    "HAVING count(*) > 1 AND (?2 = -2 OR max(layer = ?2)) AND (?3 = -2 OR max(layer = ?3)) ORDER BY count(*) "
    "FILTER (WHERE n >= " ENOUGH ") < 2, entry LIMIT 1), early AS (SELECT w.* FROM wrong w JOIN chosen c ON "
    "c.entry = w.entry WHERE iif(?2 = -2, w.layer <> ?3, w.layer = ?2) ORDER BY n < " ENOUGH
    ", ordinal LIMIT "
    "1), late AS (SELECT w.* FROM wrong w JOIN early e ON e.entry = w.entry AND e.layer <> w.layer WHERE ?3 "
    "= -2 OR w.layer = ?3 ORDER BY w.n < " ENOUGH
    ", w.ordinal DESC LIMIT 1) SELECT e.entry, e.layer, l.layer "
    "FROM early e JOIN late l";

bs_status bs_figure_sheet(bs_str *out, const char *path, const char *sheet)
{
    const char *dot = strrchr(path, '.'); /* there is one: bs_page_check_path() */
    out->len = 0;
    bs_str_printf(out, "%.*s-%s%s", (int)(dot - path), path, sheet, dot);
    return bs_str_status(out);
}

static bs_status draw_sheet(const bs_page *p, const char *sheet, bs_figure draw, const bs_db *db,
                            const bs_figure_options *o)
{
    bs_str path = {0};
    bs_status st;
    BS_TRY_GOTO(bs_figure_sheet(&path, p->path, sheet), out);
    bs_page page = {.path = path.ptr};
    st = draw(&page, db, o);
out:
    bs_str_clear(&path);
    return st;
}

bs_status bs_figure_talk(bs_page *p, const bs_db *db, const bs_figure_options *o)
{
    bs_data d = {0};
    long long bound[3] = {o->entry, o->layer, o->late};
    bs_status st;
    BS_TRY(bs_figure_check_layers(db));
    BS_TRY(bs_data_load(&d, db, sql, 3, bound));
    if (d.n == 0)
        BS_TRY_GOTO(bs_figure_empty("no entry has wrong answers in two layers",
                                    "run more trials, or name another --entry, --layer or --late"),
                    out);
    bs_figure_options chosen = {.entry = (long long)bs_data_value(&d, 0, 0),
                                .layer = (long long)bs_data_value(&d, 0, 1),
                                .late = (long long)bs_data_value(&d, 0, 2)};
    BS_TRY_GOTO(draw_sheet(p, "accuracy", bs_figure_accuracy, db, &chosen), out);
    st = draw_sheet(p, "sinks", bs_figure_sinks, db, &chosen);
out:
    bs_data_clear(&d);
    return st;
}
