/* Inside the CPU backend: the parts of a loaded network and of a stream, and the node runners. A stream is
 * the scratch memory of one worker thread.
 *
 * A *plan* is what load() decided about one node: prepared parameters and, for Conv, Gemm and MatMul, the
 * selected implementation. Gemm and MatMul by a weight matrix are 1x1 convolutions over a matrix [rows][K],
 * rows lying along the width, since oneDNN's inner product and matmul depend on the batch.
 *
 * Layers, lowest first, each using those before it only: layout, loops, onednn; plain; cpu_matrix; operators
 * (elementwise, cpu_data_movement, reduce, norm, matmul); patch_geometry, cpu_plan; cpu_run; filter_groups,
 * channels, cpu_faulty; boxes, cpu_patch; cpu_backend. */
#ifndef BS_CPU_CPU_H
#define BS_CPU_CPU_H

#include "backend/backend.h"
#include "backend/planes.h"
#include "cpu/layout.h"
#include "cpu/onednn.h"

enum { BS_CPU_CHUNKS = 7 }; /* chunk sizes 1, 2, 4 .. 64 */

struct bs_device {
    bs_dnn *dnn;
};

/* Convolutions are run in chunks, powers of two, so that few shapes are compiled. */
typedef struct bs_cpu_matrix {
    bs_conv_impl *impl;         /* NULL: the node is no convolution */
    bs_conv_shape shape;        /* for one chunk row */
    bool rows_in_width;         /* a chunk of r rows is a width of r, not a batch of r */
    int chunks;                 /* sizes 1 << 0 .. 1 << (chunks - 1) */
    int repeat;                 /* chunk rows a sample: 1, MatMul on (T, K): T */
    int64_t in_row, out_row;    /* floats of a chunk row */
    int64_t filter;             /* weights of one filter */
    int64_t stride_m, stride_i; /* of the weights in file order */
    float weight_scale, bias_scale;
    bool scattered; /* rows of input or output do not lie one after the other in memory */
} bs_cpu_matrix;

/* What of a layer can be computed by itself: filters, or groups of filters where there are groups. */
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

/* A convolution's patch geometry and what computes it; impl is NULL where nothing does exactly. */
typedef struct bs_cpu_geometry {
    struct bs_cpu_geometry *next;
    int in_size[2], out_size[2];
    const bs_conv_impl *impl;
    const void *packed;
    bs_conv_impl *own_impl; /* where it is not the whole layer's */
    void *own_packed;
} bs_cpu_geometry;

struct bs_network {
    bs_device *device;
    const bs_graph *graph;
    bs_cpu_layout *layout;      /* by tensor */
    bs_plane *planes;           /* by tensor */
    bs_cpu_plan *plan;          /* by node */
    bs_cpu_geometry **geometry; /* by node: a list */
    int max_inputs;
};

/* Memory that grows and is reused. Zero-initialise, free(ptr) at the end. */
typedef struct bs_cpu_buffer {
    void *ptr;
    size_t bytes;
} bs_cpu_buffer;

/* Compiled convolutions of one node with one number of filter groups. */
typedef struct bs_cpu_variant {
    struct bs_cpu_variant *next;
    int filter_groups, filters;
    int64_t in_row, out_row; /* floats of a chunk row */
    const bs_conv_impl
        *impl;              /* NULL: the selected implementation does not offer this number, or other bits */
    bs_conv_impl *own_impl; /* freed with the variant */
    bool compared;          /* with the whole layer, see filter_groups.h */
    bs_conv *conv[BS_CPU_CHUNKS];
} bs_cpu_variant;

/* A node prepared for one patch geometry (patch.c). */
typedef struct bs_cpu_patch bs_cpu_patch;

struct bs_stream {
    bs_network *network;
    bs_cpu_patch **patches;    /* by node: a list */
    bs_cpu_variant **variants; /* by node: a list */
    const void **param;        /* max_inputs pointers for a run with a faulty parameter */
    bs_view *view;             /* max_inputs views for the same */
    bs_cpu_buffer scratch;     /* oneDNN */
    bs_cpu_buffer gather;      /* input rows of a chunk */
    bs_cpu_buffer spare;       /* output rows of a chunk with rows to spare */
    bs_cpu_buffer work;        /* private to the running node */
    bs_cpu_buffer plain[3];    /* inputs 0 and 1 and the output of one sample in logical order */
    bs_cpu_buffer file, scaled, packed, bias, result; /* faulty parameters, see faulty.c */
};

