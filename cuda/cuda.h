/* The CUDA backend's inside: what a device, a loaded network and a lane consist of.
 *
 * Every tensor lies in device memory row-major in logical order, one row a sample, so an element's number is
 * its place. A lane has a stream of its own; all it does is queued there, and only what must be known on the
 * host (comparisons, answers, bits before a fault) waits for it. */
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

/* What computes convolutions: chosen for each layer at load. */
typedef enum bs_cuda_engine {
    BS_CUDA_AUTO,   /* cuDNN where its patches are exact, else products */
    BS_CUDA_DNN,    /* cuDNN, one pinned engine of it */
    BS_CUDA_GEMM,   /* unfolded rows and one pinned algorithm of cuBLASLt */
    BS_CUDA_DIRECT, /* a kernel of ours, an output a thread: grouped convolutions */
} bs_cuda_engine;

typedef struct bs_cuda_options {
    bs_cuda_engine engine;
    bool tf32;
} bs_cuda_options;

/* What a process makes of a card when it first opens it, and keeps until it ends: making it takes long, and
 * nothing of it depends on options. Any thread may use it. */
typedef struct bs_cuda_card {
    struct bs_cuda_card *next;
    CUdevice handle;
    CUcontext context; /* the primary one */
    CUmodule module;
    CUfunction kernel[BS_KERNEL_COUNT];
    cublasLtHandle_t blas;
} bs_cuda_card;

struct bs_device {
    const bs_cuda_api *api;
    bs_cuda_options options;
    const bs_cuda_card *card;
};

/* One algorithm for all products of rows with the same filters, whatever their number. */
typedef struct bs_cuda_gemm {
    int64_t width, depth; /* filters, and their length */
    int64_t rows;         /* as many as it was tried with: more are computed in pieces; 0: any number */
    cublasLtMatmulAlgo_t algo;
    bool pinned; /* false: there is no such algorithm, the plain kernel computes them */
} bs_cuda_gemm;

/* What load() made of a node. Filters are rows: weights (filters, length), bias by filter. */
typedef struct bs_cuda_plan {
    CUdeviceptr *param; /* by input, 0 where it is no parameter; owned */
    bs_cuda_engine engine;
    bs_cuda_gemm gemm;
    bs_cudnn_pin dnn;
    int64_t filters, length, repeat; /* Conv, Gemm, MatMul by weights; repeat: rows a sample, Conv: 1 */
    int64_t stride_m, stride_k;      /* of the weights in file order */
    float weight_scale, bias_scale;
} bs_cuda_plan;

struct bs_network {
    bs_device *device;
    const bs_graph *graph;
    bs_plane *planes;   /* by tensor */
    bs_cuda_plan *plan; /* by node */
    int max_inputs;
};

/* Device memory that grows and is reused. Zero-initialise. */
typedef struct bs_cuda_buffer {
    CUdeviceptr ptr;
    size_t bytes;
} bs_cuda_buffer;

/* A finalised cuDNN plan of a node. */
typedef struct bs_cuda_dnn_plan bs_cuda_dnn_plan;

struct bs_lane {
    bs_network *network;
    CUstream stream;
    /* Small host arrays on their way to the device: a ring of pinned memory, copied to the same place of its
     * twin on the device when a kernel is launched. Up to `sent` that is done. What a
     * kernel finds out may be written to that place, too, and is fetched from there. */
    char *pinned;
    CUdeviceptr staged;
    size_t stage_at, sent;
    char *landing; /* pinned memory for what comes back */
    size_t landing_bytes;
    bs_cuda_buffer workspace; /* of libraries */
    bs_cuda_buffer rows;      /* inputs put side by side */
    bs_cuda_buffer unfolded, products;
    bs_cuda_buffer filters, bias; /* faulty parameters */
    bs_cuda_buffer computed;      /* channels of faulty filters */
    bs_cuda_buffer result;        /* what comes back, on the device */
    bs_cudnn *dnn;                /* NULL: no layer needs it */
    bs_cuda_dnn_plan **dnn_plans; /* by node, lists */
    CUdeviceptr *param;           /* max_inputs, for a run with a faulty parameter */
    bs_view *view;                /* the same */
    bs_shape *shape;              /* the same, of the running node's inputs */
};

