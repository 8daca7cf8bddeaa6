/* Inputs and outputs of the file. */
#include "import/import.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/text.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

/* --- The output --- */

static const char *first_output(const bs_import *im)
{
    return im->file->n_output && im->file->output[0]->name ? im->file->output[0]->name : "";
}

/* Lists the outputs of the file, but for the first if `others`. */
static void put_outputs(bs_str *out, const bs_import *im, bool others)
{
    const char *comma = "";
    for (size_t k = others; k < im->file->n_output && out->len < 300; k++) {
        bs_str_printf(out, "%s'%s'", comma, im->file->output[k]->name ? im->file->output[k]->name : "");
        comma = ", ";
    }
}

/* Returns the first output of a node, NULL if it has none. */
static bs_value *output_of(const bs_import *im, const Onnx__NodeProto *n)
{
    bs_value *v = NULL;
    for (size_t o = 0; o < n->n_output && !v; o++)
        bs_names_find(im, n->output[o], &v);
    return v;
}

/* Returns the first output of the node of this name, NULL if there is none. */
static bs_value *find_node_output(const bs_import *im, const char *name)
{
    for (size_t k = 0; *name && k < im->file->n_node; k++)
        if (im->file->node[k]->name && strcmp(im->file->node[k]->name, name) == 0)
            return output_of(im, im->file->node[k]);
    return NULL;
}

/* Returns the node that the tensor of this name is a step of, by their names; NULL if there is none. */
static const char *node_of_step(const bs_import *im, const char *name)
{
    const char *best = NULL;
    size_t length = 0;
    for (size_t k = 0; k < im->file->n_node; k++) {
        const Onnx__NodeProto *p = im->file->node[k];
        const char *node = bs_node_name(p);
        size_t n = strlen(node);
        if (n > length && strncmp(name, node, n) == 0 && name[n] == '/') {
            best = node;
            length = n;
        }
    }
    return best;
}

static bs_status suggest_output(const bs_import *im, const char *name)
{
    const char **names = NULL, *node = node_of_step(im, name);
    size_t n = 0;
    bs_str all = {0};
    if (node)
        return bs_hint("only whole nodes of the file can be the output, such as '%.200s'", node);
    BS_TRY(bs_calloc(&names, (size_t)im->n_values + im->file->n_node, sizeof *names, "tensor names"));
    for (int v = 0; v < im->n_values; v++)
        if (im->values[v]->made && *im->values[v]->name)
            names[n++] = im->values[v]->name;
    for (size_t k = 0; k < im->file->n_node; k++)
        if (im->file->node[k]->name && *im->file->node[k]->name)
            names[n++] = im->file->node[k]->name;
    int near = bs_nearest(name, names, n);
    put_outputs(&all, im, false);
    bs_status st = near >= 0 ? bs_hint("did you mean '%.200s'?", names[near])
                             : bs_hint("its outputs are %s; `bitsink inspect` lists all tensors",
                                       all.ptr ? all.ptr : "not named");
    bs_str_clear(&all);
    free(names);
    return st;
}

static bs_status find_given_output(bs_import *im, const char *name)
{
    bs_value *v;
    if (!bs_names_find(im, name, &v))
        v = find_node_output(im, name);
    if (!v) {
        bs_fail(BS_ERR, "the model has no tensor or node '%.200s' for its output", name);
        return suggest_output(im, name);
    }
    im->output = v->index;
    if (v->made)
        return BS_OK;
    bs_fail(BS_ERR, "'%.200s' cannot be the output: no node computes it", name);
    return bs_hint("name the output of a node, such as '%.200s'", first_output(im));
}

