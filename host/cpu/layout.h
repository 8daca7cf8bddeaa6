/* Where the elements of a row lie, and loops over several rows of different layouts at once.
 *
 * Images, tensors of rank 3 (C, H, W) that a convolution or pool reads or makes, are stored channels last (H,
 * W, C), and so is everything that is combined with them element by element. All other tensors, tokens of
 * transformers included, are plain row-major. Operators that can work on either use the strides. */
#ifndef BS_CPU_LAYOUT_H
#define BS_CPU_LAYOUT_H

#include "model/graph.h"

#include <stdint.h>

typedef struct bs_cpu_layout {
    int rank;
    int64_t dim[BS_MAX_RANK];    /* logical axes */
    int64_t stride[BS_MAX_RANK]; /* of each logical axis, in elements */
    int order[BS_MAX_RANK];      /* logical axes from the outermost to the innermost in memory */
    int64_t elements;
    bool channels_last;
} bs_cpu_layout;

void bs_cpu_layout_init(bs_cpu_layout *out, const bs_shape *shape, bool channels_last);
/* Chooses the layout of each tensor of a graph; `out` has an entry for each. */
bs_status bs_cpu_layouts_choose(bs_cpu_layout *out, const bs_graph *g);
/* Returns true if the memory order is the logical order. */
bool bs_cpu_layout_is_plain(const bs_cpu_layout *l);
/* Returns the offset in memory of an element's logical index. */
int64_t bs_cpu_layout_offset(const bs_cpu_layout *l, int64_t element);
void bs_cpu_layout_store(const bs_cpu_layout *l, const float *logical, float *row);
void bs_cpu_layout_load(const bs_cpu_layout *l, const float *row, float *logical);

/* A loop space over up to three arrays. Zero-initialise, add dimensions from the outermost to the innermost
 * (dimensions of 1 vanish, contiguous ones merge), then finish. */
enum { BS_CPU_ND_ARRAYS = 3 };
typedef struct bs_cpu_nd_space {
    int rank;
    int64_t dim[BS_MAX_RANK];
    int64_t stride[BS_CPU_ND_ARRAYS][BS_MAX_RANK];
} bs_cpu_nd_space;

void bs_cpu_nd_space_add(bs_cpu_nd_space *n, int64_t dim, int64_t s0, int64_t s1, int64_t s2);
void bs_cpu_nd_space_finish(bs_cpu_nd_space *n);

/* An iterator that visits the innermost dimension as a whole:
 *   bs_cpu_nd_iterator w = {0};
 *   do
 *       use w.at[k], space.dim[last] and space.stride[k][last], where last = space.rank - 1
 *   while (bs_cpu_nd_iterator_next(&w, &space)); */
typedef struct bs_cpu_nd_iterator {
    int64_t index[BS_MAX_RANK];
    int64_t at[BS_CPU_ND_ARRAYS];
} bs_cpu_nd_iterator;

bool bs_cpu_nd_iterator_next(bs_cpu_nd_iterator *w, const bs_cpu_nd_space *n);
/* nd_copy.c. Copies array 1 to array 0. */
void bs_cpu_nd_space_copy(const bs_cpu_nd_space *n, float *to, const float *from);

#endif
