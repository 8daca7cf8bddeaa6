/* Shape and type of the image. */
#include "model/import.h"

#include "base/buf.h"
#include "base/log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

const Onnx__TypeProto__Tensor *bs_input_type(const Onnx__ValueInfoProto *info)
{
    bool tensor = info->type && info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE;
    return tensor ? info->type->tensor_type : NULL;
}

bool bs_dim_known(const Onnx__TensorShapeProto__Dimension *d)
{
    return d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_VALUE && d->dim_value > 0;
}

void bs_dims_text(const Onnx__TensorShapeProto *s, char *buf, size_t len)
{
    size_t at = 0;
    snprintf(buf, len, "%s", s->n_dim ? "" : "scalar");
    for (size_t k = 0; k < s->n_dim && at < len; k++) {
        const Onnx__TensorShapeProto__Dimension *d = s->dim[k];
        bool named = d->value_case == ONNX__TENSOR_SHAPE_PROTO__DIMENSION__VALUE_DIM_PARAM && *d->dim_param;
        const char *x = k ? " x " : "";
        int n = bs_dim_known(d) ? snprintf(buf + at, len - at, "%s%" PRId64, x, d->dim_value)
                                : snprintf(buf + at, len - at, "%s%.24s", x, named ? d->dim_param : "?");
        at += n > 0 ? (size_t)n : 0;
    }
}

/* --- Type --- */

/* Returns true for operators that only move values, so that bytes stay bytes. */
static bool moves(const char *op)
{
    static const char *const names[] = {"Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze",
                                        "Flatten",  "Slice",     "Gather",  "Split",   "Expand",
                                        "Concat",   "Shape",     "Size"};
    for (size_t k = 0; k < sizeof names / sizeof *names; k++)
        if (strcmp(op, names[k]) == 0)
            return true;
    return false;
}

static bs_status refuse_bytes(const bs_import *im, const Onnx__NodeProto *n)
{
    const char *name = n->name && *n->name ? n->name : n->n_output ? n->output[0] : "";
    bs_fail(BS_ERR,
            "input '%s' has element type UINT8, and node '%.120s' (%.60s) computes with it before a "
            "Cast to FLOAT",
            im->values[im->input]->name, name, n->op_type ? n->op_type : "");
    return bs_hint("export the network without its preprocessing, with a float input");
}

/* Bytes are whole numbers, which fp32 holds: that is the same network as long as operators only move them
 * before they are cast. */
static bs_status follow_bytes(const bs_import *im, bool *bytes)
{
    bytes[im->input] = true;
    for (size_t k = 0; k < im->file->n_node; k++) {
        const Onnx__NodeProto *n = im->file->node[k];
        const char *op = n->op_type ? n->op_type : "";
        bool reads = false, wanted = false;
        for (size_t i = 0; i < n->n_input; i++) {
            bs_value *v;
            reads |= bs_names_find(im, n->input[i], &v) && bytes[v->index];
        }
        for (size_t o = 0; o < n->n_output; o++) {
            bs_value *v;
            wanted |= bs_names_find(im, n->output[o], &v) && v->wanted;
        }
        if (!reads || !wanted || strcmp(op, "Cast") == 0)
            continue;
        if (!moves(op))
            return refuse_bytes(im, n);
        for (size_t o = 0; o < n->n_output && strcmp(op, "Shape") != 0 && strcmp(op, "Size") != 0; o++) {
            bs_value *v;
            if (bs_names_find(im, n->output[o], &v))
                bytes[v->index] = true;
        }
    }
    return BS_OK;
}

static bs_status check_type(bs_import *im, int type)
{
    const char *name = im->values[im->input]->name;
    if (type == TYPE(FLOAT))
        return BS_OK;
    if (type == TYPE(FLOAT16) || type == TYPE(DOUBLE)) {
        bs_warn("input '%s' has element type %s; the network is computed in fp32", name, bs_type_name(type));
        return BS_OK;
    }
    if (type == TYPE(UINT8)) {
        bool *bytes;
        BS_TRY(bs_calloc(&bytes, (size_t)im->n_values, sizeof *bytes, "tensors"));
        bs_status st = follow_bytes(im, bytes);
        free(bytes);
        BS_TRY(st);
        bs_info("input '%s' has element type UINT8; its pixels are kept as fp32, so faults in the input hit "
                "fp32 words",
                name);
        im->bytes_input = true;
        return BS_OK;
    }
    bs_fail(BS_ERR, "input '%s' has element type %s, only floating point and UINT8 are supported", name,
            bs_type_name(type));
    return bs_hint("export the network without its preprocessing, with a float input");
}

/* --- Shape --- */

static bool is_channels(int64_t n)
{
    return n == 1 || n == 3;
}

/* Finds the number of channels that the first convolution wants, past operators that keep the shape; 0: not
 * found. *last: it gets them by a transposition of (N, H, W, C). */
