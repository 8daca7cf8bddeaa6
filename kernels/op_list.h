/* The operators: their names and functions, and how each family of similar operators is imported, checked,
 * run and replayed. C11 and CUDA C++; shared by host and device.
 *
 * An element-wise operator is a row of BS_UNARY_TABLE, BS_TEST_TABLE, BS_ARITHMETIC_TABLE,
 * BS_COMPARISON_TABLE or BS_VARIADIC_TABLE and its function in ops.h; a reduction is a row of
 * BS_REDUCE_TABLE. Any other is a row of BS_OPS. An operator that fits no family gets a new one: a row of
 * BS_OP_FAMILIES and the functions that are named after the family:
 *
 *   bs_lower_FAMILY()       makes a bs_node of an ONNX node       host/import/lower_*.c
 *   bs_support_FAMILY()     checks attributes and shapes          host/backend/support_*.c
 *   bs_cpu_run_FAMILY()     runs a node on the CPU                host/cpu/
 *   bs_cuda_run_FAMILY()    launches its kernel on a GPU          cuda/; its row and arguments: kernels.h,
 *                                                                 its code: a .cu file
 *
 * On the CPU, rows of images may be channels last in memory: see plain.c in host/cpu/cpu.h.
 *
 * The declarations of these functions, and the arrays that select them by operator, are made from these
 * lists. */
#ifndef BS_KERNELS_OP_LIST_H
#define BS_KERNELS_OP_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BS_MAX_RANK = 6 };
/* The most nodes, and activations read from outside, of a region (host/model/graph.h). */
enum { BS_REGION_NODES = 12, BS_REGION_INPUTS = 4 };

/* X(family, axes, rows, field, parameters, memory). Operators of a family differ in attributes only, or where
 * the functions of the family test for the operator.
 *
 *   axes: how the operator interprets the axes of its tensors (host/backend/images.c)
 *       IMAGE    input 0 and the output are images (C, H, W), if of rank 3
 *       ALIKE    inputs and output have the same axes
 *       FREE     anything
 *   rows: which rows of tokens an output row depends on: carry_ROWS() of host/backend/carry.c
 *   field: the receptive field of an output pixel of images: field_FIELD() of host/replay/receptive_field.c
 *   parameters: the meaning of constant inputs
 *       LINEAR   1 weight, 2 bias
 *       NORM     scale, bias, mean, variance: lists, one element for each channel or place in a line
 *       OTHER    an operand like an activation
 *   memory: where a device that works in place keeps the output
 *       IN_PLACE in its input: each value is made of one value of one activation, or is moved
 *       NEW      elsewhere */
#define BS_OP_FAMILIES(X)                                                                                    \
    X(conv, IMAGE, none, conv, LINEAR, NEW)                                                                  \
    X(gemm, FREE, matmul, none, LINEAR, NEW)                                                                 \
    X(matmul, FREE, matmul, none, LINEAR, NEW)                                                               \
    X(batch_norm, ALIKE, batch_norm, pixel, NORM, IN_PLACE)                                                  \
    X(layer_norm, ALIKE, lines, none, NORM, NEW)                                                             \
    X(instance_norm, ALIKE, none, none, NORM, NEW)                                                           \
    X(unary, ALIKE, broadcast, broadcast, OTHER, IN_PLACE)                                                   \
    X(clip, ALIKE, broadcast, broadcast, OTHER, IN_PLACE)                                                    \
    X(broadcast, ALIKE, broadcast, broadcast, OTHER, IN_PLACE)                                               \
    X(where, ALIKE, broadcast, broadcast, OTHER, NEW)                                                        \
    X(pool, IMAGE, none, pool, OTHER, NEW)                                                                   \
    X(reduce, FREE, reduce, reduce, OTHER, NEW)                                                              \
    X(concat, ALIKE, concat, concat, OTHER, NEW)                                                             \
    X(slice, ALIKE, slice, slice, OTHER, NEW)                                                                \
    X(gather, FREE, gather, none, OTHER, NEW)                                                                \
    X(pad, ALIKE, pad, pad, OTHER, NEW)                                                                      \
    X(expand, ALIKE, broadcast, none, OTHER, NEW)                                                            \
    X(tile, ALIKE, tile, none, OTHER, NEW)                                                                   \
    X(resize, IMAGE, none, none, OTHER, NEW)                                                                 \
    X(reshape, FREE, reshape, none, OTHER, IN_PLACE)                                                         \
    X(identity, ALIKE, broadcast, broadcast, OTHER, IN_PLACE)                                                \
    X(transpose, FREE, transpose, none, OTHER, IN_PLACE)                                                     \
    X(softmax, ALIKE, lines, softmax, OTHER, NEW)                                                            \
    X(lrn, IMAGE, none, pixel, OTHER, NEW)

