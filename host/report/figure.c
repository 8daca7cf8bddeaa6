#include "report/figure.h"

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
    bs_hint("figures are:"
#define X(name, help) " " #name
            BS_FIGURES(X)
#undef X
    );
    return NULL;
}
