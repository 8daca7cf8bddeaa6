/* From the selectors of a fault entry to targets. */
#ifndef BS_FAULT_SELECT_H
#define BS_FAULT_SELECT_H

#include "job/job.h"
#include "model/graph.h"

/* Sets hit[target] for each target of the graph that a selector of the entry names; the others are left
 * alone. A selector without a match is an error at its line of the job file. */
bs_status bs_select_targets(bool *hit, const bs_entry *entry, const bs_job *job, const bs_graph *graph);

#endif
