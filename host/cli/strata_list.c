#include "cli/strata_list.h"

#include "base/buf.h"
#include "base/text.h"
#include "model/label.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Lists the strata of the entry whose first one is the n-th of all. Returns the number of those listed. */
static int list_entry(bs_strata_list *l, int n)
{
    const bs_plan *p = l->plan;
    uint32_t entry = (uint32_t)p->job->entries[p->strata[n].entry].id;
    for (int place = 0; place <= p->graph->n_targets; place++) {
        bool network = place == p->graph->n_targets;
        int target = network ? (int)BS_NETWORK_TARGET : bs_graph_listed(p->graph, place);
        bs_trial_coords at = {.entry = entry, .target = (uint32_t)target};
        const bs_stratum *s = bs_plan_stratum(p, at);
        if (s && (network == (s->n_parts > 0)))
            l->stratum[n++] = (int)(s - p->strata);
    }
    return n;
}

bs_status bs_strata_list_make(bs_strata_list *l, const bs_plan *plan, int width)
{
    bs_status st;
    *l = (bs_strata_list){.plan = plan, .width = width};
    BS_TRY_GOTO(bs_graph_common_path(&l->path, plan->graph), out);
    BS_TRY_GOTO(bs_calloc(&l->stratum, (size_t)plan->n_strata, sizeof *l->stratum, "targets"), out);
    for (int n = 0; n < plan->n_strata;)
        n = list_entry(l, n);
    for (int i = 0; i < plan->n_strata; i++) {
        int length = (int)strlen(bs_strata_list_name(l, i));
        l->width = length > l->width ? length : l->width;
    }
out:
    if (st != BS_OK)
        bs_strata_list_clear(l);
    return st;
}

void bs_strata_list_clear(bs_strata_list *l)
{
    free(l->stratum);
    bs_common_path_clear(&l->path);
    *l = (bs_strata_list){0};
}

const char *bs_strata_list_name(const bs_strata_list *l, int stratum)
{
    if (l->plan->strata[stratum].n_parts > 0)
        return "network";
    const char *label = bs_graph_label(l->plan->graph, l->plan->strata[stratum].target);
    return bs_visible(bs_common_path_cut(&l->path, label));
}

void bs_strata_list_note(const bs_strata_list *l)
{
    char note[256];
    if (*bs_common_path_note(&l->path, note, sizeof note))
        puts(note);
}
