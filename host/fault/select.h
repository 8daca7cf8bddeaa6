/* Resolves the selectors of a fault entry to targets. */
#ifndef BS_FAULT_SELECT_H
#define BS_FAULT_SELECT_H

#include "job/job.h"
#include "model/graph.h"

/* Sets hit[target] for each target of the graph that one of the n selectors names; leaves the others alone.
 * Unless `among` is NULL, only targets with among[target] count. A selector without a match is an error at
 * its line of the job file. */
bs_status bs_select_targets(bool *hit, const bs_selector *selectors, int n, const bool *among,
                            const bs_job *job, const bs_graph *graph);

/* Sets hit[target] for each target of this name, as a selector of names has it: of the tensor, as listings
 * show it, or of the node; or a shell pattern. `all` means every target, #ID the one with this id. BS_USAGE
 * with a hint if there is none. */
bs_status bs_select_named(bool *hit, const char *name, const bs_graph *graph);

#endif
