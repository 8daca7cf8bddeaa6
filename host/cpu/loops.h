/* Innermost loops over the functions of kernels/ops.h, compiled for several instruction sets. All give the
 * same bits, as nothing is contracted or reassociated. n: elements. Arrays must not overlap. */
#ifndef BS_CPU_LOOPS_H
#define BS_CPU_LOOPS_H

#include "base/clones.h"
#include "model/graph.h"

#include <stdint.h>

/* For operators of BS_UNARY_OPS, NULL for others; a, b: their attributes. */
typedef void (*bs_loop_unary)(int64_t n, float *y, const float *x, float a, float b);
bs_loop_unary bs_loop_unary_find(bs_op op);
void bs_loop_clip(int64_t n, float *y, const float *x, float lo, float hi);
/* One channel for each element, and one channel for all. */
void bs_loop_batch_norm(int64_t n, float *y, const float *x, const float *factor, const float *bias,
                        const float *mean);
void bs_loop_batch_norm_plane(int64_t n, float *y, const float *x, float factor, float bias, float mean);
/* y = max(y, x); y = y + x. */
void bs_loop_max(int64_t n, float *y, const float *x);
void bs_loop_accumulate(int64_t n, float *y, const float *x);
void bs_loop_divide(int64_t n, float *y, float divisor);

/* For operators of BS_BINARY_OPS and BS_VARIADIC_OPS, NULL for others: y[i] = a[i * sa] op b[i * sb]; y may
 * be a. */
typedef void (*bs_loop_binary)(int64_t n, float *y, const float *a, int64_t sa, const float *b, int64_t sb);
bs_loop_binary bs_loop_binary_find(bs_op op);

/* For operators of BS_REDUCE_OPS: add() takes x[i * sx] into y[i * sy], from first to last, and line() the
 * total of a line, summed in the order of lines.h, into *y; finish() then makes the results, each from the
 * sum of `count` elements. */
typedef struct bs_loop_reduce {
    float start;
    void (*add)(int64_t n, float *y, int64_t sy, const float *x, int64_t sx);
    void (*line)(int64_t n, float *y, const float *x);
    void (*finish)(int64_t n, float *y, float count);
} bs_loop_reduce;
const bs_loop_reduce *bs_loop_reduce_find(bs_op op);

/* Lines of the order of lines.h. Mean and deviation factor of one line, or of lines side by side, whose
 * elements are `stride` apart. */
void bs_loop_moments(int64_t n, const float *x, float epsilon, float *mean, float *factor);
void bs_loop_moments_beside(int64_t n, int64_t lines, const float *x, int64_t stride, float epsilon,
                            float *mean, float *factor);
/* Normalise with scale and bias (may be NULL) for each element, for all, and everything for each element. */
void bs_loop_layer_norm(int64_t n, float *y, const float *x, float mean, float factor, const float *scale,
                        const float *bias);
void bs_loop_normalize_line(int64_t n, float *y, const float *x, float mean, float factor, float scale,
                            float bias);
void bs_loop_normalize(int64_t n, float *y, const float *x, const float *mean, const float *factor,
                       const float *scale, const float *bias);
/* The softmax of one line, or of lines side by side, whose elements are `stride` apart. */
void bs_loop_softmax(int64_t n, float *y, const float *x, bool logarithm);
void bs_loop_softmax_beside(int64_t n, int64_t lines, float *y, const float *x, int64_t stride,
                            bool logarithm);

#endif
