/* The nodes of a loaded network: their parameters in the form that the kernels take. */
#ifndef BS_CUDA_NETWORK_H
#define BS_CUDA_NETWORK_H

#include "backend/faulty_batches.h"
#include "cuda/cuda.h"

/* network.c. Returns true for Gemm, and for MatMul by weights. */
bool bs_cuda_is_matrix(const bs_graph *g, const bs_node *n);
/* Uploads the parameters of a node; its engine is selected later. */
bs_status bs_cuda_plan_node(bs_network *n, int node);
void bs_cuda_unload(bs_network *n);
size_t bs_cuda_row_bytes(const bs_network *n, int tensor);
/* Returns how the weights (input 1) or biases (input 2) of a node with filters lie in the file. */
bs_filters bs_cuda_filters(const bs_cuda_plan *p, int input);
/* Returns place and value of a faulty element of input `input` in the prepared parameter. */
bs_site bs_cuda_param_site(const bs_network *n, int node, int input, bs_site s);

#endif
