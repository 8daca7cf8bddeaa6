#include "probe.h"

#include "cuda/dnn_graph.h"

#include <stdarg.h>
#include <time.h>

/* --- what the parts share --- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

void say(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    fflush(stdout);
}

bool time_left(const probe *p)
{
    if (now() < p->end)
        return true;
    say("\n(stopped here: out of time)\n");
    return false;
}

void probe_layer_close(probe_layer *l)
{
    bs_cuda_stream_close(l->stream);
    bs_cuda_unload(l->network);
    gb_free(l->g);
}

bs_status probe_layer_open(probe_layer *l, const probe *p, const bs_cudnn_shape *s,
                           void (*change)(float *weights, int64_t n))
{
    *l = (probe_layer){.g = gb_create()};
    int x = gb_activation(l->g, GB_SHAPE(s->channels, s->in[0], s->in[1]));
    int y = gb_conv(l->g, x, (int)s->filters, (int)s->kernel[0], (int)s->stride[0], (int)s->pad[0],
                    (int)s->group, true);
    bs_tensor *weights = &l->g->tensors[l->g->nodes[0].in[1]];
    l->g->input = x;
    l->g->output = y;
    if (change)
        change(weights->data, weights->elements);
    BS_TRY(bs_cuda_load(&l->network, p->device, l->g, NULL));
    return bs_cuda_stream_open(&l->stream, l->network);
}

static bool dnn_starts(const bs_cuda_api *api)
{
    bs_cudnn *dnn = NULL;
    bool good = api->has_dnn && bs_cudnn_create(&dnn, api, NULL) == BS_OK;
    bs_cudnn_free(dnn);
    bs_error_clear();
    return good;
}

bs_status probe_engines(const probe_layer *l, probe_engine *out, int *n)
{
    bs_cudnn_config configs[BS_INVARIANCE_CONFIGS];
    int n_configs = 0;
    *n = 0;
    if (dnn_starts(l->network->device->api))
        BS_TRY(bs_invariance_configs(l->stream, 0, configs, &n_configs));
    for (int i = 0; i < n_configs; i++) {
        probe_engine *e = &out[(*n)++];
        *e = (probe_engine){.engine = BS_CUDA_DNN, .config = configs[i]};
        /* Engines differ in knobs: the place in the list tells them apart. */
        snprintf(e->name, sizeof e->name, "cudnn %d #%d", (int)configs[i].engine, i + 1);
    }
    if (l->g->nodes[0].attr.window.group == 1)
        out[(*n)++] = (probe_engine){.name = "gemm", .engine = BS_CUDA_GEMM};
    out[(*n)++] = (probe_engine){.name = "direct", .engine = BS_CUDA_DIRECT};
    return BS_OK;
}

bs_status probe_use(const probe_layer *l, const probe_engine *e)
{
    bs_cuda_plan *plan = &l->network->plan[0];
    const int64_t *out = l->g->tensors[l->g->output].shape.dim;
    plan->engine = e->engine;
    plan->dnn = e->config;
    if (e->engine != BS_CUDA_GEMM || plan->gemm.selected)
        return BS_OK;
    BS_TRY(bs_cuda_gemm_select(&plan->gemm, l->stream, BS_DTYPE_FP32, 16 * out[1] * out[2], plan->filters,
                               plan->length, plan->param[1]));
    return plan->gemm.selected ? BS_OK : bs_fail(BS_ERR, "no exact algorithm");
}

/* Seconds of `times` calls. */
static bs_status time_calls(double *seconds, bs_stream *stream, CUevent event[2], probe_work work, void *arg,
                            int times)
{
    const bs_cuda_api *api = stream->network->device->api;
    float ms = 0;
    BS_TRY(bs_cuda_check(api, api->cuEventRecord(event[0], stream->handle), "cuEventRecord"));
    for (int i = 0; i < times; i++)
        BS_TRY(work(arg));
    BS_TRY(bs_cuda_check(api, api->cuEventRecord(event[1], stream->handle), "cuEventRecord"));
    BS_TRY(bs_cuda_check(api, api->cuEventSynchronize(event[1]), "cuEventSynchronize"));
    BS_TRY(bs_cuda_check(api, api->cuEventElapsedTime(&ms, event[0], event[1]), "cuEventElapsedTime"));
    *seconds = (double)ms * 1e-3;
    return BS_OK;
}

bs_status probe_time(double *seconds, bs_stream *stream, probe_work work, void *arg)
{
    enum { MOST = 50 };
    const double wanted = 0.02;
    const bs_cuda_api *api = stream->network->device->api;
    CUevent event[2] = {0};
    double once = 0, all = 0;
    int times = 1;
    bs_status st;
    *seconds = 0;
    for (int i = 0; i < 2; i++)
        BS_TRY_GOTO(bs_cuda_check(api, api->cuEventCreate(&event[i], CU_EVENT_DEFAULT), "cuEventCreate"),
                    out);
    BS_TRY_GOTO(work(arg), out); /* plans and buffers */
    BS_TRY_GOTO(time_calls(&once, stream, event, work, arg, 1), out);
    if (once <= 0)
        goto out;
    if (once < wanted)
        times = wanted / once < MOST ? (int)(wanted / once) + 1 : MOST;
    BS_TRY_GOTO(time_calls(&all, stream, event, work, arg, times), out);
    *seconds = all / times;
out:
    for (int i = 0; i < 2; i++)
        if (event[i])
            api->cuEventDestroy(event[i]);
    return st;
}

