/* Loading a network, and the selection of an algorithm for each of its layers. */
#ifndef BS_CUDA_SELECTION_H
#define BS_CUDA_SELECTION_H

#include "cuda/cuda.h"

/* gemm_search.c. Lists the algorithms that should be the fastest of all that cuBLASLt has, by their tiles,
 * best first. None if the library says nothing about tiles, and none for TF32. */
bs_status bs_cuda_gemm_fastest(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d, bs_dtype type,
                               int64_t rows, int64_t width, int64_t depth);
/* Lists the algorithms that cuBLASLt's heuristics name for `rows` rows and that may be tried, best first.
 * *proposed: the number that they name in all. */
bs_status bs_cuda_gemm_algorithms(cublasLtMatmulAlgo_t *out, int most, int *n, int *proposed,
                                  const bs_device *d, bs_dtype type, int64_t rows, int64_t width,
                                  int64_t depth);
/* Lists algorithms that cuBLASLt has, whether its heuristics name them or not: goes through its list, each
 * with all its settings in turn, until 256 are found that may be tried; returns at most `most` of these, in
 * the order of bs_cuda_gemm_algorithms(). */
bs_status bs_cuda_gemm_enumerate(cublasLtMatmulAlgo_t *out, int most, int *n, const bs_device *d,
                                 bs_dtype type, int64_t rows, int64_t width, int64_t depth);

/* gemm_select.c. Selects the first algorithm whose bits do not depend on the batch; g->selected is false if
 * there is none. rows: as many as a large batch has; filters: on the device, of the type, as rows are. */
bs_status bs_cuda_gemm_select(bs_cuda_gemm *g, bs_stream *stream, bs_dtype type, int64_t rows, int64_t width,
                              int64_t depth, CUdeviceptr filters);

/* Returns true if the library has the algorithm, for as many rows and filters as are computed. */
bool bs_cuda_gemm_serves(const bs_device *d, const bs_cuda_gemm *g);

/* known_engines.c. Sets the engine of a node to what an earlier load selected, if the cache (NULL: none) has
 * it and the libraries still serve it; then *found is true. dnn: whether cuDNN runs. */
bs_status bs_cuda_recall_engine(bs_stream *stream, bs_cache *cache, int node, bool dnn, bool *found);
/* Sets the engine of a node to that of `like`, a network of the same graph on another device. Fails if the
 * libraries do not serve it here. */
bs_status bs_cuda_adopt_engine(bs_stream *stream, const bs_network *like, int node, bool dnn);
/* Stores the engine that was selected for a node. */
bs_status bs_cuda_remember_engine(const bs_network *n, bs_cache *cache, int node, bool dnn);
/* Hashes what is selected for all nodes. */
uint64_t bs_cuda_selection(const bs_network *n);

/* select_engines.c. Selects the engine of each convolution and product; called once, when the parameters are
 * on the device. options: NULL: none. */
bs_status bs_cuda_select_engines(bs_network *n, const bs_load_options *options);

/* cuda_load.c */
bs_status bs_cuda_load(bs_network **out, bs_device *d, const bs_graph *g, const bs_load_options *options);

#endif
