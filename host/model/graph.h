/* The network as bitsink sees it: an inference graph after import, constant folding and shape inference.
 *
 * Tensors and nodes are in file (topological) order. Every node has exactly one output (an ONNX node with
 * several, such as Split, is imported as several nodes). The batch axis is symbolic: a batched tensor's shape
 * leaves it out, so `shape` and `elements` describe one sample. Integer inputs of operators (axes, pads,
 * slices, shapes) are absorbed into `bs_node.attr`; what remains in `bs_node.in` is float data.
 * Immutable once imported; safe to share between threads. */
#ifndef BS_MODEL_GRAPH_H
#define BS_MODEL_GRAPH_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BS_MAX_RANK = 6 };

/* X(enum suffix, ONNX operator name). The operators that can remain in a graph. */
#define BS_OPS(X)                                                                                            \
    X(CONV, "Conv")                                                                                          \
    X(GEMM, "Gemm")                                                                                          \
    X(MATMUL, "MatMul")                                                                                      \
    X(BATCH_NORM, "BatchNormalization")                                                                      \
    X(RELU, "Relu")                                                                                          \
    X(LEAKY_RELU, "LeakyRelu")                                                                               \
    X(CLIP, "Clip")                                                                                          \
    X(SIGMOID, "Sigmoid")                                                                                    \
    X(TANH, "Tanh")                                                                                          \
    X(ADD, "Add")                                                                                            \
    X(SUB, "Sub")                                                                                            \
    X(MUL, "Mul")                                                                                            \
    X(DIV, "Div")                                                                                            \
    X(SUM, "Sum")                                                                                            \
    X(MAX_POOL, "MaxPool")                                                                                   \
    X(AVERAGE_POOL, "AveragePool")                                                                           \
    X(GLOBAL_AVERAGE_POOL, "GlobalAveragePool")                                                              \
    X(REDUCE_MEAN, "ReduceMean")                                                                             \
    X(CONCAT, "Concat")                                                                                      \
    X(SLICE, "Slice")                                                                                        \
    X(PAD, "Pad")                                                                                            \
    X(RESHAPE, "Reshape")                                                                                    \
    X(FLATTEN, "Flatten")                                                                                    \
    X(SQUEEZE, "Squeeze")                                                                                    \
    X(UNSQUEEZE, "Unsqueeze")                                                                                \
    X(TRANSPOSE, "Transpose")                                                                                \
    X(SOFTMAX, "Softmax")                                                                                    \
    X(LRN, "LRN")                                                                                            \
    X(DROPOUT, "Dropout")                                                                                    \
    X(IDENTITY, "Identity")

typedef enum bs_op {
#define X(suffix, name) BS_OP_##suffix,
    BS_OPS(X)
#undef X
        BS_OP_COUNT
} bs_op;

const char *bs_op_name(bs_op op);

typedef struct bs_shape {
    int rank;
    int64_t dim[BS_MAX_RANK];
} bs_shape;

typedef struct bs_tensor {
    char *name;       /* as in the file */
    bool constant;    /* a parameter: `data` is set, shape is the whole tensor's */
    bs_shape shape;   /* one sample's, logical order: (C, H, W), (K), (T, C) ... */
    int64_t elements; /* product of shape */
    float *data;      /* parameters only: file order, row-major */
    int producer;     /* node index, -1 for the input and parameters */
    int target;       /* target id, -1 if no fault can be injected here */
} bs_tensor;

/* Geometry of Conv, MaxPool, AveragePool; auto_pad is resolved at import. Order: rows, columns. */
typedef struct bs_window {
    int kernel[2], stride[2], dilation[2];
    int pad[4];                        /* top, left, bottom, right; may be negative nowhere */
    int group;                         /* Conv */
    bool ceil_mode, count_include_pad; /* pools */
} bs_window;

typedef struct bs_attr {
    bs_window window;
    bool trans_b;               /* Gemm: B is (N, K) */
    float alpha, beta;          /* Gemm; LeakyRelu slope, LRN alpha and beta */
    float epsilon;              /* BatchNormalization; LRN bias */
    float low, high;            /* Clip where the bounds are not tensors of the file (attributes or absent) */
    float value;                /* Pad */
    int size;                   /* LRN */
    int axis;                   /* Concat, Softmax: axis of the per-sample shape */
    bool reduce[BS_MAX_RANK];   /* ReduceMean: per-sample axes */
    int64_t begin[BS_MAX_RANK]; /* Slice start / Pad before (may be negative: crop), per-sample axes */
    int64_t end[BS_MAX_RANK];   /* Pad after */
    int64_t step[BS_MAX_RANK];  /* Slice, non-zero, may be negative */
    int perm[BS_MAX_RANK];      /* Transpose, per-sample axes */
} bs_attr;

/* Inputs by operator (indices of tensors, -1 = absent):
 *   Conv: x, weight (M, C/g, kH, kW), bias (M)        Gemm: x, weight, bias (N or 1)   MatMul: x, weight (K,
 * N) BatchNormalization: x, scale, bias, mean, var     Clip: x, min, max (scalars) Add/Sub/Mul/Div: a, b
 * (either may be constant; shapes broadcast, aligned to the per-sample rank, a constant's leading batch axis
 * of 1 dropped)       Sum, Concat: all inputs */
typedef struct bs_node {
    char *name; /* as in the file, or the output's name where the file has none */
    bs_op op;
    int n_in;
    int *in;
    int out;
    bs_attr attr;
    int64_t macs; /* multiply-accumulates a sample (Conv, Gemm, MatMul), 0 else */
} bs_node;

/* X(enum suffix, name). What kind of tensor a target is. */
#define BS_TARGET_KINDS(X)                                                                                   \
    X(INPUT, "input")           /* the network's input */                                                    \
    X(ACTIVATION, "activation") /* a node's output */                                                        \
    X(WEIGHT, "weight")         /* Conv, Gemm, MatMul input 1 */                                             \
    X(BIAS, "bias")             /* Conv, Gemm input 2 */                                                     \
    X(NORM, "norm")             /* BatchNormalization scale, bias, mean, variance */                         \
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
    char sha256[65]; /* of the model file */
} bs_graph;

/* Imports an ONNX file (opset 7 to 18). *out is freed with bs_graph_free(). Errors name node and operator. */
bs_status bs_graph_import(bs_graph **out, const char *path);
void bs_graph_free(bs_graph *g);

/* Id of the target with this tensor name, or of the activation of the node with this name; -1 if none. */
int bs_graph_find_target(const bs_graph *g, const char *name);
/* "no target 'x'" with the nearest name as hint; always fails. */
bs_status bs_graph_unknown_target(const bs_graph *g, const char *name);
/* "64x112x112" into buf; returns buf. */
const char *bs_shape_text(const bs_shape *s, char *buf, size_t len);
/* Is `kind` a parameter (weight, bias, norm, constant)? A fault there outlives one inference. */
bool bs_target_is_parameter(bs_target_kind kind);

#endif
