/* One node to be run on some samples. */
#ifndef BS_CUDA_NODE_JOB_H
#define BS_CUDA_NODE_JOB_H

#include "cuda/cuda.h"

/* A node to be run, with its own shapes or those of its patches. */
typedef struct bs_cuda_job {
    bs_stream *stream;
    int index; /* of the node */
    const bs_node *node;
    bs_attr attr;             /* on patches: without padding */
    const bs_shape *in_shape; /* by input; of a parameter: the whole tensor's */
    bs_shape out_shape;
    const CUdeviceptr *param;
    int n;
    const bs_view *in;
    bs_out out;
} bs_cuda_job;

/* Returns the job of the whole node on n samples, which rounds to the type of its output where it must. */
bs_cuda_job bs_cuda_make_job(bs_stream *stream, int node, const CUdeviceptr *param, int n, const bs_view *in,
                             CUdeviceptr out);
/* Returns the type of the rows of input k. */
bs_dtype bs_cuda_input_type(const bs_cuda_job *j, int k);
/* Gets input k of the job as an operand: a parameter, or rows of activations. */
bs_status bs_cuda_input(const bs_cuda_job *j, int k, bs_operand *out);

#endif
