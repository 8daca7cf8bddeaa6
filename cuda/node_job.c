#include "cuda/node_job.h"

#include "cuda/enqueue.h"

bs_cuda_job bs_cuda_make_job(bs_stream *stream, int node, const CUdeviceptr *param, int n, const bs_view *in,
                             CUdeviceptr out)
{
    const bs_graph *g = stream->network->graph;
    const bs_node *nd = &g->nodes[node];
    for (int k = 0; k < nd->n_in; k++)
        if (nd->in[k] >= 0)
            stream->shape[k] = g->tensors[nd->in[k]].shape;
    const bs_tensor *y = &g->tensors[nd->out];
    bs_out rows = bs_cuda_out(stream->network, nd->out, bs_cuda_pointer(out));
    if (!stream->network->in_floats && bs_graph_rounds(g, node))
        rows.format = bs_tensor_format(y, 0);
    return (bs_cuda_job){.stream = stream,
                         .index = node,
                         .node = nd,
                         .attr = nd->attr,
                         .in_shape = stream->shape,
                         .out_shape = y->shape,
                         .param = param,
                         .n = n,
                         .in = in,
                         .out = rows};
}

bs_dtype bs_cuda_input_type(const bs_cuda_job *j, int k)
{
    return bs_cuda_type(j->stream->network, j->node->in[k]);
}

bs_status bs_cuda_input(const bs_cuda_job *j, int k, bs_operand *out)
{
    if (j->param[k]) {
        *out = (bs_operand){bs_cuda_pointer(j->param[k]), NULL, 0, BS_DTYPE_FP32};
        return BS_OK;
    }
    return bs_cuda_operand(j->stream, out, j->n, j->in[k], bs_cuda_elements(&j->in_shape[k]),
                           bs_cuda_input_type(j, k));
}