typedef enum bs_op_family {
#define X(family, ...) BS_FAMILY_##family,
    BS_OP_FAMILIES(X)
#undef X
        BS_OP_FAMILY_COUNT
} bs_op_family;

typedef enum bs_op_axes { BS_AXES_FREE, BS_AXES_ALIKE, BS_AXES_IMAGE } bs_op_axes;
typedef enum bs_op_parameters {
    BS_PARAMETERS_OTHER,
    BS_PARAMETERS_NORM,
    BS_PARAMETERS_LINEAR
} bs_op_parameters;
typedef enum bs_op_memory { BS_MEMORY_NEW, BS_MEMORY_IN_PLACE } bs_op_memory;

/* What an operator's output has to do with its type, which host/import/result_type.c finds:
 *     FLOAT    values are computed in fp32 and rounded to the type
 *     SAME     values are moved, of whatever type they are
 *     BOOL     values are 0 or 1, and fp32 */
typedef enum bs_type_rule { BS_TYPE_RULE_FLOAT, BS_TYPE_RULE_SAME, BS_TYPE_RULE_BOOL } bs_type_rule;

/* A table with columns of its own passes each row to R, with X before it. R is BS_OWN_COLUMNS to use these
 * columns, or a macro that turns them into the columns of BS_OPS. */
#define BS_OWN_COLUMNS(X, ...) X(__VA_ARGS__)

/* Element-wise: R(X, enum suffix, ONNX operator name, result, then twice: attribute name or NULL, default).
 * `result` computes from x and the attributes a and b (bs_attr.alpha and beta). */
#define BS_UNARY_TABLE(R, X)                                                                                 \
    R(X, RELU, "Relu", bs_relu(x), NULL, 0, NULL, 0)                                                         \
    R(X, LEAKY_RELU, "LeakyRelu", bs_leaky_relu(x, a), "alpha", 0.01f, NULL, 0)                              \
    R(X, ELU, "Elu", bs_elu(x, a), "alpha", 1, NULL, 0)                                                      \
    R(X, CELU, "Celu", bs_celu(x, a), "alpha", 1, NULL, 0)                                                   \
    R(X, SELU, "Selu", bs_selu(x, a, b), "alpha", 1.67326319f, "gamma", 1.05070102f)                         \
    R(X, SIGMOID, "Sigmoid", bs_sigmoid(x), NULL, 0, NULL, 0)                                                \
    R(X, HARD_SIGMOID, "HardSigmoid", bs_hard_sigmoid(x, a, b), "alpha", 0.2f, "beta", 0.5f)                 \
    R(X, HARD_SWISH, "HardSwish", bs_hard_swish(x), NULL, 0, NULL, 0)                                        \
    R(X, TANH, "Tanh", bs_tanh(x), NULL, 0, NULL, 0)                                                         \
    R(X, ERF, "Erf", bs_erf(x), NULL, 0, NULL, 0)                                                            \
    R(X, GELU, "Gelu", bs_gelu(x, a), NULL, 0, NULL, 0) /* a: 1 for the approximation by tanh */             \
    R(X, SOFTPLUS, "Softplus", bs_softplus(x), NULL, 0, NULL, 0)                                             \
    R(X, SOFTSIGN, "Softsign", bs_softsign(x), NULL, 0, NULL, 0)                                             \
    R(X, MISH, "Mish", bs_mish(x), NULL, 0, NULL, 0)                                                         \
    R(X, EXP, "Exp", bs_exp(x), NULL, 0, NULL, 0)                                                            \
    R(X, LOG, "Log", bs_log(x), NULL, 0, NULL, 0)                                                            \
    R(X, SQRT, "Sqrt", bs_sqrt(x), NULL, 0, NULL, 0)                                                         \
    R(X, RECIPROCAL, "Reciprocal", bs_div(1.0f, x), NULL, 0, NULL, 0)                                        \
    R(X, NEG, "Neg", bs_neg(x), NULL, 0, NULL, 0)                                                            \
    R(X, ABS, "Abs", bs_abs(x), NULL, 0, NULL, 0)                                                            \
    R(X, FLOOR, "Floor", bs_floor(x), NULL, 0, NULL, 0)                                                      \
    R(X, CEIL, "Ceil", bs_ceil(x), NULL, 0, NULL, 0)                                                         \
    R(X, TAN, "Tan", bs_quiet(tanf(x)), NULL, 0, NULL, 0)                                                    \
    R(X, ASIN, "Asin", bs_quiet(asinf(x)), NULL, 0, NULL, 0)                                                 \
    R(X, ACOS, "Acos", bs_quiet(acosf(x)), NULL, 0, NULL, 0)                                                 \
    R(X, ATAN, "Atan", bs_quiet(atanf(x)), NULL, 0, NULL, 0)                                                 \
    R(X, SINH, "Sinh", bs_quiet(sinhf(x)), NULL, 0, NULL, 0)                                                 \
    R(X, COSH, "Cosh", bs_quiet(coshf(x)), NULL, 0, NULL, 0)                                                 \
    R(X, ASINH, "Asinh", bs_quiet(asinhf(x)), NULL, 0, NULL, 0)                                              \
    R(X, ACOSH, "Acosh", bs_quiet(acoshf(x)), NULL, 0, NULL, 0)                                              \
    R(X, ATANH, "Atanh", bs_quiet(atanhf(x)), NULL, 0, NULL, 0)                                              \
    R(X, SWISH, "Swish", bs_swish(x, a), "alpha", 1, NULL, 0)                                                \
    R(X, THRESHOLDED_RELU, "ThresholdedRelu", bs_thresholded_relu(x, a), "alpha", 1, NULL, 0)                \
    R(X, SHRINK, "Shrink", bs_shrink(x, a, b), "lambd", 0.5f, "bias", 0)                                     \
    R(X, ROUND, "Round", bs_round(x), NULL, 0, NULL, 0)                                                      \
    R(X, SIGN, "Sign", bs_sign(x), NULL, 0, NULL, 0)                                                         \
    R(X, CAST, "Cast", bs_cast(x, a), NULL, 0, NULL, 0) /* to an integer; a: 1: to a truth value */          \
    R(X, SIN, "Sin", bs_sin(x), NULL, 0, NULL, 0)                                                            \
    R(X, COS, "Cos", bs_cos(x), NULL, 0, NULL, 0)
