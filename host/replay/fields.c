#include "replay/fields.h"

#include <stdlib.h>

bs_status bs_fields_create(bs_fields *out, const bs_graph *g)
{
    *out = (bs_fields){0};
    BS_TRY(bs_planes_choose(&out->planes, g));
    return bs_reach_table(&out->reach, g, out->planes);
}

void bs_fields_clear(bs_fields *f)
{
    free(f->planes);
    free(f->reach);
    *f = (bs_fields){0};
}
