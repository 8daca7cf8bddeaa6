/* cuDNN without a device: plans for the H200 that tests/gpu/h200-deviceprop.json describes. */
#ifndef BS_TESTS_CUDA_DNN_FIXTURE_H
#define BS_TESTS_CUDA_DNN_FIXTURE_H

#include "support/conv_layers.h"
#include "support/testing.h"

#include "base/buf.h"
#include "cuda/dnn.h"

#include <dlfcn.h>

enum { WORKSPACE = 256 << 20 };

#ifdef BITSINK_SANITIZE
/* The leaks of cuDNN 9.19 itself: a cuBLASLt handle that cannot be made without a device, and some
 * descriptors of its heuristics. The symbol is the sanitizer's. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:cublasLtCreate\nleak:cudnnBackendGetMetadataFromGraph\n";
}
#endif

/* Where there is no driver, cuDNN's heuristics load and unload NVRTC a hundred times, and each time some
 * memory is lost; it stays loaded while another handle is open. */
static inline void hold_nvrtc(void)
{
    char name[32];
    snprintf(name, sizeof name, "libnvrtc.so.%d", CUDA_VERSION / 1000);
    dlopen(name, RTLD_NOW);
}

/* The caller frees. */
static inline void read_device(char **json)
{
    size_t len = 0;
    assert_ok(bs_read_file(json, &len, "tests/gpu/h200-deviceprop.json", 1 << 16));
}

/* False, with the reason, where there is no cuDNN or it makes no plans without a driver (9.28 does not). */
static inline bool can_describe(bs_cuda_api *api, char *why, size_t len)
{
    bs_cudnn *d = NULL;
    if (!bs_cuda_api_load_dnn(api, why, len))
        return false;
    hold_nvrtc();
    char *json = NULL;
    read_device(&json);
    bs_status st = bs_cudnn_create(&d, api, json);
    free(json);
    bs_cudnn_free(d);
    if (st == BS_OK)
        return true;
    if (!strstr(bs_error_message(), "SUBLIBRARY_LOADING_FAILED"))
        fail_msg("%s", bs_error_message());
    snprintf(why, len, "cuDNN %zu needs a driver", api->cudnnGetVersion());
    return false;
}

/* Skips the test where nothing can be tested. */
static inline bs_cuda_api load_dnn(void)
{
    bs_cuda_api api = {0};
    char why[160];
    if (!can_describe(&api, why, sizeof why))
        skip("%s", why);
    return api;
}

#endif
