/* The network as bitsink sees it: an inference graph after import, constant folding and shape inference.
 *
 * Tensors and nodes are in file (topological) order. Every node has exactly one output (an ONNX node with
 * several, such as Split, is imported as several nodes). The batch axis is implicit: the shape of an
 * activation leaves it out, wherever the file has it, so `shape` and `elements` describe one sample. Integer
 * inputs of operators (axes, pads, slices, shapes) become part of `bs_node.attr`; what remains in
 * `bs_node.in` is float data. A graph is immutable once imported, and safe to share between threads. */
#ifndef BS_MODEL_GRAPH_H
#define BS_MODEL_GRAPH_H

#include "base/error.h"
#include "dtype.h"
#include "op_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The entries of an operator, and of a family of operators, in the lists of op_list.h. */
typedef struct bs_op_info {
    const char *name; /* in ONNX */
    bs_op_family family;
    bs_type_rule type;
    int least, most; /* inputs in ONNX */
} bs_op_info;

typedef struct bs_op_family_info {
    bs_op_axes axes;
    bs_op_parameters parameters;
    bs_op_memory memory;
} bs_op_family_info;

const bs_op_info *bs_op_describe(bs_op op);
const bs_op_family_info *bs_op_describe_family(bs_op op);
const char *bs_op_name(bs_op op);
/* Returns true if its operands may have different shapes, aligned at their last axes. */
bool bs_op_broadcasts(bs_op op);

typedef struct bs_shape {
    int rank;
    int64_t dim[BS_MAX_RANK];
} bs_shape;

typedef struct bs_tensor {
    char *name;       /* as in the file */
    char *label;      /* as listings show it, where an exporter made the name up; NULL: the name */
    bool constant;    /* a parameter: `data` is set, and shape is the whole tensor's */
    bs_shape shape;   /* of one sample, in logical order: (C, H, W), (K), (T, C) ... */
    int64_t elements; /* product of shape */
    bs_dtype type;    /* in which each value is stored, 0: fp32; `data` and rows are float in any case */
    bs_scales scales; /* of the values, if the type needs them; owned */
    float *data;      /* parameters only: file order, row-major; do not write into it */
    bool in_file;     /* data lies in the graph's `file` */
    int producer;     /* node index, -1 for the input and parameters */
    int target;       /* target id, -1 if no fault can be injected here */
    bool norm;        /* scale or bias of a normalisation that is made of other nodes */
} bs_tensor;

/* Returns how an element is stored; all elements of an activation are stored alike. */
static inline bs_format bs_tensor_format(const bs_tensor *t, uint32_t element)
{
    return bs_format_at(t->type, t->scales, element);
}

/* stored.c. Returns true if equal values have equal words in both tensors, wherever in them. */
bool bs_tensors_alike(const bs_tensor *a, const bs_tensor *b);

/* Returns the number of bits in which the values are stored. */
static inline int64_t bs_tensor_bits(const bs_tensor *t)
{
    return t->elements * bs_dtype_word_of(t->type).bits;
}

/* Inputs by operator (indices of tensors, -1 = absent):
 *   Conv: x, weight (M, C/g, kH, kW), bias (M)
 *   Gemm: x (K) or (rows, K), weight, bias (N or 1)
 *   MatMul: a (..., M, K) or (K), b (..., K, N), either may be constant; leading axes broadcast
 *   BatchNormalization: x, scale, bias, mean, var
 *   LayerNormalization, InstanceNormalization: x, scale, bias (LayerNormalization: may be absent)
 *   Clip: x, min, max (scalars)
 *   Where: condition (true where not 0), value if true, value if false
 *   binary and variadic operators, Concat: all inputs; shapes broadcast, aligned at the last per-sample axis;
 *       a constant has no axis for the images
 *   Gather: x; element index[k] along attr.axis becomes the output's k-th; a scalar index removes the axis */
typedef struct bs_node {
    char *name; /* as in the file, or the name of the output if it has none */
    bs_op op;
    int n_in;
    int *in;
    int out;
    bs_attr attr;
    int32_t *index; /* Gather: n_index indices, none negative; else NULL */
    int n_index;
    int64_t macs; /* multiply-accumulates for one sample (Conv, Gemm, MatMul), else 0 */
} bs_node;

/* X(enum suffix, name, meaning). The kinds of tensors that targets are. */
#define BS_TARGET_KINDS(X)                                                                                   \
    X(INPUT, "input", "the input of the network")                                                            \
    X(ACTIVATION, "activation", "the output of a node")                                                      \
    X(WEIGHT, "weight", "second input of a Conv, Gemm or MatMul node")                                       \
    X(BIAS, "bias", "third input of a Conv or Gemm node, or added to a MatMul by weights")                   \
    X(NORM, "norm", "scale, bias, mean or variance of a normalisation")                                      \
    X(CONSTANT, "constant", "any other constant input of a node")

typedef enum bs_target_kind {
#define X(suffix, name, meaning) BS_TARGET_##suffix,
    BS_TARGET_KINDS(X)
#undef X
        BS_TARGET_KIND_COUNT
} bs_target_kind;

const char *bs_target_kind_name(bs_target_kind kind);

/* A tensor in which faults can be injected. Ids count the input, then the file's initializers, then node
 * outputs, each in file order, without those that constant folding removed; at most 4096. */
typedef struct bs_target {
    int tensor;
    int node; /* the producer; of a parameter, the first consumer; -1 for the input */
    bs_target_kind kind;
} bs_target;

