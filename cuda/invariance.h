/* The batch-invariance test: whether an engine computes a convolution with the same bits, whatever else it
 * computes at the time. It runs one layer on random data: its whole plane, then parts of it (patches from the
 * corners and the middle, other batches, a few filters by themselves), which are compared with the whole. The
 * engine is the one in the network's plan.
 *
 *   bs_invariance r;
 *   st = bs_invariance_begin(&r, stream, node, BS_INVARIANCE_PATCHES, 2);
 *   st = bs_invariance_test(&r, &exact); ... other engines ...
 *   bs_invariance_end(&r);  also where begin failed */
#ifndef BS_CUDA_INVARIANCE_H
#define BS_CUDA_INVARIANCE_H

#include "cuda/conv.h"

enum {
    BS_INVARIANCE_PATCHES = 16,            /* for callers that measure nothing */
    BS_INVARIANCE_MOST = BS_CUDA_DNN_MOST, /* most patches in a batch; there is room for them */
    BS_INVARIANCE_CONFIGS = 8,             /* most engines of cuDNN that are tested */
};

typedef struct bs_invariance {
    bs_stream *stream;
    int node;
    int patches, samples;         /* as requested; patches: for callers that measure */
    int most, alone;              /* most samples at once of the whole layer, and of faulty filters */
    CUdeviceptr x, y;             /* `samples` inputs of the layer, and their outputs by the engine */
    CUdeviceptr in_patches, made; /* input and output of a part */
    CUdeviceptr filters;          /* in place of the layer's, if the engine makes words of 16 bits */
    CUdeviceptr weights, bias;    /* those of the layer, while `filters` are in their place */
} bs_invariance;

/* Allocates the buffers and fills the input. Parts are compared with `samples` samples of the whole layer. */
bs_status bs_invariance_begin(bs_invariance *r, bs_stream *stream, int node, int patches, int samples);
void bs_invariance_end(bs_invariance *r);

/* Computes the output of all samples into y. Call it before the following tests, again for each engine. */
bs_status bs_invariance_whole(const bs_invariance *r);
/* Each sets *exact to false if a bit differs from y, else leaves it as it is. BS_ERR: the engine refuses the
 * shape. */
bs_status bs_invariance_patches(const bs_invariance *r, int batch, bool *exact);
bs_status bs_invariance_samples(const bs_invariance *r, int batch, bool *exact);
/* filters: at most BS_CUDA_MOST_FILTERS, which may be more than the layer has. */
bs_status bs_invariance_filters(const bs_invariance *r, int64_t filters, bool *exact);

/* Runs all of these tests until one finds a difference; a refusal counts as one. */
bs_status bs_invariance_test(const bs_invariance *r, bool *exact);

/* Gathers a batch of patches of the output size `size` (at most the plane, and BS_INVARIANCE_SIZE) into
 * in_patches; in_size: their size there. origin[0], origin[1] and row have room for `batch` each. */
enum { BS_INVARIANCE_SIZE = 11 };
bs_status bs_invariance_gather(const bs_invariance *r, const int size[2], int batch, int from, int in_size[2],
                               int32_t *origin[2], int32_t *row);

/* Lists cuDNN's configs for the node, first the fastest on large batches of small patches. */
bs_status bs_invariance_configs(bs_stream *stream, int node, bs_cudnn_config configs[BS_INVARIANCE_CONFIGS],
                                int *n);

/* Sets *served to whether cuDNN can make a plan of the config for such patches. */
bs_status bs_invariance_serves(bs_stream *stream, int node, const bs_cudnn_config *config, bool *served);

/* invariance_data.c. Allocates device memory for `elements` floats. */
bs_status bs_invariance_alloc(bs_stream *stream, CUdeviceptr *out, int64_t elements);
/* Writes n random numbers in [-1, 1) to the device, the same in every run, rounded to a type. */
bs_status bs_invariance_fill(bs_stream *stream, CUdeviceptr to, int64_t n, bs_dtype type);
/* The same with numbers of all sizes, so that products of two words differ much in size: sums of such must be
 * rounded in fp32, and tell orders apart. */
bs_status bs_invariance_spread(bs_stream *stream, CUdeviceptr to, int64_t n, bs_dtype type);
/* For bs_invariance_begin(): takes filters and inputs whose sums are 0 but for errors; and puts those of the
 * layer back, if they were taken away. */
bs_status bs_invariance_cancel(bs_invariance *r, bs_dtype type);
void bs_invariance_restore(bs_invariance *r);
/* Judges the status of a test: an engine that refused to run is not exact, provided that the device still
 * works; other errors are returned. */
bs_status bs_invariance_judge(bs_stream *stream, bs_status st, bool *exact);

/* The same for products of rows with filters by an algorithm of cuBLASLt: any number of rows from any places,
 * and as few filters as may be faulty together, compared with all products computed at once.
 *
 *   bs_gemm_invariance r;
 *   st = bs_gemm_invariance_begin(&r, stream, type, rows, width, depth, filters);
 *   st = bs_gemm_invariance_test(&r, &g, &exact); ... other algorithms ...
 *   bs_gemm_invariance_end(&r);  also where begin failed */
typedef struct bs_gemm_invariance {
    bs_stream *stream;
    bs_dtype type; /* of rows and filters */
    int64_t rows, width, depth;
    CUdeviceptr x, w;    /* rows, filters (not owned, or `filters`) */
    CUdeviceptr filters; /* random ones of 16 bits; 0 with floats */
    CUdeviceptr y, made; /* products, rows of bs_cuda_padded(width): of all, of a part */
    int32_t *place;      /* for `rows` rows: where a part's rows come from */
    uint8_t *equal;      /* for `rows` rows: results of comparisons */
} bs_gemm_invariance;

/* w: filters on the device, floats. For words of 16 bits random ones are tested in their place, as sums of
 * few numbers such as powers of 2 are exact in any order. Fewer rows are used if `rows` would take much
 * memory; r->rows is a multiple of 64, of words of 128, so that further pieces of that size begin like the
 * first: at a multiple of 256 bytes. */
bs_status bs_gemm_invariance_begin(bs_gemm_invariance *r, bs_stream *stream, bs_dtype type, int64_t rows,
                                   int64_t width, int64_t depth, CUdeviceptr w);
void bs_gemm_invariance_end(bs_gemm_invariance *r);
/* Computes the products of all rows and filters into y. Call it before the following test, again for each
 * algorithm. */
bs_status bs_invariance_products(const bs_gemm_invariance *r, const bs_cuda_gemm *g);
/* Tests `rows` rows times `width` filters: at most all there are, or BS_CUDA_MOST_FILTERS if there are few
 * rows (64). Sets *exact to false if a bit differs from y. */
bs_status bs_invariance_part(const bs_gemm_invariance *r, const bs_cuda_gemm *g, int64_t rows, int64_t width,
                             bool *exact);
/* Runs all of these tests until one finds a difference; a refusal counts as one. */
bs_status bs_gemm_invariance_test(const bs_gemm_invariance *r, const bs_cuda_gemm *g, bool *exact);

#endif
