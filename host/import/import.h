/* Private to host/import: the state of one import, shared by its phases.
 *
 *   model_file.c, parse.c     file -> bytes and hash -> protobuf structs
 *   import.c                  all phases, one after the other
 *   interface.c, image_input.c  inputs and outputs of the file; the shape of the image
 *   names.c                   name -> value, scopes, which values are needed
 *   external.c, tensor.c, types.c  TensorProto -> value; element types
 *   result_type.c             the type of what a node makes
 *   nodes.c                   each node of the file: inlined, folded, made of steps, or lowered
 *   node.c, geometry.c        its attributes, inputs, errors; axes, slices, shapes
 *   inline.c                  If, Loop, functions: nodes in the place of a node
 *   fold*.c                   nodes whose inputs are all known, see fold.h; fold_run.c: on the CPU backend
 *   expansions.c, expand_*.c, step.c  operators made of others
 *   lower*.c, refusal.c       all other nodes -> bs_node
 *   place.c                   where images lie in a batch
 *   nd_iterator.c             an iterator over shapes
 *   opset.c                   versions of the standard
 *   finish.c, targets.c, remarks.c  values and nodes -> bs_graph
 *
 * A value is a named tensor of the file. Shapes here are whole: they include the batch, with the size that
 * the file fixes or 1, so that the file's shape arithmetic can be folded; finish.c takes it out. Values are
 * in the order of targets: input, initializers, node outputs, each in file order. */
#ifndef BS_IMPORT_IMPORT_H
#define BS_IMPORT_IMPORT_H

#include "base/error.h"
#include "base/sha256.h"
#include "import/model_file.h"
#include "model/graph.h"

#include "onnx/onnx.pb-c.h"

#include <search.h>

#define BS_MODEL_FILE_LIMIT ((size_t)1 << 31)        /* protobuf's own limit */
#define BS_DIM_LIMIT        ((int64_t)1 << 31)       /* one dimension */
#define BS_ELEMENT_LIMIT    (((int64_t)1 << 31) - 1) /* one activation, with all images of the file's batch */
#define BS_FOLD_LIMIT       ((int64_t)1 << 27)       /* elements of one folded constant */
#define BS_FOLD_WORK        ((int64_t)1 << 32)       /* multiplications of one folded constant */
#ifdef BITSINK_FUZZ /* fuzzers find the inputs that reach this limit, and would only fill memory */
#define BS_FOLD_BYTES ((uint64_t)1 << 24)
#else
#define BS_FOLD_BYTES                                                                                        \
    ((uint64_t)1 << 30) /* of all folded constants; a file of a hundred bytes may ask for more */
#endif
#define BS_PARAMETER_BYTES ((uint64_t)1 << 34) /* all constants */
enum { BS_MAX_TARGETS = 4096, BS_MAX_GEOMETRY = 1 << 20, BS_MIN_OPSET = 7, BS_MAX_OPSET = 25 };

typedef enum bs_value_kind {
    BS_VALUE_UNKNOWN, /* not made yet */
    BS_VALUE_ACTIVATION,
    BS_VALUE_FLOATS, /* a constant; may become a parameter */
    BS_VALUE_INTS,   /* a constant that only folding and attributes read */
} bs_value_kind;

/* What an activation's values are in the file; in the graph all are floats. */
typedef enum bs_number {
    BS_NUMBER_REAL,
    BS_NUMBER_WHOLE, /* integers */
    BS_NUMBER_TRUTH, /* 0 or 1 */
} bs_number;

/* The place of the images in an activation: one axis, which they may share with other data. Its length is
 * outer * N * inner, and the image is the middle digit of its index. A *pure* place is an axis of its own
 * (outer = inner = 1), which one sample does not have; from the length of a shared axis, N is divided out.
 * axis -1: there is no such axis, as N is 1. */
typedef struct bs_place {
    int axis;
    int64_t outer;
} bs_place;

