/* Kernels of the simulated device: all threads of a launch, one after the other, in the order that
 * BITSINK_SIM_ORDER asks for. See sim.h. */
#include "sim.h"

#include "kernels.h"
#include "launch.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

bool bs_sim_fails(const char *name);

typedef struct sim_kernel {
    const char *name;
    void (*run)(const void *args, const bs_thread *self);
} sim_kernel;

#define X(name)                                                                                              \
    void bs_kernel_##name(const bs_##name##_args *args, const bs_thread *self);                              \
    static void run_##name(const void *args, const bs_thread *self)                                          \
    {                                                                                                        \
        bs_kernel_##name(args, self);                                                                        \
    }
BS_KERNELS(X)
#undef X

static sim_kernel kernels[] = {
#define X(name) {"bs_kernel_" #name, run_##name},
    BS_KERNELS(X)
#undef X
};

CUresult cuModuleLoadData(CUmodule *m, const void *image)
{
    (void)image;
    *m = (CUmodule)(void *)kernels;
    return bs_sim_fails("cuModuleLoadData") ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule m)
{
    (void)m;
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name)
{
    (void)m;
    if (bs_sim_fails("cuModuleGetFunction"))
        return CUDA_ERROR_LAUNCH_FAILED;
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (strcmp(kernels[i].name, name) == 0) {
            *f = (CUfunction)(void *)&kernels[i];
            return CUDA_SUCCESS;
        }
    return CUDA_ERROR_NOT_FOUND;
}

/* Thread number t to run is number (first + t * step) mod n: step and n have no common factor. */
typedef struct order {
    uint64_t first, step;
} order;

static uint64_t common_factor(uint64_t a, uint64_t b)
{
    while (b) {
        uint64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static bool make_order(order *o, uint64_t n)
{
    const char *wanted = getenv("BITSINK_SIM_ORDER");
    *o = (order){0, 1};
    if (!wanted || !strcmp(wanted, "forward"))
        return true;
    if (!strcmp(wanted, "reverse")) {
        *o = (order){n - 1, n - 1};
        return true;
    }
    if (strncmp(wanted, "shuffle", 7) != 0)
        return false;
    uint64_t seed = wanted[7] == ':' ? strtoull(wanted + 8, NULL, 10) : 0;
    seed = (seed + 1) * 6364136223846793005u;
    o->first = (seed >> 32) % n;
    o->step = 1 + seed % ((1 << 18) - 1);
    while (common_factor(o->step, n) != 1)
        o->step++;
    return true;
}

CUresult cuLaunchKernel(CUfunction f, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                        unsigned block_y, unsigned block_z, unsigned shared, CUstream s, void **params,
                        void **extra)
{
    const sim_kernel *k = (const void *)f;
    uint64_t items = (uint64_t)grid_x * block_x, n = items * grid_y;
    order o;
    (void)s;
    if (bs_sim_fails("cuLaunchKernel"))
        return CUDA_ERROR_LAUNCH_FAILED;
    /* What a real device refuses; more threads than that are more than the numbers here can hold. */
    if (grid_x < 1 || grid_x > INT32_MAX || grid_y < 1 || grid_y > 65535 || grid_z != 1 || block_x < 1 ||
        block_x > 1024 || block_y != 1 || block_z != 1 || shared || extra || n > UINT32_MAX)
        return CUDA_ERROR_INVALID_VALUE;
    if (!make_order(&o, n))
        return CUDA_ERROR_INVALID_VALUE;
    for (uint64_t t = 0; t < n; t++) {
        uint64_t at = (o.first + t * o.step) % n;
        bs_thread self = {.sample = (uint32_t)(at / items),
                          .samples = grid_y,
                          .item = (uint32_t)(at % items),
                          .items = (uint32_t)items};
        k->run(params[0], &self);
    }
    return CUDA_SUCCESS;
}
