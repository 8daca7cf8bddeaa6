/* Runs nodes, each operator by its runner. */
#include "cpu/cpu.h"

static const bs_cpu_runner runners[] = {
#define X(suffix, name, family, ...) bs_cpu_run_##family,
    BS_OPS(X)
#undef X
};

bs_cpu_runner bs_cpu_runner_of(bs_op op)
{
    return runners[op];
}

bs_status bs_cpu_run_node(bs_stream *stream, int node, const void *const *param, int n, const bs_view *in,
                          float *out)
{
    const bs_network *net = stream->network;
    bs_cpu_job j = {stream, net->graph, &net->graph->nodes[node], net->layout, &net->plan[node], param, n,
                    in,     out};
    BS_TRY(runners[j.node->op](&j));
    bs_cpu_finish_node(stream, node, n * bs_cpu_layout_out(&j)->elements, out);
    return BS_OK;
}
