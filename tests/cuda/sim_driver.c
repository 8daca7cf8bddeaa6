/* libcuda.so.1 of the simulated device: see sim.h. */
#include "sim.h"

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Every block of device memory knows its size; 256 bytes before it, so that it is aligned as the real one. */
enum { HEAD = 256, POISON = 64 << 20 };

/* Counts the call; does it fail? Exported: the other libraries ask, too. */
bool bs_sim_fails(const char *name);
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
    return fails;
}

/* How often a function has been called so far. */
long bs_sim_calls(const char *name);
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

CUresult cuCtxSynchronize(void)
{
    return lost_or(bs_sim_fails("cuCtxSynchronize"));
}

CUresult cuMemGetInfo(size_t *free_bytes, size_t *total)
{
    *total = capacity();
    pthread_mutex_lock(&lock);
    *free_bytes = *total > sim.used ? *total - sim.used : 0;
    pthread_mutex_unlock(&lock);
    return CUDA_SUCCESS;
}

CUresult cuMemAlloc(CUdeviceptr *out, size_t bytes)
{
    if (bytes == 0)
        return CUDA_ERROR_INVALID_VALUE;
    if (bs_sim_fails("cuMemAlloc"))
        return CUDA_ERROR_OUT_OF_MEMORY;
    pthread_mutex_lock(&lock);
    bool fits = sim.used + bytes <= capacity();
    sim.used += fits ? bytes : 0;
    pthread_mutex_unlock(&lock);
    char *block = NULL;
    if (!fits || posix_memalign((void **)&block, HEAD, HEAD + bytes))
        return CUDA_ERROR_OUT_OF_MEMORY;
    memcpy(block, &bytes, sizeof bytes);
    memset(block + HEAD, 0xff, bytes < POISON ? bytes : POISON); /* NaN: what nobody writes shows */
    *out = (CUdeviceptr)(uintptr_t)(block + HEAD);
    return CUDA_SUCCESS;
}

CUresult cuMemFree(CUdeviceptr p)
{
    size_t bytes;
    char *block = (char *)(uintptr_t)p - HEAD;
    memcpy(&bytes, block, sizeof bytes);
    pthread_mutex_lock(&lock);
    sim.used -= bytes;
    pthread_mutex_unlock(&lock);
    free(block);
    return lost_or(bs_sim_fails("cuMemFree"));
}

CUresult cuMemAllocHost(void **out, size_t bytes)
{
    *out = bs_sim_fails("cuMemAllocHost") ? NULL : malloc(bytes);
    return *out ? CUDA_SUCCESS : CUDA_ERROR_OUT_OF_MEMORY;
}

CUresult cuMemFreeHost(void *p)
{
    free(p);
    return CUDA_SUCCESS;
}

CUresult cuMemcpyHtoDAsync(CUdeviceptr to, const void *from, size_t bytes, CUstream s)
{
    (void)s;
    if (bs_sim_fails("cuMemcpyHtoDAsync"))
        return CUDA_ERROR_LAUNCH_FAILED;
    memcpy((void *)(uintptr_t)to, from, bytes);
    return CUDA_SUCCESS;
}

CUresult cuMemcpyDtoHAsync(void *to, CUdeviceptr from, size_t bytes, CUstream s)
{
    (void)s;
    if (bs_sim_fails("cuMemcpyDtoHAsync"))
        return CUDA_ERROR_LAUNCH_FAILED;
    memcpy(to, (const void *)(uintptr_t)from, bytes);
    return CUDA_SUCCESS;
}

CUresult cuMemcpyDtoDAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream s)
{
    (void)s;
    if (bs_sim_fails("cuMemcpyDtoDAsync"))
        return CUDA_ERROR_LAUNCH_FAILED;
    memcpy((void *)(uintptr_t)to, (const void *)(uintptr_t)from, bytes);
    return CUDA_SUCCESS;
}

CUresult cuStreamCreate(CUstream *s, unsigned flags)
{
    (void)flags;
    *s = (CUstream)(void *)&sim;
    return lost_or(bs_sim_fails("cuStreamCreate"));
}

CUresult cuStreamDestroy(CUstream s)
{
    (void)s;
    return CUDA_SUCCESS;
}

CUresult cuStreamSynchronize(CUstream s)
{
    (void)s;
    return lost_or(bs_sim_fails("cuStreamSynchronize"));
}

CUresult cuEventCreate(CUevent *e, unsigned flags)
{
    (void)flags;
    *e = (CUevent)(void *)&sim;
    return CUDA_SUCCESS;
}

CUresult cuEventDestroy(CUevent e)
{
    (void)e;
    return CUDA_SUCCESS;
}

CUresult cuEventRecord(CUevent e, CUstream s)
{
    (void)e;
    (void)s;
    return CUDA_SUCCESS;
}

CUresult cuEventSynchronize(CUevent e)
{
    (void)e;
    return CUDA_SUCCESS;
}

CUresult cuEventElapsedTime(float *ms, CUevent from, CUevent to)
{
    (void)from;
    (void)to;
    *ms = 0.0f;
    return CUDA_SUCCESS;
}
