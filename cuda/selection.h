/* Loading a network, and the selection of an algorithm for each of its layers. */
#ifndef BS_CUDA_SELECTION_H
#define BS_CUDA_SELECTION_H

#include "cuda/cuda.h"

/* gemm_search.c. Lists the algorithms that should be the fastest of all that cuBLASLt has, by their tiles,
 * best first. None if the library says nothing about tiles, and none for TF32. */
bs_status bs_cuda_gemm_fastest(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d, int64_t rows,
                               int64_t width, int64_t depth);
/* Lists the algorithms that cuBLASLt's heuristics name for `rows` rows and that may be tried, best first.
 * *proposed: the number that they name in all. */
bs_status bs_cuda_gemm_algorithms(cublasLtMatmulAlgo_t *out, int most, int *n, int *proposed,
                                  const bs_device *d, int64_t rows, int64_t width, int64_t depth);
/* Lists algorithms that cuBLASLt has, whether its heuristics name them or not: goes through its list, each
 * with all its settings in turn, until 256 are found that may be tried; returns at most `most` of these, in
 * the order of bs_cuda_gemm_algorithms(). */
bs_status bs_cuda_gemm_enumerate(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d,
                                 int64_t rows, int64_t width, int64_t depth);

/* gemm_select.c. Selects the first algorithm whose bits do not depend on the batch; g->selected is false if
 * there is none. rows: as many as a large batch has; filters: on the device. */
bs_status bs_cuda_gemm_select(bs_cuda_gemm *g, bs_stream *stream, int64_t rows, int64_t width, int64_t depth,
                              CUdeviceptr filters);

/* select_engines.c. Selects the engine of each convolution and product; called once, when the parameters are
 * on the device. */
bs_status bs_cuda_select_engines(bs_network *n);

/* cuda_load.c */
bs_status bs_cuda_load(bs_network **out, bs_device *d, const bs_graph *g, const bs_load_options *options);

#endif
