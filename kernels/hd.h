/* Functions of this folder compile for both the host (C11) and the device (CUDA C++). */
#ifndef BS_KERNELS_HD_H
#define BS_KERNELS_HD_H

#include <stdint.h>

#ifdef __CUDACC__
#define BS_HD        static __host__ __device__ inline
#define BS_HD_INLINE static __host__ __device__ __forceinline__
#else
#define BS_HD        static inline
/* For what loops are made of that are compiled for several instruction sets: a call would leave them. */
#define BS_HD_INLINE static inline __attribute__((always_inline))
#endif

#endif