/* A node about to run: its own shapes, or those of its patches. */
typedef struct bs_cuda_job {
    bs_lane *lane;
    int index; /* of the node */
    const bs_node *node;
    bs_attr attr;             /* patches: without padding */
    const bs_shape *in_shape; /* by input; parameters: the whole tensor's */
    bs_shape out_shape;
    const CUdeviceptr *param;
    int n;
    const bs_view *in;
    CUdeviceptr out;
} bs_cuda_job;

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

/* card.c: the card's one and only. */
bs_status bs_cuda_card_get(const bs_cuda_card **out, const bs_cuda_api *api, CUdevice handle);

/* device.c */
int bs_cuda_device_count(char *why, size_t len);
bs_status bs_cuda_open(bs_device **out, int ordinal, const char *options);
void bs_cuda_close(bs_device *d);
void bs_cuda_describe(const bs_device *d, bs_device_info *out);
/* Makes the device's context the calling thread's. */
bs_status bs_cuda_enter(const bs_device *d);

/* lane.c */
bs_status bs_cuda_lane_open(bs_lane **out, bs_network *n);
void bs_cuda_lane_close(bs_lane *l);
bs_status bs_cuda_wait(bs_lane *l);
/* Room for so many bytes; what was there is lost. */
bs_status bs_cuda_reserve(bs_lane *l, bs_cuda_buffer *b, size_t bytes);
/* Frees blocks of device memory (0: none), when all that the lane has asked for is done: the driver need not
 * wait for kernels that still read them. */
void bs_cuda_release(bs_lane *l, const CUdeviceptr *all, size_t n);
/* Copies a host array to the device; the address is good for the kernel that is launched next. */
bs_status bs_cuda_stage(bs_lane *l, CUdeviceptr *out, const void *data, size_t bytes);
/* The same with the array still to be written, to *host. */
bs_status bs_cuda_stage_room(bs_lane *l, void **host, CUdeviceptr *out, size_t bytes);
/* Copies device memory to the host and waits for it. */
bs_status bs_cuda_fetch(bs_lane *l, void *to, CUdeviceptr from, size_t bytes);
/* Runs a kernel on `samples` x `items`; args: its argument structure. */
bs_status bs_cuda_launch(bs_lane *l, bs_kernel_id kernel, int64_t samples, int64_t items, const void *args);
/* The operand of n samples of `elements` each; rows are staged. */
bs_status bs_cuda_operand(bs_lane *l, bs_operand *out, int n, bs_view v, int64_t elements);

/* network.c */
bs_status bs_cuda_load(bs_network **out, bs_device *d, const bs_graph *g);
void bs_cuda_unload(bs_network *n);
size_t bs_cuda_row_bytes(const bs_network *n, int tensor);
/* Place and value of a faulty element of input `slot` in the prepared parameter. */
bs_site bs_cuda_param_site(const bs_network *n, int node, int slot, bs_site s);

/* Rows of products are as long as a multiple of 32 filters, so that each is aligned alike. */
static inline int64_t bs_cuda_padded(int64_t filters)
{
    return (filters + 31) / 32 * 32;
}

/* gemm.c, gemm_search.c: products [rows][width] = rows [rows][depth] times filters [width][depth]. All
 * addresses are multiples of 256 bytes, as cuBLASLt's heuristics take for granted. */
/* Pins the first algorithm whose bits do not depend on the batch; there may be none: g->pinned. `rows`: so
 * many as a large batch has; filters: on the device. */
bs_status bs_cuda_gemm_pin(bs_cuda_gemm *g, bs_lane *l, int64_t rows, int64_t width, int64_t depth,
                           CUdeviceptr filters);
/* The algorithms that cuBLASLt's heuristics name for so many rows and that may be tried, best first (see
 * gemm_search.c); *proposed: how many it named in all. */
bs_status bs_cuda_gemm_algorithms(cublasLtMatmulAlgo_t *out, int most, int *n, int *proposed,
                                  const bs_device *d, int64_t rows, int64_t width, int64_t depth);
