/* Convolutions through cuDNN's graph API: plans selected to one engine and one set of knobs.
 *
 * All tensors are fp32, row-major: x (batch, channels, in_h, in_w), w (filters, channels / group, kernel),
 * y (batch, filters, out_h, out_w), each starting at a multiple of BS_CUDNN_ALIGNMENT bytes. No bias: it is
 * added by a kernel of ours, as cuDNN's own fusion would pick other engines.
 *
 * A *config* is an engine with knobs, chosen for one whole layer and asked again for its patches, for other
 * batches and other numbers of filters. With `tf32` false, engines that use tensor cores, shortened
 * accumulation, Winograd or FFT transforms, or are nondeterministic are left out; always those are that leave
 * the choice of a kernel to the shape: a knob not set, a kernel compiled for the shape, cuBLASLt. */
#ifndef BS_CUDA_DNN_H
#define BS_CUDA_DNN_H

#include "cuda/api.h"

#include <stdint.h>

enum {
    BS_CUDNN_MAX_KNOBS = 24,
    BS_CUDNN_ALIGNMENT = 256, /* of x, w, y and the workspace: what cuMemAlloc gives */
};

typedef struct bs_cudnn_shape {
    int64_t batch, channels, filters, group;
    int64_t in[2], out[2]; /* rows, columns */
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad[4]; /* top, left, bottom, right */
    bool tf32;
} bs_cudnn_shape;

typedef struct bs_cudnn_knob {
    int64_t type, value; /* of cudnnBackendKnobType_t */
} bs_cudnn_knob;

typedef struct bs_cudnn_config {
    int64_t engine; /* cuDNN's global index */
    int n_knobs;
    bs_cudnn_knob knob[BS_CUDNN_MAX_KNOBS];
    bool tensor_cores; /* says so in its notes */
} bs_cudnn_config;

/* One handle; not to be shared by threads at the same time. */
typedef struct bs_cudnn bs_cudnn;
/* device_properties: JSON text of a CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, for making plans (never running
 * them) where there is no device; NULL: the current context's device. */
bs_status bs_cudnn_create(bs_cudnn **out, const bs_cuda_api *api, const char *device_properties);
void bs_cudnn_free(bs_cudnn *d);
bs_status bs_cudnn_set_stream(bs_cudnn *d, CUstream stream);

/* Engine configurations for a shape: what cuDNN's heuristics name, best first, then what else it has, in no
 * order of speed. Only what the rules above admit and what can be finalised with at most `workspace` bytes.
 * At most `most`; how many in *n, 0 where cuDNN does not do such a convolution. Takes some 20 ms. */
bs_status bs_cudnn_configs(bs_cudnn *d, const bs_cudnn_shape *s, size_t workspace, bs_cudnn_config *out,
                           int most, int *n);

/* An execution plan: a shape with a config. Where the config does not serve the shape (or wants more
 * workspace than allowed) *out is NULL and the result BS_OK. */
typedef struct bs_cudnn_plan bs_cudnn_plan;
bs_status bs_cudnn_plan_create(bs_cudnn_plan **out, bs_cudnn *d, const bs_cudnn_shape *s,
                               const bs_cudnn_config *config, size_t workspace);
void bs_cudnn_plan_free(bs_cudnn_plan *p);
size_t bs_cudnn_plan_workspace(const bs_cudnn_plan *p);
/* Enqueues it on the handle's stream. Device pointers. */
bs_status bs_cudnn_run(bs_cudnn *d, const bs_cudnn_plan *p, CUdeviceptr x, CUdeviceptr w, CUdeviceptr y,
                       CUdeviceptr workspace);

#endif
