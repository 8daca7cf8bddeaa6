/* Private to host/import: nodes that are made of others. */
#ifndef BS_IMPORT_STEPS_H
#define BS_IMPORT_STEPS_H

#include "import/import.h"

/* step.c. An operator that bitsink makes of others is imported in steps: nodes that the file does not have.
 * *y: the value that the step makes: NULL: a new one, named after the node and the operator. Inputs may be
 * NULL where they are absent. Steps follow opset 18. What a step computes is fp32, but for the last step's,
 * which is the node's output; what it moves keeps its type. */
enum { BS_STEP_MOST = 256 }; /* inputs of a step */
typedef Onnx__AttributeProto bs_step_attr;
bs_step_attr bs_attr_of_int(const char *name, int64_t i);
bs_step_attr bs_attr_of_float(const char *name, float f);
bs_step_attr bs_attr_of_string(const char *name, const char *text);
bs_step_attr bs_attr_of_ints(const char *name, const int64_t *ints, int n);
/* Copies the node's own attributes, as the caller of its function gives them, but for some. Returns their
 * number. */
int bs_step_own_attributes(const bs_raw *r, const char *const *left_out, int n_left_out,
                           bs_step_attr attr[BS_STEP_MOST]);
bs_status bs_step(bs_raw *r, bs_value **y, const char *op, bs_value *const *in, int n_in,
                  const bs_step_attr *attr, int n_attr);
bs_status bs_step_1(bs_raw *r, bs_value **y, const char *op, bs_value *x);
bs_status bs_step_2(bs_raw *r, bs_value **y, const char *op, bs_value *a, bs_value *b);
bs_status bs_step_reshape(bs_raw *r, bs_value **y, bs_value *x, const bs_shape *shape);
bs_status bs_step_transpose(bs_raw *r, bs_value **y, bs_value *x, const int64_t *perm);
/* The same of a constant; one that no other node reads is reshaped itself, so that it remains that of the
 * file. */
bs_status bs_step_view(bs_raw *r, bs_value **y, bs_value *x, const bs_shape *shape);
/* Swaps the last two axes. */
bs_status bs_step_swap_last(bs_raw *r, bs_value **y, bs_value *x);
/* Reduces these axes, which remain with one element. */
bs_status bs_step_reduce(bs_raw *r, bs_value **y, const char *op, bs_value *x, const int64_t *axes, int n);
/* x - mean, and the mean of its square: the variance of a population. */
typedef struct bs_step_moments {
    bs_value *mean, *centred, *variance;
} bs_step_moments;
bs_status bs_step_variance(bs_raw *r, bs_value *x, const int64_t *axes, int n, bs_step_moments *out);
/* Along the last axis. */
bs_status bs_step_softmax(bs_raw *r, bs_value **y, bs_value *x);
/* Picks elements along an axis by constant indices. */
bs_status bs_step_gather(bs_raw *r, bs_value **y, bs_value *x, bs_value *index, int axis);
/* Make constants: an integer of rank 0; integers of a shape, which the caller fills. */
bs_status bs_step_index(bs_raw *r, bs_value **y, int64_t i);
bs_status bs_step_indices(bs_raw *r, bs_value **y, const bs_shape *shape);
/* Make constants: a list; a tensor with all elements alike; one of rank 0. */
bs_status bs_step_ints(bs_raw *r, bs_value **y, const int64_t *list, int n);
bs_status bs_step_floats(bs_raw *r, bs_value **y, const bs_shape *shape, float fill);
bs_status bs_step_scalar(bs_raw *r, bs_value **y, float f);

/* expand*.c. Returns the function that makes a node of steps, NULL if there is none. domain: bs_domain().
 * It sets *done to false for a node that is to be imported as it is. */
typedef bs_status (*bs_expand_fn)(bs_raw *r, bool *done);
bs_expand_fn bs_expand_find(const char *domain, const char *op);
/* Of an operator over channels and a plane: runs windows that share axis 0 with the images one by one. */
bs_status bs_expand_normal_window(bs_raw *r, bool *done);
/* Checks the inputs of such a node: none that it needs is missing. */
bs_status bs_expand_check(const bs_raw *r);
/* Fails for an operator of another domain. */
bs_status bs_expand_refuse(const bs_raw *r, const char *domain);

/* inline.c. Returns the function that puts the body of an If, Loop or function in the place of this node;
 * NULL if it is none of these. */
typedef bs_status (*bs_inline_fn)(bs_raw *r);
bs_inline_fn bs_inline_find(const bs_import *im, const Onnx__NodeProto *p);

/* nodes.c. Imports nodes of the file, of a function, or of a subgraph. */
bs_status bs_nodes_import(bs_import *im, Onnx__NodeProto *const *nodes, size_t n);
/* Imports one node whose inputs are found. */
bs_status bs_nodes_run(bs_raw *r);

#endif
