/* Shared inside the CPU backend: the contents of a loaded network and of a stream, and the node runners.
 *
 * A *plan* holds what load() decided about one node: prepared parameters and, for Conv, Gemm and MatMul by a
 * weight matrix, the selected implementation. Gemm and MatMul of one row a sample run as 1x1 convolutions
 * over a matrix [rows][K], whose rows lie along the width; those of rows of tokens, and MatMul of
 * activations, are products of our own, since the results of oneDNN's inner product and matmul depend on the
 * batch.
 *
 * A *stream* is the working memory of one worker thread and the convolutions compiled for it. A *variant* of
 * a layer has another number of filters (faulty parameters), a *patch geometry* another size of plane (delta
 * replay); both are used only where they give the same bits as the whole layer.
 *
 * Files, lowest first, each using only those before it: nd_loops, layout, loops, product, onednn; plain;
 * cpu_matrix; operators (elementwise, cpu_data_movement, reduce, norm, matmul); patch_test, patch_answers,
 * patch_geometry, cpu_plan; cpu_run; filter_groups, channels, cpu_faulty; boxes, cpu_patch; views,
 * cpu_region; cpu_backend. */
#ifndef BS_CPU_CPU_H
#define BS_CPU_CPU_H

#include "backend/backend.h"
#include "backend/planes.h"
#include "backend/rounding.h"
#include "cpu/layout.h"
#include "cpu/onednn.h"
#include "cpu/product.h"

enum { BS_CPU_CHUNKS = 7 }; /* chunk sizes 1, 2, 4, .. 64 */

struct bs_device {
    bs_dnn *dnn;
    const bs_product_kernel *kernel;
};

/* A node run as a convolution, in chunks of rows that are powers of two, so that few shapes are compiled; or
 * as a product of rows of tokens by weights. */
typedef struct bs_cpu_matrix {
    bs_conv_impl *impl;              /* NULL: the node is not a convolution */
    const bs_product_kernel *kernel; /* NULL: the node is not a product by weights */
    int skip;                        /* number of implementations that the library prefers to it */
    bs_conv_shape shape;             /* of a chunk of one row */
    bool rows_in_width;              /* a chunk of r rows has width r, not batch r */
    int chunks;                      /* sizes 1 << 0 .. 1 << (chunks - 1) */
    int repeat;                      /* chunk rows of a sample: 1; of a matrix (T, K): T */
    int64_t in_row, out_row;         /* floats in a chunk row */
    int64_t filter;                  /* weights in one filter */
    int64_t stride_m, stride_i; /* strides of the weights in file order: between filters, within a filter */
    float weight_scale, bias_scale;
} bs_cpu_matrix;

/* Returns the number of parts of a layer that can be computed by themselves: filters, or the convolution's
 * groups if it has any. */
static inline int bs_cpu_filter_groups(const bs_cpu_matrix *m)
{
    return m->shape.group > 1 ? m->shape.group : m->shape.filters;
}

static inline int bs_cpu_group_filters(const bs_cpu_matrix *m)
{
    return m->shape.filters / bs_cpu_filter_groups(m);
}

typedef struct bs_cpu_plan {
    bs_cpu_matrix matrix;
    void **param; /* prepared parameter of each input, NULL for activations; owned */
} bs_cpu_plan;

/* A convolution's patch geometry and its implementation; impl is NULL if none is exact. */
typedef struct bs_cpu_geometry {
    struct bs_cpu_geometry *next;
    int in_size[2], out_size[2];
    const bs_conv_impl *impl;
    const void *packed;
    bs_conv_impl *own_impl; /* if it is not the whole layer's */
    void *own_packed;       /* unless another geometry of the node has these weights packed alike */
} bs_cpu_geometry;

/* A region prepared to run (cpu_region.c). */
typedef struct bs_cpu_region bs_cpu_region;

struct bs_network {
    bs_device *device;
    const bs_graph *graph;
    bs_cpu_layout *layout;      /* by tensor */
    bs_plane *planes;           /* by tensor */
    bs_cpu_plan *plan;          /* by node */
    bs_cpu_geometry **geometry; /* by node: a list */
    struct bs_cpu_answers *answers;
    bs_cpu_region *region; /* by region of the graph */
    int max_inputs;
    int threads; /* that may prepare parameters side by side */
};

