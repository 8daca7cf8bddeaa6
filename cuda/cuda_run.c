/* Runs nodes, whole or on patches: a patched node is the node with the rows and columns of its tensors
 * replaced and its padding removed. */
#include "cuda/cuda_run.h"

#include "cuda/operators.h"
#include "cuda/enqueue.h"

#include <string.h>

static const bs_cuda_runner runners[] = {
#define X(suffix, name, family, ...) bs_cuda_run_##family,
    BS_OPS(X)
#undef X
};

bs_status bs_cuda_run_with(bs_stream *stream, int node, const CUdeviceptr *param, int n, const bs_view *in,
                           CUdeviceptr out)
{
    bs_cuda_job j = bs_cuda_make_job(stream, node, param, n, in, out);
    return runners[j.node->op](&j);
}

bs_status bs_cuda_run(bs_stream *stream, int node, int n, const bs_view *in, void *out)
{
    BS_TRY(bs_cuda_enter(stream->network->device));
    return bs_cuda_run_with(stream, node, stream->network->plan[node].param, n, in, bs_cuda_address(out));
}

/* Sets the shape of what a node on patches reads of input k, and the parameter if that is no patch. */
static void set_input(bs_stream *stream, const bs_node *node, int k, CUdeviceptr param, const int in_size[2])
{
    const bs_network *net = stream->network;
    bs_shape *shape = &stream->shape[k];
    stream->param[k] = param;
    if (node->in[k] < 0)
        return;
    if (bs_lies_outside(net->graph, net->planes, node, k)) {
        shape->dim[node->attr.axis] = 0;
    } else if (!bs_reads_whole(net->graph, net->planes, node, k)) {
        stream->param[k] = 0;
        *shape = bs_plane_patch(&net->planes[node->in[k]], shape, in_size);
    }
}

bs_status bs_cuda_run_patch(bs_stream *stream, int node, int n, const int in_size[2], const bs_view *in,
                            const int out_size[2], void *out)
{
    bs_cuda_job j = bs_cuda_make_job(stream, node, stream->param, n, in, bs_cuda_address(out));
    const bs_network *net = stream->network;
    const bs_plane *out_plane = &net->planes[j.node->out];
    BS_TRY(bs_cuda_enter(net->device));
    memset(j.attr.window.pad, 0, sizeof j.attr.window.pad);
    for (int k = 0; k < j.node->n_in; k++)
        set_input(stream, j.node, k, net->plan[node].param[k], in_size);
    j.out_shape = bs_plane_patch(out_plane, &j.out_shape, out_size);
    for (int a = out_plane->axis; a < out_plane->end; a++) {
        j.attr.begin[a] = 0;
        j.attr.end[a] = 0;
    }
    return runners[j.node->op](&j);
}
