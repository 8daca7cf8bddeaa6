/* One trial under the magnifying glass: how far its change travels, node by node. */
#ifndef BS_REPLAY_TRACE_H
#define BS_REPLAY_TRACE_H

#include "box.h"
#include "replay/golden.h"
#include "replay/schedule.h"

/* One tensor of the faulty run against the golden one. */
typedef struct bs_trace_step {
    int tensor;
    int node;        /* -1: the input */
    int64_t changed; /* elements whose bits differ */
    bs_box box;      /* of the changed elements */
    bs_box
        expected; /* in which delta replay expects them, knowing the sites alone; empty where not asked for */
    float largest;    /* largest finite |difference| */
    int64_t nan, inf; /* such elements in the faulty tensor */
} bs_trace_step;

typedef struct bs_trace {
    bs_trace_step
        *steps; /* one a batched tensor, in graph order from the faulty one (or its first reader) on */
    int n_steps;
    uint32_t *before; /* bits at each site */
    bs_answer golden, faulty;
} bs_trace;

/* Runs image 0 of `golden` (already run) with the sites in the target, in full. `schedule`: of the target,
 * serving the sites; its boxes are the expected ones; or NULL. Free with bs_trace_clear(). */
bs_status bs_trace_run(bs_trace *out, bs_golden *golden, int target, const bs_schedule *schedule,
                       const bs_site *sites, size_t n_sites);
void bs_trace_clear(bs_trace *t);

#endif
