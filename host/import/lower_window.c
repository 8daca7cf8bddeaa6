#include "import/import.h"

#include <math.h>
#include <string.h>

/* Reads n integers of a list attribute, all within low..BS_MAX_GEOMETRY; leaves `out` as it is if it is
 * absent. */
static bs_status read_list(const bs_raw *r, const char *name, size_t n, int64_t low, int *out)
{
    const int64_t *list;
    size_t len;
    bool present;
    BS_TRY(bs_attr_ints(r, name, &list, &len, &present));
    if (!present)
        return BS_OK;
    if (len != n)
        return bs_raw_fail(r, "%s has %zu entries instead of %zu", name, len, n);
    for (size_t k = 0; k < n; k++) {
        if (list[k] < low || list[k] > BS_MAX_GEOMETRY)
            return bs_raw_fail(r, "%s of %lld is not supported", name, (long long)list[k]);
        out[k] = (int)list[k];
    }
    return BS_OK;
}

/* Resolves auto_pad. SAME: the output has ceil(in / stride) rows, from which the padding follows. */
static bs_status resolve_auto_pad(const bs_raw *r, const bs_shape *in, bs_window *w)
{
    char mode[32];
    BS_TRY(bs_attr_string(r, "auto_pad", "NOTSET", mode));
    bool upper = strcmp(mode, "SAME_UPPER") == 0, lower = strcmp(mode, "SAME_LOWER") == 0;
    if (strcmp(mode, "VALID") == 0) {
        memset(w->pad, 0, sizeof w->pad);
    } else if (upper || lower) {
        for (int a = 0; a < 2; a++) {
            /* ONNX Runtime refuses this for Conv, and pads MaxPool differently from the standard. */
            if (w->kernel[a] > 1 && w->dilation[a] > 1) {
                bs_raw_fail(r, "auto_pad %s with dilation is ambiguous", mode);
                return bs_hint("export the layer with explicit pads");
            }
            int64_t n = (in->dim[2 + a] - 1) / w->stride[a] + 1;
            int64_t extent = (int64_t)(w->kernel[a] - 1) * w->dilation[a] + 1;
            int64_t total = (n - 1) * w->stride[a] + extent - in->dim[2 + a];
            total = total < 0 ? 0 : total;
            if (total > BS_MAX_GEOMETRY)
                return bs_raw_fail(r, "a padding of %lld is not supported", (long long)total);
            w->pad[a] = (int)(upper ? total / 2 : total - total / 2);
            w->pad[2 + a] = (int)total - w->pad[a];
        }
        w->ceil_mode = false;
    } else if (strcmp(mode, "NOTSET") != 0) {
        return bs_raw_fail(r, "auto_pad '%s' is unknown", mode);
    }
    return BS_OK;
}

/* Sets the output's rows and columns. ONNX and PyTorch agree: rounding up adds a window only if it starts
 * inside the input or its leading padding. */
static bs_status window_shape(const bs_raw *r, const bs_shape *in, const bs_window *w, bs_shape *out)
{
    for (int a = 0; a < 2; a++) {
        int64_t extent = (int64_t)(w->kernel[a] - 1) * w->dilation[a] + 1;
        int64_t span = in->dim[2 + a] + w->pad[a] + w->pad[2 + a] - extent;
        if (w->ceil_mode)
            span += w->stride[a] - 1;
        if (span < 0) {
            bs_raw_fail(r, "a window of %lld does not fit into %lld padded %s", (long long)extent,
                        (long long)(span + extent), a ? "columns" : "rows");
            return r->im->sized ? bs_hint("give a larger input size: the images become too small on the way")
                                : BS_ERR;
        }
        int64_t n = span / w->stride[a] + 1;
        if (w->ceil_mode && (n - 1) * w->stride[a] >= in->dim[2 + a] + w->pad[a])
            n--;
        out->dim[2 + a] = n;
    }
    return BS_OK;
}

static bs_status need_image(bs_raw *r, const bs_value *x)
{
    if (x->shape.rank == 4)
        return bs_place_first(r, x);
    bs_raw_fail(r,
                "its input has %d dimensions; only 1-d and 2-d windows, over (N, C, W) and (N, C, H, W), "
                "are supported",
                x->shape.rank);
    return bs_hint(
        "3-d convolutions and pools are not supported; squeeze an axis of one element, if there is one");
}