bs_status bs_interface_output(bs_import *im)
{
    const char *name = first_output(im);
    bs_value *v;
    bs_str others = {0};
    if (im->options->output)
        return find_given_output(im, im->options->output);
    if (!bs_names_find(im, name, &v)) {
        bs_fail(BS_ERR, "no node makes the model's output '%s'", name);
        return bs_hint("the file is damaged; check it with onnx.checker");
    }
    im->output = v->index;
    if (im->file->n_output > 1) {
        put_outputs(&others, im, true);
        bs_info("the model has %zu outputs, the first one ('%s') is used; 'output: NAME' in the job, or "
                "--output NAME, takes another: %s",
                im->file->n_output, name, others.ptr ? others.ptr : "");
        bs_str_clear(&others);
    }
    return BS_OK;
}

/* --- Constants in place of inputs --- */

static const bs_given_input *find_given(const bs_import *im, const char *name)
{
    for (int i = 0; i < im->options->n_inputs; i++)
        if (name && strcmp(im->options->inputs[i].name, name) == 0)
            return &im->options->inputs[i];
    return NULL;
}

/* Returns true if `values` has an input of this name. */
static bool is_input(const bs_import *im, const char *name)
{
    bs_value *v;
    return bs_names_find(im, name, &v) && !v->made && !v->stored;
}

static bs_value *value_of(const bs_import *im, const Onnx__ValueInfoProto *info)
{
    bs_value *v;
    bs_names_find(im, info->name, &v);
    return v;
}

static bs_status unknown_input(const bs_import *im, const char *name)
{
    const char *names[64];
    size_t n = 0;
    bs_str all = {0};
    for (size_t k = 0; k < im->file->n_input && n < sizeof names / sizeof *names; k++)
        if (is_input(im, im->file->input[k]->name)) {
            bs_str_printf(&all, "%s'%.200s'", n ? ", " : "", im->file->input[k]->name);
            names[n++] = im->file->input[k]->name;
        }
    int near = bs_nearest(name, names, n);
    bs_fail(BS_ERR, "the model has no input '%.200s' that could be given a value", name);
    bs_status st = near >= 0 ? bs_hint("did you mean '%.200s'?", names[near])
                             : bs_hint("its inputs are %.600s", all.ptr ? all.ptr : "all stored in the file");
    bs_str_clear(&all);
    return st;
}

static bs_status check_given(const bs_import *im)
{
    for (int i = 0; i < im->options->n_inputs; i++)
        if (!is_input(im, im->options->inputs[i].name))
            return unknown_input(im, im->options->inputs[i].name);
    return BS_OK;
}

/* Sets the shape of a constant: open dimensions are 1, but a single one takes what a list has. */
static bs_status constant_shape(bs_value *v, const Onnx__TypeProto__Tensor *type, const bs_given_input *given)
{
    const Onnx__TensorShapeProto *s = type->shape;
    int open = 0, at = 0;
    if (!s) {
        v->shape = given->n == 1 ? (bs_shape){0} : (bs_shape){1, {given->n}};
        v->elements = given->n;
        return BS_OK;
    }
    if (s->n_dim > BS_MAX_RANK)
        return bs_fail(BS_ERR, "input '%s' has %zu dimensions", v->name, s->n_dim);
    v->shape.rank = (int)s->n_dim;
    for (int k = 0; k < v->shape.rank; k++) {
        v->shape.dim[k] = bs_dim_known(s->dim[k]) ? s->dim[k]->dim_value : 1;
        if (!bs_dim_known(s->dim[k])) {
            open++;
            at = k;
        }
    }
    if (!bs_shape_count(&v->shape, &v->elements) || v->elements > BS_FOLD_LIMIT)
        return bs_fail(BS_ERR, "input '%s' is too large for a constant", v->name);
    if (open == 1 && given->n % v->elements == 0) {
        v->shape.dim[at] = given->n / v->elements;
        v->elements = given->n;
    }
    if (given->n == 1 || given->n == v->elements)
        return BS_OK;
    char text[96];
    bs_fail(BS_ERR, "input '%s' takes %" PRId64 " values (%s), it is given %d", v->name, v->elements,
            bs_shape_text(&v->shape, text, sizeof text), given->n);
    return bs_hint("give one value for all elements, or a list of %" PRId64, v->elements);
}

