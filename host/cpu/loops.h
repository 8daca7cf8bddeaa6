/* Innermost loops over the functions of kernels/ops.h, compiled for several instruction sets; all give the
 * same bits, as nothing is contracted or reassociated. n: elements. Arrays may not overlap. */
#ifndef BS_CPU_LOOPS_H
#define BS_CPU_LOOPS_H

#include <stdint.h>

void bs_loop_relu(int64_t n, float *y, const float *x);
void bs_loop_leaky_relu(int64_t n, float *y, const float *x, float slope);
void bs_loop_clip(int64_t n, float *y, const float *x, float lo, float hi);
void bs_loop_sigmoid(int64_t n, float *y, const float *x);
void bs_loop_tanh(int64_t n, float *y, const float *x);
/* One channel for each element, and one channel for all. */
void bs_loop_batch_norm(int64_t n, float *y, const float *x, const float *factor, const float *bias,
                        const float *mean);
void bs_loop_batch_norm_plane(int64_t n, float *y, const float *x, float factor, float bias, float mean);
/* y = max(y, x); y = y + x. */
void bs_loop_max(int64_t n, float *y, const float *x);
void bs_loop_accumulate(int64_t n, float *y, const float *x);
void bs_loop_divide(int64_t n, float *y, float divisor);

/* y[i] = a[i * sa] op b[i * sb]. */
typedef void (*bs_loop_binary)(int64_t n, float *y, const float *a, int64_t sa, const float *b, int64_t sb);
void bs_loop_add(int64_t n, float *y, const float *a, int64_t sa, const float *b, int64_t sb);
void bs_loop_sub(int64_t n, float *y, const float *a, int64_t sa, const float *b, int64_t sb);
void bs_loop_mul(int64_t n, float *y, const float *a, int64_t sa, const float *b, int64_t sb);
void bs_loop_div(int64_t n, float *y, const float *a, int64_t sa, const float *b, int64_t sb);

#endif
