#include "backend/faulty_params.h"

#include "base/buf.h"

#include <stdlib.h>

/* Runs neighbouring samples of a group together. */
static bs_status run_dense(const bs_faulty_call *c, bs_faulty_dense dense)
{
    for (int i = 0, end; i < c->n; i = end) {
        int group = c->groups.of[i];
        for (end = i + 1; end < c->n && c->groups.of[end] == group;)
            end++;
        if (c->dense[group])
            BS_TRY(dense(c, i, end - i));
    }
    return BS_OK;
}

/* Checks the faulty inputs and their sites. */
static bs_status check(const bs_faulty_call *c)
{
    const bs_node *nd = &c->graph->nodes[c->node];
    for (int k = 0; k < c->n_faulty; k++) {
        int input = c->faulty[k].input;
        if (input < 0 || !bs_node_has_input(nd, input) || !bs_faulty_tensor(c, input)->constant)
            return bs_fail(BS_ERR, "input %d of node '%s' is not a parameter", input, nd->name);
        if (c->n > 0)
            BS_TRY(bs_groups_check_sites(bs_faulty_tensor(c, input), c->n, &c->faulty[k].faults));
    }
    return BS_OK;
}

bs_status bs_faulty_run(bs_faulty_call *c, bs_faulty_mode mode, bs_faulty_dense dense,
                        bs_faulty_by_channels by_channels)
{
    bs_status st;
    BS_TRY(check(c));
    if (c->n <= 0)
        return BS_OK;
    c->input = c->faulty[0].input;
    c->f = &c->faulty[0].faults;
    BS_TRY(bs_groups_find(&c->groups, c->n, c->n_faulty, c->faulty));
    BS_TRY_GOTO(bs_calloc(&c->dense, (size_t)c->groups.n, sizeof *c->dense, "faults"), out);
    for (int k = 0; k < c->groups.n; k++)
        c->dense[k] = true;
    if (mode == BS_FAULTY_CHANNELS && c->n_faulty == 1)
        BS_TRY_GOTO(by_channels(c), out);
    BS_TRY_GOTO(run_dense(c, dense), out);
out:
    free(c->dense);
    c->dense = NULL;
    bs_groups_clear(&c->groups);
    return st;
}
