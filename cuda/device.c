#include "cuda/cuda.h"

#include "base/buf.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static unsigned read_hex(const char *path)
{
    unsigned v = 0;
    FILE *f = fopen(path, "r");
    if (f && fscanf(f, "%x", &v) != 1)
        v = 0;
    if (f)
        fclose(f);
    return v;
}

/* Returns true if the kernel lists a display controller or accelerator of NVIDIA on the PCI bus. */
static bool has_card(void)
{
    enum { NVIDIA = 0x10de, DISPLAY = 0x03, ACCELERATOR = 0x12 };
    glob_t found;
    bool any = false;
    if (glob("/sys/bus/pci/devices/*/vendor", GLOB_NOSORT, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc && !any; i++) {
        char path[512];
        int folder = (int)(strrchr(found.gl_pathv[i], '/') - found.gl_pathv[i]);
        snprintf(path, sizeof path, "%.*s/class", folder, found.gl_pathv[i]);
        unsigned class = read_hex(path) >> 16;
        any = read_hex(found.gl_pathv[i]) == NVIDIA && (class == DISPLAY || class == ACCELERATOR);
    }
    globfree(&found);
    return any;
}

/* Loads the driver and its libraries and initialises the driver. Returns 1; else with the reason in `why`, 0
 * if the machine has no card, as most have none, and -1 if it has one that cannot be used. */
static int ready(const bs_cuda_api **api, char *why, size_t len)
{
    if (!bs_cuda_api_load(api, why, len))
        return (*api)->cuInit || has_card() ? -1 : 0;
    CUresult r = (*api)->cuInit(0);
    if (r == CUDA_SUCCESS)
        return 1;
    const char *text = NULL;
    if ((*api)->cuGetErrorString(r, &text) != CUDA_SUCCESS || !text)
        text = "unknown error";
    snprintf(why, len, "the driver does not start: %s", text);
    return r == CUDA_ERROR_NO_DEVICE && !has_card() ? 0 : -1;
}

int bs_cuda_device_count(char *why, size_t len)
{
    const bs_cuda_api *api;
    int n = 0, able = ready(&api, why, len);
    if (able <= 0)
        return able;
    if (api->cuDeviceGetCount(&n) != CUDA_SUCCESS || n <= 0) {
        snprintf(why, len, "the driver sees none");
        return 0;
    }
    return n;
}

bs_status bs_cuda_enter(const bs_device *d)
{
    return bs_cuda_check(d->api, d->api->cuCtxSetCurrent(d->card->context), "cuCtxSetCurrent");
}

/* X(word, effect): the options of --device cuda:N,WORD,WORD... */
#define OPTIONS(X)                                                                                           \
    X("fp32", o->tf32 = o->native = false)                                                                   \
    X("tf32", (o->tf32 = true, o->native = false))                                                           \
    X("native", (o->native = true, o->tf32 = false))                                                         \
    X("cudnn", o->engine = BS_CUDA_DNN)                                                                      \
    X("gemm", o->engine = BS_CUDA_GEMM)                                                                      \
    X("direct", o->engine = BS_CUDA_DIRECT)

static bs_status parse_options(bs_cuda_options *o, const char *text)
{
    while (text && *text) {
        size_t len = strcspn(text, ",");
        bool known = false;
#define X(word, effect)                                                                                      \
    if (len == strlen(word) && !strncmp(text, word, len)) {                                                  \
        effect;                                                                                              \
        known = true;                                                                                        \
    }
        OPTIONS(X)
#undef X
        if (!known) {
            bs_fail(BS_USAGE, "unknown option '%.*s' of the CUDA device", (int)len, text);
            return bs_hint(
                "options: fp32 (default), tf32, native; cudnn, gemm choose how convolutions are computed, "
                "direct how convolutions and products are");
        }
        text += len + (text[len] == ',');
    }
    return BS_OK;
}

bs_status bs_cuda_open(bs_device **out, int ordinal, const char *options)
{
    char why[200];
    bs_device *d;
    bs_status st;
    *out = NULL;
    BS_TRY(bs_calloc(&d, 1, sizeof *d, "CUDA device"));
    BS_TRY_GOTO(parse_options(&d->options, options), out);
    if (!ready(&d->api, why, sizeof why)) {
        st = bs_fail(BS_NO_DEVICE, "no cuda device: %s", why);
        goto out;
    }
    const bs_cuda_api *api = d->api;
    CUdevice handle;
    BS_TRY_GOTO(bs_cuda_check(api, api->cuDeviceGet(&handle, ordinal), "cuDeviceGet"), out);
    BS_TRY_GOTO(bs_cuda_card_get(&d->card, api, handle), out);
    *out = d;
    d = NULL;
out:
    bs_cuda_close(d);
    return st;
}

void bs_cuda_close(bs_device *d)
{
    free(d);
}

static int attribute(const bs_device *d, CUdevice_attribute which)
{
    int v = 0;
    return d->api->cuDeviceGetAttribute(&v, which, d->card->handle) == CUDA_SUCCESS ? v : 0;
}

void bs_cuda_describe(const bs_device *d, bs_device_info *out)
{
    const bs_cuda_api *api = d->api;
    size_t free_bytes = 0, total = 0, blas = api->cublasLtGetVersion();
    int driver = 0;
    memset(out, 0, sizeof *out);
    if (api->cuDeviceGetName(out->name, sizeof out->name, d->card->handle) != CUDA_SUCCESS)
        snprintf(out->name, sizeof out->name, "CUDA device");
    out->math = d->options.tf32 ? "tf32" : d->options.native ? "native" : NULL;
    snprintf(out->isa, sizeof out->isa, "sm_%d%d%s%s",
             attribute(d, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
             attribute(d, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR), out->math ? " " : "",
             out->math ? out->math : "");
    api->cuDriverGetVersion(&driver);
    int n = snprintf(out->library, sizeof out->library, "CUDA %d.%d, cuBLASLt %zu.%zu.%zu", driver / 1000,
                     driver % 1000 / 10, blas / 10000, blas / 100 % 100, blas % 100);
    size_t dnn = api->has_dnn ? api->cudnnGetVersion() : 0;
    if (dnn && n > 0 && (size_t)n < sizeof out->library)
        snprintf(out->library + n, sizeof out->library - (size_t)n, ", cuDNN %zu.%zu.%zu", dnn / 10000,
                 dnn / 100 % 100, dnn % 100);
    if (bs_cuda_enter(d) == BS_OK && api->cuMemGetInfo(&free_bytes, &total) == CUDA_SUCCESS)
        out->memory = free_bytes;
    out->streams = 3;  /* one computes, one waits for a comparison, one prepares the next */
    out->batch = 1024; /* this many small patches fill the card: on an H200 19 % faster than 256 */
}
