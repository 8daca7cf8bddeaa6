/* Shared inside the CUDA backend: the contents of a device, a loaded network and a stream.
 *
 * A *card* is a physical device with its context, kernels and libraries; a bs_device is a card with options.
 * A *plan* is what load() prepared for a node: its parameters on the device and, for convolutions and
 * products with weights, the *engine* that computes it, selected because its bits do not depend on the batch.
 * A bs_stream owns one CUDA stream (`handle`): all work is queued there, and the host waits only for what it
 * has to know (comparisons, answers, bits before a fault).
 *
 * Every tensor lies in device memory row-major in logical order, one row for each sample, so the index of an
 * element is its offset. Rows of types of 16 bits are words of the type, all others floats (operand.h).
 * Parameters are floats.
 *
 * Each layer of the backend has a header with its functions. Lowest first: enqueue, network, node_job, conv,
 * operators, cuda_run, cuda_patch, cuda_faulty, stream, invariance, selection; a file includes only what is
 * below it. */
#ifndef BS_CUDA_CUDA_H
#define BS_CUDA_CUDA_H

#include "backend/backend.h"
#include "backend/planes.h"
#include "cuda/api.h"
#include "cuda/dnn.h"
#include "kernels.h"

typedef enum bs_kernel_id {
#define X(name) BS_KERNEL_##name,
    BS_KERNELS(X)
#undef X
        BS_KERNEL_COUNT
} bs_kernel_id;

/* Engines of convolutions, one selected for each layer at load. */
typedef enum bs_cuda_engine {
    BS_CUDA_AUTO,   /* cuDNN if an engine of it is exact, else products */
    BS_CUDA_DNN,    /* one selected engine of cuDNN */
    BS_CUDA_GEMM,   /* im2col rows, and their products with the filters: see bs_cuda_gemm */
    BS_CUDA_DIRECT, /* a kernel of ours, one thread for each output: grouped convolutions */
} bs_cuda_engine;

typedef struct bs_cuda_options {
    bs_cuda_engine engine;
    bool tf32;
    bool native; /* products of 16-bit values by engines for such */
} bs_cuda_options;

/* The state of a card. A process makes it when it first opens the card, which takes long, and keeps it until
 * it ends. Nothing in it depends on options. Any thread may use it. */
typedef struct bs_cuda_card {
    struct bs_cuda_card *next;
    CUdevice handle;
    CUcontext context; /* the primary one */
    CUmodule module;
    CUfunction kernel[BS_KERNEL_COUNT];
    cublasLtHandle_t blas;
    int multiprocessors; /* 0: not known */
} bs_cuda_card;

struct bs_device {
    const bs_cuda_api *api;
    bs_cuda_options options;
    const bs_cuda_card *card;
};

/* The one algorithm of cuBLASLt for all products of rows with the same filters, whatever the number of rows.
 */
typedef struct bs_cuda_gemm {
    int64_t width, depth; /* number of filters, and their length */
    int64_t rows;         /* the most it was tested with; more are computed in pieces; 0: any number */
    cublasLtMatmulAlgo_t algo;
    bool selected; /* false: no algorithm is exact, and a kernel of ours computes the products */
    bs_dtype type; /* of rows and filters; products are floats */
    int tried;     /* algorithms that are not exact, of those that were tested */
} bs_cuda_gemm;

/* A node as load() prepared it. Filters are rows: weights (filters, length), bias by filter. */
typedef struct bs_cuda_plan {
    CUdeviceptr *param; /* by input, 0 if it is not a parameter; owned */
    CUdeviceptr words;  /* the weights once more, for an engine that reads words; owned */
    bs_cuda_engine engine;
    bs_cuda_gemm gemm;
    bs_cudnn_config dnn;
    int64_t filters, length, repeat; /* Conv, Gemm, MatMul by weights; repeat: rows of a sample, Conv: 1 */
    int64_t stride_m, stride_k;      /* strides of the weights in file order */
    float weight_scale, bias_scale;
} bs_cuda_plan;

struct bs_network {
    bs_device *device;
    const bs_graph *graph;
    bs_plane *planes;   /* by tensor */
    bs_cuda_plan *plan; /* by node */
    int max_inputs;
    bool in_floats; /* all rows are floats: while engines that make floats are tested, so that no difference
                       is rounded away */
};

