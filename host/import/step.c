/* Operators that are made of others: each step is a node that the file does not have. */
#include "import/steps.h"

#include "base/buf.h"

#include <string.h>

/* Steps follow the definitions of this version, whatever the file's. */
enum { STEP_OPSET = 18 };

bs_step_attr bs_attr_of_int(const char *name, int64_t i)
{
    bs_step_attr a = ONNX__ATTRIBUTE_PROTO__INIT;
    a.name = (char *)name;
    a.i = i;
    return a;
}

bs_step_attr bs_attr_of_float(const char *name, float f)
{
    bs_step_attr a = ONNX__ATTRIBUTE_PROTO__INIT;
    a.name = (char *)name;
    a.f = f;
    return a;
}

bs_step_attr bs_attr_of_ints(const char *name, const int64_t *ints, int n)
{
    bs_step_attr a = ONNX__ATTRIBUTE_PROTO__INIT;
    a.name = (char *)name;
    a.ints = (int64_t *)ints;
    a.n_ints = (size_t)n;
    return a;
}

bs_step_attr bs_attr_of_string(const char *name, const char *text)
{
    bs_step_attr a = ONNX__ATTRIBUTE_PROTO__INIT;
    a.name = (char *)name;
    a.s = (ProtobufCBinaryData){strlen(text), (uint8_t *)text};
    return a;
}

int bs_step_own_attributes(const bs_raw *r, const char *const *left_out, int n_left_out,
                           bs_step_attr attr[BS_STEP_MOST])
{
    int n = 0;
    for (size_t k = 0; k < r->proto->n_attribute && n < BS_STEP_MOST; k++) {
        const Onnx__AttributeProto *a = r->proto->attribute[k];
        bool takes = a->name != NULL;
        for (int i = 0; i < n_left_out && takes; i++)
            takes = !bs_attr_is(a, left_out[i]);
        const Onnx__AttributeProto *value = takes ? bs_attr_find(r, a->name) : NULL;
        if (!value)
            continue;
        attr[n] = *value;
        attr[n++].name = a->name;
    }
    return n;
}

static bool all_invented(bs_value *const *in, int n)
{
    bool all = true;
    for (int k = 0; k < n; k++)
        all &= !in[k] || in[k]->invented;
    return all;
}

bs_status bs_step(bs_raw *r, bs_value **y, const char *op, bs_value *const *in, int n_in,
                  const bs_step_attr *attr, int n_attr)
{
    Onnx__NodeProto proto = ONNX__NODE_PROTO__INIT;
    Onnx__AttributeProto *attributes[BS_STEP_MOST];
    bs_value *inputs[BS_STEP_MOST];
    for (int k = 0; k < n_attr; k++)
        attributes[k] = (Onnx__AttributeProto *)&attr[k];
    for (int k = 0; k < n_in; k++)
        inputs[k] = in[k];
    while (n_in > 0 && !inputs[n_in - 1])
        n_in--;
    proto.attribute = attributes;
    proto.n_attribute = (size_t)n_attr;
    const char *name = r->name; /* the last step has the node's own */
    bool last = *y != NULL;
    if (!last) {
        BS_TRY(bs_value_add_inner(r->im, y, r->name, op));
        name = (*y)->name;
    }
    proto.name = (char *)name;
    bs_raw step = {.im = r->im,
                   .proto = &proto,
                   .op = op,
                   .name = name,
                   .opset = STEP_OPSET,
                   .in = inputs,
                   .out = y,
                   .n_in = n_in,
                   .n_out = 1};
    step.dtype = bs_lower_moves(op) ? bs_result_type(&step) : last ? r->dtype : BS_DTYPE_FP32;
    BS_TRY(r->im->run_node(&step));
    if ((*y)->kind != BS_VALUE_ACTIVATION)
        (*y)->invented = all_invented(in, n_in);
    return BS_OK;
}

bs_status bs_step_1(bs_raw *r, bs_value **y, const char *op, bs_value *x)
{
    return bs_step(r, y, op, &x, 1, NULL, 0);
}

bs_status bs_step_2(bs_raw *r, bs_value **y, const char *op, bs_value *a, bs_value *b)
{
    return bs_step(r, y, op, (bs_value *[]){a, b}, 2, NULL, 0);
}

