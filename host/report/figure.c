#include "report/figure.h"

#include "report/data.h"

#include <string.h>

bs_figure bs_figure_find(const char *name)
{
    static const struct {
        const char *name;
        bs_figure draw;
    } figures[] = {
#define X(name, help) {#name, bs_figure_##name},
        BS_FIGURES(X)
#undef X
    };
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++)
        if (strcmp(name, figures[i].name) == 0)
            return figures[i].draw;
    bs_fail(BS_USAGE, "unknown figure '%s'", name);
    bs_hint("figures are "
#define X(name, help) #name " "
            BS_FIGURES(X)
#undef X
    );
    return NULL;
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
