/* Shared by all figures. */
#include "base/buf.h"
#include "report/data.h"
#include "report/figure.h"

#include <stdlib.h>

bs_status bs_figure_paths(bs_common_path *out, const bs_db *db)
{
    bs_data d = {0};
    const char **names = NULL;
    bs_status st;
    BS_TRY(bs_data_load(&d, db, "SELECT DISTINCT label FROM layer WHERE kind <> 'network'", 0, NULL));
    BS_TRY_GOTO(bs_calloc(&names, d.n + 1, sizeof *names, "figure"), out);
    for (size_t i = 0; i < d.n; i++)
        names[i] = bs_data_text(&d, i, 0);
    st = bs_common_path_find(out, names, d.n);
out:
    free(names);
    bs_data_clear(&d);
    return st;
}

void bs_figure_note(const bs_page *p, const bs_common_path *path)
{
    char note[256];
    bs_set_color(p, BS_GREY, 1);
    bs_draw_text(p, (bs_text){.x = p->width - 8, .y = p->height - 4, .size = 10, .across = 1},
                 bs_common_path_note(path, note, sizeof note));
}

bs_status bs_figure_confidence(double *percent, const bs_db *db)
{
    bs_data d = {0};
    BS_TRY(bs_data_load(&d, db, "SELECT 100 * confidence FROM bn_confidence", 0, NULL));
    *percent = d.n ? bs_data_value(&d, 0, 0) : 95.0;
    bs_data_clear(&d);
    return BS_OK;
}

bs_status bs_figure_empty(const char *what, const char *hint)
{
    bs_fail(BS_ERR, "nothing to draw: %s", what);
    return bs_hint("%s", hint);
}

bs_status bs_figure_check_layers(const bs_db *db)
{
    sqlite3_int64 together = 0;
    BS_TRY(bs_db_integer(
        &together, db, "SELECT min(l.kind = 'network') FROM layer_summary s JOIN layer l ON l.id = s.layer"));
    if (!together)
        return BS_OK;
    return bs_figure_empty(
        "no trials that hit one layer each",
        "figure ber is for entries that hit the whole network, and `bitsink bn DB sink_class` "
        "lists their sinks");
}
