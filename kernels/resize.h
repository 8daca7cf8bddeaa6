/* Resize: the elements of the input that an output row (or column) is made of. Shared by CPU and GPU. */
#ifndef BS_KERNELS_RESIZE_H
#define BS_KERNELS_RESIZE_H

#include "hd.h"
#include "op_list.h"

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
    case BS_RESIZE_TF_HALF_PIXEL:
        return ((float)at + 0.5f) / scale;
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

/* For nearest and linear. axis: 0 rows, 1 columns. */
BS_HD bs_resize_tap bs_resize_at(const bs_resize *z, int axis, int at, int in, int out)
{
    float last = (float)(in - 1);
    float x = bs_resize_coordinate(z->coordinate, at, z->scale[axis], in, out);
    if (z->mode == BS_RESIZE_NEAREST)
        x = bs_resize_round(z->rounding, x);
    x = x < 0.0f ? 0.0f : x > last ? last : x;
    bs_resize_tap t = {(int)x, (int)x, 0.0f};
    if (z->mode != BS_RESIZE_NEAREST && t.first < in - 1) {
        t.second = t.first + 1;
        t.weight = x - (float)t.first;
    }
    return t;
}

/* Keys' kernel (1981): the weight of one of four neighbours, at distance d from the wanted coordinate. */
BS_HD float bs_resize_keys(float a, float d)
{
    if (d <= 1.0f)
        return ((a + 2.0f) * d - (a + 3.0f)) * d * d + 1.0f;
    return ((a * d - 5.0f * a) * d + 8.0f * a) * d - 4.0f * a;
}

typedef struct bs_resize_taps {
    int at[4];
    float weight[4];
} bs_resize_taps;

/* For cubic. */
BS_HD bs_resize_taps bs_resize_cubic(const bs_resize *z, int axis, int at, int in, int out)
{
    float x = bs_resize_coordinate(z->coordinate, at, z->scale[axis], in, out), below = floorf(x), sum = 0.0f;
    bs_resize_taps t;
    for (int k = 0; k < 4; k++) {
        float neighbour = below + (float)(k - 1);
        int i = (int)neighbour;
        bool outside = i < 0 || i >= in;
        t.at[k] = i < 0 ? 0 : i >= in ? in - 1 : i;
        t.weight[k] = outside && z->exclude_outside ? 0.0f : bs_resize_keys(z->cubic, fabsf(x - neighbour));
        sum += t.weight[k];
    }
    for (int k = 0; k < 4 && z->exclude_outside; k++)
        t.weight[k] /= sum;
    return t;
}

#endif
