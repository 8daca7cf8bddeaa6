/* The network as bitsink sees it: an inference graph after import, constant folding and shape inference.
 *
 * Tensors and nodes are in file (topological) order. Every node has exactly one output (an ONNX node with
 * several, such as Split, is imported as several nodes). The batch axis is symbolic: a batched tensor's shape
 * leaves it out, wherever the file has it, so `shape` and `elements` describe one sample. Integer inputs of
 * operators (axes, pads, slices, shapes) are absorbed into `bs_node.attr`; what remains in `bs_node.in` is
 * float data. Immutable once imported; safe to share between threads. */
#ifndef BS_MODEL_GRAPH_H
#define BS_MODEL_GRAPH_H

#include "base/error.h"
#include "dtype.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BS_MAX_RANK = 6 };

/* Element by element: X(enum suffix, ONNX operator name, result, then twice: attribute name or NULL,
 * default). `result` computes from x and the attributes a and b (bs_attr.alpha and beta); kernels/ops.h has
 * the functions. One line here adds an operator to the importer, to constant folding and to the backends. */
#define BS_UNARY_OPS(X)                                                                                      \
    X(RELU, "Relu", bs_relu(x), NULL, 0, NULL, 0)                                                            \
    X(LEAKY_RELU, "LeakyRelu", bs_leaky_relu(x, a), "alpha", 0.01f, NULL, 0)                                 \
    X(ELU, "Elu", bs_elu(x, a), "alpha", 1, NULL, 0)                                                         \
    X(CELU, "Celu", bs_celu(x, a), "alpha", 1, NULL, 0)                                                      \
    X(SELU, "Selu", bs_selu(x, a, b), "alpha", 1.67326319f, "gamma", 1.05070102f)                            \
    X(SIGMOID, "Sigmoid", bs_sigmoid(x), NULL, 0, NULL, 0)                                                   \
    X(HARD_SIGMOID, "HardSigmoid", bs_hard_sigmoid(x, a, b), "alpha", 0.2f, "beta", 0.5f)                    \
    X(HARD_SWISH, "HardSwish", bs_hard_swish(x), NULL, 0, NULL, 0)                                           \
    X(TANH, "Tanh", bs_tanh(x), NULL, 0, NULL, 0)                                                            \
    X(ERF, "Erf", bs_erf(x), NULL, 0, NULL, 0)                                                               \
    X(GELU, "Gelu", bs_gelu(x, a), NULL, 0, NULL, 0) /* a: 1 for the approximation by tanh */                \
    X(SOFTPLUS, "Softplus", bs_softplus(x), NULL, 0, NULL, 0)                                                \
    X(SOFTSIGN, "Softsign", bs_softsign(x), NULL, 0, NULL, 0)                                                \
    X(MISH, "Mish", bs_mish(x), NULL, 0, NULL, 0)                                                            \
    X(EXP, "Exp", bs_exp(x), NULL, 0, NULL, 0)                                                               \
    X(LOG, "Log", bs_log(x), NULL, 0, NULL, 0)                                                               \
    X(SQRT, "Sqrt", bs_sqrt(x), NULL, 0, NULL, 0)                                                            \
    X(RECIPROCAL, "Reciprocal", bs_div(1.0f, x), NULL, 0, NULL, 0)                                           \
    X(NEG, "Neg", bs_neg(x), NULL, 0, NULL, 0)                                                               \
    X(ABS, "Abs", bs_abs(x), NULL, 0, NULL, 0)                                                               \
    X(FLOOR, "Floor", bs_floor(x), NULL, 0, NULL, 0)                                                         \
    X(CEIL, "Ceil", bs_ceil(x), NULL, 0, NULL, 0)                                                            \
    X(SIN, "Sin", bs_sin(x), NULL, 0, NULL, 0)                                                               \
    X(COS, "Cos", bs_cos(x), NULL, 0, NULL, 0)

/* X(enum suffix, ONNX operator name, result from the elements a and b). Operands broadcast. */
#define BS_BINARY_OPS(X)                                                                                     \
    X(ADD, "Add", bs_add(a, b))                                                                              \
    X(SUB, "Sub", bs_sub(a, b))                                                                              \
    X(MUL, "Mul", bs_mul(a, b))                                                                              \
    X(DIV, "Div", bs_div(a, b))                                                                              \
    X(POW, "Pow", bs_pow(a, b))                                                                              \
    X(PRELU, "PRelu", bs_leaky_relu(a, b))                                                                   \
    X(EQUAL, "Equal", (float)(a == b))                                                                       \
    X(GREATER, "Greater", (float)(a > b))                                                                    \
    X(LESS, "Less", (float)(a < b))

