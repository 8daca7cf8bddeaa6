/* Running nodes, whole or on patches: a patched node is the node with its tensors' rows and columns replaced
 * and its padding gone. */
#include "cuda/cuda.h"

#include <string.h>

static const bs_cuda_runner runners[BS_OP_COUNT] = {[BS_OP_CONV] = bs_cuda_run_conv,
                                                    [BS_OP_GEMM] = bs_cuda_run_matrix,
                                                    [BS_OP_MATMUL] = bs_cuda_run_matmul,
                                                    [BS_OP_BATCH_NORM] = bs_cuda_run_batch_norm,
                                                    [BS_OP_LAYER_NORM] = bs_cuda_run_layer_norm,
                                                    [BS_OP_INSTANCE_NORM] = bs_cuda_run_instance_norm,
                                                    [BS_OP_CLIP] = bs_cuda_run_clip,
                                                    [BS_OP_WHERE] = bs_cuda_run_where,
                                                    [BS_OP_MAX_POOL] = bs_cuda_run_pool,
                                                    [BS_OP_AVERAGE_POOL] = bs_cuda_run_pool,
                                                    [BS_OP_CONCAT] = bs_cuda_run_concat,
                                                    [BS_OP_SLICE] = bs_cuda_run_slice,
                                                    [BS_OP_GATHER] = bs_cuda_run_gather,
                                                    [BS_OP_PAD] = bs_cuda_run_pad,
                                                    [BS_OP_EXPAND] = bs_cuda_run_expand,
                                                    [BS_OP_TILE] = bs_cuda_run_tile,
                                                    [BS_OP_RESIZE] = bs_cuda_run_resize,
                                                    [BS_OP_RESHAPE] = bs_cuda_run_reshape,
                                                    [BS_OP_FLATTEN] = bs_cuda_run_reshape,
                                                    [BS_OP_SQUEEZE] = bs_cuda_run_reshape,
                                                    [BS_OP_UNSQUEEZE] = bs_cuda_run_reshape,
                                                    [BS_OP_DROPOUT] = bs_cuda_run_reshape,
                                                    [BS_OP_IDENTITY] = bs_cuda_run_reshape,
                                                    [BS_OP_TRANSPOSE] = bs_cuda_run_transpose,
                                                    [BS_OP_SOFTMAX] = bs_cuda_run_softmax,
                                                    [BS_OP_LOG_SOFTMAX] = bs_cuda_run_softmax,
                                                    [BS_OP_LRN] = bs_cuda_run_lrn,
#define X(suffix, ...) [BS_OP_##suffix] = bs_cuda_run_unary,
                                                    BS_UNARY_OPS(X)
#undef X
#define X(suffix, ...) [BS_OP_##suffix] = bs_cuda_run_broadcast,
                                                        BS_BINARY_OPS(X) BS_VARIADIC_OPS(X)
#undef X
#define X(suffix, ...) [BS_OP_##suffix] = bs_cuda_run_reduce,
                                                            BS_REDUCE_OPS(X)
#undef X
};

bs_cuda_job bs_cuda_make_job(bs_lane *l, int node, const CUdeviceptr *param, int n, const bs_view *in,
                             CUdeviceptr out)
{
    const bs_graph *g = l->network->graph;
    const bs_node *nd = &g->nodes[node];
    for (int k = 0; k < nd->n_in; k++)
        if (nd->in[k] >= 0)
            l->shape[k] = g->tensors[nd->in[k]].shape;
    return (bs_cuda_job){.lane = l,
                         .index = node,
                         .node = nd,
                         .attr = nd->attr,
                         .in_shape = l->shape,
                         .out_shape = g->tensors[nd->out].shape,
                         .param = param,
                         .n = n,
                         .in = in,
                         .out = out};
}

bs_status bs_cuda_finish_node(bs_lane *l, int node, int n, int64_t elements, CUdeviceptr out)
{
    const bs_graph *g = l->network->graph;
    bs_dtype type = g->tensors[g->nodes[node].out].type;
    if (bs_dtype_word_of(type).exact)
        return BS_OK;
    bs_round_args a = {
        .n = (uint32_t)n, .elements = (uint32_t)elements, .type = type, .rows = bs_cuda_pointer(out)};
    return bs_cuda_launch(l, BS_KERNEL_round, n, elements, &a);
}

static bs_status run_job(const bs_cuda_job *j)
{
    BS_TRY(runners[j->node->op](j));
    return bs_cuda_finish_node(j->lane, j->index, j->n, bs_cuda_elements(&j->out_shape), j->out);
}

bs_status bs_cuda_run_with(bs_lane *l, int node, const CUdeviceptr *param, int n, const bs_view *in,
                           CUdeviceptr out)
{
    bs_cuda_job j = bs_cuda_make_job(l, node, param, n, in, out);
    return run_job(&j);
}

bs_status bs_cuda_run(bs_lane *l, int node, int n, const bs_view *in, void *out)
{
    BS_TRY(bs_cuda_enter(l->network->device));
    return bs_cuda_run_with(l, node, l->network->plan[node].param, n, in, bs_cuda_address(out));
}

static void resize(bs_shape *s, const bs_plane *p, const int size[2])
{
    s->dim[p->axis] = size[0];
    if (p->image)
        s->dim[p->axis + 1] = size[1];
}

bs_status bs_cuda_run_patch(bs_lane *l, int node, int n, const int in_size[2], const bs_view *in,
                            const int out_size[2], void *out)
{
    bs_cuda_job j = bs_cuda_make_job(l, node, l->network->plan[node].param, n, in, bs_cuda_address(out));
    const bs_network *net = l->network;
    const bs_plane *out_plane = &net->planes[j.node->out];
    BS_TRY(bs_cuda_enter(net->device));
    memset(j.attr.window.pad, 0, sizeof j.attr.window.pad);
    for (int k = 0; k < j.node->n_in; k++)
        if (j.node->in[k] >= 0 && !j.param[k] && !bs_reads_whole(net->graph, net->planes, j.node, k))
            resize(&l->shape[k], &net->planes[j.node->in[k]], in_size);
    resize(&j.out_shape, out_plane, out_size);
    for (int a = out_plane->axis; a <= out_plane->axis + out_plane->image; a++) {
        j.attr.begin[a] = 0;
        j.attr.end[a] = 0;
    }
    return run_job(&j);
}
