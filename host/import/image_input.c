/* Shape and type of the image. */
#include "import/import.h"

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
    const char *name = bs_node_name(n);
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
        bs_value *v;
        for (size_t i = 0; i < n->n_input; i++) {
            reads |= bs_names_find(im, n->input[i], &v) && bytes[v->index];
        }
        for (size_t o = 0; o < n->n_output; o++) {
            wanted |= bs_names_find(im, n->output[o], &v) && v->wanted;
        }
        if (!reads || !wanted || strcmp(op, "Cast") == 0)
            continue;
        if (!moves(op))
            return refuse_bytes(im, n);
        for (size_t o = 0; o < n->n_output && strcmp(op, "Shape") != 0 && strcmp(op, "Size") != 0; o++) {
            if (bs_names_find(im, n->output[o], &v))
                bytes[v->index] = true;
        }
    }
    return BS_OK;
}

static bs_status check_type(bs_import *im, int type)
{
    const char *name = im->values[im->input]->name;
    if (type == TYPE(FLOAT) || type == TYPE(FLOAT16) || type == TYPE(BFLOAT16))
        return BS_OK;
    if (type == TYPE(DOUBLE)) {
        im->doubles = true;
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

/* What is known of a tensor while convolutions of the image are looked for. */
enum { OTHER, LIKE_IMAGE, TRANSPOSED };

/* Returns what a node makes of such a tensor: operators that keep the axes, and a transposition of (N, H, W,
 * C). */
static char follow(const bs_raw *r, char x)
{
    static const char *const keep[] = {"Identity",          "Cast", "Add", "Sub", "Mul", "Div", "Pad", "Clip",
                                       "BatchNormalization"};
    static const int64_t to_first[] = {0, 3, 1, 2};
    for (size_t i = 0; i < sizeof keep / sizeof *keep; i++)
        if (strcmp(r->op, keep[i]) == 0)
            return x;
    const Onnx__AttributeProto *perm = bs_attr_find(r, "perm");
    bool moves_channels = strcmp(r->op, "Transpose") == 0 && perm && perm->n_ints == 4 &&
                          memcmp(perm->ints, to_first, sizeof to_first) == 0;
    return moves_channels && x == LIKE_IMAGE ? TRANSPOSED : OTHER;
}

/* Returns the channels that a convolution wants, 0: not known. */
static int64_t conv_channels(const bs_raw *r)
{
    bs_value *w;
    const Onnx__TensorProto *t =
        r->n_in > 1 && bs_names_find(r->im, r->proto->input[1], &w) ? w->stored : NULL;
    const Onnx__AttributeProto *group = bs_attr_find(r, "group");
    int64_t groups = group ? group->i : 1;
    bool known = t && t->n_dims == 4 && groups >= 1 && groups <= 4 && t->dims[1] > 0 && t->dims[1] <= 4;
    return known ? t->dims[1] * groups : 0;
}

/* Finds the number of channels by the first convolution of the image; *out stays 0 if there is none. *last:
 * it gets them by a transposition of (N, H, W, C). */
static bs_status channels_by_weight(const bs_import *im, int64_t *out, bool *last)
{
    char *kind;
    *out = 0;
    *last = false;
    BS_TRY(bs_calloc(&kind, (size_t)im->n_values, sizeof *kind, "tensors"));
    kind[im->input] = LIKE_IMAGE;
    for (size_t k = 0; k < im->file->n_node && *out == 0; k++) {
        const Onnx__NodeProto *n = im->file->node[k];
        bs_raw r = {
            .im = (bs_import *)im, .proto = n, .op = n->op_type ? n->op_type : "", .n_in = (int)n->n_input};
        bs_value *v;
        char x = OTHER;
        for (size_t i = 0; i < n->n_input && x == OTHER; i++) {
            x = bs_names_find(im, n->input[i], &v) ? kind[v->index] : x;
        }
        if (x != OTHER && strcmp(r.op, "Conv") == 0) {
            *out = conv_channels(&r);
            *last = x == TRANSPOSED;
        } else if (x != OTHER && n->n_output > 0) {
            if (bs_names_find(im, n->output[0], &v))
                kind[v->index] = follow(&r, x);
        }
    }
    free(kind);
    return BS_OK;
}

/* Sets *out to the axis of the rows; the columns are on the next. Fills in an open number of channels. -1:
 * this is no image. */
static bs_status find_rows(const bs_import *im, bs_shape *s, int *out)
{
    int64_t channels;
    bool last;
    *out = s->rank == 3 ? 1 : -1;
    if (s->rank != 4)
        return BS_OK;
    *out = is_channels(s->dim[1]) || !is_channels(s->dim[3]) ? 2 : 1;
    if (is_channels(s->dim[1]) || is_channels(s->dim[3]))
        return BS_OK;
    BS_TRY(channels_by_weight(im, &channels, &last));
    *out = last ? 1 : 2;
    int64_t *open = &s->dim[last ? 3 : 1];
    *open = *open ? *open : channels;
    return BS_OK;
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
    int rows;
    BS_TRY(find_rows(im, s, &rows));
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
    v->dtype = bs_type_stored(type->elem_type);
    v->place = (bs_place){0, 1};
    return BS_OK;
}
