/* Opens and closes streams: the CUDA stream, the plans of cuDNN, and the memory that running nodes share. */
#include "cuda/stream.h"

#include "cuda/conv.h"
#include "cuda/enqueue.h"

#include "base/buf.h"

#include <stdlib.h>

void bs_cuda_stream_close(bs_stream *stream)
{
    if (!stream)
        return;
    const CUdeviceptr all[] = {stream->workspace.ptr, stream->rows.ptr,     stream->between.ptr,
                               stream->columns.ptr,   stream->products.ptr, stream->filters.ptr,
                               stream->bias.ptr,      stream->computed.ptr, stream->words.ptr};
    if (bs_cuda_enter(stream->network->device) == BS_OK) {
        bs_cuda_release(stream, all, sizeof all / sizeof *all); /* also waits */
        bs_cuda_dnn_close(stream);
        bs_cuda_answers_close(stream);
        bs_cuda_staging_close(stream);
    }
    free(stream->block);
    free(stream->param);
    free(stream->view);
    free(stream->shape);
    free(stream);
}

bs_status bs_cuda_stream_open(bs_stream **out, bs_network *n)
{
    size_t inputs = (size_t)n->max_inputs;
    bs_stream *stream;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_cuda_enter(n->device));
    BS_TRY(bs_calloc(&stream, 1, sizeof *stream, "stream"));
    stream->network = n;
    BS_TRY_GOTO(bs_calloc(&stream->param, inputs, sizeof *stream->param, "stream"), out);
    BS_TRY_GOTO(bs_calloc(&stream->view, inputs, sizeof *stream->view, "stream"), out);
    BS_TRY_GOTO(bs_calloc(&stream->shape, inputs, sizeof *stream->shape, "stream"), out);
    BS_TRY_GOTO(bs_calloc(&stream->dnn_plans, (size_t)n->graph->n_nodes, sizeof *stream->dnn_plans, "stream"),
                out);
    BS_TRY_GOTO(bs_cuda_staging_open(stream), out);
    BS_TRY_GOTO(bs_cuda_answers_open(stream), out);
    *out = stream;
    stream = NULL;
out:
    bs_cuda_stream_close(stream);
    return st;
}
