/* Runners of operators: operators.c, movers.c; and see conv.h. */
#ifndef BS_CUDA_OPERATORS_H
#define BS_CUDA_OPERATORS_H

#include "cuda/node_job.h"

typedef bs_status (*bs_cuda_runner)(const bs_cuda_job *j);
bs_status bs_cuda_run_unary(const bs_cuda_job *j);
bs_status bs_cuda_run_clip(const bs_cuda_job *j);
bs_status bs_cuda_run_broadcast(const bs_cuda_job *j);
bs_status bs_cuda_run_where(const bs_cuda_job *j);
bs_status bs_cuda_run_batch_norm(const bs_cuda_job *j);
bs_status bs_cuda_run_layer_norm(const bs_cuda_job *j);
bs_status bs_cuda_run_instance_norm(const bs_cuda_job *j);
bs_status bs_cuda_run_softmax(const bs_cuda_job *j);
bs_status bs_cuda_run_lrn(const bs_cuda_job *j);
bs_status bs_cuda_run_pool(const bs_cuda_job *j);
bs_status bs_cuda_run_reduce(const bs_cuda_job *j);
bs_status bs_cuda_run_matmul(const bs_cuda_job *j);
bs_status bs_cuda_run_reshape(const bs_cuda_job *j);
bs_status bs_cuda_run_transpose(const bs_cuda_job *j);
bs_status bs_cuda_run_concat(const bs_cuda_job *j);
bs_status bs_cuda_run_slice(const bs_cuda_job *j);
bs_status bs_cuda_run_pad(const bs_cuda_job *j);
bs_status bs_cuda_run_expand(const bs_cuda_job *j);
bs_status bs_cuda_run_tile(const bs_cuda_job *j);
bs_status bs_cuda_run_gather(const bs_cuda_job *j);
bs_status bs_cuda_run_resize(const bs_cuda_job *j);

#endif
