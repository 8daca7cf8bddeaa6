/* Loading a network, and the selection of an algorithm for each of its layers. */
#ifndef BS_CUDA_SELECTION_H
#define BS_CUDA_SELECTION_H

#include "cuda/cuda.h"

/* gemm_search.c: those that should be fastest of all that cuBLASLt has, by their tiles, best first. None
 * where the library says nothing of tiles, and none for TF32. */
bs_status bs_cuda_gemm_fastest(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d, int64_t rows,
                               int64_t width, int64_t depth);
/* The algorithms that cuBLASLt's heuristics name for so many rows and that may be tried, best
 * first; *proposed: how many it named in all. */
bs_status bs_cuda_gemm_algorithms(cublasLtMatmulAlgo_t *out, int most, int *n, int *proposed,
                                  const bs_device *d, int64_t rows, int64_t width, int64_t depth);
/* Algorithms that cuBLASLt has, whether its heuristics name them or not: its list is gone through, each with
 * all its settings in turn, until 256 are found that may be tried; at most `most` of these, in the order of
 * bs_cuda_gemm_algorithms(). */
bs_status bs_cuda_gemm_enumerate(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d,
                                 int64_t rows, int64_t width, int64_t depth);

/* gemm_select.c: configs the first algorithm whose bits do not depend on the batch; there may be none:
 * g->selected. `rows`: so many as a large batch has; filters: on the device. */
bs_status bs_cuda_gemm_select(bs_cuda_gemm *g, bs_stream *stream, int64_t rows, int64_t width, int64_t depth,
                              CUdeviceptr filters);

/* choose.c: what computes each convolution and product; run once, when parameters are on the device. */
bs_status bs_cuda_select_engines(bs_network *n);

/* cuda_load.c */
bs_status bs_cuda_load(bs_network **out, bs_device *d, const bs_graph *g);

#endif
