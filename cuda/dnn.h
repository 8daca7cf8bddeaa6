/* Convolutions through cuDNN's graph API: plans pinned to one engine and one set of knobs.
 *
 * All tensors are fp32, row-major: x (batch, channels, in_h, in_w), w (filters, channels / group, kernel),
 * y (batch, filters, out_h, out_w), each starting at a multiple of BS_DNN_ALIGNMENT bytes. No bias: it is
 * added by a kernel of ours, as cuDNN's own fusion would pick other engines.
 *
 * A *pin* is an engine with knobs, chosen for one whole layer and asked again for its patches, for other
 * batches and other numbers of filters. With `tf32` false, engines that use tensor cores, shortened
 * accumulation, Winograd or FFT transforms, or are nondeterministic are left out; always those are that leave
 * the choice of a kernel to the shape: a knob not chosen, a kernel compiled for the shape, cuBLASLt. */
#ifndef BS_CUDA_DNN_H
#define BS_CUDA_DNN_H

#include "cuda/api.h"

#include <stdint.h>

enum {
    BS_DNN_MAX_KNOBS = 24,
    BS_DNN_ALIGNMENT = 256, /* of x, w, y and the workspace: what cuMemAlloc gives */
};

typedef struct bs_dnn_shape {
    int64_t batch, channels, filters, group;
    int64_t in[2], out[2]; /* rows, columns */
    int64_t kernel[2], stride[2], dilation[2];
    int64_t pad[4]; /* top, left, bottom, right */
    bool tf32;
} bs_dnn_shape;

typedef struct bs_dnn_knob {
    int64_t type, value; /* of cudnnBackendKnobType_t */
} bs_dnn_knob;

typedef struct bs_dnn_pin {
    int64_t engine; /* cuDNN's global index */
    int n_knobs;
    bs_dnn_knob knob[BS_DNN_MAX_KNOBS];
    bool tensor_cores; /* says so in its notes */
} bs_dnn_pin;

/* One handle; not to be shared by threads at the same time. */
typedef struct bs_dnn bs_dnn;
/* device_properties: JSON text of a CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR, for making plans (never running
 * them) where there is no device; NULL: the current context's device. */
bs_status bs_dnn_create(bs_dnn **out, const bs_cuda_api *api, const char *device_properties);
void bs_dnn_free(bs_dnn *d);
bs_status bs_dnn_set_stream(bs_dnn *d, CUstream stream);

/* Engines for a shape, best first by cuDNN's heuristics, then its fallback list; only what the rules above
 * admit and what can be finalised with at most `workspace` bytes. Returns how many (at most `most`) in *n. */
bs_status bs_dnn_pins(bs_dnn *d, const bs_dnn_shape *s, size_t workspace, bs_dnn_pin *out, int most, int *n);

/* An execution plan: a shape with a pin. Where the pin does not serve the shape (or wants more workspace than
 * allowed) *out is NULL and the result BS_OK. */
typedef struct bs_dnn_plan bs_dnn_plan;
bs_status bs_dnn_plan_create(bs_dnn_plan **out, bs_dnn *d, const bs_dnn_shape *s, const bs_dnn_pin *pin,
                             size_t workspace);
void bs_dnn_plan_free(bs_dnn_plan *p);
size_t bs_dnn_plan_workspace(const bs_dnn_plan *p);
/* Enqueues it on the handle's stream. Device pointers. */
bs_status bs_dnn_run(bs_dnn *d, const bs_dnn_plan *p, CUdeviceptr x, CUdeviceptr w, CUdeviceptr y,
                     CUdeviceptr workspace);

#endif
