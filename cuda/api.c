#include "cuda/api.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

/* ISO C has no conversion from an object pointer to a function pointer; POSIX promises that the bytes do. */
static bool find(void *library, const char *symbol, void *to, char *why, size_t len)
{
    void *at = dlsym(library, symbol);
    if (at) {
        memcpy(to, &at, sizeof at);
        return true;
    }
    snprintf(why, len, "the installed library has no function %s (it is too old)", symbol);
    return false;
}

static void *open_library(const char *const *names, char *why, size_t len)
{
    for (int i = 0; names[i]; i++) {
        void *library = dlopen(names[i], RTLD_NOW | RTLD_GLOBAL);
        if (library)
            return library;
    }
    snprintf(why, len, "cannot load %s", names[0]);
    return NULL;
}

/* The names without a number are what development packages install. */
static const char *const driver_names[] = {"libcuda.so.1", NULL};
static const char *const blas_names[] = {"libcublasLt.so." TEXT(CUBLAS_VER_MAJOR), "libcublasLt.so", NULL};
static const char *const dnn_names[] = {"libcudnn.so." TEXT(CUDNN_MAJOR), "libcudnn.so", NULL};

#define FIND(name) good = good && find(library, TEXT(name), &api->name, why, len);

static bool load_driver(bs_cuda_api *api, char *why, size_t len)
{
    void *library = open_library(driver_names, why, len);
    bool good = library != NULL;
    BS_CUDA_DRIVER_API(FIND);
    return good;
}

static bool load_blas(bs_cuda_api *api, char *why, size_t len)
{
    void *library = open_library(blas_names, why, len);
    bool good = library != NULL;
    BS_CUDA_BLAS_API(FIND);
    return good;
}

bool bs_cuda_api_load_dnn(bs_cuda_api *api, char *why, size_t len)
{
    void *library = open_library(dnn_names, why, len);
    bool good = library != NULL;
    BS_CUDA_DNN_API(FIND);
    return good;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct {
    bs_cuda_api api;
    bool good;
    char why[160];
} loaded; /* the process's libraries: loaded once, as the dynamic linker does */

static void load_once(void)
{
    bs_cuda_api *api = &loaded.api;
    loaded.good =
        load_driver(api, loaded.why, sizeof loaded.why) && load_blas(api, loaded.why, sizeof loaded.why);
    api->has_dnn = loaded.good && bs_cuda_api_load_dnn(api, api->no_dnn, sizeof api->no_dnn);
}

bool bs_cuda_api_load(const bs_cuda_api **out, char *why, size_t len)
{
    pthread_once(&once, load_once);
    *out = &loaded.api;
    if (!loaded.good)
        snprintf(why, len, "%s", loaded.why);
    return loaded.good;
}

/* After these the context is gone for good; the process has to end, and the next run resumes. */
static bool is_lost(CUresult r)
{
    switch (r) {
    case CUDA_ERROR_NO_DEVICE:
    case CUDA_ERROR_INVALID_DEVICE:
    case CUDA_ERROR_DEVICE_NOT_LICENSED:
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_NVLINK_UNCORRECTABLE:
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_LAUNCH_FAILED:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES:
    case CUDA_ERROR_CONTEXT_IS_DESTROYED:
    case CUDA_ERROR_SYSTEM_NOT_READY:
    case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
    case CUDA_ERROR_UNKNOWN:
        return true;
    default:
        return false;
    }
}

bs_status bs_cuda_check(const bs_cuda_api *api, CUresult r, const char *call)
{
    const char *name = NULL, *text = NULL;
    if (r == CUDA_SUCCESS)
        return BS_OK;
    if (api->cuGetErrorName(r, &name) != CUDA_SUCCESS || !name)
        name = "unknown status";
    if (api->cuGetErrorString(r, &text) != CUDA_SUCCESS || !text)
        text = "no description";
    if (r == CUDA_ERROR_OUT_OF_MEMORY) {
        bs_fail(BS_NO_MEMORY, "%s: out of device memory", call);
        return bs_hint("use a smaller --batch or fewer --threads, or free the device of other programs");
    }
    if (!is_lost(r))
        return bs_fail(BS_ERR, "%s failed: %s (%d): %s", call, name, (int)r, text);
    bs_fail(BS_NO_DEVICE, "the CUDA device is lost: %s failed: %s (%d): %s", call, name, (int)r, text);
    return bs_hint(
        "what is finished is stored; look at nvidia-smi and the kernel log, then run the same command again");
}

bs_status bs_cuda_check_blas(const bs_cuda_api *api, cublasStatus_t r, const char *call)
{
    if (r == CUBLAS_STATUS_SUCCESS)
        return BS_OK;
    bs_status st = r == CUBLAS_STATUS_EXECUTION_FAILED ? BS_NO_DEVICE : BS_ERR;
    return bs_fail(r == CUBLAS_STATUS_ALLOC_FAILED ? BS_NO_MEMORY : st, "%s failed: %s", call,
                   api->cublasLtGetStatusName(r));
}

bs_status bs_cuda_check_dnn(const bs_cuda_api *api, cudnnStatus_t r, const char *call)
{
    char detail[400] = "";
    if (r == CUDNN_STATUS_SUCCESS)
        return BS_OK;
    api->cudnnGetLastErrorString(detail, sizeof detail);
    bool lost = r == CUDNN_STATUS_EXECUTION_FAILED ||
                (r > CUDNN_STATUS_EXECUTION_FAILED && r < CUDNN_STATUS_EXECUTION_FAILED + 1000);
    bs_status st = lost ? BS_NO_DEVICE : BS_ERR;
    if (r == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED ||
        r == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)
        st = BS_NO_MEMORY;
    return bs_fail(st, "%s failed: %s%s%s", call, api->cudnnGetErrorString(r), detail[0] ? ": " : "", detail);
}