static void default_window(bs_window *w)
{
    *w = (bs_window){.stride = {1, 1}, .dilation = {1, 1}, .group = 1};
}

bs_status bs_lower_conv(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x, *weight, *bias;
    bs_window *w = &n->attr.window;
    int64_t group;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(bs_raw_constant(r, 1, "weight", &weight));
    BS_TRY(need_image(r, x));
    if (weight->shape.rank != 4)
        return bs_raw_fail(r, "its weight has %d dimensions instead of 4", weight->shape.rank);
    const int64_t *dim = weight->shape.dim;
    BS_TRY(bs_attr_int(r, "group", 1, &group));
    if (group < 1 || group > dim[0] || dim[0] % group || dim[1] > x->shape.dim[1] / group ||
        dim[1] * group != x->shape.dim[1])
        return bs_raw_fail(r, "%lld channels do not fit a weight for %lld in %lld groups",
                           (long long)x->shape.dim[1], (long long)dim[1], (long long)group);
    if (dim[0] > INT32_MAX || dim[2] > BS_MAX_GEOMETRY || dim[3] > BS_MAX_GEOMETRY)
        return bs_raw_fail(r, "its weight is too large");
    default_window(w);
    w->group = (int)group;
    w->kernel[0] = (int)dim[2];
    w->kernel[1] = (int)dim[3];
    BS_TRY(read_list(r, "kernel_shape", 2, 1, w->kernel));
    if (w->kernel[0] != dim[2] || w->kernel[1] != dim[3])
        return bs_raw_fail(r, "kernel_shape differs from the weight's shape");
    BS_TRY(read_list(r, "strides", 2, 1, w->stride));
    BS_TRY(read_list(r, "dilations", 2, 1, w->dilation));
    BS_TRY(read_list(r, "pads", 4, 0, w->pad));
    BS_TRY(resolve_auto_pad(r, &x->shape, w));
    *out = (bs_shape){4, {x->shape.dim[0], dim[0]}};
    BS_TRY(window_shape(r, &x->shape, w, out));
    BS_TRY(bs_lower_whole(r, weight));
    BS_TRY(bs_lower_inputs(n, 3));
    n->in[0] = bs_value_index(x);
    n->in[1] = bs_value_index(weight);
    if (bs_raw_input(r, 2)) {
        BS_TRY(bs_raw_constant(r, 2, "bias", &bias));
        if (bias->shape.rank != 1 || bias->elements != dim[0])
            return bs_raw_fail(r, "a bias of %lld elements for %lld channels", (long long)bias->elements,
                               (long long)dim[0]);
        BS_TRY(bs_lower_whole(r, bias));
        n->in[2] = bs_value_index(bias);
    }
    int64_t plane;
    if (__builtin_mul_overflow(out->dim[2], out->dim[3], &plane) ||
        __builtin_mul_overflow(plane, weight->elements, &n->macs))
        return bs_raw_fail(r, "its output is too large");
    return BS_OK;
}

/* Fails if a pool's window may hold only padding, which has no maximum and no mean. None does if the padding
 * is smaller than the window and the window's taps cannot step across the whole input. */
static bs_status need_data_everywhere(const bs_raw *r, const bs_shape *in, const bs_window *w)
{
    for (int k = 0; k < 4; k++) {
        int64_t extent = (int64_t)(w->kernel[k % 2] - 1) * w->dilation[k % 2] + 1;
        if (w->pad[k] >= extent || (w->kernel[k % 2] > 1 && w->dilation[k % 2] > in->dim[2 + k % 2]))
            return bs_raw_fail(r,
                               "a padding of %d for a window of %lld: windows without data are not supported",
                               w->pad[k], (long long)extent);
    }
    return BS_OK;
}

