/* Convolutions and products of rows with filters, each layer by the engine selected for it. */
#ifndef BS_CUDA_CONV_H
#define BS_CUDA_CONV_H

#include "cuda/node_job.h"

/* The most faulty filters that are evaluated together, with which engines are tested; that may be more than
 * the node has filters. Trials with more different faulty filters run the whole node. */
enum { BS_CUDA_MOST_FILTERS = 128 };

/* Rows of products are padded to a multiple of 32 filters, so that all have the same alignment. */
static inline int64_t bs_cuda_padded(int64_t filters)
{
    return (filters + 31) / 32 * 32;
}

/* Returns the type of the rows and filters that the library reads for a node: of 16 bits, or FP32. */
static inline bs_dtype bs_cuda_engine_type(const bs_cuda_plan *p)
{
    if (p->engine == BS_CUDA_DNN)
        return p->dnn.type;
    return p->gemm.selected ? p->gemm.type : BS_DTYPE_FP32;
}

/* filter_words.c. Makes p->words of a node's weights, once more if there are some; FP32: there are none
 * then. */
bs_status bs_cuda_words_make(bs_stream *stream, int node, bs_dtype type);
/* Gets float filters as the node's engine reads them: those of the node itself, or faulty copies, whose words
 * are overwritten by the next call. */
bs_status bs_cuda_words_get(const bs_cuda_job *j, int64_t filters, CUdeviceptr *weights);

/* gemm.c. products [rows][width] = rows [rows][depth] times filters [width][depth]. w: `width` filters of
 * `depth`, as the rows of g->type; products: rows of bs_cuda_padded(width) floats. All addresses are
 * multiples of 256 bytes, as cuBLASLt's heuristics assume. */
bs_status bs_cuda_gemm_run(bs_stream *stream, const bs_cuda_gemm *g, int64_t rows, int64_t width,
                           CUdeviceptr x, CUdeviceptr w, CUdeviceptr products);

/* The same by a kernel of our own, which needs no library, for any number of rows and filters. Adds the bias
 * (0: none) of each filter; out: rows of out_step elements. */
bs_status bs_cuda_gemm_own(bs_stream *stream, int64_t rows, int64_t width, int64_t depth, bs_cells x,
                           CUdeviceptr w, CUdeviceptr bias, bs_out out, int64_t out_step);

/* cuda_matrix.c: Gemm, and MatMul by weights. Multiplies n samples, each of `repeat` rows, by `width`
 * filters; out receives compact rows of `width`, rounded as it says. */
bs_status bs_cuda_matrix(const bs_cuda_job *j, int n, bs_view in, int64_t width, CUdeviceptr filters,
                         CUdeviceptr bias, bs_out out);

/* conv.c. Computes `filters` filters, which may be faulty copies: first[f] is the first channel that filter f
 * reads (on the device; 0: as the node says). Output: (n, filters, out pixels), rounded as `out` says. */
bs_status bs_cuda_conv(const bs_cuda_job *j, int n, bs_view in, int64_t filters, CUdeviceptr weights,
                       CUdeviceptr bias, CUdeviceptr first, bs_out out);

/* conv_dnn.c: the same by the node's selected engine of cuDNN. WORKSPACE: the most bytes that an engine may
 * need, both when it is proposed and when it runs; MOST: the most samples that are ever computed at once. */
enum { BS_CUDA_DNN_WORKSPACE = 256 << 20, BS_CUDA_DNN_MOST = 256 };
bs_status bs_cuda_conv_dnn(const bs_cuda_job *j, int n, bs_view in, int64_t filters, CUdeviceptr weights,
                           CUdeviceptr bias, bs_out out);
/* Makes the stream's cuDNN handle if it has none yet. */
bs_status bs_cuda_dnn_start(bs_stream *stream);
/* Returns the most samples, of `in` input and `out` output elements, that are computed at once; engines are
 * tested with as many. */
int bs_cuda_dnn_most(int64_t in, int64_t out);
/* Returns the shape for `batch` samples and `filters` filters. */
bs_cudnn_shape bs_cuda_dnn_shape(const bs_cuda_job *j, int64_t batch, int64_t filters);
void bs_cuda_dnn_close(bs_stream *stream);

#endif