/* Memory that grows and is reused. Zero-initialise it; free(ptr) at the end. */
typedef struct bs_cpu_buffer {
    void *ptr;
    size_t bytes;
} bs_cpu_buffer;

/* A node's convolution with another number of filter groups, compiled by chunk size. */
typedef struct bs_cpu_variant {
    struct bs_cpu_variant *next;
    int filter_groups, filters;
    int64_t in_row, out_row; /* floats in a chunk row */
    const bs_conv_impl
        *impl; /* NULL: a product, or the implementation does not support this number, or gives other bits */
    bs_conv_impl *own_impl; /* freed with the variant */
    bool compared;          /* with the whole layer, see filter_groups.h */
    bs_conv *conv[BS_CPU_CHUNKS];
} bs_cpu_variant;

/* A node prepared for one patch geometry (cpu_patch.c). */
typedef struct bs_cpu_patch bs_cpu_patch;

struct bs_stream {
    bs_network *network;
    bs_cpu_patch **patches;    /* by node: a list */
    bs_cpu_variant **variants; /* by node: a list */
    const void **param;        /* max_inputs pointers for a run with a faulty parameter */
    bs_view *view;             /* max_inputs views for such a run */
    bs_cpu_buffer scratch;     /* for oneDNN */
    bs_cpu_buffer gather;      /* input rows of a chunk */
    bs_cpu_buffer spare;       /* output rows of a padded chunk */
    bs_cpu_buffer work;        /* for the running node */
    bs_cpu_buffer product;     /* what the product of a region made */
    bs_cpu_buffer row_list;    /* where the rows of a product are */
    bs_cpu_buffer plain[2];    /* input 0 and the output of one sample in logical order */
    bs_cpu_buffer file, scaled, packed, bias,
        result; /* faulty parameters, see cpu_faulty.c and filter_groups.h */
};

/* The arguments of a node's runner. param[k] is NULL for activations. */
typedef struct bs_cpu_job {
    bs_stream *stream;
    const bs_graph *graph;
    const bs_node *node;
    const bs_cpu_layout *layout; /* by tensor */
    const bs_cpu_plan *plan;
    const void *const *param;
    int n;
    const bs_view *in;
    float *out;
} bs_cpu_job;

typedef bs_status (*bs_cpu_runner)(const bs_cpu_job *j);

/* Returns input k of sample i, a parameter or a row of an activation. */
static inline const float *bs_cpu_input(const bs_cpu_job *j, int k, int i)
{
    if (j->param[k])
        return j->param[k];
    int64_t row = j->in[k].rows ? j->in[k].rows[i] : i;
    return (const float *)j->in[k].base + row * j->layout[j->node->in[k]].elements;
}

static inline const bs_cpu_layout *bs_cpu_layout_in(const bs_cpu_job *j, int k)
{
    return &j->layout[j->node->in[k]];
}

static inline const bs_cpu_layout *bs_cpu_layout_out(const bs_cpu_job *j)
{
    return &j->layout[j->node->out];
}

static inline float *bs_cpu_output(const bs_cpu_job *j, int i)
{
    return j->out + i * bs_cpu_layout_out(j)->elements;
}

/* Rounds the given number of values of the node's output to its type. Ends every way to run a node. */
static inline void bs_cpu_finish_node(const bs_stream *stream, int node, int64_t values, float *out)
{
    const bs_graph *g = stream->network->graph;
    if (bs_graph_rounds(g, node))
        bs_round_values(bs_tensor_format(&g->tensors[g->nodes[node].out], 0), values, out);
}

/* plain.c. Makes room for `bytes` bytes; the previous contents are lost. */
bs_status bs_cpu_reserve(bs_cpu_buffer *b, size_t bytes);
/* Get input 0, or the output, of a sample in logical order: a copy in stream->plain if the layout is
 * another. bs_cpu_plain_done() completes an output. */
bs_status bs_cpu_plain_input(const bs_cpu_job *j, int i, const float **out);
bs_status bs_cpu_plain_output(const bs_cpu_job *j, int i, float **out);
void bs_cpu_plain_done(const bs_cpu_job *j, int i, const float *y);