bs_status bs_lower_pool(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    bs_window *w = &n->attr.window;
    int64_t ceil_mode, include;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(need_image(r, x));
    default_window(w);
    BS_TRY(bs_attr_int(r, "ceil_mode", 0, &ceil_mode));
    BS_TRY(bs_attr_int(r, "count_include_pad", 0, &include));
    w->ceil_mode = ceil_mode != 0;
    w->count_include_pad = include != 0;
    BS_TRY(read_list(r, "kernel_shape", 2, 1, w->kernel));
    if (w->kernel[0] == 0)
        return bs_raw_fail(r, "kernel_shape is missing");
    BS_TRY(read_list(r, "strides", 2, 1, w->stride));
    BS_TRY(read_list(r, "dilations", 2, 1, w->dilation));
    BS_TRY(read_list(r, "pads", 4, 0, w->pad));
    BS_TRY(resolve_auto_pad(r, &x->shape, w));
    BS_TRY(need_data_everywhere(r, &x->shape, w));
    *out = x->shape;
    BS_TRY(window_shape(r, &x->shape, w, out));
    BS_TRY(bs_lower_inputs(n, 1));
    n->in[0] = bs_value_index(x);
    return BS_OK;
}

/* GlobalMaxPool becomes a MaxPool whose window is the plane. */
bs_status bs_lower_global_pool(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    BS_TRY(bs_raw_activation(r, 0, &x));
    BS_TRY(need_image(r, x));
    if (x->shape.dim[2] > BS_MAX_GEOMETRY || x->shape.dim[3] > BS_MAX_GEOMETRY)
        return bs_raw_fail(r, "its input is too large");
    if (n->op == BS_OP_MAX_POOL) {
        default_window(&n->attr.window);
        n->attr.window.kernel[0] = (int)x->shape.dim[2];
        n->attr.window.kernel[1] = (int)x->shape.dim[3];
    }
    BS_TRY(bs_lower_inputs(n, 1));
    n->in[0] = bs_value_index(x);
    *out = (bs_shape){4, {x->shape.dim[0], x->shape.dim[1], 1, 1}};
    return BS_OK;
}

/* Sets *sizes or *scales, and their number, to those that the node has: from input 3, or input 2 (before
 * opset 11: 1) or the attribute. */
static void find_sizes(const bs_raw *r, const int64_t **sizes, const float **scales, int64_t *n)
{
    const bs_value *s = bs_raw_input(r, 3), *f = bs_raw_input(r, r->opset < 11 ? 1 : 2);
    const Onnx__AttributeProto *a = bs_attr_find(r, "scales");
    *sizes = NULL;
    *scales = NULL;
    *n = 0;
    if (s && s->kind == BS_VALUE_INTS && s->elements > 0) {
        *sizes = s->i;
        *n = s->elements;
    } else if (f && f->kind == BS_VALUE_FLOATS && f->elements > 0) {
        *scales = f->f;
        *n = f->elements;
    } else if (a) {
        *scales = a->floats;
        *n = (int64_t)a->n_floats;
    }
}

/* Which axis each size is for: all, or those that the node lists. */
static bs_status resized_axes(bs_raw *r, int rank, int64_t n, int axis[BS_MAX_RANK])
{
    const int64_t *list;
    size_t count;
    bool present;
    BS_TRY(bs_attr_ints(r, "axes", &list, &count, &present));
    if (n < 1 || n > BS_MAX_RANK || n != (present ? (int64_t)count : rank)) {
        bs_raw_fail(r, "its output size is not known");
        return bs_hint("bitsink needs one constant size or factor for each axis; export with a fixed size");
    }
    for (int k = 0; k < n; k++)
        BS_TRY(bs_normal_axis(r, present ? list[k] : k, rank, &axis[k]));
    return BS_OK;
}

/* With a policy other than "stretch", all sizes follow from one factor, which fits inside or around them. */
static bs_status keep_aspect_ratio(const bs_raw *r, const bs_shape *in, const int *axis, int64_t n,
                                   bs_shape *out, float scale[BS_MAX_RANK])
{
    static const char *const policies[] = {"stretch", "not_larger", "not_smaller"};
    int policy;
    BS_TRY(bs_raw_choice(r, "keep_aspect_ratio_policy", "stretch", policies, 3, &policy));
    float one = scale[axis[0]];
    for (int k = 1; k < n; k++)
        one = policy == 1 ? fminf(one, scale[axis[k]]) : fmaxf(one, scale[axis[k]]);
    for (int k = 0; k < n && policy > 0; k++) {
        double size = floor((double)(one * (float)in->dim[axis[k]]) + 0.5); /* halves go up */
        if (!(size < (double)BS_DIM_LIMIT))
            return bs_raw_fail(r, "a size of %g", size);
        scale[axis[k]] = one;
        out->dim[axis[k]] = (int64_t)size;
    }
    return BS_OK;
}

