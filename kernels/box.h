/* Boxes: the half-open ranges of channels, rows and columns of one sample that a change can touch. The rows
 * of tokens lie along the second axis, see host/backend/planes.h; all other tensors count as (elements, 1,
 * 1). */
#ifndef BS_KERNELS_BOX_H
#define BS_KERNELS_BOX_H

#include "hd.h"

typedef struct bs_box {
    int64_t begin[3], end[3]; /* channels, rows, columns; empty when begin[0] == end[0] */
} bs_box;

BS_HD bs_box bs_box_empty(void)
{
    bs_box b = {{0, 0, 0}, {0, 0, 0}};
    return b;
}

BS_HD int bs_box_is_empty(const bs_box *b)
{
    return b->begin[0] >= b->end[0];
}

/* Extends b to the smallest box that also holds element (c, y, x). */
BS_HD void bs_box_add(bs_box *b, int64_t c, int64_t y, int64_t x)
{
    int64_t at[3] = {c, y, x};
    int empty = bs_box_is_empty(b);
    for (int i = 0; i < 3; i++) {
        if (empty || at[i] < b->begin[i])
            b->begin[i] = at[i];
        if (empty || at[i] >= b->end[i])
            b->end[i] = at[i] + 1;
    }
}

#endif
