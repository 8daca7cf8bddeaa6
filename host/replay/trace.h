/* Traces one trial: how far its change travels, node by node. */
#ifndef BS_REPLAY_TRACE_H
#define BS_REPLAY_TRACE_H

#include "box.h"
#include "replay/golden.h"
#include "replay/schedule.h"

/* Comparison of one tensor of the faulty run with golden. */
typedef struct bs_trace_step {
    int tensor;
    int node;         /* -1: the input */
    int64_t changed;  /* elements whose bits differ */
    bs_box box;       /* of the changed elements */
    bs_box expected;  /* where delta replay expects them, from the sites alone; empty without a schedule */
    float largest;    /* largest finite |difference| */
    int64_t nan, inf; /* NaN and infinite elements of the faulty tensor */
} bs_trace_step;

typedef struct bs_trace {
    bs_trace_step *steps; /* by activation, in graph order from the first faulty one (or its
                                       first reader) on; the output at least */
    int n_steps;
    uint32_t *before; /* bits at each site, in the faulty run */
    bs_answer golden, faulty;
} bs_trace;

/* Sees each activation, in graph order: `golden` and `faulty` are its values in host memory, for this call.
 */
typedef struct bs_trace_watch {
    bs_status (*see)(void *context, const bs_trace_step *step, const float *golden, const float *faulty);
    void *context;
} bs_trace_watch;

/* Runs image 0 of `golden` (already run) in full, with the sites bound[k] .. bound[k + 1] of `sites` in
 * target targets[k], k < n_targets. out->before has the indices of `sites`. `schedule`: one of the target, if
 * it is only one, that serves the sites and gives the expected boxes; or NULL. watch: may be NULL. Free with
 * bs_trace_clear(). */
bs_status bs_trace_run(bs_trace *out, bs_golden *golden, const int *targets, int n_targets,
                       const bs_schedule *schedule, const bs_site *sites, const uint32_t *bound,
                       const bs_trace_watch *watch);
void bs_trace_clear(bs_trace *t);

#endif