bs_status bs_read_resized_shape(bs_raw *r, const bs_shape *in, bs_shape *out, float scale[BS_MAX_RANK])
{
    const int64_t *sizes;
    const float *scales;
    int64_t n;
    int axis[BS_MAX_RANK];
    find_sizes(r, &sizes, &scales, &n);
    BS_TRY(resized_axes(r, in->rank, n, axis));
    *out = *in;
    for (int k = 0; k < in->rank; k++)
        scale[k] = 1.0f;
    for (int k = 0; k < n; k++) {
        int64_t dim = in->dim[axis[k]];
        float f = sizes ? (float)sizes[k] / (float)dim : scales[k];
        scale[axis[k]] = f;
        if (sizes && (sizes[k] < 1 || sizes[k] > BS_DIM_LIMIT))
            return bs_raw_fail(r, "a size of %lld", (long long)sizes[k]);
        if (!sizes && !(f > 0.0f && f < (float)BS_MAX_GEOMETRY))
            return bs_raw_fail(r, "a factor of %g", (double)f);
        out->dim[axis[k]] = sizes ? sizes[k] : (int64_t)floorf((float)dim * f);
    }
    return sizes ? keep_aspect_ratio(r, in, axis, n, out, scale) : BS_OK;
}

static const char *const resize_modes[] = {
#define X(suffix, name) name,
    BS_RESIZE_MODES(X)
#undef X
};

static const char *const resize_coordinates[] = {
#define X(suffix, name) name,
    BS_RESIZE_COORDINATES(X)
#undef X
};

static const char *const resize_roundings[] = {
#define X(suffix, name) name,
    BS_RESIZE_ROUNDINGS(X)
#undef X
};

bs_status bs_read_resize(bs_raw *r, const bs_shape *in, bs_resize *z, bs_shape *out)
{
    float scale[BS_MAX_RANK];
    int64_t exclude;
    /* Before opset 11 there is one way, which has no name. */
    bool old = r->opset < 11;
    BS_TRY(bs_raw_choice(r, "mode", "nearest", resize_modes, BS_RESIZE_MODE_COUNT, &z->mode));
    BS_TRY(bs_raw_choice(r, "coordinate_transformation_mode", old ? "asymmetric" : "half_pixel",
                         resize_coordinates, BS_RESIZE_COORDINATE_COUNT, &z->coordinate));
    BS_TRY(bs_raw_choice(r, "nearest_mode", old ? "floor" : "round_prefer_floor", resize_roundings,
                         BS_RESIZE_ROUNDING_COUNT, &z->rounding));
    BS_TRY(bs_attr_float(r, "cubic_coeff_a", -0.75f, &z->cubic));
    BS_TRY(bs_attr_int(r, "exclude_outside", 0, &exclude));
    z->exclude_outside = exclude != 0;
    BS_TRY(bs_read_resized_shape(r, in, out, scale));
    if (out->dim[0] != in->dim[0] || out->dim[1] != in->dim[1])
        return bs_raw_fail(r, "it resizes axis 0 or 1; only rows and columns are supported");
    for (int k = 0; k < 2; k++) {
        z->scale[k] = scale[2 + k];
        if (out->dim[2 + k] < 1 || out->dim[2 + k] > BS_MAX_GEOMETRY || in->dim[2 + k] > BS_MAX_GEOMETRY)
            return bs_raw_fail(r, "an output of %lld %s", (long long)out->dim[2 + k], k ? "columns" : "rows");
    }
    return BS_OK;
}

bs_status bs_lower_resize(bs_raw *r, bs_node *n, bs_shape *out)
{
    bs_value *x;
    BS_TRY(bs_lower_one(r, n, &x));
    BS_TRY(need_image(r, x));
    return bs_read_resize(r, &x->shape, &n->attr.resize, out);
}
