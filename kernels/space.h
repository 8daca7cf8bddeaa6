/* Boxes of elements, which the items of a kernel walk with several arrays at once. */
#ifndef BS_KERNELS_SPACE_H
#define BS_KERNELS_SPACE_H

#include "hd.h"
#include "op_list.h"

/* Divides by a number known beforehand: a multiplication and a shift, where a GPU needs about 20 instructions
 * for a division (Granlund, Montgomery: Division by invariant integers using multiplication, 1994,
 * figure 4.1). */
typedef struct bs_divisor {
    uint32_t value, factor, shift;
} bs_divisor;

/* value: 1 to 2^31. */
BS_HD bs_divisor bs_divisor_of(uint32_t value)
{
    uint32_t shift = 0;
    while ((1u << shift) < value)
        shift++;
    return (bs_divisor){value, (uint32_t)((((uint64_t)((1u << shift) - value)) << 32) / value + 1), shift};
}

/* Returns k / value; k is below 2^31, so that the sum does not overflow. */
BS_HD uint32_t bs_divide(const bs_divisor *d, uint32_t k)
{
    return ((uint32_t)((uint64_t)k * d->factor >> 32) + k) >> d->shift;
}

/* A box of elements in the order of its axes, the last one fastest, and the strides with which up to four
 * arrays follow. */
enum { BS_ND_AXES = 2 * BS_MAX_RANK, BS_ND_ARRAYS = 4 };
typedef struct bs_nd_space {
    int32_t rank;
    uint32_t items; /* product of dim; below 2^31 */
    bs_divisor dim[BS_ND_AXES];
    int32_t stride[BS_ND_ARRAYS][BS_ND_AXES];
} bs_nd_space;

/* Computes the offsets of item k in the first `ways` arrays. The first axis needs no division: none at all is
 * needed where arrays of one shape, or an array and a scalar, have been merged into one axis. */
BS_HD void bs_nd_space_at(const bs_nd_space *n, int ways, uint32_t k, int64_t at[BS_ND_ARRAYS])
{
    for (int w = 0; w < ways; w++)
        at[w] = 0;
    for (int axis = n->rank - 1; axis > 0; axis--) {
        uint32_t before = bs_divide(&n->dim[axis], k), index = k - before * n->dim[axis].value;
        k = before;
        for (int w = 0; w < ways; w++)
            at[w] += (int64_t)index * n->stride[w][axis];
    }
    for (int w = 0; w < ways; w++)
        at[w] += (int64_t)k * n->stride[w][0];
}

#endif
