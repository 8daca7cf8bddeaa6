/* How the kernels of *.cu are written, so that a C compiler takes them too: tests run every kernel on the CPU
 * with the launch geometry of the device, thread after thread.
 *
 *   BS_KERNEL(fill)                     // takes `a`, a bs_fill_args
 *   {
 *       BS_EACH(i, k, a.n, a.elements)  // sample i, item k of it: shared out among all threads
 *           a.out[i * a.elements + k] = a.value;
 *   }
 *
 * Samples lie along the grid's y, items along x; both loop, so any grid computes everything.
 *
 * What threads find out together they join by bs_warp_NAME(): every thread of the warp calls it, for the same
 * sample, and gets the result; one of them, which bs_warp_leads(), hands it on. All of these, and
 * bs_atomic_max(), join whole numbers in ways that no order of threads changes. To the C compiler a warp is
 * one thread.
 *
 *   BS_SAMPLES(i, a.n)
 *   {
 *       int32_t most = INT32_MIN;
 *       BS_ITEMS(k, a.elements)
 *           most = bs_most(most, ...);
 *       most = bs_warp_max(most);
 *       if (bs_warp_leads())
 *           bs_atomic_max(&a.most[i], most);
 *   }
 *
 * A sample that is too small for many threads goes to one warp: BS_TEAM() and BS_TEAM_ITEMS() in place of
 * these loops, launched with BS_TEAM_SIZE items. */
#ifndef BS_KERNELS_LAUNCH_H
#define BS_KERNELS_LAUNCH_H

#include "hd.h"

enum { BS_TEAM_SIZE = 32 };

#define BS_EACH(i, k, samples, items)                                                                        \
    BS_SAMPLES(i, samples)                                                                                   \
    BS_ITEMS(k, items)

BS_HD int32_t bs_most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

#ifdef __CUDACC__

#define BS_KERNEL(name)        extern "C" __global__ void bs_kernel_##name(const bs_##name##_args a)
#define BS_SAMPLES(i, samples) for (uint32_t i = blockIdx.y; i < (uint32_t)(samples); i += gridDim.y)
#define BS_ITEMS(k, items)                                                                                   \
    for (uint32_t k = blockIdx.x * blockDim.x + threadIdx.x; k < (uint32_t)(items);                          \
         k += gridDim.x * blockDim.x)
#define BS_TEAM(i, samples)     BS_SAMPLES(i, samples)
#define BS_TEAM_ITEMS(k, items) for (uint32_t k = threadIdx.x; k < (uint32_t)(items); k += BS_TEAM_SIZE)

static __device__ inline int bs_warp_leads(void)
{
    return threadIdx.x % 32 == 0;
}

static __device__ inline int bs_warp_any(int v)
{
    return __any_sync(0xffffffffu, v);
}

static __device__ inline int32_t bs_warp_max(int32_t v)
{
    for (int step = 16; step; step /= 2)
        v = bs_most(v, __shfl_xor_sync(0xffffffffu, v, step));
    return v;
}

static __device__ inline uint64_t bs_warp_max64(uint64_t v)
{
    for (int step = 16; step; step /= 2) {
        uint64_t other = __shfl_xor_sync(0xffffffffu, (unsigned long long)v, step);
        v = v > other ? v : other;
    }
    return v;
}

static __device__ inline uint64_t bs_warp_sum64(uint64_t v)
{
    for (int step = 16; step; step /= 2)
        v += __shfl_xor_sync(0xffffffffu, (unsigned long long)v, step);
    return v;
}

/* Values only grow, so one that is there already need not be written. */
static __device__ inline void bs_atomic_max(int32_t *p, int32_t v)
{
    if (v > *(volatile int32_t *)p)
        atomicMax(p, v);
}

#else

/* Which thread a kernel runs as. */
typedef struct bs_thread {
    uint32_t sample, samples; /* blockIdx.y, gridDim.y */
    uint32_t item, items;     /* blockIdx.x * blockDim.x + threadIdx.x, gridDim.x * blockDim.x */
} bs_thread;

#define BS_KERNEL(name)                                                                                      \
    void bs_kernel_##name(const bs_##name##_args *bs_args, const bs_thread *bs_self);                        \
    static void bs_body_##name(const bs_##name##_args a, const bs_thread *bs_self);                          \
    void bs_kernel_##name(const bs_##name##_args *bs_args, const bs_thread *bs_self)                         \
    {                                                                                                        \
        bs_body_##name(*bs_args, bs_self);                                                                   \
    }                                                                                                        \
    static void bs_body_##name(const bs_##name##_args a, const bs_thread *bs_self)
#define BS_SAMPLES(i, samples_)                                                                              \
    for (uint32_t i = bs_self->sample; i < (uint32_t)(samples_); i += bs_self->samples)
#define BS_ITEMS(k, items_) for (uint32_t k = bs_self->item; k < (uint32_t)(items_); k += bs_self->items)
/* The first thread does the others' work. */
#define BS_TEAM(i, samples_)                                                                                 \
    for (uint32_t i = bs_self->sample; i < (uint32_t)(samples_) && bs_self->item == 0; i += bs_self->samples)
#define BS_TEAM_ITEMS(k, items_) for (uint32_t k = 0; k < (uint32_t)(items_); k++)

BS_HD int bs_warp_leads(void)
{
    return 1;
}

BS_HD int bs_warp_any(int v)
{
    return v;
}

BS_HD int32_t bs_warp_max(int32_t v)
{
    return v;
}

BS_HD uint64_t bs_warp_max64(uint64_t v)
{
    return v;
}

BS_HD uint64_t bs_warp_sum64(uint64_t v)
{
    return v;
}

BS_HD void bs_atomic_max(int32_t *p, int32_t v)
{
    *p = bs_most(*p, v);
}

#endif

#endif
