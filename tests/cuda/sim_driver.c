/* libcuda.so.1 of the simulated device: see sim.h. */
#include "sim_inside.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static size_t used[SIM_DEVICES]; /* bytes of their memory */

void bs_sim_die(const char *format, ...)
{
    char who[200], what[1200];
    va_list list;
    if (!bs_sim_running(who, sizeof who))
        snprintf(who, sizeof who, "%s", bs_sim_work() ? bs_sim_work() : "the host");
    va_start(list, format);
    vsnprintf(what, sizeof what, format, list);
    va_end(list);
    dprintf(STDERR_FILENO, "simulated device: %s: %s\n", who, what);
    abort();
}

static CUresult lost_or(bool fails)
{
    return fails ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS;
}

CUresult cuInit(unsigned flags)
{
    (void)flags;
    return CUDA_SUCCESS;
}

CUresult cuDriverGetVersion(int *version)
{
    *version = CUDA_VERSION;
    return CUDA_SUCCESS;
}

CUresult cuGetErrorName(CUresult r, const char **text)
{
    *text = r == CUDA_ERROR_LAUNCH_FAILED   ? "CUDA_ERROR_LAUNCH_FAILED"
            : r == CUDA_ERROR_OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY"
                                            : "CUDA_ERROR_INVALID_VALUE";
    return CUDA_SUCCESS;
}

CUresult cuGetErrorString(CUresult r, const char **text)
{
    (void)r;
    *text = "simulated";
    return CUDA_SUCCESS;
}

CUresult cuDeviceGetCount(int *n)
{
    *n = bs_sim_devices();
    return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *d, int ordinal)
{
    *d = ordinal;
    return ordinal >= 0 && ordinal < bs_sim_devices() ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetAttribute(int *v, CUdevice_attribute which, CUdevice d)
{
    (void)which;
    (void)d;
    *v = 0;
    return CUDA_SUCCESS;
}

static size_t capacity(void)
{
    const char *bytes = getenv("BITSINK_SIM_MEMORY");
    return bytes ? (size_t)strtoull(bytes, NULL, 10) : (size_t)4 << 30;
}

CUresult cuMemGetInfo(size_t *free_bytes, size_t *total)
{
    int device = bs_sim_device();
    *total = capacity();
    pthread_mutex_lock(&lock);
    *free_bytes = *total > used[device] ? *total - used[device] : 0;
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}

/* A lost device says that it is lost. */
static CUresult no_memory(void)
{
    return bs_sim_lost(bs_sim_device()) ? CUDA_ERROR_LAUNCH_FAILED : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemAlloc(CUdeviceptr *out, size_t bytes)
{
    if (bytes == 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (bs_sim_fails("cuMemAlloc"))
        return no_memory();
    int device = bs_sim_device();
    pthread_mutex_lock(&lock);
    bool fits = used[device] + bytes <= capacity();
    used[device] += fits ? bytes : 0;
    pthread_mutex_unlock(&lock);
    void *p = fits ? bs_sim_map(false, bytes) : NULL;
    if (!p)
        return CUDA_ERROR_OUT_OF_MEMORY;
    *out = (CUdeviceptr)(uintptr_t)p;
    return CUDA_SUCCESS;
}

CUresult cuMemFree(CUdeviceptr p)
{
    size_t bytes = bs_sim_unmap(false, (void *)(uintptr_t)p, "cuMemFree");
    pthread_mutex_lock(&lock);
    used[bs_sim_device()] -= bytes;
    pthread_mutex_unlock(&lock);
    return lost_or(bs_sim_fails("cuMemFree"));
}

CUresult cuMemAllocHost(void **out, size_t bytes)
{
    *out = bs_sim_fails("cuMemAllocHost") ? NULL : bs_sim_map(true, bytes);
    return *out ? CUDA_SUCCESS : no_memory();
}

CUresult cuMemFreeHost(void *p)
{
    bs_sim_unmap(true, p, "cuMemFreeHost");
    return CUDA_SUCCESS;
}