const char *per_second(double n, double unit, double seconds)
{
    static char text[4][32];
    static int at;
    char *s = text[at++ % 4];
    if (seconds > 0)
        snprintf(s, sizeof text[0], "%.4g", n / unit / seconds);
    else
        snprintf(s, sizeof text[0], "-");
    return s;
}

/* --- the device --- */

static bs_status write_properties(bs_cudnn *dnn, const char *path)
{
    enum { ROOM = 1 << 16 };
    bs_cudnn_descriptors bag = {.dnn = dnn};
    cudnnBackendDescriptor_t properties = NULL;
    char *json = gb_grow(NULL, ROOM, 1);
    int64_t n = 0;
    FILE *f = NULL;
    bs_status st;
    BS_TRY_GOTO(bs_cudnn_make(&properties, &bag, CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR), out);
    BS_TRY_GOTO(
        bs_cudnn_set(dnn, properties, CUDNN_ATTR_DEVICEPROP_HANDLE, CUDNN_TYPE_HANDLE, 1, &dnn->handle), out);
    BS_TRY_GOTO(bs_cudnn_finalize(dnn, properties, NULL), out);
    BS_TRY_GOTO(bs_cudnn_get(dnn, properties, CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR,
                             ROOM, &n, json),
                out);
    f = fopen(path, "w");
    size_t len = strnlen(json, (size_t)(n < ROOM ? n : ROOM));
    if (!f || fwrite(json, 1, len, f) != len)
        st = bs_fail(BS_ERR, "cannot write '%s'", path);
    else
        say("- properties: %zu bytes in %s\n", len, path);
out:
    if (f)
        fclose(f);
    free(json);
    bs_cudnn_descriptors_clear(&bag);
    return st;
}

bs_status probe_device(probe *p)
{
    bs_device_info info;
    bs_cudnn *dnn = NULL;
    char path[4096];
    int driver = 0, value = 0;
    bs_cuda_describe(p->device, &info);
    p->api->cuDriverGetVersion(&driver);
    say("- device: %s (%s), %.1f GiB free\n- driver for CUDA %d.%d; %s\n", info.name, info.isa,
        (double)info.memory / (1 << 30), driver / 1000, driver % 1000 / 10, info.library);
    static const struct {
        const char *name;
        CUdevice_attribute which;
    } list[] = {{"multiprocessors", CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT},
                {"clock, kHz", CU_DEVICE_ATTRIBUTE_CLOCK_RATE},
                {"memory clock, kHz", CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE},
                {"memory bus, bits", CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH},
                {"L2 cache, bytes", CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE},
                {"error-correcting memory", CU_DEVICE_ATTRIBUTE_ECC_ENABLED}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (p->api->cuDeviceGetAttribute(&value, list[i].which, p->device->card->handle) == CUDA_SUCCESS)
            say("- %s: %d\n", list[i].name, value);
    if (!p->api->has_dnn) {
        say("- no cuDNN: %s\n", p->api->no_dnn);
        return BS_OK;
    }
    snprintf(path, sizeof path, "%s/deviceprop.json", p->folder);
    if (bs_cudnn_create(&dnn, p->api, NULL) != BS_OK) {
        say("- cuDNN does not start: %s\n", bs_error_message());
        return BS_OK;
    }
    bs_status st = write_properties(dnn, path);
    bs_cudnn_free(dnn);
    if (st != BS_ERR)
        return st;
    say("- cuDNN does not describe the device: %s\n", bs_error_message());
    return BS_OK;
}

/* --- the parts in turn --- */

/* An error of one part is no reason to leave the others out, unless the device is gone. */
static bs_status run_part(probe *p, const char *title, double seconds, bs_status (*part)(probe *))
{
    double begin = now();
    say("\n## %s\n\n", title);
    p->end = begin + seconds;
    bs_status st = part(p);
    if (st != BS_OK)
        say("\nerror: %s\n", bs_error_message());
    say("\n(%.1f s)\n", now() - begin);
    bs_error_clear();
    return st;
}

int main(int argc, char **argv)
{
    probe p = {.folder = "."};
    bs_status st, first = BS_OK;
    for (int i = 1; i < argc; i++)
        if (!strcmp(argv[i], "--small"))
            p.small = true;
        else
            p.folder = argv[i];
    /* Kernels of our own need no choice of an engine: loading is quick. */
    st = bs_cuda_open(&p.device, 0, "direct");
    if (st != BS_OK) {
        fprintf(stderr, "error: %s\n", bs_error_message());
        return st < BS_SELFTEST ? 1 : -st;
    }
    p.api = p.device->api;
    static const struct {
        const char *title;
        double seconds;
        bs_status (*part)(probe *);
    } parts[] = {{"Device", 5, probe_device},
                 {"Rates", 15, probe_rates},
                 {"Kernels of the replay", 10, probe_delta},
                 {"Inner products: algorithms of cuBLASLt", 15, probe_products},
                 {"Inner products: our own kernel", 6, probe_gemm},
                 {"NaN and Inf in convolutions", 10, probe_not_finite},
                 {"Convolutions: exactness and speed of engines", 55, probe_convolutions}};
    for (size_t i = 0; i < sizeof parts / sizeof *parts && st != BS_NO_DEVICE; i++) {
        st = run_part(&p, parts[i].title, parts[i].seconds, parts[i].part);
        first = first == BS_OK ? st : first;
    }
    bs_cuda_close(p.device);
    if (st != BS_NO_DEVICE)
        say("\nprobe: complete\n"); /* a library that aborts leaves the line out */
    return first == BS_OK ? 0 : first < BS_SELFTEST ? 1 : -first;
}
