/* A lane's life: its stream, its plans of cuDNN, and the memory that running nodes share. */
#include "cuda/lane.h"

#include "cuda/conv.h"
#include "cuda/stream.h"

#include "base/buf.h"

#include <stdlib.h>

void bs_cuda_lane_close(bs_lane *l)
{
    if (!l)
        return;
    const CUdeviceptr all[] = {l->workspace.ptr, l->rows.ptr, l->unfolded.ptr, l->products.ptr,
                               l->filters.ptr,   l->bias.ptr, l->computed.ptr, l->result.ptr};
    if (bs_cuda_enter(l->network->device) == BS_OK) {
        bs_cuda_release(l, all, sizeof all / sizeof *all); /* waits, too */
        bs_cuda_dnn_close(l);
        bs_cuda_stream_close(l);
    }
    free(l->param);
    free(l->view);
    free(l->shape);
    free(l);
}

bs_status bs_cuda_lane_open(bs_lane **out, bs_network *n)
{
    size_t inputs = (size_t)n->max_inputs;
    bs_lane *l;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_cuda_enter(n->device));
    BS_TRY(bs_calloc(&l, 1, sizeof *l, "lane"));
    l->network = n;
    BS_TRY_GOTO(bs_calloc(&l->param, inputs, sizeof *l->param, "lane"), out);
    BS_TRY_GOTO(bs_calloc(&l->view, inputs, sizeof *l->view, "lane"), out);
    BS_TRY_GOTO(bs_calloc(&l->shape, inputs, sizeof *l->shape, "lane"), out);
    BS_TRY_GOTO(bs_calloc(&l->dnn_plans, (size_t)n->graph->n_nodes, sizeof *l->dnn_plans, "lane"), out);
    BS_TRY_GOTO(bs_cuda_stream_open(l), out);
    *out = l;
    l = NULL;
out:
    bs_cuda_lane_close(l);
    return st;
}
