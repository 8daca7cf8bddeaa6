/* Where the elements of a row lie.
 *
 * Images, tensors of rank 3 (C, H, W) that a convolution or pool reads or makes, are stored channels last (H,
 * W, C), and so is everything that is combined with them element by element. All other tensors, tokens of
 * transformers included, are plain row-major. Operators that can work on either use the strides. */
#ifndef BS_CPU_LAYOUT_H
#define BS_CPU_LAYOUT_H

#include "cpu/nd_loops.h"
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
/* Returns true if the same elements, in logical order, lie in the same order in the memory of both. */
bool bs_cpu_layout_same_order(const bs_cpu_layout *a, const bs_cpu_layout *b);
/* Returns the offset in memory of an element's logical index. */
int64_t bs_cpu_layout_offset(const bs_cpu_layout *l, int64_t element);
void bs_cpu_layout_store(const bs_cpu_layout *l, const float *logical, float *row);
void bs_cpu_layout_load(const bs_cpu_layout *l, const float *row, float *logical);

#endif
