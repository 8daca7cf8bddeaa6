/* Running nodes: each operator by its runner. */
#include "cpu/cpu.h"

static const bs_cpu_runner runners[BS_OP_COUNT] = {[BS_OP_CONV] = bs_cpu_run_matrix,
                                                   [BS_OP_GEMM] = bs_cpu_run_matrix,
                                                   [BS_OP_MATMUL] = bs_cpu_run_matmul,
                                                   [BS_OP_BATCH_NORM] = bs_cpu_run_batch_norm,
                                                   [BS_OP_LAYER_NORM] = bs_cpu_run_layer_norm,
                                                   [BS_OP_INSTANCE_NORM] = bs_cpu_run_instance_norm,
                                                   [BS_OP_CLIP] = bs_cpu_run_clip,
                                                   [BS_OP_WHERE] = bs_cpu_run_where,
                                                   [BS_OP_MAX_POOL] = bs_cpu_run_pool,
                                                   [BS_OP_AVERAGE_POOL] = bs_cpu_run_pool,
                                                   [BS_OP_CONCAT] = bs_cpu_run_concat,
                                                   [BS_OP_SLICE] = bs_cpu_run_slice,
                                                   [BS_OP_GATHER] = bs_cpu_run_gather,
                                                   [BS_OP_PAD] = bs_cpu_run_pad,
                                                   [BS_OP_EXPAND] = bs_cpu_run_expand,
                                                   [BS_OP_TILE] = bs_cpu_run_tile,
                                                   [BS_OP_RESIZE] = bs_cpu_run_resize,
                                                   [BS_OP_RESHAPE] = bs_cpu_run_reshape,
                                                   [BS_OP_FLATTEN] = bs_cpu_run_reshape,
                                                   [BS_OP_SQUEEZE] = bs_cpu_run_reshape,
                                                   [BS_OP_UNSQUEEZE] = bs_cpu_run_reshape,
                                                   [BS_OP_DROPOUT] = bs_cpu_run_reshape,
                                                   [BS_OP_IDENTITY] = bs_cpu_run_reshape,
                                                   [BS_OP_TRANSPOSE] = bs_cpu_run_transpose,
                                                   [BS_OP_SOFTMAX] = bs_cpu_run_softmax,
                                                   [BS_OP_LOG_SOFTMAX] = bs_cpu_run_softmax,
                                                   [BS_OP_LRN] = bs_cpu_run_lrn,
#define X(suffix, ...) [BS_OP_##suffix] = bs_cpu_run_unary,
                                                   BS_UNARY_OPS(X)
#undef X
#define X(suffix, ...) [BS_OP_##suffix] = bs_cpu_run_broadcast,
                                                       BS_BINARY_OPS(X) BS_VARIADIC_OPS(X)
#undef X
#define X(suffix, ...) [BS_OP_##suffix] = bs_cpu_run_reduce,
                                                           BS_REDUCE_OPS(X)
#undef X
};

bs_cpu_runner bs_cpu_runner_of(bs_op op)
{
    return runners[op];
}

bs_status bs_cpu_run_node(bs_lane *l, int node, const void *const *param, int n, const bs_view *in,
                          float *out)
{
    const bs_network *net = l->network;
    bs_cpu_job j = {l,  net->graph, &net->graph->nodes[node], net->layout, &net->plan[node], param, n,
                    in, out};
    return runners[j.node->op](&j);
}
