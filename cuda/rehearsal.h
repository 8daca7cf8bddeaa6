/* Does an engine compute a convolution with the same bits, whatever else it computes at the time? One layer
 * on random data: its whole plane, then pieces of it (patches from the corners and the middle, other batches,
 * a few filters by themselves), compared with the whole. The engine is the one that the network's plan names.
 *
 *   bs_rehearsal r;
 *   st = bs_rehearsal_begin(&r, lane, node, BS_REHEARSAL_PATCHES, 2);
 *   st = bs_rehearse(&r, &exact); ... other engines ...
 *   bs_rehearsal_end(&r);  also where begin failed */
#ifndef BS_CUDA_REHEARSAL_H
#define BS_CUDA_REHEARSAL_H

#include "cuda/cuda.h"

enum {
    BS_REHEARSAL_PATCHES = 16, /* in a batch, where an engine is chosen */
    BS_REHEARSAL_MOST = 256,   /* patches in a batch, ever */
    BS_REHEARSAL_PINS = 8,     /* engines of cuDNN looked at */
};

typedef struct bs_rehearsal {
    bs_lane *l;
    int node;
    int patches, samples;         /* room for so many */
    CUdeviceptr x, y;             /* `samples` of the layer's input, and its output by the engine */
    CUdeviceptr in_patches, made; /* what a piece is computed from, and its result */
} bs_rehearsal;

bs_status bs_rehearsal_begin(bs_rehearsal *r, bs_lane *l, int node, int patches, int samples);
void bs_rehearsal_end(bs_rehearsal *r);

/* Puts the output for all samples into y. Before the following ones, and again for each engine. */
bs_status bs_rehearse_whole(const bs_rehearsal *r);
/* Each sets *exact to false where a bit differs from y, and leaves it alone elsewhere. BS_ERR: the engine
 * refuses the shape. */
bs_status bs_rehearse_patches(const bs_rehearsal *r, int batch, bool *exact);
bs_status bs_rehearse_samples(const bs_rehearsal *r, int batch, bool *exact);
bs_status bs_rehearse_filters(const bs_rehearsal *r, int64_t filters, bool *exact);

/* All of that, as far as it takes to find a difference; a refusal is one, too. */
bs_status bs_rehearse(const bs_rehearsal *r, bool *exact);

/* Gathers a batch of patches of the output size `size` (at most the plane, and BS_REHEARSAL_SIZE) into
 * in_patches; in_size: their size there. at->origin: room for `batch` each; row: the same. */
enum { BS_REHEARSAL_SIZE = 11 };
bs_status bs_rehearsal_gather(const bs_rehearsal *r, const int size[2], int batch, int from, int in_size[2],
                              int32_t *origin[2], int32_t *row);

/* What cuDNN proposes for the node, best first. */
bs_status bs_rehearsal_pins(bs_lane *l, int node, bs_cudnn_pin pins[BS_REHEARSAL_PINS], int *n);

/* n random numbers on [-1, 1), the same in every run. */
bs_status bs_rehearsal_fill(bs_lane *l, CUdeviceptr to, int64_t n);

#endif
