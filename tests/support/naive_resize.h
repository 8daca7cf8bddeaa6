/* Resize, for naive_ops.h: coordinates, rounding and kernels as ONNX describes them. */
#ifndef BS_TESTS_NAIVE_RESIZE_H
#define BS_TESTS_NAIVE_RESIZE_H

#include "support/naive_index.h"
#include "support/naive_scalar.h"

static double naive_coordinate(const bs_resize *z, int axis, int64_t o, int64_t in, int64_t out)
{
    double scale = (double)z->scale[axis], half = ((double)o + 0.5) / scale - 0.5;
    switch ((enum bs_resize_coordinate)z->coordinate) {
    case BS_RESIZE_HALF_PIXEL:
        return half;
    case BS_RESIZE_PYTORCH_HALF_PIXEL:
        return out > 1 ? half : 0;
    case BS_RESIZE_ALIGN_CORNERS:
        return out > 1 ? (double)(o * (in - 1)) / (double)(out - 1) : 0;
    case BS_RESIZE_ASYMMETRIC:
        return (double)o / scale;
    case BS_RESIZE_TF_HALF_PIXEL:
        return half + 0.5;
    case BS_RESIZE_COORDINATE_COUNT:
        break;
    }
    naive_missing(BS_OP_RESIZE);
}

static double naive_round(const bs_resize *z, double x)
{
    switch ((enum bs_resize_rounding)z->rounding) {
    case BS_RESIZE_ROUND_PREFER_FLOOR:
        return ceil(x - 0.5);
    case BS_RESIZE_ROUND_PREFER_CEIL:
        return floor(x + 0.5);
    case BS_RESIZE_ROUND_FLOOR:
        return floor(x);
    case BS_RESIZE_ROUND_CEIL:
        return ceil(x);
    case BS_RESIZE_ROUNDING_COUNT:
        break;
    }
    naive_missing(BS_OP_RESIZE);
}

static double naive_resize_tap(const bs_resize *z, int axis, int64_t o, int64_t in, int64_t out)
{
    double x = naive_coordinate(z, axis, o, in, out);
    if (z->mode == BS_RESIZE_CUBIC)
        return x;
    if (z->mode == BS_RESIZE_NEAREST)
        x = naive_round(z, x);
    return x < 0 ? 0 : x > (double)(in - 1) ? (double)(in - 1) : x;
}

/* Keys' kernel, as in the paper. */
static double naive_keys(double a, double d)
{
    return d <= 1 ? (a + 2) * pow(d, 3) - (a + 3) * pow(d, 2) + 1
                  : a * pow(d, 3) - 5 * a * pow(d, 2) + 8 * a * d - 4 * a;
}

static double naive_cubic(const bs_resize *z, const bs_shape *in, const float *x, const int64_t *o,
                          const double at[2])
{
    double sum = 0, weights = 0;
    for (int i = 0; i < 16; i++) {
        int64_t p[] = {(int64_t)floor(at[0]) - 1 + i / 4, (int64_t)floor(at[1]) - 1 + i % 4},
                from[] = {o[0], 0, 0};
        double weight = 1;
        for (int k = 0; k < 2; k++) {
            bool outside = p[k] < 0 || p[k] >= in->dim[1 + k];
            weight *=
                outside && z->exclude_outside ? 0 : naive_keys((double)z->cubic, fabs(at[k] - (double)p[k]));
            from[1 + k] = p[k] < 0 ? 0 : p[k] >= in->dim[1 + k] ? in->dim[1 + k] - 1 : p[k];
        }
        weights += weight;
        sum += weight * (double)x[naive_at(in, from)];
    }
    return z->exclude_outside ? sum / weights : sum;
}

static double naive_resize(const bs_node *n, const bs_shape *in, const bs_shape *out, const float *x,
                           const int64_t *o)
{
    double r = naive_resize_tap(&n->attr.resize, 0, o[1], in->dim[1], out->dim[1]), sum = 0;
    double c = naive_resize_tap(&n->attr.resize, 1, o[2], in->dim[2], out->dim[2]);
    if (n->attr.resize.mode == BS_RESIZE_CUBIC)
        return naive_cubic(&n->attr.resize, in, x, o, (double[]){r, c});
    for (int i = 0; i < 4; i++) {
        int64_t row = (int64_t)r + i / 2, column = (int64_t)c + i % 2;
        double weight = (1 - fabs(r - (double)row)) * (1 - fabs(c - (double)column));
        if (row == in->dim[1] || column == in->dim[2] ||
            (n->attr.resize.mode == BS_RESIZE_NEAREST && weight == 0))
            continue;
        sum += weight * (double)x[naive_at(in, (int64_t[]){o[0], row, column})];
    }
    return sum;
}

#endif
