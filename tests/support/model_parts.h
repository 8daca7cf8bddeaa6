/* The parts of ONNX models in memory that tests make: names, tensors, types of inputs, values. */
#ifndef BS_TESTS_MODEL_PARTS_H
#define BS_TESTS_MODEL_PARTS_H

#include "support/testing.h"

#include "onnx/onnx.pb-c.h"

#include <ctype.h>

/* Appends to a protobuf-c repeated field of pointers. */
static inline void push(void *array_ptr, size_t *n, void *item)
{
    void ***array = array_ptr;
    *array = realloc(*array, (*n + 1) * sizeof **array);
    (*array)[(*n)++] = item;
}

static inline void push_int(int64_t **array, size_t *n, int64_t v)
{
    *array = realloc(*array, (*n + 1) * sizeof **array);
    (*array)[(*n)++] = v;
}

static inline Onnx__TensorProto *new_tensor(const char *name, int type)
{
    Onnx__TensorProto *t = malloc(sizeof *t);
    onnx__tensor_proto__init(t);
    t->name = strdup(name);
    t->has_data_type = 1;
    t->data_type = type;
    return t;
}

static inline Onnx__ValueInfoProto *new_info(const char *name)
{
    Onnx__ValueInfoProto *v = malloc(sizeof *v);
    onnx__value_info_proto__init(v);
    v->name = strdup(name);
    return v;
}

static inline void read_input_type(Onnx__ValueInfoProto *v, char *word, char **save)
{
    Onnx__TypeProto__Tensor *t = malloc(sizeof *t);
    onnx__type_proto__tensor__init(t);
    t->has_elem_type = 1;
    t->elem_type = 1;
    t->shape = malloc(sizeof *t->shape);
    onnx__tensor_shape_proto__init(t->shape);
    for (; word; word = strtok_r(NULL, " ", save)) {
        Onnx__TensorShapeProto__Dimension *d = malloc(sizeof *d);
        onnx__tensor_shape_proto__dimension__init(d);
        if (isalpha((unsigned char)*word)) {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM;
            d->dim_param = strdup(word);
        } else {
            d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
            d->dim_value = strtoll(word, NULL, 10);
        }
        push(&t->shape->dim, &t->shape->n_dim, d);
    }
    v->type = malloc(sizeof *v->type);
    onnx__type_proto__init(v->type);
    v->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    v->type->tensor_type = t;
}

/* Fills `values` with numbers of (-1, 1) that depend on the name alone. */
static inline void random_values(const char *name, float *values, size_t n)
{
    uint32_t state = 2166136261u;
    for (; *name; name++)
        state = (state ^ (uint8_t)*name) * 16777619u;
    for (size_t k = 0; k < n; k++) {
        state = state * 1664525u + 1013904223u;
        values[k] = (float)(int32_t)(state & 0xffffff00u) * 0x1p-31f;
    }
}

static inline void read_floats(Onnx__TensorProto *t, char **save)
{
    int64_t elements = 1;
    for (char *word; (word = strtok_r(NULL, " ", save));) {
        int64_t d = strtoll(word, NULL, 10);
        push_int(&t->dims, &t->n_dims, d);
        elements = elements > 1 << 20 ? elements : elements * d;
    }
    if (elements < 0 || elements > 1 << 20)
        return; /* hostile dimensions, no data */
    t->n_float_data = (size_t)elements;
    t->float_data = malloc((size_t)(elements ? elements : 1) * sizeof(float));
    for (int64_t k = 0; k < elements; k++)
        t->float_data[k] = (float)k;
}

#endif
