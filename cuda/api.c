#include "cuda/api.h"

#include "base/log.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

/* Finds a function. ISO C has no conversion from an object pointer to a function pointer; POSIX promises that
 * copying the bytes gives one. */
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

/* Checks the major version, since numbers and structures are those of the headers. */
static bool same_major(const char *library, size_t version, size_t major, char *why, size_t len)
{
    if (version / 10000 == major)
        return true;
    snprintf(why, len, "the installed %s is of another version (%zu) than %zu, which this build is for",
             library, version, major);
    return false;
}

/* Names without a number are installed by development packages; they may be of any version. */
static const char *const driver_names[] = {"libcuda.so.1", NULL};
static const char *const blas_names[] = {"libcublasLt.so." TEXT(CUBLAS_VER_MAJOR), "libcublasLt.so", NULL};
static const char *const dnn_names[] = {"libcudnn.so." TEXT(CUDNN_MAJOR), "libcudnn.so", NULL};

#define FIND(name) good = good && find(library, TEXT(name), &api->name, why, len);

static bool load_driver(bs_cuda_api *api, char *why, size_t len)
{
    void *library = open_library(driver_names, why, len);
    bool good = library != NULL;
    if (!good)
        snprintf(why, len, "there is no NVIDIA driver here (%s)", driver_names[0]);
    BS_CUDA_DRIVER_API(FIND);
    return good;
}

static bool load_blas(bs_cuda_api *api, char *why, size_t len)
{
    void *library = open_library(blas_names, why, len);
    bool good = library != NULL;
    BS_CUDA_BLAS_API(FIND);
    return good && same_major("cuBLASLt", api->cublasLtGetVersion(), CUBLAS_VER_MAJOR, why, len);
}