/* Device memory that grows and is reused. Zero-initialise. */
typedef struct bs_cuda_buffer {
    CUdeviceptr ptr;
    size_t bytes;
} bs_cuda_buffer;

/* Small host arrays on their way to the device: a ring of pinned memory, copied to the same offset of
 * `device` when a kernel is launched. Up to `sent`, that is done. An array that the ring has already is not
 * copied again. See enqueue.c. */
enum { BS_CUDA_STAGED = 512 };
typedef struct bs_cuda_staging {
    char *pinned;
    CUdeviceptr device;
    size_t at, sent;
    bool launched; /* since an array was staged last */
    struct {
        uint64_t hash;
        size_t at, bytes; /* no bytes: none */
    } known[BS_CUDA_STAGED];
} bs_cuda_staging;

/* Results on their way to the host: kernels write them side by side into one block, which one copy brings to
 * the host when it waits. See answers.c. */
typedef struct bs_cuda_answers {
    CUdeviceptr device;
    char *pinned;
    size_t used;
    size_t stale; /* bytes from the start on that are not 1 again */
    struct bs_cuda_answer {
        void *to;
        size_t at, bytes;
    } * list; /* where they go */
    size_t n, cap;
} bs_cuda_answers;

/* A finalised cuDNN plan of a node. */
typedef struct bs_cuda_dnn_plan bs_cuda_dnn_plan;

struct bs_stream {
    bs_network *network;
    CUstream handle;
    bs_cuda_staging staging;
    bs_cuda_answers answers;
    bs_cuda_buffer *block; /* memory that the host has asked for */
    size_t n_blocks, block_cap;
    bs_cuda_buffer workspace; /* for libraries */
    bs_cuda_buffer rows;      /* inputs that were put side by side */
    bs_cuda_buffer between;   /* rows that one kernel of a node leaves to the next */
    bs_cuda_buffer columns, products;
    bs_cuda_buffer filters, bias; /* faulty parameters */
    bs_cuda_buffer words;         /* faulty filters as words */
    bs_cuda_buffer computed;      /* channels of faulty filters */
    bs_cudnn *dnn;                /* NULL: no layer needs it */
    bs_cuda_dnn_plan **dnn_plans; /* by node: a list */
    CUdeviceptr *param;           /* max_inputs pointers, for a run with a faulty parameter */
    bs_view *view;                /* max_inputs views, for the same */
    bs_shape *shape;              /* max_inputs shapes, of the running node's inputs */
};

static inline CUdeviceptr bs_cuda_address(const void *p)
{
    return (CUdeviceptr)(uintptr_t)p;
}

static inline void *bs_cuda_pointer(CUdeviceptr p)
{
    return (void *)(uintptr_t)p;
}

static inline int64_t bs_cuda_elements(const bs_shape *s)
{
    int64_t n = 1;
    for (int a = 0; a < s->rank; a++)
        n *= s->dim[a];
    return n;
}

/* Returns the type of the elements in a tensor's rows: its own if that has 16 bits, else floats. */
static inline bs_dtype bs_cuda_type(const bs_network *n, int tensor)
{
    bs_dtype type = n->graph->tensors[tensor].type;
    return bs_is_half(type) && !n->in_floats ? type : BS_DTYPE_FP32;
}

/* Returns rows of a tensor to which values are written that it may have, as they are. */
static inline bs_out bs_cuda_out(const bs_network *n, int tensor, void *rows)
{
    return (bs_out){rows, {bs_cuda_type(n, tensor), 1.0f}};
}

/* card.c. Gets the one instance of a card, made on first use. */
bs_status bs_cuda_card_get(const bs_cuda_card **out, const bs_cuda_api *api, CUdevice handle);

/* device.c */
int bs_cuda_device_count(char *why, size_t len);
bs_status bs_cuda_open(bs_device **out, int ordinal, const char *options);
void bs_cuda_close(bs_device *d);
void bs_cuda_describe(const bs_device *d, bs_device_info *out);
/* Makes the device's context current in the calling thread. */
bs_status bs_cuda_enter(const bs_device *d);

/* The kernels for all architectures of this build, in the form that cuModuleLoadData() takes. */
extern const unsigned char bs_cuda_kernel_image[];

#endif
