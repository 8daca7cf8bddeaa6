/* Cards in use. A primary context without users is destroyed, and making the next one is slow, so each card
 * keeps its context until the process ends. */
#include "cuda/cuda.h"

#include "base/buf.h"

#include <pthread.h>
#include <stdlib.h>

static const char *const kernel_names[] = {
#define X(name) "bs_kernel_" #name,
    BS_KERNELS(X)
#undef X
};

static bs_status load_kernels(bs_cuda_card *c, const bs_cuda_api *api)
{
    CUresult r = api->cuModuleLoadData(&c->module, bs_cuda_kernel_image);
    if (r == CUDA_ERROR_NO_BINARY_FOR_GPU || r == CUDA_ERROR_UNSUPPORTED_PTX_VERSION ||
        r == CUDA_ERROR_INVALID_IMAGE || r == CUDA_ERROR_INVALID_PTX ||
        r == CUDA_ERROR_JIT_COMPILER_NOT_FOUND || r == CUDA_ERROR_JIT_COMPILATION_DISABLED) {
        bs_fail(BS_NO_DEVICE, "this build has no kernels for the device's architecture");
        return bs_hint(
            "build with -DBITSINK_CUDA_ARCHITECTURES=<its compute capability>, or update the driver");
    }
    BS_TRY(bs_cuda_check(api, r, "cuModuleLoadData"));
    for (int i = 0; i < BS_KERNEL_COUNT; i++) {
        r = api->cuModuleGetFunction(&c->kernel[i], c->module, kernel_names[i]);
        if (bs_cuda_check(api, r, "cuModuleGetFunction") != BS_OK)
            return bs_context("%s", kernel_names[i]);
    }
    return BS_OK;
}

/* A cuBLASLt handle may be used by any number of threads. */
static bs_status start(bs_cuda_card *c, const bs_cuda_api *api)
{
    BS_TRY(bs_cuda_check(api, api->cuDevicePrimaryCtxRetain(&c->context, c->handle),
                         "cuDevicePrimaryCtxRetain"));
    BS_TRY(bs_cuda_check(api, api->cuCtxSetCurrent(c->context), "cuCtxSetCurrent"));
    BS_TRY(load_kernels(c, api));
    if (api->cuDeviceGetAttribute(&c->multiprocessors, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, c->handle) !=
        CUDA_SUCCESS)
        c->multiprocessors = 0;
    return bs_cuda_check_blas(api, api->cublasLtCreate(&c->blas), "cublasLtCreate");
}

static void stop(bs_cuda_card *c, const bs_cuda_api *api)
{
    if (c->module)
        api->cuModuleUnload(c->module);
    if (c->context)
        api->cuDevicePrimaryCtxRelease(c->handle);
    free(c);
}

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static bs_cuda_card *cards;

/* Adds a card to the list. The caller holds the lock. */
static bs_status add_card(const bs_cuda_api *api, CUdevice handle)
{
    bs_cuda_card *c;
    BS_TRY(bs_calloc(&c, 1, sizeof *c, "CUDA device"));
    c->handle = handle;
    bs_status st = start(c, api);
    if (st != BS_OK) {
        stop(c, api);
        return st;
    }
    c->next = cards;
    cards = c;
    return BS_OK;
}

static bs_cuda_card *find_card(CUdevice handle)
{
    bs_cuda_card *c = cards;
    while (c && c->handle != handle)
        c = c->next;
    return c;
}

bs_status bs_cuda_card_get(const bs_cuda_card **out, const bs_cuda_api *api, CUdevice handle)
{
    pthread_mutex_lock(&lock);
    bs_status st = find_card(handle) ? BS_OK : add_card(api, handle);
    *out = find_card(handle);
    pthread_mutex_unlock(&lock);
    return st;
}