typedef struct bs_value {
    const char *name; /* the first member; owned by the protobuf */
    int copies;       /* the last number after this name in that of another value */
    bs_value_kind kind;
    bs_shape shape; /* whole, batch axis included */
    int64_t elements;
    float *f;                        /* BS_VALUE_FLOATS; owned unless in_file */
    bool in_file;                    /* f lies in the bytes of the file */
    int64_t *i;                      /* BS_VALUE_INTS; owned */
    int type;                        /* of BS_VALUE_INTS: number of the ONNX element type; 0: not known */
    const Onnx__TensorProto *stored; /* an initializer, read when it is first needed */
    char *own_name;                  /* name, where no protobuf has it; or NULL */
    int index;                       /* in bs_import.values */
    bool made;                       /* by a node of the file */
    bool invented;  /* a constant that the file has not, of an operator made in steps: no memory has faults in
                       it */
    bool norm;      /* scale or bias of a normalisation that is made in steps */
    int before;     /* index of the value that one of no name in the file comes before; or -1 */
    bool wanted;    /* the output may depend on it */
    int readers;    /* nodes of the file that read it, if they are wanted */
    bs_place place; /* of an activation */
    bs_number number;
    bs_dtype dtype; /* in which real numbers are stored; all others are fp32 */
    bool whole;     /* a parameter whose shape must stay whole */
    /* A constant that was adapted to the images that it meets: what it was before, and a copy as it was, for
     * nodes that read it as the file has it. */
    bool adapted;
    bs_value_kind file_kind;
    bs_shape file_shape;
    int64_t file_elements;
    struct bs_value *original; /* NULL: not made yet */
    int dropped;               /* a parameter's lost axis of the images, counted from the last (1); else 0 */
    int node;                  /* index of the lowered node that makes it, or -1 */
    int tensor;                /* index in the graph, or -1 */
} bs_value;

/* The names that nodes may read: those of the file, of the body of a function, or of a subgraph, which may
 * also read those of the scope around it. */
typedef struct bs_scope {
    const struct bs_scope *around;   /* NULL: none */
    struct bs_scope *before;         /* that was open when this one was opened */
    const struct bs_raw *call;       /* of a function: the node that calls it */
    Onnx__AttributeProto **defaults; /* of a function: what attributes are if that node lacks them */
    size_t n_defaults;
    bool own_defaults;  /* not part of the model */
    const char *prefix; /* of the names of its nodes and tensors; "" in the file */
    int opset;
    struct hsearch_data names;
    bool has_names;
} bs_scope;

struct bs_raw;

/* What remarks count, where it is DOUBLE. */
typedef enum bs_remark_of { BS_REMARK_TENSOR, BS_REMARK_CAST, BS_REMARK_OF_COUNT } bs_remark_of;

typedef struct bs_import {
    const char *path;
    const bs_import_options *options;
    Onnx__ModelProto *model;
    bs_model_file bytes_of; /* its raw data, unless the model was made in memory */
    const Onnx__GraphProto *file;
    int64_t batch;    /* size of axis 0 of activations during the import */
    bool batch_fixed; /* by the file, which may also leave it open */
    bs_value **values;
    int n_values;
    size_t cap_values;
    bs_value *named; /* memory of the values that the file names */
    bs_scope file_scope;
    bs_scope *scope;   /* of the node that is being imported */
    void *inner_names; /* a tree (tsearch) of the names that were made here */
    int depth, before; /* scopes in scopes; see bs_value.before */
    /* bs_nodes_import() and bs_nodes_run(), for nodes that are made of others */
    bs_status (*import_nodes)(struct bs_import *im, Onnx__NodeProto *const *nodes, size_t n);
    bs_status (*run_node)(struct bs_raw *r);
    int64_t unrolled;  /* nodes that were imported so far, counted again in each run of a body */
    int input, output; /* indices of values */
    bool sized;        /* the options gave a size that the file leaves open */
    bool bytes_input;  /* the image is declared as UINT8 */
    bool doubles;      /* something in the file that is used is DOUBLE */
    bs_node *nodes;    /* `in` and `out` are indices of values until finish.c */
    size_t n_nodes, cap_nodes;
    uint64_t bytes, folded_bytes;
    struct sha256_ctx external; /* hash of everything read from other files */
    bool has_external;
    int remarked[BS_REMARK_OF_COUNT];
} bs_import;

