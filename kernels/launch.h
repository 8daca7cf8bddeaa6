/* How the kernels of *.cu are written, so that the same text serves a device and the simulated device of
 * tests/cuda, where a C compiler compiles it and the threads of a block take turns on the CPU.
 *
 *   BS_KERNEL(fill)                     // takes `a`, a bs_fill_args
 *   {
 *       BS_EACH(i, k, a.n, a.elements)  // sample i, item k of it: shared out among all threads
 *           a.out[i * a.elements + k] = a.value;
 *   }
 *
 * Samples lie along the grid's y, items along x; both are loops, so any grid computes everything.
 *
 * Threads combine their values by bs_warp_NAME(), of BS_WARP_FUNCTIONS: every thread of the warp calls it,
 * for the same sample, and gets the result; the one for which bs_warp_leads() is true passes it on.
 * bs_atomic_max() combines integers, which does not depend on the order of threads.
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
 * A sample that is too small for many threads is given to one warp: BS_WARP() and
 * BS_WARP_ITEMS() replace these loops, and the kernel is launched with BS_WARP_SIZE items.
 *
 * Lines of a sample are given to a warp each: BS_WARP_LINES() and, for the items of one, BS_WARP_ITEMS(). The
 * kernel is launched with BS_WARP_SIZE items for each line. A function for such kernels is a BS_DEVICE; it
 * takes BS_LANE, the thread's number in the warp, and walks by BS_LANE_ITEMS().
 *
 * The products of a matrix are given to a block by tiles: BS_BLOCK_TILES(i, k, rows, height, columns, width)
 * walks tiles (i, k) of height x width. The kernel is launched with a sample for each row of tiles, and
 * BS_BLOCK_SIZE items for each column.
 *
 * BS_SHARED(float, sum, 8) declares sum[8], which the threads of a block share, uninitialised.
 * bs_block_sync(), which all of them call, separates what they write there from what they read.
 *
 * A loop after BS_UNROLL becomes straight code, so that the small arrays it walks are registers. */
#ifndef BS_KERNELS_LAUNCH_H
#define BS_KERNELS_LAUNCH_H

#include "ops.h"

enum { BS_WARP_SIZE = 32 };

BS_HD int32_t bs_most(int32_t a, int32_t b)
{
    return a > b ? a : b;
}

/* X(name, type, combination of a and b). Values v of the lanes are combined as a tree, the order of lines.h:
 * v[k] and v[k + 16] for k < 16, of these v[k] and v[k + 8] for k < 8, and so on. Lanes other than the leader
 * may get another NaN, or a zero of the other sign. */
#define BS_WARP_FUNCTIONS(X)                                                                                 \
    X(max, int32_t, bs_most(a, b))                                                                           \
    X(max64, uint64_t, a > b ? a : b)                                                                        \
    X(sum64, uint64_t, a + b)                                                                                \
    X(sum, double, a + b)                                                                                    \
    X(add, float, bs_add(a, b))                                                                              \
    X(mul, float, bs_mul(a, b))                                                                              \
    X(max_nan, float, bs_max_nan(a, b))                                                                      \
    X(min_nan, float, bs_min_nan(a, b))

#ifdef __CUDACC__

#define BS_KERNEL(name)          extern "C" __global__ void bs_kernel_##name(const bs_##name##_args a)
#define BS_SAMPLE                blockIdx.y
#define BS_SAMPLE_STEP           gridDim.y
#define BS_ITEM                  (blockIdx.x * blockDim.x + threadIdx.x)
#define BS_ITEM_STEP             (gridDim.x * blockDim.x)
#define BS_THREAD                threadIdx.x /* its index in the block */
#define BS_SHARED(type, name, n) __shared__ type name[n]
#define bs_block_sync()          __syncthreads()
#define bs_warp_any(v)           __any_sync(0xffffffffu, v)

#define BS_DEVICE        static __device__ inline
#define BS_DEVICE_INLINE static __device__ __forceinline__
#define BS_UNROLL        _Pragma("unroll")

/* Lanes k and k + step compute one combination, from both sides, where it needs no order of a and b. */
#define X(name, type, combination)                                                                           \
    BS_DEVICE type bs_warp_##name(type a)                                                                    \
    {                                                                                                        \
        for (int step = BS_WARP_SIZE / 2; step; step /= 2) {                                                 \
            type b = __shfl_xor_sync(0xffffffffu, a, step);                                                  \
            a = combination;                                                                                 \
        }                                                                                                    \
        return a;                                                                                            \
    }
BS_WARP_FUNCTIONS(X)
#undef X

/* Values only grow, so one that is reached already need not be written. */
BS_DEVICE void bs_atomic_max(int32_t *p, int32_t v)
{
    if (v > *(volatile int32_t *)p)
        atomicMax(p, v);
}

