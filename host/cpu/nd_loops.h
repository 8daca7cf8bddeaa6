/* Loops over several rows of different layouts at once. */
#ifndef BS_CPU_ND_LOOPS_H
#define BS_CPU_ND_LOOPS_H

#include "model/graph.h"

#include <stdint.h>

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
/* Copies array 1 to array 0. */
void bs_cpu_nd_space_copy(const bs_cpu_nd_space *n, float *to, const float *from);

#endif