static bs_status wrong_value(const bs_value *v, int type, double value)
{
    bs_fail(BS_ERR, "input '%s' has element type %s and cannot be %g", v->name, bs_type_name(type), value);
    return bs_hint(type == TYPE(BOOL) ? "give true or false" : "give whole numbers");
}

static bool is_float_type(int type)
{
    return type == TYPE(FLOAT) || type == TYPE(DOUBLE) || type == TYPE(FLOAT16) || type == TYPE(BFLOAT16);
}

static bs_status check_values(const bs_value *v, int type, const bs_given_input *given)
{
    bool numbers = is_float_type(type), truth = type == TYPE(BOOL);
    if (!numbers && !truth && type != TYPE(INT64) && type != TYPE(INT32) && type != TYPE(INT16) &&
        type != TYPE(INT8) && type != TYPE(UINT8) && type != TYPE(UINT16)) {
        bs_fail(BS_ERR, "input '%s' has element type %s, for which no values can be given", v->name,
                bs_type_name(type));
        return bs_hint("make it an initializer, or export the model without it");
    }
    for (int k = 0; k < given->n && !numbers; k++) {
        double x = given->value[k];
        if (x != rint(x) || fabs(x) > 0x1p53 || (truth && x != 0 && x != 1))
            return wrong_value(v, type, x);
    }
    return BS_OK;
}

static bs_status make_constant(bs_import *im, bs_value *v, const Onnx__ValueInfoProto *info,
                               const bs_given_input *given)
{
    const Onnx__TypeProto__Tensor *type = bs_input_type(info);
    if (!type)
        return bs_fail(BS_ERR, "input '%s' is not a tensor", v->name);
    BS_TRY(check_values(v, type->elem_type, given));
    BS_TRY(constant_shape(v, type, given));
    bool floats = is_float_type(type->elem_type);
    if (floats)
        BS_TRY(bs_calloc(&v->f, (size_t)v->elements, sizeof *v->f, v->name));
    else
        BS_TRY(bs_calloc(&v->i, (size_t)v->elements, sizeof *v->i, v->name));
    for (int64_t k = 0; k < v->elements; k++) {
        double x = given->value[given->n > 1 ? k : 0];
        if (floats)
            v->f[k] = (float)x;
        else
            v->i[k] = (int64_t)x;
    }
    v->kind = floats ? BS_VALUE_FLOATS : BS_VALUE_INTS;
    v->type = type->elem_type;
    bs_value_store(v, bs_type_stored(type->elem_type));
    im->bytes += (uint64_t)v->elements * sizeof(int64_t);
    return BS_OK;
}

/* --- The image --- */

/* Returns how much an input looks like images: (N, C, H, W) most, then (N, H, W), then (N, features); rows
 * and columns are more than one. */
static int likeness(const Onnx__ValueInfoProto *info)
{
    const Onnx__TypeProto__Tensor *t = bs_input_type(info);
    bool usable = t && t->shape && (is_float_type(t->elem_type) || t->elem_type == TYPE(UINT8));
    size_t rank = usable ? t->shape->n_dim : 0, long_axes = 0;
    for (size_t k = 1; k < rank; k++)
        long_axes += !bs_dim_known(t->shape->dim[k]) || t->shape->dim[k]->dim_value > 1;
    return (rank == 4 ? 6 : rank == 3 ? 4 : rank == 2 ? 2 : 0) + (long_axes >= 2);
}

static bs_status needs_other(const char *image, const Onnx__ValueInfoProto *other)
{
    const Onnx__TypeProto__Tensor *t = bs_input_type(other);
    char text[160] = "no shape";
    if (t && t->shape)
        bs_dims_text(t->shape, text, sizeof text);
    bs_fail(BS_ERR, "the output needs the input '%.200s' (%s, %s) beside the image '%.200s'", other->name,
            bs_type_name(t ? t->elem_type : 0), text, image);
    return bs_hint("give it a constant value, such as 'inputs: {\"%.200s\": %s}' in the job, or --input "
                   "%.200s=%s; it must be the value that the network gets in use",
                   other->name, t && t->elem_type == TYPE(BOOL) ? "false" : "0", bs_shell_word(other->name),
                   t && t->elem_type == TYPE(BOOL) ? "false" : "0");
}

