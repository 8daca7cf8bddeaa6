/* Building blocks for editing a model in memory. Everything put into it is owned by it. */
#ifndef BS_TESTS_PROTO_H
#define BS_TESTS_PROTO_H

#include "conformance.h"

typedef struct ct_ints {
    int64_t v[4 * CT_MAX_RANK];
    size_t n;
} ct_ints;

char *ct_strdup(const char *s);
/* Appends `item` to a protobuf array of pointers. */
void ct_append(void *array_ptr, size_t *n, void *item);

Onnx__TensorProto *ct_find_initializer(const Onnx__ModelProto *m, const char *name);
void ct_add_initializer(Onnx__ModelProto *m, const char *name, Onnx__TensorProto *t);
/* The integers of a tensor; false where it holds none, or too many. */
bool ct_get_ints(const Onnx__TensorProto *t, ct_ints *out);
void ct_set_ints(Onnx__TensorProto *t, const ct_ints *ints);
Onnx__TensorProto *ct_new_tensor(void);

Onnx__AttributeProto *ct_find_attribute(const Onnx__NodeProto *n, const char *name);
/* The attribute of this name, made where it is absent. */
Onnx__AttributeProto *ct_need_attribute(Onnx__NodeProto *n, const char *name,
                                        Onnx__AttributeProto__AttributeType type);
Onnx__NodeProto *ct_add_node(Onnx__ModelProto *m, const char *op, const char *const *in, size_t n_in,
                             const char *out);
/* Gives the input of this name this type and shape; it is made where it is absent. */
void ct_set_input(Onnx__ModelProto *m, const char *name, int type, int rank, const int64_t *dim);
void ct_rename(char **name, const char *to);

int64_t ct_opset(const Onnx__ModelProto *m);
/* lift.c: changes the model's only node to work on one more leading axis of 1. image_rank: of its input
 * before, may be raised to what broadcasting needs. */
bool ct_lift(Onnx__ModelProto *m, const ct_case *c, const ct_try *t, int *image_rank, char why[CT_REASON]);

#endif
