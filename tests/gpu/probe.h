/* Finds what a CUDA device and its libraries do: rates, and which engines give the same bits whatever else
 * they compute.
 *
 *   gpu_probe [--small] [FOLDER]
 *
 * Prints Markdown tables, a line as soon as it is known, and writes the device's properties, as cuDNN
 * describes them, to FOLDER/deviceprop.json (FOLDER: the working directory). --small: tiny shapes, to try the
 * probe itself. Each part stops at a limit of its own, all together take at most two minutes. Exit code: 0,
 * or that of bitsink's errors. */
#ifndef BS_TESTS_PROBE_H
#define BS_TESTS_PROBE_H

#include "support/conv_layers.h"
#include "cuda/stream.h"
#include "cuda/network.h"
#include "cuda/cuda_patch.h"
#include "cuda/invariance.h"
#include "cuda/cuda_run.h"
#include "cuda/selection.h"
#include "cuda/enqueue.h"
#include "support/graph_builder.h"

typedef struct probe {
    bs_device *device;
    const bs_cuda_api *api;
    const char *folder;
    bool small;
    double end;       /* of the running part, by the monotonic clock */
    double copy_rate; /* of the device's memory, bytes read and written a second; 0: not known */
} probe;

/* The parts. */
bs_status probe_device(probe *p);
bs_status probe_rates(probe *p);
bs_status probe_convolutions(probe *p);
bs_status probe_products(probe *p);
bs_status probe_gemm(probe *p);
bs_status probe_delta(probe *p);
bs_status probe_not_finite(probe *p);

/* printf, flushed. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* May the part go on? Says so where not. */
bool time_left(const probe *p);

/* A convolution loaded onto the device. */
typedef struct probe_layer {
    bs_graph *g;
    bs_network *network;
    bs_stream *stream;
} probe_layer;
/* change: what is done to the random weights, or NULL. Close also after a failure. */
bs_status probe_layer_open(probe_layer *l, const probe *p, const bs_cudnn_shape *s,
                           void (*change)(float *weights, int64_t n));
void probe_layer_close(probe_layer *l);

/* An engine for it: one of cuDNN's, products, or the plain kernel. */
typedef struct probe_engine {
    char name[32];
    bs_cuda_engine engine;
    bs_cudnn_config config;
} probe_engine;
enum { PROBE_ENGINES = BS_INVARIANCE_CONFIGS + 2 };
/* All that there are for the layer; cuDNN's only where it starts. */
bs_status probe_engines(const probe_layer *l, probe_engine *out, int *n);
/* Plans the layer to run by it. */
bs_status probe_use(const probe_layer *l, const probe_engine *e);

typedef bs_status (*probe_work)(void *arg);
/* Seconds of one call by the device's clock, over several; 0 where the device has none. */
bs_status probe_time(double *seconds, bs_stream *stream, probe_work work, void *arg);
/* n / seconds in units of `unit` as text, "-" where it was not measured. Static buffers, four in turn. */
const char *per_second(double n, double unit, double seconds);

#endif