/* The same; results are truth values, 0 or 1. */
#define BS_TEST_TABLE(R, X)                                                                                  \
    R(X, NOT, "Not", (float)(x == 0.0f), NULL, 0, NULL, 0)                                                   \
    R(X, IS_NAN, "IsNaN", (float)(x != x), NULL, 0, NULL, 0)                                                 \
    R(X, IS_INF, "IsInf", bs_test_inf(x, a, b), NULL, 1, NULL, 1) /* a: count -infinity; b: +infinity */
#define BS_UNARY_OPS(X)                                                                                      \
    BS_UNARY_TABLE(BS_OWN_COLUMNS, X)                                                                        \
    BS_TEST_TABLE(BS_OWN_COLUMNS, X)
#define BS_UNARY_COLUMNS(X, suffix, name, ...) X(suffix, name, unary, FLOAT, 1, 1)
#define BS_TEST_COLUMNS(X, suffix, name, ...)  X(suffix, name, unary, BOOL, 1, 1)

/* R(X, enum suffix, ONNX operator name, result from the elements a and b). Operands broadcast. Comparisons
 * give truth values; And, Or and Xor also read them: all but 0 is true. */
#define BS_ARITHMETIC_TABLE(R, X)                                                                            \
    R(X, ADD, "Add", bs_add(a, b))                                                                           \
    R(X, SUB, "Sub", bs_sub(a, b))                                                                           \
    R(X, MUL, "Mul", bs_mul(a, b))                                                                           \
    R(X, DIV, "Div", bs_div(a, b))                                                                           \
    R(X, POW, "Pow", bs_pow(a, b))                                                                           \
    R(X, MOD, "Mod", bs_mod(a, b)) /* fmod = 1: with the sign of a */                                        \
    R(X, PRELU, "PRelu", bs_leaky_relu(a, b))
#define BS_COMPARISON_TABLE(R, X)                                                                            \
    R(X, EQUAL, "Equal", (float)(a == b))                                                                    \
    R(X, GREATER, "Greater", (float)(a > b))                                                                 \
    R(X, GREATER_OR_EQUAL, "GreaterOrEqual", (float)(a >= b))                                                \
    R(X, LESS, "Less", (float)(a < b))                                                                       \
    R(X, LESS_OR_EQUAL, "LessOrEqual", (float)(a <= b))                                                      \
    R(X, AND, "And", (float)(a != 0.0f && b != 0.0f))                                                        \
    R(X, OR, "Or", (float)(a != 0.0f || b != 0.0f))                                                          \
    R(X, XOR, "Xor", (float)((a != 0.0f) != (b != 0.0f)))
