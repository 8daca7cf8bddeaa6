/* Does an engine compute a convolution with the same bits, whatever else it computes at the time? One layer
 * on random data: its whole plane, then pieces of it (patches from the corners and the middle, other batches,
 * a few filters by themselves), compared with the whole. The engine is the one that the network's plan names.
 *
 *   bs_invariance r;
 *   st = bs_invariance_begin(&r, stream, node, BS_INVARIANCE_PATCHES, 2);
 *   st = bs_invariance_test(&r, &exact); ... other engines ...
 *   bs_invariance_end(&r);  also where begin failed */
#ifndef BS_CUDA_INVARIANCE_H
#define BS_CUDA_INVARIANCE_H

#include "cuda/conv.h"

enum {
    BS_INVARIANCE_PATCHES = 16,            /* for those who measure nothing */
    BS_INVARIANCE_MOST = BS_CUDA_DNN_MOST, /* patches in a batch, ever; there is room for so many */
    BS_INVARIANCE_CONFIGS = 8,             /* engines of cuDNN looked at */
};

typedef struct bs_invariance {
    bs_stream *stream;
    int node;
    int patches, samples; /* as asked for; patches: what a caller measures with */
    int most, alone;  /* samples that the whole layer, and faulty filters, are computed on at once, at most */
    CUdeviceptr x, y; /* `samples` of the layer's input, and its output by the engine */
    CUdeviceptr in_patches, made; /* what a piece is computed from, and its result */
} bs_invariance;

/* Compared with `samples` samples of the whole layer. */
bs_status bs_invariance_begin(bs_invariance *r, bs_stream *stream, int node, int patches, int samples);
void bs_invariance_end(bs_invariance *r);

/* Puts the output for all samples into y. Before the following ones, and again for each engine. */
bs_status bs_invariance_whole(const bs_invariance *r);
/* Each sets *exact to false where a bit differs from y, and leaves it alone elsewhere. BS_ERR: the engine
 * refuses the shape. */
bs_status bs_invariance_patches(const bs_invariance *r, int batch, bool *exact);
bs_status bs_invariance_samples(const bs_invariance *r, int batch, bool *exact);
/* filters: at most BS_CUDA_MOST_FILTERS, of which there may be more than the layer has. */
bs_status bs_invariance_filters(const bs_invariance *r, int64_t filters, bool *exact);

/* All of that, as far as it takes to find a difference; a refusal is one, too. */
bs_status bs_invariance_test(const bs_invariance *r, bool *exact);

/* Gathers a batch of patches of the output size `size` (at most the plane, and BS_INVARIANCE_SIZE) into
 * in_patches; in_size: their size there. at->origin: room for `batch` each; row: the same. */
enum { BS_INVARIANCE_SIZE = 11 };
bs_status bs_invariance_gather(const bs_invariance *r, const int size[2], int batch, int from, int in_size[2],
                               int32_t *origin[2], int32_t *row);

/* What cuDNN proposes for the node, the fastest on large batches of small patches first. */
bs_status bs_invariance_configs(bs_stream *stream, int node, bs_cudnn_config configs[BS_INVARIANCE_CONFIGS],
                                int *n);

/* Device memory for so many floats. */
bs_status bs_invariance_alloc(bs_stream *stream, CUdeviceptr *out, int64_t elements);
/* n random numbers on [-1, 1), the same in every run. */
bs_status bs_invariance_fill(bs_stream *stream, CUdeviceptr to, int64_t n);
/* What became of a try: an engine may refuse to run; if the device lives on, that only means it is not exact.
 */
bs_status bs_invariance_judge(bs_stream *stream, bs_status st, bool *exact);

/* The same for products of rows with filters by an algorithm of cuBLASLt: any number of rows from any places,
 * and as few filters as are faulty together, against all of them at once.
 *
 *   bs_gemm_invariance r;
 *   st = bs_gemm_invariance_begin(&r, stream, rows, width, depth, filters);
 *   st = bs_gemm_invariance_test(&r, &g, &exact); ... other algorithms ...
 *   bs_gemm_invariance_end(&r);  also where begin failed */
typedef struct bs_gemm_invariance {
    bs_stream *stream;
    int64_t rows, width, depth;
    CUdeviceptr x, w;    /* rows, filters (not owned) */
    CUdeviceptr y, made; /* products, rows of bs_cuda_padded(width): of all, of a part */
    int32_t *place;      /* `rows` of them: where a part's rows come from */
    uint8_t *equal;      /* the same */
} bs_gemm_invariance;

/* w: filters on the device. Fewer rows are looked at where so many would take much memory; r->rows, a
 * multiple of 64, so that pieces of as many begin where the first does: at a multiple of 256 bytes. */
bs_status bs_gemm_invariance_begin(bs_gemm_invariance *r, bs_stream *stream, int64_t rows, int64_t width,
                                   int64_t depth, CUdeviceptr w);
void bs_gemm_invariance_end(bs_gemm_invariance *r);
/* Puts the products of all into y. Before the following one, and again for each algorithm. */
bs_status bs_invariance_products(const bs_gemm_invariance *r, const bs_cuda_gemm *g);
/* `rows` rows times `width` filters: at most all there are, or BS_CUDA_MOST_FILTERS where rows are few (64).
 * Sets *exact to false where a bit differs from y. */
bs_status bs_invariance_part(const bs_gemm_invariance *r, const bs_cuda_gemm *g, int64_t rows, int64_t width,
                             bool *exact);
/* All of that, as far as it takes to find a difference; a refusal is one, too. */
bs_status bs_gemm_invariance_test(const bs_gemm_invariance *r, const bs_cuda_gemm *g, bool *exact);

#endif
