/* How the kernels of *.cu are written, so that a C compiler takes them too: tests run every kernel on the CPU
 * with the launch geometry of the device, thread after thread.
 *
 *   BS_KERNEL(fill)                     // takes `a`, a bs_fill_args
 *   {
 *       BS_EACH(i, k, a.n, a.elements)  // sample i, item k of it: shared out among all threads
 *           a.out[i * a.elements + k] = a.value;
 *   }
 *
 * Threads never wait for each other and never add to each other's results, so no result depends on the
 * order. Samples lie along the grid's y, items along x; both loop, so any grid computes everything. */
#ifndef BS_KERNELS_LAUNCH_H
#define BS_KERNELS_LAUNCH_H

#include "hd.h"

#ifdef __CUDACC__

#define BS_KERNEL(name) extern "C" __global__ void bs_kernel_##name(const bs_##name##_args a)
#define BS_EACH(i, k, samples, items)                                                                        \
    for (uint32_t i = blockIdx.y; i < (uint32_t)(samples); i += gridDim.y)                                   \
        for (uint32_t k = blockIdx.x * blockDim.x + threadIdx.x; k < (uint32_t)(items);                      \
             k += gridDim.x * blockDim.x)

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
#define BS_EACH(i, k, samples_, items_)                                                                      \
    for (uint32_t i = bs_self->sample; i < (uint32_t)(samples_); i += bs_self->samples)                      \
        for (uint32_t k = bs_self->item; k < (uint32_t)(items_); k += bs_self->items)

#endif

#endif