#define BS_BINARY_OPS(X)                                                                                     \
    BS_ARITHMETIC_TABLE(BS_OWN_COLUMNS, X)                                                                   \
    BS_COMPARISON_TABLE(BS_OWN_COLUMNS, X)
#define BS_ARITHMETIC_COLUMNS(X, suffix, name, ...) X(suffix, name, broadcast, FLOAT, 2, 2)
#define BS_COMPARISON_COLUMNS(X, suffix, name, ...) X(suffix, name, broadcast, BOOL, 2, 2)

/* The same for one operand or more, combined from left to right. */
#define BS_VARIADIC_TABLE(R, X)                                                                              \
    R(X, SUM, "Sum", bs_add(a, b))                                                                           \
    R(X, MIN, "Min", bs_min_nan(a, b))                                                                       \
    R(X, MAX, "Max", bs_max_nan(a, b))
#define BS_VARIADIC_OPS(X)                        BS_VARIADIC_TABLE(BS_OWN_COLUMNS, X)
#define BS_VARIADIC_COLUMNS(X, suffix, name, ...) X(suffix, name, broadcast, FLOAT, 1, INT32_MAX)

/* R(X, enum suffix, ONNX operator name, start, function that adds (bs_add, ...), what it adds for the element
 * x, result from the sum s and the count n). Reduces the axes of attr.reduce, or (GlobalAveragePool) all but
 * the channels. */
#define BS_REDUCE_TABLE(R, X)                                                                                \
    R(X, REDUCE_MEAN, "ReduceMean", 0.0f, add, x, bs_div(s, n))                                              \
    R(X, REDUCE_SUM, "ReduceSum", 0.0f, add, x, s)                                                           \
    R(X, REDUCE_MAX, "ReduceMax", -INFINITY, max_nan, x, s)                                                  \
    R(X, REDUCE_MIN, "ReduceMin", INFINITY, min_nan, x, s)                                                   \
    R(X, REDUCE_L1, "ReduceL1", 0.0f, add, bs_abs(x), s)                                                     \
    R(X, REDUCE_L2, "ReduceL2", 0.0f, add, bs_mul(x, x), bs_sqrt(s))                                         \
    R(X, REDUCE_SUM_SQUARE, "ReduceSumSquare", 0.0f, add, bs_mul(x, x), s)                                   \
    R(X, REDUCE_PROD, "ReduceProd", 1.0f, mul, x, s)                                                         \
    R(X, GLOBAL_AVERAGE_POOL, "GlobalAveragePool", 0.0f, add, x, bs_div(s, n))
#define BS_REDUCE_OPS(X)                        BS_REDUCE_TABLE(BS_OWN_COLUMNS, X)
#define BS_REDUCE_COLUMNS(X, suffix, name, ...) X(suffix, name, reduce, FLOAT, 1, 2)

/* X(enum suffix, ONNX operator name, family, type rule, least and most inputs in ONNX). All operators that
 * can remain in a graph. */