/* w: rows of `filters` of `depth`; products: rows of bs_cuda_padded(width). */
bs_status bs_cuda_gemm_run(bs_lane *l, const bs_cuda_gemm *g, int64_t rows, int64_t width, CUdeviceptr x,
                           CUdeviceptr w, CUdeviceptr products);

/* matrix.c: Gemm, and MatMul by weights. */
bool bs_cuda_is_matrix(const bs_graph *g, const bs_node *n);
bs_status bs_cuda_run_matrix(const bs_cuda_job *j);
/* n samples times `width` filters: `repeat` rows a sample, compact rows of `width` in out. */
bs_status bs_cuda_matrix(const bs_cuda_job *j, int n, bs_view in, int64_t width, CUdeviceptr filters,
                         CUdeviceptr bias, CUdeviceptr out);

/* conv.c. `filters` of them, which may be faulty copies: first[f] is the first channel that filter f reads
 * (device; 0: as the node says). Output: (n, filters, out pixels). */
bs_status bs_cuda_run_conv(const bs_cuda_job *j);
bs_status bs_cuda_conv(const bs_cuda_job *j, int n, bs_view in, int64_t filters, CUdeviceptr weights,
                       CUdeviceptr bias, CUdeviceptr first, CUdeviceptr out);

/* conv_dnn.c: the same by the node's pinned engine of cuDNN. WORKSPACE: bytes that an engine may ask for,
 * when it is proposed and when it runs; MOST: samples that are computed at once, ever. */
enum { BS_CUDA_DNN_WORKSPACE = 256 << 20, BS_CUDA_DNN_MOST = 256 };
bs_status bs_cuda_conv_dnn(const bs_cuda_job *j, int n, bs_view in, int64_t filters, CUdeviceptr weights,
                           CUdeviceptr bias, CUdeviceptr out);
/* Makes the lane's handle, if it has none yet. */
bs_status bs_cuda_dnn_start(bs_lane *l);
/* Samples of so many elements in and out that are computed at once, at most: engines are tried with as many.
 */
int bs_cuda_dnn_most(int64_t in, int64_t out);
/* The shape of so many samples and filters. */
bs_cudnn_shape bs_cuda_dnn_shape(const bs_cuda_job *j, int64_t batch, int64_t filters);
void bs_cuda_dnn_close(bs_lane *l);

/* choose.c: what computes each convolution and product; run once, when parameters are on the device. */
bs_status bs_cuda_choose_engines(bs_network *n);

/* matrix.c, too: n rows of `elements` side by side at an address that is a multiple of `alignment`: copied to
 * lane->rows, which gets room for `room` of them, where they are not. */
bs_status bs_cuda_line_up(bs_lane *l, int n, int room, bs_view in, int64_t elements, CUdeviceptr *out);

/* nest.c */
/* Starts as bs_nest_begin(), gets its axes from the first to the last. Strides of at most four arrays. */
void bs_cuda_nest_begin(bs_nest *n);
void bs_cuda_nest_add(bs_nest *n, int64_t dim, int64_t s0, int64_t s1, int64_t s2, int64_t s3);
/* Stride of `in` along axis a of `out`, to which it broadcasts. */
int64_t bs_cuda_broadcast_stride(const bs_shape *in, const bs_shape *out, int a);
int64_t bs_cuda_stride(const bs_shape *s, int axis);

/* operators.c, movers.c */
typedef bs_status (*bs_cuda_runner)(const bs_cuda_job *j);
bs_status bs_cuda_run_unary(const bs_cuda_job *j);
bs_status bs_cuda_run_clip(const bs_cuda_job *j);
bs_status bs_cuda_run_broadcast(const bs_cuda_job *j);
bs_status bs_cuda_run_where(const bs_cuda_job *j);
bs_status bs_cuda_run_batch_norm(const bs_cuda_job *j);
bs_status bs_cuda_run_layer_norm(const bs_cuda_job *j);
bs_status bs_cuda_run_instance_norm(const bs_cuda_job *j);
bs_status bs_cuda_run_softmax(const bs_cuda_job *j);
bs_status bs_cuda_run_lrn(const bs_cuda_job *j);
bs_status bs_cuda_run_pool(const bs_cuda_job *j);
bs_status bs_cuda_run_reduce(const bs_cuda_job *j);
bs_status bs_cuda_run_matmul(const bs_cuda_job *j);
bs_status bs_cuda_run_reshape(const bs_cuda_job *j);
bs_status bs_cuda_run_transpose(const bs_cuda_job *j);
bs_status bs_cuda_run_concat(const bs_cuda_job *j);
bs_status bs_cuda_run_slice(const bs_cuda_job *j);
bs_status bs_cuda_run_pad(const bs_cuda_job *j);
bs_status bs_cuda_run_expand(const bs_cuda_job *j);
bs_status bs_cuda_run_tile(const bs_cuda_job *j);
bs_status bs_cuda_run_gather(const bs_cuda_job *j);
bs_status bs_cuda_run_resize(const bs_cuda_job *j);
/* Input k of the job as an operand: a parameter, or rows of activations. */
bs_status bs_cuda_input(const bs_cuda_job *j, int k, bs_operand *out);