/* The same for one operand or more, from left to right. */
#define BS_VARIADIC_OPS(X)                                                                                   \
    X(SUM, "Sum", bs_add(a, b))                                                                              \
    X(MIN, "Min", bs_min_nan(a, b))                                                                          \
    X(MAX, "Max", bs_max_nan(a, b))

/* X(enum suffix, ONNX operator name, start, next sum from s and the element x, result from s and the count
 * n).
 */
#define BS_REDUCE_OPS(X)                                                                                     \
    X(REDUCE_MEAN, "ReduceMean", 0.0f, bs_add(s, x), bs_div(s, n))                                           \
    X(REDUCE_SUM, "ReduceSum", 0.0f, bs_add(s, x), s)                                                        \
    X(REDUCE_MAX, "ReduceMax", -INFINITY, bs_max_nan(s, x), s)                                               \
    X(REDUCE_MIN, "ReduceMin", INFINITY, bs_min_nan(s, x), s)                                                \
    X(REDUCE_L1, "ReduceL1", 0.0f, bs_add(s, bs_abs(x)), s)                                                  \
    X(REDUCE_L2, "ReduceL2", 0.0f, bs_add(s, bs_mul(x, x)), bs_sqrt(s))                                      \
    X(REDUCE_SUM_SQUARE, "ReduceSumSquare", 0.0f, bs_add(s, bs_mul(x, x)), s)                                \
    X(GLOBAL_AVERAGE_POOL, "GlobalAveragePool", 0.0f, bs_add(s, x), bs_div(s, n))

/* X(enum suffix, ONNX operator name, ...). All operators that can remain in a graph. */
#define BS_OPS(X)                                                                                            \
    X(CONV, "Conv")                                                                                          \
    X(GEMM, "Gemm")                                                                                          \
    X(MATMUL, "MatMul")                                                                                      \
    X(BATCH_NORM, "BatchNormalization")                                                                      \
    X(LAYER_NORM, "LayerNormalization")                                                                      \
    X(INSTANCE_NORM, "InstanceNormalization")                                                                \
    BS_UNARY_OPS(X)                                                                                          \
    X(CLIP, "Clip")                                                                                          \
    BS_BINARY_OPS(X)                                                                                         \
    BS_VARIADIC_OPS(X)                                                                                       \
    X(WHERE, "Where")                                                                                        \
    X(MAX_POOL, "MaxPool")                                                                                   \
    X(AVERAGE_POOL, "AveragePool")                                                                           \
    BS_REDUCE_OPS(X)                                                                                         \
    X(CONCAT, "Concat")                                                                                      \
    X(SLICE, "Slice")                                                                                        \
    X(GATHER, "Gather")                                                                                      \
    X(PAD, "Pad")                                                                                            \
    X(EXPAND, "Expand")                                                                                      \
    X(TILE, "Tile")                                                                                          \
    X(RESIZE, "Resize")                                                                                      \
    X(RESHAPE, "Reshape")                                                                                    \
    X(FLATTEN, "Flatten")                                                                                    \
    X(SQUEEZE, "Squeeze")                                                                                    \
    X(UNSQUEEZE, "Unsqueeze")                                                                                \
    X(TRANSPOSE, "Transpose")                                                                                \
    X(SOFTMAX, "Softmax")                                                                                    \
    X(LOG_SOFTMAX, "LogSoftmax")                                                                             \
    X(LRN, "LRN")                                                                                            \
    X(DROPOUT, "Dropout")                                                                                    \
    X(IDENTITY, "Identity")

/* The operator name in an X(suffix, ...) of BS_OPS: BS_OP_NAME(__VA_ARGS__, 0). */
#define BS_OP_NAME(name, ...) name

typedef enum bs_op {
#define X(suffix, ...) BS_OP_##suffix,
    BS_OPS(X)
#undef X
        BS_OP_COUNT
} bs_op;

const char *bs_op_name(bs_op op);
/* May its operands have different shapes, aligned at their last axes? */
bool bs_op_broadcasts(bs_op op);

typedef struct bs_shape {
    int rank;
    int64_t dim[BS_MAX_RANK];
} bs_shape;