#define BS_OPS(X)                                                                                            \
    X(CONV, "Conv", conv, FLOAT, 2, 3)                                                                       \
    X(GEMM, "Gemm", gemm, FLOAT, 2, 3)                                                                       \
    X(MATMUL, "MatMul", matmul, FLOAT, 2, 2)                                                                 \
    X(BATCH_NORM, "BatchNormalization", batch_norm, FLOAT, 5, 5)                                             \
    X(LAYER_NORM, "LayerNormalization", layer_norm, FLOAT, 2, 3)                                             \
    X(INSTANCE_NORM, "InstanceNormalization", instance_norm, FLOAT, 3, 3)                                    \
    BS_UNARY_TABLE(BS_UNARY_COLUMNS, X)                                                                      \
    BS_TEST_TABLE(BS_TEST_COLUMNS, X)                                                                        \
    X(CLIP, "Clip", clip, FLOAT, 1, 3)                                                                       \
    BS_ARITHMETIC_TABLE(BS_ARITHMETIC_COLUMNS, X)                                                            \
    BS_COMPARISON_TABLE(BS_COMPARISON_COLUMNS, X)                                                            \
    BS_VARIADIC_TABLE(BS_VARIADIC_COLUMNS, X)                                                                \
    X(WHERE, "Where", where, SAME, 3, 3)                                                                     \
    X(MAX_POOL, "MaxPool", pool, SAME, 1, 1)                                                                 \
    X(AVERAGE_POOL, "AveragePool", pool, FLOAT, 1, 1)                                                        \
    BS_REDUCE_TABLE(BS_REDUCE_COLUMNS, X)                                                                    \
    X(CONCAT, "Concat", concat, SAME, 1, INT32_MAX)                                                          \
    X(SLICE, "Slice", slice, SAME, 1, 5)                                                                     \
    X(GATHER, "Gather", gather, SAME, 2, 2)                                                                  \
    X(PAD, "Pad", pad, SAME, 1, 4)                                                                           \
    X(EXPAND, "Expand", expand, SAME, 2, 2)                                                                  \
    X(TILE, "Tile", tile, SAME, 2, 2)                                                                        \
    X(RESIZE, "Resize", resize, FLOAT, 1, 4)                                                                 \
    X(RESHAPE, "Reshape", reshape, SAME, 2, 2)                                                               \
    X(FLATTEN, "Flatten", reshape, SAME, 1, 1)                                                               \
    X(SQUEEZE, "Squeeze", reshape, SAME, 1, 2)                                                               \
    X(UNSQUEEZE, "Unsqueeze", reshape, SAME, 1, 2)                                                           \
    X(TRANSPOSE, "Transpose", transpose, SAME, 1, 1)                                                         \
    X(SOFTMAX, "Softmax", softmax, FLOAT, 1, 1)                                                              \
    X(LOG_SOFTMAX, "LogSoftmax", softmax, FLOAT, 1, 1)                                                       \
    X(LRN, "LRN", lrn, FLOAT, 1, 1)                                                                          \
    X(DROPOUT, "Dropout", identity, SAME, 1, 3)                                                              \
    X(IDENTITY, "Identity", identity, SAME, 1, 1)

typedef enum bs_op {
#define X(suffix, ...) BS_OP_##suffix,
    BS_OPS(X)
#undef X
        BS_OP_COUNT
} bs_op;

/* Geometry of Conv, MaxPool, AveragePool; auto_pad is resolved at import. Order: rows, columns. */
typedef struct bs_window {
    int kernel[2], stride[2], dilation[2];
    int pad[4];                        /* top, left, bottom, right; never negative */
    int group;                         /* Conv */
    bool ceil_mode, count_include_pad; /* pools */
} bs_window;

/* X(enum suffix, ONNX name). Resize: an element is made of 2, 1 or 4 neighbours along each axis. */
#define BS_RESIZE_MODES(X)                                                                                   \
    X(LINEAR, "linear")                                                                                      \
    X(NEAREST, "nearest")                                                                                    \
    X(CUBIC, "cubic")

/* Resize: the coordinate of the input that corresponds to one of the output. */
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

/* Pad: the elements outside the input are attr.value, the input mirrored at its first and last element, or
 * those elements themselves. */
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

/* Arrays: rows, columns. */
typedef struct bs_resize {
    int mode, coordinate, rounding;
    float scale[2];       /* output size / input size, as the file states it */
    float cubic;          /* cubic: parameter a of the kernel */
    bool exclude_outside; /* cubic: neighbours outside have weight 0, else they repeat the edge */
} bs_resize;

typedef struct bs_attr {
    bs_window window;
    bs_resize resize;
    bool trans_b;               /* Gemm: B is (N, K) */
    float alpha, beta;          /* Gemm; LRN; see BS_UNARY_OPS */
    float epsilon;              /* normalisations; LRN bias */
    float low, high;            /* Clip, if the bounds are not tensors of the file (attributes or absent) */
    int pad_mode;               /* Pad */
    float value;                /* Pad, constant */
    int size;                   /* LRN */
    int axis;                   /* Concat, Gather, (Log)Softmax, LayerNormalization: per-sample axis */
    bool reduce[BS_MAX_RANK];   /* reductions: per-sample axes */
    int64_t begin[BS_MAX_RANK]; /* Slice start / Pad before (constant mode: negative crops), per sample */
    int64_t end[BS_MAX_RANK];   /* Pad after */
    int64_t step[BS_MAX_RANK];  /* Slice, non-zero, may be negative */
    int perm[BS_MAX_RANK];      /* Transpose, per-sample axes */
} bs_attr;

#endif