/* backend.c */
bs_status bs_cuda_copy_rows(bs_lane *l, int tensor, int n, bs_view src, void *dst);
bs_status bs_cuda_copy(bs_lane *l, void *dst, const void *src, size_t bytes);

/* run.c */
/* The node as a whole, on n samples. */
bs_cuda_job bs_cuda_make_job(bs_lane *l, int node, const CUdeviceptr *param, int n, const bs_view *in,
                             CUdeviceptr out);
/* Ends every way to run a node: its n * elements outputs become values of the output's type. */
bs_status bs_cuda_finish_node(bs_lane *l, int node, int n, int64_t elements, CUdeviceptr out);
bs_status bs_cuda_run(bs_lane *l, int node, int n, const bs_view *in, void *out);
bs_status bs_cuda_run_with(bs_lane *l, int node, const CUdeviceptr *param, int n, const bs_view *in,
                           CUdeviceptr out);
bs_status bs_cuda_run_patch(bs_lane *l, int node, int n, const int in_size[2], const bs_view *in,
                            const int out_size[2], void *out);

/* faulty.c, faulty_channels.c */
/* Faulty filters evaluated together, at most, as engines are tried with; there may be more of them than the
 * node has filters. Trials with more different ones run the whole node. */
enum { BS_CUDA_MOST_FILTERS = 128 };
/* Row f of `to` becomes row from[f] (staged) of a parameter, of `length` floats each. */
bs_status bs_cuda_copy_filters(bs_lane *l, int filters, CUdeviceptr from, CUdeviceptr param, int64_t length,
                               bs_cuda_buffer *to);
bs_status bs_cuda_run_faulty(bs_lane *l, int node, int slot, int n, const bs_view *in, bs_view golden_out,
                             const bs_faults *f, bs_faulty_mode mode, void *out);

/* patch.c */
size_t bs_cuda_patch_bytes(const bs_network *n, int tensor, const int size[2]);
bool bs_cuda_patch_supported(bs_network *n, int node, const int in_size[2], const int out_size[2]);
bs_status bs_cuda_gather(bs_lane *l, int tensor, int n, bs_view golden, const void *live,
                         const bs_patches *live_at, const bs_patches *want, float fill, void *dst);
bs_status bs_cuda_inject(bs_lane *l, int tensor, int n, void *rows, const bs_faults *f);
bs_status bs_cuda_inject_patch(bs_lane *l, int tensor, int n, const bs_patches *at, void *rows,
                               const bs_faults *f);
bs_status bs_cuda_compare(bs_lane *l, int tensor, int n, const void *rows, bs_view golden, uint8_t *equal);
bs_status bs_cuda_compare_patch(bs_lane *l, int tensor, int n, const bs_patches *at, const void *rows,
                                bs_view golden, uint8_t *equal);
bs_status bs_cuda_bounds(bs_lane *l, int tensor, int n, bs_view rows, bs_view golden, int32_t (*bounds)[4]);
/* Rows of `elements`, wherever they are: those of `rows` against those of `golden`. */
bs_status bs_cuda_compare_rows(bs_lane *l, int n, int64_t elements, bs_operand rows, bs_operand golden,
                               uint8_t *equal);

/* The kernels for all architectures built for, as cuModuleLoadData() takes them. */
extern const unsigned char bs_cuda_kernel_image[];

#endif