bs_status bs_step_ints(bs_raw *r, bs_value **y, const int64_t *list, int n)
{
    BS_TRY(bs_value_add_inner(r->im, y, r->name, "constant"));
    BS_TRY(bs_value_alloc(r, *y, BS_VALUE_INTS, &(bs_shape){1, {n}}));
    (*y)->invented = true;
    if (n > 0)
        memcpy((*y)->i, list, (size_t)n * sizeof *list);
    return BS_OK;
}

bs_status bs_step_index(bs_raw *r, bs_value **y, int64_t i)
{
    BS_TRY(bs_step_ints(r, y, &i, 1));
    (*y)->shape.rank = 0;
    return BS_OK;
}

bs_status bs_step_indices(bs_raw *r, bs_value **y, const bs_shape *shape)
{
    BS_TRY(bs_value_add_inner(r->im, y, r->name, "indices"));
    return bs_value_alloc(r, *y, BS_VALUE_INTS, shape);
}

bs_status bs_step_gather(bs_raw *r, bs_value **y, bs_value *x, bs_value *index, int axis)
{
    bs_step_attr a = bs_attr_of_int("axis", axis);
    return bs_step(r, y, "Gather", (bs_value *[]){x, index}, 2, &a, 1);
}

bs_status bs_step_floats(bs_raw *r, bs_value **y, const bs_shape *shape, float fill)
{
    BS_TRY(bs_value_add_inner(r->im, y, r->name, "constant"));
    BS_TRY(bs_value_alloc(r, *y, BS_VALUE_FLOATS, shape));
    (*y)->invented = true;
    for (int64_t e = 0; e < (*y)->elements; e++)
        (*y)->f[e] = fill;
    return BS_OK;
}

bs_status bs_step_scalar(bs_raw *r, bs_value **y, float f)
{
    return bs_step_floats(r, y, &(bs_shape){0}, f);
}

bs_status bs_step_reshape(bs_raw *r, bs_value **y, bs_value *x, const bs_shape *shape)
{
    bs_value *to;
    BS_TRY(bs_step_ints(r, &to, shape->dim, shape->rank));
    return bs_step_2(r, y, "Reshape", x, to);
}

bs_status bs_step_view(bs_raw *r, bs_value **y, bs_value *x, const bs_shape *shape)
{
    int64_t elements;
    if (*y || x->kind != BS_VALUE_FLOATS || x->readers > 1 || x->whole || x->dropped)
        return bs_step_reshape(r, y, x, shape);
    if (!bs_shape_count(shape, &elements) || elements != x->elements)
        return bs_raw_fail(r, "constant '%.120s' has %lld elements", x->name, (long long)x->elements);
    x->shape = *shape;
    *y = x;
    return BS_OK;
}

bs_status bs_step_transpose(bs_raw *r, bs_value **y, bs_value *x, const int64_t *perm)
{
    bs_step_attr a = bs_attr_of_ints("perm", perm, x->shape.rank);
    return bs_step(r, y, "Transpose", &x, 1, &a, 1);
}

bs_status bs_step_swap_last(bs_raw *r, bs_value **y, bs_value *x)
{
    int64_t perm[BS_MAX_RANK];
    int rank = x->shape.rank;
    for (int k = 0; k < rank; k++)
        perm[k] = k;
    perm[rank - 2] = rank - 1;
    perm[rank - 1] = rank - 2;
    return bs_step_transpose(r, y, x, perm);
}

bs_status bs_step_reduce(bs_raw *r, bs_value **y, const char *op, bs_value *x, const int64_t *axes, int n)
{
    bs_value *list;
    bs_step_attr keep = bs_attr_of_int("keepdims", 1);
    BS_TRY(bs_step_ints(r, &list, axes, n));
    return bs_step(r, y, op, (bs_value *[]){x, list}, 2, &keep, 1);
}

bs_status bs_step_softmax(bs_raw *r, bs_value **y, bs_value *x)
{
    bs_step_attr axis = bs_attr_of_int("axis", -1);
    return bs_step(r, y, "Softmax", &x, 1, &axis, 1);
}

bs_status bs_step_variance(bs_raw *r, bs_value *x, const int64_t *axes, int n, bs_step_moments *out)
{
    bs_value *square = NULL;
    *out = (bs_step_moments){NULL, NULL, NULL};
    BS_TRY(bs_step_reduce(r, &out->mean, "ReduceMean", x, axes, n));
    BS_TRY(bs_step_2(r, &out->centred, "Sub", x, out->mean));
    BS_TRY(bs_step_2(r, &square, "Mul", out->centred, out->centred));
    return bs_step_reduce(r, &out->variance, "ReduceMean", square, axes, n);
}