static bs_status no_image(const bs_import *im)
{
    if (im->options->n_inputs > 0) {
        bs_fail(BS_ERR, "all inputs of the model are given as constants");
        return bs_hint("leave out the input of the images");
    }
    bs_fail(BS_ERR, "the model has no input");
    return bs_hint("bitsink wants an input for images of shape (N, C, H, W)");
}

/* Finds the input that looks most like images, and the first other one that is needed. */
static const Onnx__ValueInfoProto *find_image(const bs_import *im, const Onnx__ValueInfoProto **other)
{
    const Onnx__ValueInfoProto *best = NULL;
    bool best_wanted = false;
    *other = NULL;
    for (size_t k = 0; k < im->file->n_input; k++) {
        const Onnx__ValueInfoProto *info = im->file->input[k];
        if (!is_input(im, info->name) || find_given(im, info->name))
            continue;
        bool wanted = value_of(im, info)->wanted;
        if (!best || wanted > best_wanted || (wanted == best_wanted && likeness(info) > likeness(best))) {
            *other = best_wanted && !*other ? best : *other;
            best = info;
            best_wanted = wanted;
        } else if (wanted && !*other && strcmp(info->name, best->name) != 0) {
            *other = info;
        }
    }
    return best;
}

bs_status bs_interface_inputs(bs_import *im)
{
    const Onnx__ValueInfoProto *other, *image;
    BS_TRY(check_given(im));
    image = find_image(im, &other);
    if (!image)
        return no_image(im);
    if (other)
        return needs_other(image->name, other);
    for (size_t k = 0; k < im->file->n_input; k++) {
        const Onnx__ValueInfoProto *info = im->file->input[k];
        if (info == image || !is_input(im, info->name))
            continue;
        bs_value *v = value_of(im, info);
        const bs_given_input *given = find_given(im, info->name);
        if (!v->wanted)
            bs_info("input '%s' is not needed by the output, and left out", v->name);
        else if (given && v->kind == BS_VALUE_UNKNOWN)
            BS_TRY(make_constant(im, v, info, given));
    }
    bs_names_choose_image(im, value_of(im, image));
    return BS_OK;
}

/* --- Identity --- */

bs_status bs_interface_hash(const bs_import *im, char sha256[65])
{
    const bs_import_options *o = im->options;
    bs_str text = {0};
    if (im->sized)
        bs_str_printf(&text, "input_size %d %d\n", o->input_size[0], o->input_size[1]);
    const char *output = im->values[im->output]->name;
    if (strcmp(output, first_output(im)) != 0)
        bs_str_printf(&text, "output %s\n", output);
    for (size_t k = 0; k < im->file->n_input; k++) {
        const char *name = im->file->input[k]->name;
        const bs_given_input *given = is_input(im, name) ? find_given(im, name) : NULL;
        if (!given || !value_of(im, im->file->input[k])->wanted)
            continue;
        bs_str_printf(&text, "input %s", name);
        for (int i = 0; i < given->n; i++)
            bs_str_printf(&text, " %.17g", given->value[i]);
        bs_str_puts(&text, "\n");
    }
    BS_TRY(bs_str_status(&text));
    if (text.len > 0) {
        bs_str all = {0};
        bs_str_puts(&all, sha256);
        bs_str_append(&all, text.ptr, text.len);
        if (bs_str_status(&all) == BS_OK)
            bs_sha256_text(all.ptr, all.len, sha256);
        bs_str_clear(&all);
    }
    bs_str_clear(&text);
    return BS_OK;
}
