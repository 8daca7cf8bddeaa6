/* Streams: see host/backend/backend.h. */
#ifndef BS_CUDA_STREAM_H
#define BS_CUDA_STREAM_H

#include "cuda/cuda.h"

bs_status bs_cuda_stream_open(bs_stream **out, bs_network *n);
void bs_cuda_stream_close(bs_stream *stream);

#endif
