/* Running nodes, whole or on patches. */
#ifndef BS_CUDA_RUN_H
#define BS_CUDA_RUN_H

#include "cuda/node_job.h"

bs_status bs_cuda_run(bs_stream *stream, int node, int n, const bs_view *in, void *out);
bs_status bs_cuda_run_with(bs_stream *stream, int node, const CUdeviceptr *param, int n, const bs_view *in,
                           CUdeviceptr out);
bs_status bs_cuda_run_patch(bs_stream *stream, int node, int n, const int in_size[2], const bs_view *in,
                            const int out_size[2], void *out);

/* cuda_region.c. Implement run_region() and view_of(). */
bs_status bs_cuda_run_region(bs_stream *stream, int region, int n, const int size[2], const bs_view *in,
                             void *out);
int bs_cuda_view_of(const bs_network *n, int tensor);

#endif