typedef struct bs_tensor {
    char *name;       /* as in the file */
    bool constant;    /* a parameter: `data` is set, shape is the whole tensor's */
    bs_shape shape;   /* one sample's, logical order: (C, H, W), (K), (T, C) ... */
    int64_t elements; /* product of shape */
    bs_dtype type;    /* of each value as stored, 0: fp32; `data` and rows are float all the same */
    float *data;      /* parameters only: file order, row-major */
    int producer;     /* node index, -1 for the input and parameters */
    int target;       /* target id, -1 if no fault can be injected here */
} bs_tensor;

/* Bits that its values are stored in. */
static inline int64_t bs_tensor_bits(const bs_tensor *t)
{
    return t->elements * bs_dtype_word_of(t->type).bits;
}

/* Geometry of Conv, MaxPool, AveragePool; auto_pad is resolved at import. Order: rows, columns. */
typedef struct bs_window {
    int kernel[2], stride[2], dilation[2];
    int pad[4];                        /* top, left, bottom, right; may be negative nowhere */
    int group;                         /* Conv */
    bool ceil_mode, count_include_pad; /* pools */
} bs_window;

/* X(enum suffix, ONNX name). Resize: how many neighbours along each axis make an element: 2, 1, 4. */
#define BS_RESIZE_MODES(X)                                                                                   \
    X(LINEAR, "linear")                                                                                      \
    X(NEAREST, "nearest")                                                                                    \
    X(CUBIC, "cubic")

/* Resize: which coordinate of the input an output coordinate means. */
#define BS_RESIZE_COORDINATES(X)                                                                             \
    X(HALF_PIXEL, "half_pixel")                                                                              \
    X(PYTORCH_HALF_PIXEL, "pytorch_half_pixel")                                                              \
    X(ALIGN_CORNERS, "align_corners")                                                                        \
    X(ASYMMETRIC, "asymmetric")                                                                              \
    X(TF_HALF_PIXEL, "tf_half_pixel_for_nn")

/* Resize, nearest: how that coordinate is rounded. */
#define BS_RESIZE_ROUNDINGS(X)                                                                               \
    X(PREFER_FLOOR, "round_prefer_floor")                                                                    \
    X(PREFER_CEIL, "round_prefer_ceil")                                                                      \
    X(FLOOR, "floor")                                                                                        \
    X(CEIL, "ceil")

/* Pad: what stands where the input has nothing: attr.value, the input mirrored at its first and last element,
 * or those elements themselves. */
#define BS_PAD_MODES(X)                                                                                      \
    X(CONSTANT, "constant")                                                                                  \
    X(REFLECT, "reflect")                                                                                    \
    X(EDGE, "edge")

#define X(suffix, name) BS_PAD_##suffix,
enum bs_pad_mode { BS_PAD_MODES(X) BS_PAD_MODE_COUNT };
#undef X
#define X(suffix, name) BS_RESIZE_##suffix,
enum bs_resize_mode { BS_RESIZE_MODES(X) BS_RESIZE_MODE_COUNT };
#undef X
#define X(suffix, name) BS_RESIZE_##suffix,
enum bs_resize_coordinate { BS_RESIZE_COORDINATES(X) BS_RESIZE_COORDINATE_COUNT };
#undef X
#define X(suffix, name) BS_RESIZE_ROUND_##suffix,
enum bs_resize_rounding { BS_RESIZE_ROUNDINGS(X) BS_RESIZE_ROUNDING_COUNT };
#undef X

/* Rows, columns. */
typedef struct bs_resize {
    int mode, coordinate, rounding;
    float scale[2];       /* output size / input size, as the file says it */
    float cubic;          /* cubic: the parameter a of the kernel */
    bool exclude_outside; /* cubic: neighbours outside have weight 0, else they repeat the edge */
} bs_resize;

typedef struct bs_attr {
    bs_window window;
    bs_resize resize;
    bool trans_b;               /* Gemm: B is (N, K) */
    float alpha, beta;          /* Gemm; LRN; see BS_UNARY_OPS */
    float epsilon;              /* normalisations; LRN bias */
    float low, high;            /* Clip where the bounds are not tensors of the file (attributes or absent) */
    int pad_mode;               /* Pad */
    float value;                /* Pad, constant */
    int size;                   /* LRN */
    int axis;                   /* Concat, Gather, (Log)Softmax, LayerNormalization: per-sample axis */
    bool reduce[BS_MAX_RANK];   /* reductions: per-sample axes */
    int64_t begin[BS_MAX_RANK]; /* Slice start / Pad before (constant: may be negative: crop), per sample */
    int64_t end[BS_MAX_RANK];   /* Pad after */
    int64_t step[BS_MAX_RANK];  /* Slice, non-zero, may be negative */
    int perm[BS_MAX_RANK];      /* Transpose, per-sample axes */
} bs_attr;

