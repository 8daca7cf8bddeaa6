/* Convolutions and products of rows with filters, each layer by the algorithm selected for it. */
#ifndef BS_CUDA_CONV_H
#define BS_CUDA_CONV_H

#include "cuda/node_job.h"

/* Faulty filters evaluated together, at most, as engines are tried with; there may be more of them than the
 * node has filters. Trials with more different ones run the whole node. */
enum { BS_CUDA_MOST_FILTERS = 128 };

/* Rows of products are as long as a multiple of 32 filters, so that each is aligned alike. */
static inline int64_t bs_cuda_padded(int64_t filters)
{
    return (filters + 31) / 32 * 32;
}

/* gemm.c: products [rows][width] = rows [rows][depth] times filters [width][depth]. All
 * addresses are multiples of 256 bytes, as cuBLASLt's heuristics take for granted. w: rows of `filters` of
 * `depth`; products: rows of bs_cuda_padded(width). */
bs_status bs_cuda_gemm_run(bs_stream *stream, const bs_cuda_gemm *g, int64_t rows, int64_t width,
                           CUdeviceptr x, CUdeviceptr w, CUdeviceptr products);

/* matrix.c: Gemm, and MatMul by weights. */
/* n samples times `width` filters: `repeat` rows a sample, compact rows of `width` in out. */
bs_status bs_cuda_matrix(const bs_cuda_job *j, int n, bs_view in, int64_t width, CUdeviceptr filters,
                         CUdeviceptr bias, CUdeviceptr out);

/* conv.c. `filters` of them, which may be faulty copies: first[f] is the first channel that filter f reads
 * (device; 0: as the node says). Output: (n, filters, out pixels). */
bs_status bs_cuda_conv(const bs_cuda_job *j, int n, bs_view in, int64_t filters, CUdeviceptr weights,
                       CUdeviceptr bias, CUdeviceptr first, CUdeviceptr out);

/* conv_dnn.c: the same by the node's selected engine of cuDNN. WORKSPACE: bytes that an engine may ask for,
 * when it is proposed and when it runs; MOST: samples that are computed at once, ever. */
enum { BS_CUDA_DNN_WORKSPACE = 256 << 20, BS_CUDA_DNN_MOST = 256 };
bs_status bs_cuda_conv_dnn(const bs_cuda_job *j, int n, bs_view in, int64_t filters, CUdeviceptr weights,
                           CUdeviceptr bias, CUdeviceptr out);
/* Makes the stream's handle, if it has none yet. */
bs_status bs_cuda_dnn_start(bs_stream *stream);
/* Samples of so many elements in and out that are computed at once, at most: engines are tried with as many.
 */
int bs_cuda_dnn_most(int64_t in, int64_t out);
/* The shape of so many samples and filters. */
bs_cudnn_shape bs_cuda_dnn_shape(const bs_cuda_job *j, int64_t batch, int64_t filters);
void bs_cuda_dnn_close(bs_stream *stream);

#endif
