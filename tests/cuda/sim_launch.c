/* Kernels of the simulated device: those of bitsink, and those that the simulation is tested with. */
#include "sim_inside.h"

#include "kernels.h"
#include "sim_kernels.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct sim_kernel {
    const char *name;
    void (*run)(const void *args, const bs_thread *self);
    size_t args; /* bytes */
} sim_kernel;

#define X(name)                                                                                              \
    void bs_kernel_##name(const bs_##name##_args *args, const bs_thread *self);                              \
    static void run_##name(const void *args, const bs_thread *self)                                          \
    {                                                                                                        \
        bs_kernel_##name(args, self);                                                                        \
    }
BS_KERNELS(X)
SIM_KERNELS(X)
#undef X

#define PREFIX "bs_kernel_"
static sim_kernel kernels[] = {
#define X(name) {PREFIX #name, run_##name, sizeof(bs_##name##_args)},
    BS_KERNELS(X) SIM_KERNELS(X)
#undef X
};

enum { KERNELS = sizeof kernels / sizeof *kernels };

/* What the driver gives out: a module is the first function of its device. */
struct CUfunc_st {
    char unused;
};
static struct CUfunc_st functions[SIM_DEVICES][KERNELS];

static int device_of(const void *module_or_function)
{
    return (int)((const struct CUfunc_st *)module_or_function - functions[0]) / KERNELS;
}

CUresult cuModuleLoadData(CUmodule *m, const void *image)
{
    (void)image;
    *m = (CUmodule)(void *)functions[bs_sim_device()];
    return bs_sim_fails("cuModuleLoadData") ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS;
}

CUresult cuModuleUnload(CUmodule m)
{
    bs_sim_check_owner(device_of(m), "a module");
    return CUDA_SUCCESS;
}

CUresult cuModuleGetFunction(CUfunction *f, CUmodule m, const char *name)
{
    bs_sim_check_owner(device_of(m), "a module");
    if (bs_sim_fails("cuModuleGetFunction"))
        return CUDA_ERROR_LAUNCH_FAILED;
    for (int i = 0; i < KERNELS; i++)
        if (strcmp(kernels[i].name, name) == 0) {
            *f = &functions[device_of(m)][i];
            return CUDA_SUCCESS;
        }
    return CUDA_ERROR_NOT_FOUND;
}

/* A grid, followed by its arguments. */
typedef struct launch {
    sim_grid grid;
    max_align_t args[];
} launch;

static void run_launch(const void *arg)
{
    const launch *l = arg;
    sim_grid g = l->grid;
    g.args = l->args;
    bs_sim_run_grid(&g);
}

CUresult cuLaunchKernel(CUfunction f, unsigned grid_x, unsigned grid_y, unsigned grid_z, unsigned block_x,
                        unsigned block_y, unsigned block_z, unsigned shared, CUstream s, void **params,
                        void **extra)
{
    const sim_kernel *k = &kernels[(f - functions[0]) % KERNELS];
    sim_order order;
    bs_sim_check_owner(device_of(f), "a kernel");
    if (bs_sim_fails("cuLaunchKernel"))
        return CUDA_ERROR_LAUNCH_FAILED;
    /* A real device refuses these; more threads than that are more than the numbers here can hold. */
    if (grid_x < 1 || grid_x > INT32_MAX || grid_y < 1 || grid_y > 65535 || grid_z != 1 || block_x < 1 ||
        block_x > 1024 || block_y != 1 || block_z != 1 || shared || extra ||
        (uint64_t)grid_x * block_x * grid_y > UINT32_MAX || !bs_sim_read_order(&order))
        return CUDA_ERROR_INVALID_VALUE;
    if (bs_sim_counts()) {
        bs_sim_count_launch(s, k->name + strlen(PREFIX), params[0]);
        return CUDA_SUCCESS;
    }
    launch *l = malloc(sizeof *l + k->args);
    if (!l)
        return CUDA_ERROR_OUT_OF_MEMORY;
    l->grid = (sim_grid){k->name, k->run, NULL, {grid_x, grid_y}, block_x, order};
    memcpy(l->args, params[0], k->args);
    bs_sim_enqueue(s, k->name, run_launch, l, sizeof *l + k->args);
    free(l);
    return CUDA_SUCCESS;
}
