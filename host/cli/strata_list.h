/* The strata of a plan as a table shows them. Free with bs_strata_list_clear(). */
#ifndef BS_CLI_STRATA_LIST_H
#define BS_CLI_STRATA_LIST_H

#include "base/common_path.h"
#include "fault/plan.h"

typedef struct bs_strata_list {
    const bs_plan *plan;
    int *stratum;        /* indices in plan->strata: by entry, then in the order of listings of the graph */
    bs_common_path path; /* of all targets, left out of names */
    int width;           /* of the longest name, in bytes */
} bs_strata_list;

/* width: the least. */
bs_status bs_strata_list_make(bs_strata_list *l, const bs_plan *plan, int width);
void bs_strata_list_clear(bs_strata_list *l);
/* Returns the name of a stratum, given as an index in plan->strata, as bs_visible() does. */
const char *bs_strata_list_name(const bs_strata_list *l, int stratum);
/* Prints the strata as a table, with notes about some of them. */
void bs_strata_list_print(const bs_strata_list *l);
/* Prints a line that says what was left out of the names, if anything was. */
void bs_strata_list_note(const bs_strata_list *l);

#endif
