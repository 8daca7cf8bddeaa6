/* Runners of operators: operators.c, data_movement.c, conv.c, cuda_matrix.c. */
#ifndef BS_CUDA_OPERATORS_H
#define BS_CUDA_OPERATORS_H

#include "cuda/node_job.h"

typedef bs_status (*bs_cuda_runner)(const bs_cuda_job *j);
/* The runner of each family of operators. */
#define X(family, ...) bs_status bs_cuda_run_##family(const bs_cuda_job *j);
BS_OP_FAMILIES(X)
#undef X

#endif
