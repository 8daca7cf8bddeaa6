/* Inputs and outputs of the file. */
#include "model/import.h"

#include "base/log.h"

#include <string.h>

/* Initializers may be listed as inputs too (before IR version 4 they had to be). */
bs_status bs_interface_image(bs_import *im, const char **out)
{
    bs_value *known;
    *out = NULL;
    for (size_t k = 0; k < im->file->n_input; k++) {
        const char *name = im->file->input[k]->name ? im->file->input[k]->name : "";
        if (bs_names_find(im, name, &known))
            continue;
        if (*out) {
            bs_fail(BS_ERR, "the model has several inputs: '%s' and '%s'", *out, name);
            return bs_hint("bitsink wants one image input; make the others initializers, or drop them");
        }
        *out = name;
    }
    if (!*out || !**out) {
        bs_fail(BS_ERR, "the model has no input");
        return bs_hint("bitsink wants one image input of shape (N, C, H, W)");
    }
    return BS_OK;
}

static const Onnx__TypeProto__Tensor *input_type(const bs_import *im)
{
    const char *name = im->values[im->input]->name;
    for (size_t k = 0; k < im->file->n_input; k++) {
        const Onnx__ValueInfoProto *i = im->file->input[k];
        if (i->name && strcmp(i->name, name) == 0 && i->type &&
            i->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE)
            return i->type->tensor_type;
    }
    return NULL;
}

static bs_status check_input_type(const char *name, int type)
{
    if (type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT)
        return BS_OK;
    if (type == ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16 || type == ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE) {
        bs_warn("input '%s' has element type %s; the network is computed in fp32", name, bs_type_name(type));
        return BS_OK;
    }
    bs_fail(BS_ERR, "input '%s' has element type %s, only floating point is supported", name,
            bs_type_name(type));
    return bs_hint("export the network without its preprocessing, with a float input");
}

/* Reads shape and type. The size of axis 0 in the file is the batch of the shape arithmetic; if it is open,
 * the batch is 1. */
bs_status bs_interface_input(bs_import *im)
{
    bs_value *v = im->values[im->input];
    const Onnx__TypeProto__Tensor *type = input_type(im);
    if (!type || !type->shape || type->shape->n_dim < 2 || type->shape->n_dim > BS_MAX_RANK) {
        bs_fail(BS_ERR, "input '%s' has no usable shape (%zu dimensions)", v->name,
                type && type->shape ? type->shape->n_dim : 0);
        return bs_hint("the input must be (N, C, H, W) or (N, features); export with a fixed image size");
    }
    BS_TRY(check_input_type(v->name, type->elem_type));
    v->shape.rank = (int)type->shape->n_dim;
    for (int k = 0; k < v->shape.rank; k++) {
        const Onnx__TensorShapeProto__Dimension *d = type->shape->dim[k];
        bool known =
            d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value > 0;
        v->shape.dim[k] = known ? d->dim_value : 1;
        if (k == 0)
            im->batch_fixed = known;
        if (k > 0 && !known) {
            bs_fail(BS_ERR, "input '%s': dimension %d is not fixed", v->name, k);
            return bs_hint("export the model with a fixed image size; only the batch may be dynamic");
        }
    }
    im->batch = v->shape.dim[0];
    if (!bs_shape_count(&v->shape, &v->elements) || v->elements > BS_ELEMENT_LIMIT)
        return bs_fail(BS_ERR, "input '%s' is too large", v->name);
    v->kind = BS_VALUE_ACTIVATION;
    v->place = (bs_place){0, 1};
    return BS_OK;
}

bs_status bs_interface_output(bs_import *im)
{
    const Onnx__GraphProto *g = im->file;
    bs_value *v;
    const char *name = g->n_output && g->output[0]->name ? g->output[0]->name : "";
    if (!bs_names_find(im, name, &v)) {
        bs_fail(BS_ERR, "no node makes the model's output '%s'", name);
        return bs_hint("the file is damaged; check it with onnx.checker");
    }
    im->output = v->index;
    if (g->n_output > 1)
        bs_info("the model has %zu outputs, the first one ('%s') is used", g->n_output, name);
    return BS_OK;
}