/* A chain of nodes that work element by element on tensors of one shape, and run as one loop, perhaps after a
 * product that makes the first of these: nothing in it is kept or compared but its output. Its nodes stand
 * one after the other; what they make, but for the last output, is read by nodes of the region only. See
 * backend/find_regions.h. */
typedef struct bs_region {
    int first, last; /* its nodes */
    bool product;    /* the first is a product by weights; it alone reads input 0 */
    bs_node node;    /* stands for it: its inputs are the activations that it reads, its multiply-accumulates
                        those of the product; all else is the last node's */
} bs_region;

typedef struct bs_graph {
    bs_tensor *tensors;
    int n_tensors;
    bs_node *nodes; /* in topological order */
    int n_nodes;
    bs_target *targets; /* by id */
    int n_targets;
    bs_region *regions; /* ascending */
    int n_regions;
    int *listed;       /* ids in the order of listings (bs_graph_listed()); NULL: the order of ids */
    int input, output; /* tensor indices; one of each */
    int classes;       /* elements of the output */
    bool ends_in_softmax;
    bool bytes;      /* the input is declared as UINT8: its values are 0, 1, .. 255 */
    bool doubles;    /* the file has values of type DOUBLE, which are fp32 here */
    int64_t macs;    /* for one sample */
    char sha256[65]; /* of the model file, of weights that it stores in other files, and of import options
                        that matter to it */
    char **remarks;  /* what differs from the file, such as "3 casts to FLOAT16: ..." */
    int n_remarks;
    void *file; /* the bytes of the file that data lies in; NULL: none does */
} bs_graph;

/* The value of an input that is not the image. */
typedef struct bs_given_input {
    char *name;
    double *value; /* n of them in row-major order; one stands for all elements */
    int n;
} bs_given_input;

/* What a file leaves to the caller. All 0: nothing is given. */
typedef struct bs_import_options {
    int input_size[2]; /* rows, columns of the image where the file leaves them open; 0: not given */
    char *output;      /* name of the tensor with the scores of the classes; NULL: the first output */
    bs_given_input *inputs;
    int n_inputs;
} bs_import_options;

/* Frees what the options own, and leaves them empty. */
void bs_import_options_clear(bs_import_options *o);

void bs_graph_free(bs_graph *g);
/* Frees what it holds. */
void bs_graph_clear(bs_graph *g);
/* Logs the remarks. */
void bs_graph_tell_remarks(const bs_graph *g);

/* stored.c. Returns true if what the node computes need not be a value of its output's type, and must be
 * rounded. */
bool bs_graph_rounds(const bs_graph *g, int node);
/* Returns true if a tensor is stored in another type than fp32. */
bool bs_graph_has_types(const bs_graph *g);
/* Returns true if the node repeats input k, an activation (C, 1, 1), over the rows and columns of its
 * output. */
bool bs_graph_broadcasts(const bs_graph *g, const bs_node *n, int k);
/* Returns the region that the node is in, -1: none. */
int bs_graph_region(const bs_graph *g, int node);
/* Returns the region that makes and reads this tensor within it, -1: none. */
int bs_graph_inside(const bs_graph *g, int tensor);
/* Returns the number of the region's input that this tensor is. */
int bs_region_input(const bs_region *r, int tensor);
/* Returns the first node of a region that works element by element: the first step of its loop. */
int bs_region_first_step(const bs_region *r);
/* Finds what a step reads, an activation: what step *step made, else *step is -1 and it is input *input. What
 * the product made counts as input 0, which only the product reads. */
void bs_region_source(const bs_graph *g, const bs_region *r, int tensor, int *step, int *input);
/* Returns the largest number of inputs that a node or region has, at least 1. */
int bs_graph_max_inputs(const bs_graph *g);
/* Returns the id of the target with this tensor name, or of the output of the node with this name; -1 if
 * there is none. */
int bs_graph_find_target(const bs_graph *g, const char *name);
/* Returns the id of the target at this place of a listing: the input first, then by nodes in the order of the
 * file; a parameter stands before the output of the node that reads it first. */
int bs_graph_listed(const bs_graph *g, int place);
/* Returns the name under which listings and figures show a target: the tensor's, or where an exporter made
 * that up ("onnx::Conv_55") its node's, with the role of a parameter: "/layer1/conv1/Conv.weight". It is
 * unique, and bs_graph_find_target() finds it. */
const char *bs_graph_label(const bs_graph *g, int target);
/* Fails with "no target 'x'", and with the nearest name as a hint. */
bs_status bs_graph_unknown_target(const bs_graph *g, const char *name);
/* Writes "64x112x112" into buf; returns buf. */
const char *bs_shape_text(const bs_shape *s, char *buf, size_t len);
/* Returns true if `kind` is a parameter (weight, bias, norm, constant). A fault there outlives one
 * inference. */
bool bs_target_is_parameter(bs_target_kind kind);

/* Returns true if the node has input k. */
static inline bool bs_node_has_input(const bs_node *n, int k)
{
    return k < n->n_in && n->in[k] >= 0;
}

/* Returns true for a MatMul of an activation by a constant matrix. */
bool bs_matmul_by_weights(const bs_graph *g, const bs_node *n);
/* Returns the MatMul by weights to whose output the Add `n` adds its constant input k, one value for each
 * column; NULL: input k is not such a bias. */
const bs_node *bs_matmul_of_bias(const bs_graph *g, const bs_node *n, int k);
/* The same of a target; NULL, too, if it is a bias of another operator, or none. */
const bs_node *bs_matmul_of_target(const bs_graph *g, int target);

#endif