static int64_t channels_by_weight(const bs_import *im, bool *last)
{
    static const char *const keep[] = {"Identity", "Cast", "Add", "Sub",
                                       "Mul",      "Div",  "Pad", "BatchNormalization"};
    static const int64_t to_first[] = {0, 3, 1, 2};
    const char *x = im->values[im->input]->name;
    *last = false;
    for (size_t k = 0; k < im->file->n_node; k++) {
        const Onnx__NodeProto *n = im->file->node[k];
        const char *op = n->op_type ? n->op_type : "";
        if (n->n_input < 1 || n->n_output < 1 || strcmp(n->input[0], x) != 0)
            continue;
        bs_raw r = {.im = (bs_import *)im, .proto = n, .op = op, .name = x};
        if (strcmp(op, "Conv") == 0 && n->n_input > 1) {
            bs_value *w;
            const Onnx__TensorProto *t = bs_names_find(im, n->input[1], &w) ? w->stored : NULL;
            const Onnx__AttributeProto *group = bs_attr_find(&r, "group");
            if (!t || t->n_dims != 4 || (group && (group->i < 1 || group->i > 4)))
                return 0;
            return t->dims[1] > 0 && t->dims[1] < BS_DIM_LIMIT ? t->dims[1] * (group ? group->i : 1) : 0;
        }
        const Onnx__AttributeProto *perm = bs_attr_find(&r, "perm");
        bool moves_channels = strcmp(op, "Transpose") == 0 && perm && perm->n_ints == 4 &&
                              memcmp(perm->ints, to_first, sizeof to_first) == 0;
        bool kept = moves_channels && !*last;
        for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
            kept |= strcmp(op, keep[i]) == 0;
        if (!kept)
            return 0;
        *last |= moves_channels;
        x = n->output[0];
    }
    return 0;
}

/* Returns the axis of the rows; the columns are on the next. Fills in an open number of channels. -1: this is
 * no image. */
static int find_rows(const bs_import *im, bs_shape *s)
{
    if (s->rank == 3)
        return 1;
    if (s->rank != 4)
        return -1;
    if (is_channels(s->dim[1]))
        return 2;
    if (is_channels(s->dim[3]))
        return 1;
    bool last;
    int64_t channels = channels_by_weight(im, &last);
    int axis = last ? 3 : 1;
    if (channels > 0 && s->dim[axis] == 0)
        s->dim[axis] = channels;
    return last ? 1 : 2;
}

static bs_status open_size(const bs_import *im, const Onnx__TensorShapeProto *type)
{
    char text[160];
    bs_dims_text(type, text, sizeof text);
    bs_fail(BS_ERR, "input '%s' (%s): the size of its images is open", im->values[im->input]->name, text);
    return bs_hint(
        "give the size, such as 'input_size: [224, 224]' in the job, or --input-size 224,224 (rows, "
        "columns)");
}

static bs_status other_size(const bs_import *im, const Onnx__TensorShapeProto *type)
{
    char text[160];
    bs_dims_text(type, text, sizeof text);
    bs_fail(BS_ERR, "input '%s' (%s) cannot have the input size %d x %d", im->values[im->input]->name, text,
            im->options->input_size[0], im->options->input_size[1]);
    return bs_hint("an input size is for images whose size the file leaves open: leave it out");
}

/* Replaces open dimensions (0) by what is known about images. */
static bs_status fill_dimensions(bs_import *im, const Onnx__TensorShapeProto *type, bs_shape *s)
{
    const int *size = im->options->input_size;
    int rows = find_rows(im, s);
    if (rows < 0 && size[0] > 0)
        return other_size(im, type);
    for (int i = 0; i < 2 && rows >= 0; i++) {
        int64_t *d = &s->dim[rows + i];
        if (*d == 0 && size[i] == 0)
            return open_size(im, type);
        if (*d != 0 && size[i] != 0 && *d != size[i])
            return other_size(im, type);
        im->sized |= *d == 0;
        *d = *d ? *d : size[i];
    }
    for (int k = 1; k < s->rank; k++)
        if (s->dim[k] == 0) {
            char text[160];
            bs_dims_text(type, text, sizeof text);
            bs_fail(BS_ERR, "input '%s' (%s): dimension %d is not fixed", im->values[im->input]->name, text,
                    k);
            return bs_hint(
                "export the model with fixed dimensions; only the batch and the size of images may "
                "be dynamic");
        }
    return BS_OK;
}

static const Onnx__TypeProto__Tensor *type_of(const bs_import *im, const char *name)
{
    for (size_t k = 0; k < im->file->n_input; k++)
        if (im->file->input[k]->name && strcmp(im->file->input[k]->name, name) == 0)
            return bs_input_type(im->file->input[k]);
    return NULL;
}

/* The size of axis 0 in the file is the batch of the shape arithmetic; if it is open, the batch is 1. */
bs_status bs_image_input(bs_import *im)
{
    bs_value *v = im->values[im->input];
    const Onnx__TypeProto__Tensor *type = type_of(im, v->name);
    if (!type || !type->shape || type->shape->n_dim < 2 || type->shape->n_dim > BS_MAX_RANK) {
        bs_fail(BS_ERR, "input '%s' has no usable shape (%zu dimensions)", v->name,
                type && type->shape ? type->shape->n_dim : 0);
        return bs_hint("the input must be (N, C, H, W), (N, H, W, C), (N, H, W) or (N, features)");
    }
    BS_TRY(check_type(im, type->elem_type));
    v->shape.rank = (int)type->shape->n_dim;
    for (int k = 0; k < v->shape.rank; k++)
        v->shape.dim[k] = bs_dim_known(type->shape->dim[k]) ? type->shape->dim[k]->dim_value : 0;
    im->batch_fixed = v->shape.dim[0] > 0;
    v->shape.dim[0] = im->batch_fixed ? v->shape.dim[0] : 1;
    BS_TRY(fill_dimensions(im, type->shape, &v->shape));
    im->batch = v->shape.dim[0];
    if (!bs_shape_count(&v->shape, &v->elements) || v->elements > BS_ELEMENT_LIMIT)
        return bs_fail(BS_ERR, "input '%s' is too large", v->name);
    v->kind = BS_VALUE_ACTIVATION;
    v->place = (bs_place){0, 1};
    return BS_OK;
}
