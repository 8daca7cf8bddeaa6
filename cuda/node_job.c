#include "cuda/node_job.h"

#include "cuda/stream.h"

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

bs_status bs_cuda_input(const bs_cuda_job *j, int k, bs_operand *out)
{
    if (j->param[k]) {
        *out = (bs_operand){bs_cuda_pointer(j->param[k]), NULL, 0};
        return BS_OK;
    }
    return bs_cuda_operand(j->lane, out, j->n, j->in[k], bs_cuda_elements(&j->in_shape[k]));
}
