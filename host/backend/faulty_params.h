/* Nodes with faulty parameters, for backends that can evaluate output channels by themselves.
 *
 * Samples with the same sites form a *group* (groups.h): the same faulty parameters, evaluated once. Dense
 * evaluation runs the whole node with modified copies of them. Evaluation by channels takes one faulty
 * parameter, and joins the faulty filters of several groups into one convolution (faulty_batches.h) and
 * copies what a fault cannot change from the golden output. Groups that cannot be evaluated by channels are
 * evaluated densely. */
#ifndef BS_BACKEND_FAULTY_PARAMS_H
#define BS_BACKEND_FAULTY_PARAMS_H

#include "backend/groups.h"

/* One call of run_faulty(); the fields before `input` are its arguments. */
typedef struct bs_faulty_call {
    bs_stream *stream;
    const bs_graph *graph;
    int node, n_faulty;
    const bs_faulty_input *faulty;
    int n;
    const bs_view *in;
    bs_view golden;
    void *out;
    int input; /* this and its faults: the first faulty input, the only one by channels */
    const bs_faults *f;
    bs_groups groups;
    bool *dense; /* by group: still to be evaluated densely */
} bs_faulty_call;

/* Evaluates samples first .. first + n - 1, all of one group, by running the whole node. */
typedef bs_status (*bs_faulty_dense)(const bs_faulty_call *c, int first, int n);
/* Evaluates by channels the groups for which that is possible, and clears their `dense`. */
typedef bs_status (*bs_faulty_by_channels)(bs_faulty_call *c);

/* Implements run_faulty(). Fails with BS_ERR if an input is not a parameter, or a site is not in it. */
bs_status bs_faulty_run(bs_faulty_call *c, bs_faulty_mode mode, bs_faulty_dense dense,
                        bs_faulty_by_channels by_channels);

static inline const bs_tensor *bs_faulty_tensor(const bs_faulty_call *c, int input)
{
    return &c->graph->tensors[c->graph->nodes[c->node].in[input]];
}

static inline const bs_tensor *bs_faulty_param(const bs_faulty_call *c)
{
    return bs_faulty_tensor(c, c->input);
}

/* Returns the sites of a group; *n is their number. */
static inline const bs_site *bs_faulty_sites(const bs_faulty_call *c, int group, uint32_t *n)
{
    const uint32_t *first = &c->f->first[c->groups.head[group]];
    *n = first[1] - first[0];
    return c->f->sites + first[0];
}

/* Returns the view of input k from sample `first` on; row_bytes: the size of one of its rows. */
static inline bs_view bs_faulty_view(const bs_faulty_call *c, int k, int first, size_t row_bytes)
{
    bs_view v = c->in[k];
    if (v.rows)
        v.rows += first;
    else
        v.base = (const char *)v.base + (size_t)first * row_bytes;
    return v;
}

#endif