bool bs_cuda_api_load_dnn(bs_cuda_api *api, char *why, size_t len)
{
    void *library = open_library(dnn_names, why, len);
    bool good = library != NULL;
    BS_CUDA_DNN_API(FIND);
    return good && same_major("cuDNN", api->cudnnGetVersion(), CUDNN_MAJOR, why, len);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct {
    bs_cuda_api api;
    bool good;
    char why[160];
} loaded; /* the libraries of the process, loaded once, as by the dynamic linker */

/* Variables that make NVIDIA's libraries compute differently from what they are asked to. The arithmetic is
 * part of a result file's identity, so it must not depend on them. */
static const char *const overrides[] = {"NVIDIA_TF32_OVERRIDE", "CUBLAS_EMULATE_SINGLE_PRECISION"};

static void forget_overrides(void)
{
    for (size_t i = 0; i < sizeof overrides / sizeof *overrides; i++) {
        if (!getenv(overrides[i]))
            continue;
        bs_warn("%s is ignored: the job says how to compute (math: tf32)", overrides[i]);
        unsetenv(overrides[i]);
    }
}

static void load_once(void)
{
    forget_overrides();
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

/* Returns true if there is no such device, or none that this process may use. */
static bool is_absent(CUresult r)
{
    switch ((int)r) {
    case CUDA_ERROR_STUB_LIBRARY:
    case CUDA_ERROR_DEVICE_UNAVAILABLE:
    case CUDA_ERROR_NO_DEVICE:
    case CUDA_ERROR_INVALID_DEVICE:
    case CUDA_ERROR_DEVICE_NOT_LICENSED:
    case CUDA_ERROR_SYSTEM_NOT_READY:
    case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
    case CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE:
    case CUDA_ERROR_MPS_CONNECTION_FAILED:
    case CUDA_ERROR_MPS_RPC_FAILURE:
    case CUDA_ERROR_MPS_SERVER_NOT_READY:
    case CUDA_ERROR_MPS_MAX_CLIENTS_REACHED:
    case CUDA_ERROR_MPS_MAX_CONNECTIONS_REACHED:
        return true;
    default:
        return false;
    }
}

/* Returns true if the context is lost for good after this error: the process has to end, and the next run
 * resumes. These are all errors that cuda.h describes so, and errors of the memory. Numbers stand for names
 * that older headers lack. */
static bool is_sticky(CUresult r)
{
    switch ((int)r) {
    case CUDA_ERROR_DEINITIALIZED:
    case CUDA_ERROR_ECC_UNCORRECTABLE:
    case CUDA_ERROR_NVLINK_UNCORRECTABLE:
    case 226: /* CUDA_ERROR_CONTAINED */
    case CUDA_ERROR_ILLEGAL_ADDRESS:
    case CUDA_ERROR_LAUNCH_TIMEOUT:
    case CUDA_ERROR_CONTEXT_IS_DESTROYED:
    case CUDA_ERROR_ASSERT:
    case CUDA_ERROR_HARDWARE_STACK_ERROR:
    case CUDA_ERROR_ILLEGAL_INSTRUCTION:
    case CUDA_ERROR_MISALIGNED_ADDRESS:
    case CUDA_ERROR_INVALID_ADDRESS_SPACE:
    case CUDA_ERROR_INVALID_PC:
    case CUDA_ERROR_LAUNCH_FAILED:
    case 721: /* CUDA_ERROR_TENSOR_MEMORY_LEAK */
    case 810: /* CUDA_ERROR_MPS_CLIENT_TERMINATED */
    case 911: /* CUDA_ERROR_EXTERNAL_DEVICE */
        return true;
    default:
        return false;
    }
}

/* Returns the driver's status of the current context; without a driver there is no device that could be
 * lost. */
static CUresult ask(const bs_cuda_api *api)
{
    return api->cuCtxSynchronize ? api->cuCtxSynchronize() : CUDA_SUCCESS;
}

/* Returns true if the device is lost. An unknown error alone says nothing, but a device that fell off the bus
 * gives it again and again. */
static bool is_lost(const bs_cuda_api *api, CUresult r)
{
    return is_sticky(r) || (r == CUDA_ERROR_UNKNOWN && ask(api) != CUDA_SUCCESS);
}

static bs_status no_memory(const char *call)
{
    bs_fail(BS_NO_MEMORY, "%s: out of device memory", call);
    return bs_hint("use a smaller --batch or fewer --threads, or free the device of other programs");
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
    if (r == CUDA_ERROR_OUT_OF_MEMORY)
        return no_memory(call);
    if (is_absent(r)) {
        bs_fail(BS_NO_DEVICE, "no usable CUDA device: %s failed: %s (%d): %s", call, name, (int)r, text);
        return bs_hint("`bitsink devices` lists what there is; look at nvidia-smi, too");
    }
    if (is_lost(api, r)) {
        bs_fail(BS_NO_DEVICE, "the CUDA device is lost: %s failed: %s (%d): %s", call, name, (int)r, text);
        return bs_hint("what is finished is stored; look at nvidia-smi and the kernel log, then run the same "
                       "command again");
    }
    bs_fail(BS_ERR, "%s failed: %s (%d): %s", call, name, (int)r, text);
    if (r == CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES)
        return bs_hint("a kernel needs more registers than the device has for that many threads: build with "
                       "-DBITSINK_CUDA_ARCHITECTURES=<its compute capability>");
    return BS_ERR;
}

/* Fails for a library call, with `text` and `detail` from the library, unless the device is lost. */
static bs_status check_library(const bs_cuda_api *api, const char *call, const char *text, const char *detail)
{
    CUresult device = ask(api);
    if (device != CUDA_SUCCESS && is_lost(api, device))
        return bs_cuda_check(api, device, call);
    return bs_fail(BS_ERR, "%s failed: %s%s%s", call, text, detail[0] ? ": " : "", detail);
}

bs_status bs_cuda_check_blas(const bs_cuda_api *api, cublasStatus_t r, const char *call)
{
    if (r == CUBLAS_STATUS_SUCCESS)
        return BS_OK;
    if (r == CUBLAS_STATUS_ALLOC_FAILED)
        return no_memory(call);
    return check_library(api, call, api->cublasLtGetStatusName(r), "");
}

bs_status bs_cuda_check_dnn(const bs_cuda_api *api, cudnnStatus_t r, const char *call)
{
    char detail[400] = "";
    if (r == CUDNN_STATUS_SUCCESS)
        return BS_OK;
    api->cudnnGetLastErrorString(detail, sizeof detail);
    if (r == CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED)
        return no_memory(call);
    if (r == CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED)
        return bs_fail(BS_NO_MEMORY, "%s failed: %s%s%s", call, api->cudnnGetErrorString(r),
                       detail[0] ? ": " : "", detail);
    return check_library(api, call, api->cudnnGetErrorString(r), detail);
}
