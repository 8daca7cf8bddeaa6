/* Loops over several arrays at once, in the form that the kernels take. */
#ifndef BS_CUDA_ND_SPACE_H
#define BS_CUDA_ND_SPACE_H

#include "cuda/cuda.h"

/* Start with bs_cuda_nd_space_begin(), then add the axes, from the first to the last, with the strides of up
 * to four arrays. */
void bs_cuda_nd_space_begin(bs_nd_space *n);
void bs_cuda_nd_space_add(bs_nd_space *n, int64_t dim, int64_t s0, int64_t s1, int64_t s2, int64_t s3);
/* Returns the stride of `in` along axis a of `out`, to which it broadcasts. */
int64_t bs_cuda_broadcast_stride(const bs_shape *in, const bs_shape *out, int a);
int64_t bs_cuda_stride(const bs_shape *s, int axis);

#endif
