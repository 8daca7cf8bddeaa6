#include "proto.h"

#include <stdlib.h>
#include <string.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

char *ct_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(ct_xalloc(n, 1), s, n);
}

void ct_rename(char **name, const char *to)
{
    if (*name != (const char *)protobuf_c_empty_string)
        free(*name);
    *name = ct_strdup(to);
}

void ct_append(void *array_ptr, size_t *n, void *item)
{
    void **array;
    memcpy(&array, array_ptr, sizeof array);
    void **grown = ct_xalloc(*n + 1, sizeof *grown);
    if (*n)
        memcpy(grown, array, *n * sizeof *grown);
    free(array);
    grown[(*n)++] = item;
    memcpy(array_ptr, &grown, sizeof grown);
}

Onnx__TensorProto *ct_new_tensor(void)
{
    Onnx__TensorProto *t = ct_xalloc(1, sizeof *t);
    onnx__tensor_proto__init(t);
    return t;
}

Onnx__TensorProto *ct_find_initializer(const Onnx__ModelProto *m, const char *name)
{
    for (size_t k = 0; k < m->graph->n_initializer; k++)
        if (strcmp(m->graph->initializer[k]->name, name) == 0)
            return m->graph->initializer[k];
    return NULL;
}

void ct_add_initializer(Onnx__ModelProto *m, const char *name, Onnx__TensorProto *t)
{
    ct_rename(&t->name, name);
    ct_append(&m->graph->initializer, &m->graph->n_initializer, t);
}

bool ct_get_ints(const Onnx__TensorProto *t, ct_ints *out)
{
    bool wide = t->data_type == TYPE(INT64);
    size_t size = wide ? 8 : 4;
    if (!wide && t->data_type != TYPE(INT32))
        return false;
    out->n = t->has_raw_data ? t->raw_data.len / size : wide ? t->n_int64_data : t->n_int32_data;
    if (out->n > sizeof out->v / sizeof *out->v)
        return false;
    for (size_t k = 0; k < out->n; k++) {
        int32_t narrow = 0;
        if (t->has_raw_data && wide)
            memcpy(&out->v[k], t->raw_data.data + k * size, size);
        else if (t->has_raw_data)
            memcpy(&narrow, t->raw_data.data + k * size, size);
        else if (!wide)
            narrow = t->int32_data[k];
        else
            out->v[k] = t->int64_data[k];
        if (!wide)
            out->v[k] = narrow;
    }
    return true;
}

void ct_set_ints(Onnx__TensorProto *t, const ct_ints *ints)
{
    free(t->int64_data);
    free(t->int32_data);
    if (t->has_raw_data)
        free(t->raw_data.data);
    free(t->dims);
    t->has_raw_data = false;
    t->raw_data = (ProtobufCBinaryData){0};
    t->int32_data = NULL;
    t->n_int32_data = 0;
    t->has_data_type = true;
    t->data_type = TYPE(INT64);
    t->n_dims = 1;
    t->dims = ct_xalloc(1, sizeof *t->dims);
    t->dims[0] = (int64_t)ints->n;
    t->n_int64_data = ints->n;
    t->int64_data = ct_xalloc(ints->n, sizeof *t->int64_data);
    memcpy(t->int64_data, ints->v, ints->n * sizeof *ints->v);
}

Onnx__AttributeProto *ct_find_attribute(const Onnx__NodeProto *n, const char *name)
{
    for (size_t k = 0; k < n->n_attribute; k++)
        if (strcmp(n->attribute[k]->name, name) == 0)
            return n->attribute[k];
    return NULL;
}

Onnx__AttributeProto *ct_need_attribute(Onnx__NodeProto *n, const char *name,
                                        Onnx__AttributeProto__AttributeType type)
{
    Onnx__AttributeProto *a = ct_find_attribute(n, name);
    if (a)
        return a;
    a = ct_xalloc(1, sizeof *a);
    onnx__attribute_proto__init(a);
    a->name = ct_strdup(name);
    a->has_type = true;
    a->type = type;
    ct_append(&n->attribute, &n->n_attribute, a);
    return a;
}

Onnx__NodeProto *ct_add_node(Onnx__ModelProto *m, const char *op, const char *const *in, size_t n_in,
                             const char *out)
{
    Onnx__NodeProto *n = ct_xalloc(1, sizeof *n);
    onnx__node_proto__init(n);
    n->op_type = ct_strdup(op);
    for (size_t k = 0; k < n_in; k++)
        ct_append(&n->input, &n->n_input, ct_strdup(in[k]));
    ct_append(&n->output, &n->n_output, ct_strdup(out));
    ct_append(&m->graph->node, &m->graph->n_node, n);
    return n;
}

static Onnx__TensorShapeProto *new_shape(int rank, const int64_t *dim)
{
    Onnx__TensorShapeProto *s = ct_xalloc(1, sizeof *s);
    onnx__tensor_shape_proto__init(s);
    for (int k = 0; k < rank; k++) {
        Onnx__TensorShapeProto__Dimension *d = ct_xalloc(1, sizeof *d);
        onnx__tensor_shape_proto__dimension__init(d);
        d->value_case = ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE;
        d->dim_value = dim[k];
        ct_append(&s->dim, &s->n_dim, d);
    }
    return s;
}

void ct_set_input(Onnx__ModelProto *m, const char *name, int type, int rank, const int64_t *dim)
{
    Onnx__ValueInfoProto *input = NULL;
    for (size_t k = 0; k < m->graph->n_input; k++)
        if (strcmp(m->graph->input[k]->name, name) == 0)
            input = m->graph->input[k];
    if (!input) {
        input = ct_xalloc(1, sizeof *input);
        onnx__value_info_proto__init(input);
        input->name = ct_strdup(name);
        ct_append(&m->graph->input, &m->graph->n_input, input);
    }
    if (input->type)
        onnx__type_proto__free_unpacked(input->type, NULL);
    input->type = ct_xalloc(1, sizeof *input->type);
    onnx__type_proto__init(input->type);
    Onnx__TypeProto__Tensor *t = ct_xalloc(1, sizeof *t);
    onnx__type_proto__tensor__init(t);
    t->has_elem_type = true;
    t->elem_type = type;
    t->shape = new_shape(rank, dim);
    input->type->value_case = ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    input->type->tensor_type = t;
}

int64_t ct_opset(const Onnx__ModelProto *m)
{
    for (size_t k = 0; k < m->n_opset_import; k++)
        if (!m->opset_import[k]->domain || !*m->opset_import[k]->domain)
            return m->opset_import[k]->version;
    return 0;
}