#else

/* The thread as which a kernel runs. */
typedef struct bs_thread {
    uint32_t sample, samples; /* blockIdx.y, gridDim.y */
    uint32_t item, items;     /* blockIdx.x * blockDim.x + threadIdx.x, gridDim.x * blockDim.x */
    uint32_t thread;          /* threadIdx.x */
} bs_thread;

/* Functions of the simulated device, see tests/cuda/sim_block.c. `where`: the place in the kernel's text;
 * threads that meet have to come from the same place. */
void bs_sim_sync(const char *where);
int bs_sim_any(int v, const char *where);
#define X(name, type, combination) type bs_sim_##name(type v, const char *where);
BS_WARP_FUNCTIONS(X)
#undef X
void *bs_sim_shared(uint64_t bytes, const char *where);

#define BS_KERNEL(name)                                                                                      \
    void bs_kernel_##name(const bs_##name##_args *bs_args, const bs_thread *bs_self);                        \
    static void bs_body_##name(const bs_##name##_args a, const bs_thread *bs_self);                          \
    void bs_kernel_##name(const bs_##name##_args *bs_args, const bs_thread *bs_self)                         \
    {                                                                                                        \
        bs_body_##name(*bs_args, bs_self);                                                                   \
    }                                                                                                        \
    static void bs_body_##name(const bs_##name##_args a, const bs_thread *bs_self)
#define BS_SAMPLE                bs_self->sample
#define BS_SAMPLE_STEP           bs_self->samples
#define BS_ITEM                  bs_self->item
#define BS_ITEM_STEP             bs_self->items
#define BS_THREAD                bs_self->thread
#define BS_SHARED(type, name, n) type *const name = (type *)bs_sim_shared(sizeof(type[n]), BS_WHERE)
#define BS_TEXT_OF(x)            #x
#define BS_TEXT(x)               BS_TEXT_OF(x)
#define BS_WHERE                 __FILE__ ":" BS_TEXT(__LINE__)
#define bs_block_sync()          bs_sim_sync(BS_WHERE)
#define bs_warp_any(v)           bs_sim_any(v, BS_WHERE)
#define bs_warp_max(v)           bs_sim_max(v, BS_WHERE)
#define bs_warp_max64(v)         bs_sim_max64(v, BS_WHERE)
#define bs_warp_sum64(v)         bs_sim_sum64(v, BS_WHERE)
#define bs_warp_sum(v)           bs_sim_sum(v, BS_WHERE)
#define bs_warp_add(v)           bs_sim_add(v, BS_WHERE)
#define bs_warp_mul(v)           bs_sim_mul(v, BS_WHERE)
#define bs_warp_max_nan(v)       bs_sim_max_nan(v, BS_WHERE)
#define bs_warp_min_nan(v)       bs_sim_min_nan(v, BS_WHERE)
#define BS_DEVICE                static inline
#define BS_DEVICE_INLINE         static inline
#define BS_UNROLL

BS_HD void bs_atomic_max(int32_t *p, int32_t v)
{
    *p = bs_most(*p, v);
}

#endif

#define BS_SAMPLES(i, samples_) for (uint32_t i = BS_SAMPLE; i < (uint32_t)(samples_); i += BS_SAMPLE_STEP)
#define BS_ITEMS(k, items_)     for (uint32_t k = BS_ITEM; k < (uint32_t)(items_); k += BS_ITEM_STEP)
#define BS_EACH(i, k, samples_, items_)                                                                      \
    BS_SAMPLES(i, samples_)                                                                                  \
    BS_ITEMS(k, items_)
#define BS_WARP(i, samples_) BS_SAMPLES(i, samples_)
#define BS_WARP_LINES(i, k, samples_, lines_)                                                                \
    BS_SAMPLES(i, samples_)                                                                                  \
    for (uint32_t k = BS_ITEM / BS_WARP_SIZE; k < (uint32_t)(lines_); k += BS_ITEM_STEP / BS_WARP_SIZE)
#define BS_BLOCK_TILES(i, k, rows_, height_, columns_, width_)                                               \
    BS_SAMPLES(i, ((rows_) + (height_)-1) / (height_))                                                       \
    for (uint32_t k = BS_ITEM / BS_BLOCK_SIZE; k < ((columns_) + (width_)-1) / (width_);                     \
         k += BS_ITEM_STEP / BS_BLOCK_SIZE)
#define BS_LANE                        (BS_THREAD % BS_WARP_SIZE)
#define BS_LANE_ITEMS(k, lane, items_) for (uint32_t k = lane; k < (uint32_t)(items_); k += BS_WARP_SIZE)
#define BS_WARP_ITEMS(k, items_)       BS_LANE_ITEMS(k, BS_LANE, items_)
#define bs_warp_leads()                (BS_LANE == 0)

#endif
