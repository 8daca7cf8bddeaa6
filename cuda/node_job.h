/* What runs: one node on some samples. */
#ifndef BS_CUDA_NODE_JOB_H
#define BS_CUDA_NODE_JOB_H

#include "cuda/cuda.h"

/* A node about to run: its own shapes, or those of its patches. */
typedef struct bs_cuda_job {
    bs_stream *stream;
    int index; /* of the node */
    const bs_node *node;
    bs_attr attr;             /* patches: without padding */
    const bs_shape *in_shape; /* by input; parameters: the whole tensor's */
    bs_shape out_shape;
    const CUdeviceptr *param;
    int n;
    const bs_view *in;
    CUdeviceptr out;
} bs_cuda_job;

/* The node as a whole, on n samples. */
bs_cuda_job bs_cuda_make_job(bs_stream *stream, int node, const CUdeviceptr *param, int n, const bs_view *in,
                             CUdeviceptr out);
/* Input k of the job as an operand: a parameter, or rows of activations. */
bs_status bs_cuda_input(const bs_cuda_job *j, int k, bs_operand *out);

#endif
