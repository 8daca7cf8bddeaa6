/* The simulated devices: which one is current, which calls fail, which of them are lost. */
#include "sim_inside.h"

#include <pthread.h>
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

struct CUctx_st {
    long count[SIM_CALL_COUNT];
    bool lost;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct CUctx_st devices[SIM_DEVICES];
static _Thread_local CUcontext current;

int bs_sim_devices(void)
{
    const char *wanted = getenv("BITSINK_SIM_DEVICES");
    int n = wanted ? atoi(wanted) : 1;
    if (n < 1 || n > SIM_DEVICES)
        bs_sim_die("BITSINK_SIM_DEVICES is not from 1 to %d", SIM_DEVICES);
    return n;
}

/* --- contexts --- */

/* The first one if none is current. */
static int current_device(void)
{
    return current ? (int)(current - devices) : 0;
}

int bs_sim_device(void)
{
    if (!current && bs_sim_devices() > 1)
        bs_sim_die("no context is current, and there are %d devices", bs_sim_devices());
    return current_device();
}

void bs_sim_check_owner(int owner, const char *what)
{
    if (owner != bs_sim_device())
        bs_sim_die("%s of device %d is used while the context of device %d is current", what, owner,
                   bs_sim_device());
}

CUresult cuDevicePrimaryCtxRetain(CUcontext *c, CUdevice d)
{
    if (d < 0 || d >= bs_sim_devices())
        return CUDA_ERROR_INVALID_DEVICE;
    *c = &devices[d];
    return bs_sim_fails_on(d, "cuDevicePrimaryCtxRetain") ? CUDA_ERROR_LAUNCH_FAILED : CUDA_SUCCESS;
}

CUresult cuDevicePrimaryCtxRelease(CUdevice d)
{
    (void)d;
    return CUDA_SUCCESS;
}

CUresult cuCtxSetCurrent(CUcontext c)
{
    current = c;
    return CUDA_SUCCESS;
}

/* --- calls --- */

static int number_of(const char *name)
{
    int which = 0;
    while (which < SIM_CALL_COUNT && strcmp(call_names[which], name) != 0)
        which++;
    return which;
}

static long total(int which)
{
    long n = 0;
    for (int d = 0; d < SIM_DEVICES; d++)
        n += devices[d].count[which];
    return n;
}

/* Is the latest call of a device the one that shall fail? *where: of which device, or -1 for all. */
static bool is_chosen(int device, int which, int *where)
{
    const char *wanted = getenv("BITSINK_SIM_FAIL"), *name = call_names[which];
    size_t len = strlen(name);
    if (!wanted || strncmp(wanted, name, len) != 0 || wanted[len] != ':')
        return false;
    const char *at = strchr(wanted, '@');
    *where = at ? atoi(at + 1) : -1;
    return (!at || *where == device) &&
           atol(wanted + len + 1) == (at ? devices[device].count[which] : total(which));
}

bool bs_sim_fails_on(int device, const char *name)
{
    int which = number_of(name), where;
    bool goes_on = which == SIM_cuMemAlloc || which == SIM_cuMemAllocHost || which == SIM_cudnnCreate;
    pthread_mutex_lock(&lock);
    devices[device].count[which]++;
    bool fails = is_chosen(device, which, &where);
    for (int d = 0; d < SIM_DEVICES && fails && !goes_on; d++)
        devices[d].lost |= where < 0 || where == d;
    fails = fails || devices[device].lost;
    pthread_mutex_unlock(&lock);
    if (bs_sim_counts())
        bs_sim_count_call(call_names[which]);
    return fails;
}

bool bs_sim_fails(const char *name)
{
    return bs_sim_fails_on(current_device(), name);
}

bool bs_sim_lost(int device)
{
    pthread_mutex_lock(&lock);
    bool lost = devices[device].lost;
    pthread_mutex_unlock(&lock);
    return lost;
}

long bs_sim_calls(const char *name)
{
    int which = number_of(name);
    pthread_mutex_lock(&lock);
    long n = which < SIM_CALL_COUNT ? total(which) : 0;
    pthread_mutex_unlock(&lock);
    return n;
}

/* At exit. */
__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("BITSINK_SIM_CALLS");
    FILE *f = path ? fopen(path, "a") : NULL;
    for (int i = 0; f && i < SIM_CALL_COUNT; i++) {
        if (total(i))
            fprintf(f, "%s %ld\n", call_names[i], total(i));
        for (int d = 0; d < bs_sim_devices() && bs_sim_devices() > 1; d++)
            if (devices[d].count[i])
                fprintf(f, "%s@%d %ld\n", call_names[i], d, devices[d].count[i]);
    }
    if (f)
        fclose(f);
}

/* --- differences --- */

bool bs_sim_computes_otherwise(void)
{
    const char *which = getenv("BITSINK_SIM_OTHER_BITS");
    return which && atoi(which) == current_device();
}

CUresult cuDeviceGetName(char *name, int len, CUdevice d)
{
    const char *list = getenv("BITSINK_SIM_NAMES");
    for (int i = 0; list && i < d; i++)
        list = strchr(list, ',') ? strchr(list, ',') + 1 : NULL;
    if (!list || !strcspn(list, ","))
        list = "simulated device";
    snprintf(name, (size_t)len, "%.*s", (int)strcspn(list, ","), list);
    return CUDA_SUCCESS;
}