/* cpu_plan.c. Makes the plans of all nodes. */
bs_status bs_cpu_plans_create(bs_network *n);
void bs_cpu_plan_clear(bs_cpu_plan *p, int n_in);
size_t bs_cpu_param_bytes(const bs_network *n, int node, int input);
/* Prepares input `input` of a node from file-order data into `out` (bs_cpu_param_bytes() bytes); `tmp` is for
 * scaled copies. */
bs_status bs_cpu_param_prepare(const bs_network *n, int node, int input, const float *file,
                               bs_cpu_buffer *tmp, void *out);

void bs_cpu_scale(float *to, const float *from, int64_t n, float factor);

/* cpu_matrix.c: Conv, Gemm, MatMul. Returns the number of chunk sizes for a convolution with `pixels` output
 * pixels. */
int bs_cpu_conv_chunks(int64_t pixels);
/* Returns the shape of a chunk of 1 << log_rows rows with `filter_groups` filter groups. */
bs_conv_shape bs_cpu_chunk_shape(const bs_cpu_matrix *m, int filter_groups, int log_rows);
typedef struct bs_cpu_rows {
    const float *base;
    const int32_t *sample; /* row of sample i; NULL: i */
} bs_cpu_rows;
/* Sets a variant's sizes for `filter_groups` filter groups. */
void bs_cpu_variant_size(bs_cpu_variant *v, const bs_cpu_matrix *m, int filter_groups);
/* Gets a node's variant for a number of filter groups, made on first use and owned by the stream. */
bs_status bs_cpu_variant_get(bs_cpu_variant **out, bs_stream *stream, int node, int filter_groups);
void bs_cpu_variant_free(bs_cpu_variant *v);
/* Runs n samples from src into dst, which is dense with v->filters channels. */
bs_status bs_cpu_matrix_run(bs_stream *stream, const bs_cpu_matrix *m, bs_cpu_variant *v, const void *packed,
                            const float *bias, int n, bs_cpu_rows src, float *dst);

/* Returns the bytes of `filters` packed filters; impl: a convolution's implementation. */
size_t bs_cpu_weights_bytes(const bs_cpu_matrix *m, const bs_conv_impl *impl, int filters);
/* Packs them; weight i of filter f is weights[f * stride_m + i * stride_i]. */
bs_status bs_cpu_weights_pack(const bs_cpu_matrix *m, const bs_conv_impl *impl, int filters,
                              const float *weights, int64_t stride_m, int64_t stride_i, void *packed);

/* matmul.c. The same as bs_cpu_matrix_run() for a product, with the first `columns` filters. */
bs_status bs_cpu_product_rows(bs_stream *stream, const bs_cpu_matrix *m, int columns, const void *packed,
                              const float *bias, int n, bs_cpu_rows src, float *dst);

/* Returns true for Conv, Gemm, and MatMul of an activation by a weight matrix. */
bool bs_cpu_is_matrix(const bs_graph *g, const bs_node *n);

/* The runner of each family of operators. */
#define X(family, ...) bs_status bs_cpu_run_##family(const bs_cpu_job *j);
BS_OP_FAMILIES(X)
#undef X
/* elementwise.c. Returns the loop space of a broadcast: array 0 is an output, 1 and 2 broadcast to it. */
bs_cpu_nd_space bs_cpu_broadcast(const bs_cpu_layout *out, const bs_cpu_layout *a, const bs_cpu_layout *b);

/* cpu_run.c. Returns the runner of an operator. */
bs_cpu_runner bs_cpu_runner_of(bs_op op);
/* Runs a node with the given parameters. */
bs_status bs_cpu_run_node(bs_stream *stream, int node, const void *const *param, int n, const bs_view *in,
                          float *out);

/* cpu_faulty.c. Implements run_faulty(). */
bs_status bs_cpu_run_faulty(bs_stream *stream, int node, int n_faulty, const bs_faulty_input *faulty, int n,
                            const bs_view *in, bs_view golden_out, bs_faulty_mode mode, void *out);

#endif