/* What one node runs on. param[k] is NULL for activations. */
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

/* Row of input k of sample i, parameter or activation. */
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

/* Ends every way to run a node: its n * elements outputs become values of the output's type. */
static inline void bs_cpu_finish_node(const bs_stream *stream, int node, int64_t values, float *out)
{
    const bs_graph *g = stream->network->graph;
    bs_dtype type = g->tensors[g->nodes[node].out].type;
    if (bs_dtype_word_of(type).exact)
        return;
    for (int64_t i = 0; i < values; i++)
        out[i] = bs_dtype_round(type, out[i]);
}

/* plain.c. Room for so many bytes; what was there is lost. */
bs_status bs_cpu_reserve(bs_cpu_buffer *b, size_t bytes);
/* Input k (0 or 1) and output of a sample in logical order; where the layout is another, copies in
 * stream->plain. What was written to an output counts after bs_cpu_plain_done(). */
bs_status bs_cpu_plain_input(const bs_cpu_job *j, int k, int i, const float **out);
bs_status bs_cpu_plain_output(const bs_cpu_job *j, int i, float **out);
void bs_cpu_plain_done(const bs_cpu_job *j, int i, const float *y);

/* plan.c */
bs_status bs_cpu_plan_create(bs_network *n, int node);
void bs_cpu_plan_clear(bs_cpu_plan *p, int n_in);
size_t bs_cpu_param_bytes(const bs_network *n, int node, int input);
/* Prepares input `input` of a node from file-order data into `out` (bs_cpu_param_bytes()); `tmp` is
 * for scaled copies. */
bs_status bs_cpu_param_prepare(const bs_network *n, int node, int input, const float *file,
                               bs_cpu_buffer *tmp, void *out);

void bs_cpu_scale(float *to, const float *from, int64_t n, float factor);

/* matrix.c: Conv, Gemm, MatMul. Chunk sizes for a convolution with so many output pixels. */
int bs_cpu_conv_chunks(int64_t pixels);
/* Shape of a chunk of 1 << log_rows rows with so many filter groups. */
bs_conv_shape bs_cpu_chunk_shape(const bs_cpu_matrix *m, int filter_groups, int log_rows);
typedef struct bs_cpu_rows {
    const float *base;
    const int32_t *sample; /* sample i's row, NULL: i */
} bs_cpu_rows;
/* Sets a variant's sizes for so many filter groups. */
void bs_cpu_variant_size(bs_cpu_variant *v, const bs_cpu_matrix *m, int filter_groups);
/* The variant of a node for a number of filter groups, made on first use. */
bs_status bs_cpu_variant_get(bs_cpu_variant **out, bs_stream *stream, int node, int filter_groups);
void bs_cpu_variant_free(bs_cpu_variant *v);
/* n samples from src; dst: dense, v->filters channels. */
bs_status bs_cpu_matrix_run(bs_stream *stream, const bs_cpu_matrix *m, bs_cpu_variant *v, const void *packed,
                            const float *bias, int n, bs_cpu_rows src, float *dst);

/* Conv, Gemm, or MatMul of an activation by a weight matrix? */
bool bs_cpu_is_matrix(const bs_graph *g, const bs_node *n);

/* The runner of each family of operators. */
#define X(family, ...) bs_status bs_cpu_run_##family(const bs_cpu_job *j);
BS_OP_FAMILIES(X)
#undef X
/* elementwise.c. Array 0: an output; 1 and 2: what broadcasts to it. */
bs_cpu_nd_space bs_cpu_broadcast(const bs_cpu_layout *out, const bs_cpu_layout *a, const bs_cpu_layout *b);

/* cpu_run.c: the runner of an operator. */
bs_cpu_runner bs_cpu_runner_of(bs_op op);
/* Runs a node with the given parameters. */
bs_status bs_cpu_run_node(bs_stream *stream, int node, const void *const *param, int n, const bs_view *in,
                          float *out);

/* faulty.c */
bs_status bs_cpu_run_faulty(bs_stream *stream, int node, int input, int n, const bs_view *in,
                            bs_view golden_out, const bs_faults *f, bs_faulty_mode mode, void *out);

#endif