/* One node of the file while it is folded or lowered. in[k] is NULL if the input is absent. */
typedef struct bs_raw {
    bs_import *im;
    const Onnx__NodeProto *proto;
    const char *op, *name; /* the name is that of the node, or of its first output */
    int opset;             /* of the standard's operators */
    const bs_scope *scope; /* of a node of the file, else NULL */
    bs_value **in, **out;
    int n_in, n_out;
    bs_dtype dtype; /* in which real numbers of its outputs are stored */
    bs_place place; /* of the output; initially that of the first activation */
    int from_last;  /* the images' axis of that activation, counted from the last (1); 0 if it is not pure */
} bs_raw;

/* import.c. Like bs_graph_import(), from a model in memory, which it takes over even if it fails, and so the
 * file with its raw data, NULL if that is in the model; `name` is for messages. */
bs_status bs_graph_import_model(bs_graph **out, Onnx__ModelProto *model, bs_model_file *file,
                                const char sha256[65], const char *name, const bs_import_options *options);

/* parse.c. Reads a file. If *file is not empty then, the raw_data of each tensor of *out is only the number
 * of the data in file->raw. Free both. */
bs_status bs_onnx_parse(Onnx__ModelProto **out, bs_model_file *file, char sha256[65], const char *path);

/* targets.c. Makes the targets of a graph that has tensors and nodes. */
bs_status bs_import_targets(bs_graph *g);

/* interface.c. Finds the output with the classes. */
bs_status bs_interface_output(bs_import *im);
/* Chooses the image among the inputs that the output needs; the others become the constants that the options
 * give. */
bs_status bs_interface_inputs(bs_import *im);
/* Makes the model's hash cover the options that made a difference. */
bs_status bs_interface_hash(const bs_import *im, char sha256[65]);
/* image_input.c. Reads shape and type of the image. */
bs_status bs_image_input(bs_import *im);
/* Returns the type of an input, NULL if it is not declared. */
const Onnx__TypeProto__Tensor *bs_input_type(const Onnx__ValueInfoProto *info);
/* Returns false for a dimension that the file leaves open. */
bool bs_dim_known(const Onnx__TensorShapeProto__Dimension *d);
/* Writes "N x 3 x 224 x 224". */
void bs_dims_text(const Onnx__TensorShapeProto *s, char *buf, size_t len);

/* names.c. Finds a name in the scope and those around it. Sets *out to the value; NULL: a function is called
 * without it. Returns false if there is none. */
bool bs_names_find(const bs_import *im, const char *name, bs_value **out);
/* Makes a value of each initializer, then of each other input, and of each node's outputs. */
bs_status bs_names_of_initializers(bs_import *im);
bs_status bs_names_of_inputs(bs_import *im);
bs_status bs_names_of_activations(bs_import *im);
/* Moves the value of an input to the place of the image, value 0. */
void bs_names_choose_image(bs_import *im, bs_value *v);
/* Marks the values that values marked before may depend on. */
void bs_names_mark_wanted(bs_import *im, Onnx__NodeProto *const *nodes, size_t n);
/* Opens a scope for `count` names, within that of the import if `inside`, else around nothing; closes it. */
bs_status bs_scope_open(bs_import *im, bs_scope *s, bool inside, size_t count);
void bs_scope_close(bs_import *im, bs_scope *s);
/* Gives a value a name in the scope. v: NULL: absent. */
bs_status bs_scope_bind(bs_import *im, const char *name, bs_value *v);
/* Makes values of all outputs of these nodes that have no name in the scope. */
bs_status bs_scope_add_outputs(bs_import *im, Onnx__NodeProto *const *nodes, size_t n);
/* Makes a value of an initializer of a subgraph. */
bs_status bs_scope_add_stored(bs_import *im, const char *name, const Onnx__TensorProto *stored);
/* Makes a value that the file does not name, "PREFIX/NAME" with a number if that is taken. */
bs_status bs_value_add_inner(bs_import *im, bs_value **out, const char *prefix, const char *name);
void bs_names_clear(bs_import *im);

