/* Convolutions through cuDNN's graph API, by plans with a selected engine and a selected set of knobs.
 *
 * All tensors are of one type, summed in fp32, and row-major: x (batch, channels, in_h, in_w), w (filters,
 * channels / group, kernel), y (batch, filters, out_h, out_w), each starting at a multiple of
 * BS_CUDNN_ALIGNMENT bytes. The bias is added by a kernel of ours, as cuDNN's own fusion would use other
 * engines.
 *
 * A *config* is an engine with knobs, selected for one whole layer and used again for its patches, for other
 * batches and other numbers of filters. If `tf32` is false and the type is fp32, engines are left out that
 * use tensor cores, shortened accumulation, Winograd or FFT transforms, or are nondeterministic. Left out in
 * any case are engines that choose a kernel by the shape: with a knob not set, a kernel compiled for the
 * shape, or through cuBLASLt. */
#ifndef BS_CUDA_DNN_H
#define BS_CUDA_DNN_H

#include "cuda/api.h"
#include "dtype.h"

#include <stdint.h>

enum {
    BS_CUDNN_MAX_KNOBS = 24,
    BS_CUDNN_ALIGNMENT = 256, /* of x, w, y and the workspace: as cuMemAlloc gives it */
};

typedef struct bs_cudnn_shape {
    int64_t batch, channels, filters, group;
    int64_t in[2], out[2]; /* rows, columns */
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad[4]; /* top, left, bottom, right */
    bool tf32;
    bs_dtype type; /* of x, w and y: FP32, FP16, BF16 */
} bs_cudnn_shape;

typedef struct bs_cudnn_knob {
    int64_t type, value; /* type: a cudnnBackendKnobType_t */
} bs_cudnn_knob;

typedef struct bs_cudnn_config {
    int64_t engine; /* cuDNN's global index */
    int n_knobs;
    bs_cudnn_knob knob[BS_CUDNN_MAX_KNOBS];
    bool tensor_cores; /* as its notes say */
    bs_dtype type;     /* that of the shape it was listed for */
} bs_cudnn_config;

/* A cuDNN handle; not to be used by several threads at the same time. */
typedef struct bs_cudnn bs_cudnn;
/* Creates a handle. device_properties: JSON text of a CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, to make plans
 * (never to run them) without a device; NULL: the current context's device. */
bs_status bs_cudnn_create(bs_cudnn **out, const bs_cuda_api *api, const char *device_properties);
void bs_cudnn_free(bs_cudnn *d);
bs_status bs_cudnn_set_stream(bs_cudnn *d, CUstream stream);

/* Lists configs for a shape: those that cuDNN's heuristics name, best first, then all others, in no order of
 * speed. Lists only what the rules above admit and what can be finalised with at most `workspace` bytes, and
 * at most `most` of them. *n: their number, 0 if cuDNN does not support such a convolution. Takes about 20
 * ms. */
bs_status bs_cudnn_configs(bs_cudnn *d, const bs_cudnn_shape *s, size_t workspace, bs_cudnn_config *out,
                           int most, int *n);

/* An execution plan: a shape with a config. *out is NULL, without an error, if the config does not support
 * the shape or needs more workspace than allowed. */
typedef struct bs_cudnn_plan bs_cudnn_plan;
bs_status bs_cudnn_plan_create(bs_cudnn_plan **out, bs_cudnn *d, const bs_cudnn_shape *s,
                               const bs_cudnn_config *config, size_t workspace);
void bs_cudnn_plan_free(bs_cudnn_plan *p);
size_t bs_cudnn_plan_workspace(const bs_cudnn_plan *p);
/* Enqueues the plan on the handle's stream; all pointers are device pointers. */
bs_status bs_cudnn_run(bs_cudnn *d, const bs_cudnn_plan *p, CUdeviceptr x, CUdeviceptr w, CUdeviceptr y,
                       CUdeviceptr workspace);

#endif
