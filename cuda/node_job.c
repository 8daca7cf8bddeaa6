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
    return (bs_cuda_job){.stream = stream,
                         .index = node,
                         .node = nd,
                         .attr = nd->attr,
                         .in_shape = stream->shape,
                         .out_shape = g->tensors[nd->out].shape,
                         .param = param,
                         .n = n,
                         .in = in,
                         .out = out};
}

bs_status bs_cuda_input(const bs_cuda_job *j, int k, bs_operand *out)
{
    if (j->param[k]) {
        *out = (bs_operand){bs_cuda_pointer(j->param[k]), NULL, 0};
        return BS_OK;
    }
    return bs_cuda_operand(j->stream, out, j->n, j->in[k], bs_cuda_elements(&j->in_shape[k]));
}
