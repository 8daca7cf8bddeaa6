/* Pad: the input element that is repeated at a place outside the input. Shared by CPU and GPU. */
#ifndef BS_KERNELS_PAD_H
#define BS_KERNELS_PAD_H

#include "hd.h"
#include "op_list.h"

/* Returns its index along one axis of `size` elements; `at` counts from the input's first one. -1: the
 * constant. */
BS_HD int64_t bs_pad_source(int mode, int64_t at, int64_t size)
{
    if (at >= 0 && at < size)
        return at;
    if (mode == BS_PAD_EDGE)
        return at < 0 ? 0 : size - 1;
    if (mode != BS_PAD_REFLECT)
        return -1;
    if (size == 1)
        return 0;
    int64_t period = 2 * (size - 1), phase = (at % period + period) % period;
    return phase < size ? phase : period - phase;
}

#endif