/* opset.c. Returns "" for the standard's domain. */
const char *bs_domain(const char *domain);
/* Checks and gets the version of the standard's operators. */
bs_status bs_opset_of(const Onnx__OperatorSetIdProto *given, int *opset);

/* types.c. Returns the name of an ONNX element type, such as "FLOAT16". */
const char *bs_type_name(int64_t type);
/* Sets *out to what values of an ONNX element type are; returns false for a type that is not supported. */
bool bs_type_number(int64_t type, bs_number *out);
/* Returns in which type bitsink stores real numbers of an ONNX element type, and the reverse. */
bs_dtype bs_type_stored(int64_t type);
int64_t bs_type_of_stored(bs_dtype type);

/* result_type.c. Returns in which type the real numbers that a node makes are stored, by its operator. */
bs_dtype bs_result_type(const bs_raw *r);
/* Makes a value one of this type; floats are rounded, and must not lie in the file. */
void bs_value_store(bs_value *v, bs_dtype type);
/* Makes the result of a node that is made of steps one of the node's type. So are values that are only moved
 * to it, of those that the steps made: first, the first of these. */
void bs_value_settle(bs_import *im, bs_value *v, bs_dtype type, int first);

/* tensor.c. Reads a constant: sets v->kind, shape and data. Data that needs no conversion stays where it is,
 * or is taken out of t, unless it may be read again. */
bs_status bs_tensor_read(bs_import *im, bs_value *v, const Onnx__TensorProto *t);
/* Keeps what a constant is in the file, before its shape or kind changes. */
void bs_value_adapt(bs_value *v);
/* Frees the data of a constant. */
void bs_value_clear(bs_value *v);
/* Allocates a folded constant of this shape. */
bs_status bs_value_alloc(bs_raw *r, bs_value *v, bs_value_kind kind, const bs_shape *shape);
/* The same, of the kind and type of x. */
bs_status bs_value_alloc_like(bs_raw *r, bs_value *v, const bs_value *x, const bs_shape *shape);
/* Copies n elements of the same kind. */
void bs_value_copy(bs_value *out, int64_t to, const bs_value *in, int64_t from, int64_t n);
/* Returns false if a dimension is negative or too large, or the product overflows; *elements may be 0. */
bool bs_shape_count(const bs_shape *s, int64_t *elements);

/* external.c. Reads the bytes of a tensor from another file, which must be in the model's folder or below.
 * The caller frees *out. */
bs_status bs_external_read(bs_import *im, const char *tensor, const Onnx__TensorProto *t, size_t bytes,
                           uint8_t **out);
/* Makes the model's hash cover everything that was read from other files. */
void bs_external_hash(bs_import *im, char sha256[65]);