/* Inputs by operator (indices of tensors, -1 = absent):
 *   Conv: x, weight (M, C/g, kH, kW), bias (M)
 *   Gemm: x (K) or (rows, K), weight, bias (N or 1)
 *   MatMul: a (..., M, K) or (K), b (..., K, N), either may be constant; leading axes broadcast
 *   BatchNormalization: x, scale, bias, mean, var
 *   LayerNormalization, InstanceNormalization: x, scale, bias (LayerNormalization: may be absent)
 *   Clip: x, min, max (scalars)
 *   Where: condition (true where not 0), value if true, value if false
 *   binary and variadic operators, Concat: all inputs; shapes broadcast, aligned at the last per-sample axis;
 *   a constant has lost the axis that meets the batch
 * Gather: element `index[k]` of axis attr.axis is the output's k-th; a scalar index removes the axis. */
typedef struct bs_node {
    char *name; /* as in the file, or the output's name where the file has none */
    bs_op op;
    int n_in;
    int *in;
    int out;
    bs_attr attr;
    int32_t *index; /* Gather: n_index indices, none negative; else NULL */
    int n_index;
    int64_t macs; /* multiply-accumulates a sample (Conv, Gemm, MatMul), 0 else */
} bs_node;

/* X(enum suffix, name). What kind of tensor a target is. */
#define BS_TARGET_KINDS(X)                                                                                   \
    X(INPUT, "input")           /* the network's input */                                                    \
    X(ACTIVATION, "activation") /* a node's output */                                                        \
    X(WEIGHT, "weight")         /* Conv, Gemm, MatMul input 1 */                                             \
    X(BIAS, "bias")             /* Conv, Gemm input 2 */                                                     \
    X(NORM, "norm")             /* normalisations: scale, bias, mean, variance */                            \
    X(CONSTANT, "constant")     /* any other float parameter */

typedef enum bs_target_kind {
#define X(suffix, name) BS_TARGET_##suffix,
    BS_TARGET_KINDS(X)
#undef X
        BS_TARGET_KIND_COUNT
} bs_target_kind;

const char *bs_target_kind_name(bs_target_kind kind);

/* A tensor in which faults can be injected. Ids count the input, then the file's initializers, then node
 * outputs, each in file order, skipping what constant folding dissolved; at most 4096. */
typedef struct bs_target {
    int tensor;
    int node; /* producer; for parameters the first consumer; -1 for the input */
    bs_target_kind kind;
} bs_target;

typedef struct bs_graph {
    bs_tensor *tensors;
    int n_tensors;
    bs_node *nodes; /* topological order */
    int n_nodes;
    bs_target *targets; /* index = id */
    int n_targets;
    int input, output; /* tensor indices; one of each */
    int classes;       /* elements of the output */
    bool ends_in_softmax;
    int64_t macs;    /* a sample */
    char sha256[65]; /* of the model file, and of weights it keeps in other files */
} bs_graph;

/* Imports an ONNX file (opset 7 to 18). *out is freed with bs_graph_free(). Errors name node and operator. */
bs_status bs_graph_import(bs_graph **out, const char *path);
void bs_graph_free(bs_graph *g);

/* Does the node repeat input k, an activation (C, 1, 1), over the rows and columns of its output? */
bool bs_graph_spreads(const bs_graph *g, const bs_node *n, int k);
/* The most inputs that any node has, at least 1. */
int bs_graph_max_inputs(const bs_graph *g);
/* Id of the target with this tensor name, or of the activation of the node with this name; -1 if none. */
int bs_graph_find_target(const bs_graph *g, const char *name);
/* "no target 'x'" with the nearest name as hint; always fails. */
bs_status bs_graph_unknown_target(const bs_graph *g, const char *name);
/* "64x112x112" into buf; returns buf. */
const char *bs_shape_text(const bs_shape *s, char *buf, size_t len);
/* Is `kind` a parameter (weight, bias, norm, constant)? A fault there outlives one inference. */
bool bs_target_is_parameter(bs_target_kind kind);

/* Is input k of the node there? */
static inline bool bs_node_has_input(const bs_node *n, int k)
{
    return k < n->n_in && n->in[k] >= 0;
}

/* A MatMul of an activation by a constant matrix? */
bool bs_matmul_by_weights(const bs_graph *g, const bs_node *n);

#endif
