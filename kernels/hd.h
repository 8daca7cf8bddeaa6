/* Functions of this folder compile for both the host (C11) and the device (CUDA C++). */
#ifndef BS_KERNELS_HD_H
#define BS_KERNELS_HD_H

#include <stdint.h>

#ifdef __CUDACC__
#define BS_HD static __host__ __device__ inline
#else
#define BS_HD static inline
#endif

#endif