/* node.c. Fails with "node 'x' (Conv): reason" and a general hint, which bs_hint() may replace. */
bs_status bs_raw_fail(const bs_raw *r, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Fails for an operator that works along the batch axis. */
bs_status bs_raw_mixes(const bs_raw *r, const char *how);
bs_status bs_attr_int(const bs_raw *r, const char *name, int64_t absent, int64_t *out);
bs_status bs_attr_float(const bs_raw *r, const char *name, float absent, float *out);
/* Copies up to 31 characters of a string attribute; `absent` if it is missing. */
bs_status bs_attr_string(const bs_raw *r, const char *name, const char *absent, char out[32]);
/* Sets *out to the index of a string attribute in `names`; any other string is an error. */
bs_status bs_raw_choice(const bs_raw *r, const char *name, const char *absent, const char *const *names,
                        int n, int *out);
bs_status bs_attr_ints(const bs_raw *r, const char *name, const int64_t **out, size_t *n, bool *present);
const Onnx__AttributeProto *bs_attr_find(const bs_raw *r, const char *name);
/* Returns the name of a node, or of its first output; "" if it has neither. */
const char *bs_node_name(const Onnx__NodeProto *p);
bool bs_attr_is(const Onnx__AttributeProto *a, const char *name);
bs_value *bs_raw_input(const bs_raw *r, int input);
/* Get input `input` as an activation, and as a float constant. */
bs_status bs_raw_activation(const bs_raw *r, int input, bs_value **out);
bs_status bs_raw_constant(const bs_raw *r, int input, const char *what, bs_value **out);
/* Gets integers from input `input` if there is one, else from the attribute. Rank 0 or 1. */
bs_status bs_raw_ints(const bs_raw *r, int input, const char *attr, const int64_t **out, size_t *n,
                      bool *present);

/* geometry.c. The effect of operators on whole shapes, of constants and activations alike. */
bs_status bs_normal_axis(const bs_raw *r, int64_t axis, int rank, int *out);
/* Counts a negative index from the end; fails if there is no such element. */
bs_status bs_normal_index(const bs_raw *r, int64_t i, int64_t dim, int64_t *out);
bs_status bs_read_axes(const bs_raw *r, int input, int rank, bool mask[BS_MAX_RANK], bool *present);
bs_status bs_read_slice(const bs_raw *r, const bs_shape *in, bs_shape *out, int64_t begin[BS_MAX_RANK],
                        int64_t step[BS_MAX_RANK], bool whole[BS_MAX_RANK]);
/* before, after: by axis. */
bs_status bs_read_pad(const bs_raw *r, const bs_shape *in, bs_shape *out, int64_t before[BS_MAX_RANK],
                      int64_t after[BS_MAX_RANK], int *mode);
bs_status bs_read_perm(const bs_raw *r, const bs_shape *in, bs_shape *out, int perm[BS_MAX_RANK]);
bs_status bs_read_reshape(const bs_raw *r, const bs_value *in, bs_shape *out);
bs_status bs_read_unsqueeze(const bs_raw *r, const bs_shape *in, bs_shape *out, bool mask[BS_MAX_RANK]);
bs_status bs_broadcast(const bs_raw *r, bs_shape *into, const bs_shape *other);
/* Gets the size of a part from input 1, attribute `split`, or equal parts (the last one may be smaller). */
bs_status bs_read_split(const bs_raw *r, int64_t dim, int part, int64_t *size);

/* lower.c. Turns the node into one bs_node (Split: several). */
typedef bs_status (*bs_lower_fn)(bs_raw *r, bs_node *n, bs_shape *out);
bs_status bs_lower(bs_raw *r);
/* Turns constant operands that are integers into floats, where the operator computes with them. */
bs_status bs_lower_operands(bs_raw *r);

/* refusal.c. Fails for an operator that bitsink does not have; known: names of those that it has. */
bs_status bs_refuse_operator(const bs_raw *r, const char *const *known, size_t n);

/* lower_types.c. The same, for an operator of this family. */
bs_status bs_lower_floats(bs_raw *r, bs_op_family family);
bs_status bs_lower_cast(bs_raw *r, bs_node *n, bs_shape *out);

/* lower_emit.c. Gives the node n_in inputs, all absent (-1). */
bs_status bs_lower_inputs(bs_node *n, int n_in);
/* Adds `n` (its `in` included), which it takes over, as the node that makes output k. */
bs_status bs_lower_emit(bs_raw *r, bs_node *n, const bs_shape *out, int k);
int bs_value_index(const bs_value *v);
void bs_nodes_clear(bs_import *im);
/* Marks a constant whose shape must stay whole (weights). */
bs_status bs_lower_whole(bs_raw *r, bs_value *v);
/* Makes input 0, an activation, the node's only input. */
bs_status bs_lower_one(bs_raw *r, bs_node *n, bs_value **x);

/* place.c */
bool bs_place_is_pure(const bs_import *im, const bs_shape *shape, bs_place p);
/* Sets *out to the shape of one sample. */
void bs_place_sample(const bs_import *im, const bs_shape *shape, bs_place p, bs_shape *out);
/* Sets r->place to that of the first activation. */
void bs_place_begin(bs_raw *r);
/* Sets *out to the per-sample axis for an axis of x's whole shape; fails ("it HOW axis 2") if the images lie
 * along it. */
bs_status bs_place_axis(bs_raw *r, const bs_value *x, int axis, const char *how, int *out);
/* Fails unless axis 0 of x is the batch and nothing else, as windows and channels need it. */
bs_status bs_place_first(bs_raw *r, const bs_value *x);
/* Sets r->place for x in another shape with as many elements. */
bs_status bs_place_reshape(bs_raw *r, const bs_value *x, const bs_shape *out);
/* Gets an operand that is combined with the first activation: an activation must have its images along the
 * same axis; a constant loses that axis, which must be 1 (or repeat the same block). */
bs_status bs_place_align(bs_raw *r, int input, bs_value **out);
/* Sets *out to the shape of an operand as in the file, with an axis that it has lost put back as 1. */
void bs_place_whole(const bs_value *v, bs_shape *out);

/* lower_*.c. Lower the nodes of each family of operators. */
#define X(family, ...) bs_status bs_lower_##family(bs_raw *r, bs_node *n, bs_shape *out);
BS_OP_FAMILIES(X)
#undef X
/* lower_math.c. Reads the attributes that an element-wise operator of one operand computes with. */
bs_status bs_unary_attributes(const bs_raw *r, float *a, float *b);
/* lower_norm.c. Returns true for a BatchNormalization that measures its input, as in training. */
bs_status bs_batch_norm_trains(const bs_raw *r, bool *trains);
/* lower_window.c. Reads the sizes and factors of all axes of a Resize. */
bs_status bs_read_resized_shape(bs_raw *r, const bs_shape *in, bs_shape *out, float scale[BS_MAX_RANK]);
/* Reads the attributes and the output's shape of a Resize of (N, C, H, W). */
bs_status bs_read_resize(bs_raw *r, const bs_shape *in, bs_resize *z, bs_shape *out);
/* Lower operators that their family's function does not serve, see SPECIAL in lower.c. */
bs_status bs_lower_global_pool(bs_raw *r, bs_node *n, bs_shape *out);
bs_status bs_lower_flatten(bs_raw *r, bs_node *n, bs_shape *out);
bs_status bs_lower_squeeze(bs_raw *r, bs_node *n, bs_shape *out);
bs_status bs_lower_unsqueeze(bs_raw *r, bs_node *n, bs_shape *out);
bs_status bs_lower_split(bs_raw *r);
/* lower.c. Returns true if nodes of this ONNX operator can be lowered. */
bool bs_lower_knows(const char *op);
/* Returns true for an operator that moves values, of whatever type they are. */
bool bs_lower_moves(const char *op);

/* remarks.c. Counts a tensor or a cast if it is of a type whose values are computed in another one. */
void bs_remark_count(bs_import *im, bs_remark_of of, int64_t type);
/* Fills g->remarks. */
bs_status bs_remarks_make(const bs_import *im, bs_graph *g);

/* finish.c. Fills *g, which is empty; takes over the data and nodes that it keeps. */
bs_status bs_import_finish(bs_import *im, bs_graph *g);

#endif
