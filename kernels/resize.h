/* Resize: which elements of the input an output row (or column) is made of. Shared by CPU and GPU. */
#ifndef BS_KERNELS_RESIZE_H
#define BS_KERNELS_RESIZE_H

#include "hd.h"
#include "model/graph.h"

#include <math.h>

/* Elements `first` and `second`, and the weight of the second. */
typedef struct bs_resize_tap {
    int first, second;
    float weight;
} bs_resize_tap;

BS_HD float bs_resize_coordinate(int coordinate, int at, float scale, int in, int out)
{
    float half = ((float)at + 0.5f) / scale - 0.5f;
    switch (coordinate) {
    case BS_RESIZE_HALF_PIXEL:
        return half;
    case BS_RESIZE_PYTORCH_HALF_PIXEL:
        return out > 1 ? half : 0.0f;
    case BS_RESIZE_ALIGN_CORNERS:
        return out > 1 ? (float)at * (float)(in - 1) / (float)(out - 1) : 0.0f;
    default:
        return (float)at / scale;
    }
}

BS_HD float bs_resize_round(int rounding, float x)
{
    switch (rounding) {
    case BS_RESIZE_ROUND_PREFER_FLOOR:
        return ceilf(x - 0.5f);
    case BS_RESIZE_ROUND_PREFER_CEIL:
        return floorf(x + 0.5f);
    case BS_RESIZE_ROUND_FLOOR:
        return floorf(x);
    default:
        return ceilf(x);
    }
}

/* axis: 0 rows, 1 columns. */
BS_HD bs_resize_tap bs_resize_at(const bs_resize *z, int axis, int at, int in, int out)
{
    float last = (float)(in - 1);
    float x = bs_resize_coordinate(z->coordinate, at, z->scale[axis], in, out);
    if (z->nearest)
        x = bs_resize_round(z->rounding, x);
    x = x < 0.0f ? 0.0f : x > last ? last : x;
    bs_resize_tap t = {(int)x, (int)x, 0.0f};
    if (!z->nearest && t.first < in - 1) {
        t.second = t.first + 1;
        t.weight = x - (float)t.first;
    }
    return t;
}

#endif
