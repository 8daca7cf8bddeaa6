/* libcuda.so.1 of the simulated device: see sim.h. */
#include "sim_inside.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef enum sim_call {
#define X(name) SIM_##name,
    SIM_CALLS(X)
#undef X
        SIM_CALL_COUNT
} sim_call;

static const char *const call_names[] = {
#define X(name) #name,
    SIM_CALLS(X)
#undef X
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
    long count[SIM_CALL_COUNT];
    bool lost;
    size_t used;
} sim;

bool bs_sim_fails(const char *name)
{
    const char *wanted = getenv("BITSINK_SIM_FAIL");
    int which = 0;
    while (strcmp(call_names[which], name) != 0)
        which++;
    pthread_mutex_lock(&lock);
    long k = ++sim.count[which];
    size_t len = wanted ? strcspn(wanted, ":") : 0;
    bool fails = wanted && strlen(name) == len && !strncmp(wanted, name, len) && atol(wanted + len + 1) == k;
    bool goes_on = which == SIM_cuMemAlloc || which == SIM_cuMemAllocHost || which == SIM_cudnnCreate;
    if (fails && !goes_on)
        sim.lost = true;
    fails = fails || sim.lost;
    pthread_mutex_unlock(&lock);
    if (bs_sim_counts())
        bs_sim_count_call(call_names[which]);
    return fails;
}

bool bs_sim_lost(void)
{
    pthread_mutex_lock(&lock);
    bool lost = sim.lost;
    pthread_mutex_unlock(&lock);
    return lost;
}

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

long bs_sim_calls(const char *name)
{
    long n = 0;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < SIM_CALL_COUNT; i++)
        if (!strcmp(call_names[i], name))
            n = sim.count[i];
    pthread_mutex_unlock(&lock);
    return n;
}

static CUresult lost_or(bool fails)
{
    return fails ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS;
}

/* At exit. */
__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("BITSINK_SIM_CALLS");
    FILE *f = path ? fopen(path, "a") : NULL;
    for (int i = 0; f && i < SIM_CALL_COUNT; i++)
        if (sim.count[i])
            fprintf(f, "%s %ld\n", call_names[i], sim.count[i]);
    if (f)
        fclose(f);
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
    *n = 1;
    return CUDA_SUCCESS;
}

CUresult cuDeviceGet(CUdevice *d, int ordinal)
{
    *d = ordinal;
    return ordinal == 0 ? CUDA_SUCCESS : CUDA_ERROR_INVALID_DEVICE;
}

CUresult cuDeviceGetName(char *name, int len, CUdevice d)
{
    (void)d;
    snprintf(name, (size_t)len, "simulated device");
    return CUDA_SUCCESS;
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

CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d)
{
    (void)d;
    *c = (CUcontext)(void *)&sim;
    return lost_or(bs_sim_fails("cuDevicePrimaryCtxRetain"));
}

CUresult cuDevicePrimaryCtxRelease(CUdevice d)
{
    (void)d;
    return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext c)
{
    (void)c;
    return CUDA_SUCCESS;
}

CUresult cuMemGetInfo(size_t *free_bytes, size_t *total)
{
    *total = capacity();
    pthread_mutex_lock(&lock);
    *free_bytes = *total > sim.used ? *total - sim.used : 0;
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}

/* A lost device says that it is lost. */
static CUresult no_memory(void)
{
    return bs_sim_lost() ? CUDA_ERROR_LAUNCH_FAILED : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemAlloc(CUdeviceptr *out, size_t bytes)
{
    if (bytes == 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (bs_sim_fails("cuMemAlloc"))
        return no_memory();
    pthread_mutex_lock(&lock);
    bool fits = sim.used + bytes <= capacity();
    sim.used += fits ? bytes : 0;
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
    sim.used -= bytes;
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
