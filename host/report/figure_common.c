/* Shared by all figures. */
#include "report/data.h"
#include "report/figure.h"

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
