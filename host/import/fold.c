/* Evaluates nodes whose inputs are all known: shape arithmetic, and parameters that the file computes. */
#include "import/fold.h"

#include <stdlib.h>
#include <string.h>

#define ATTR(x) ONNX__ATTRIBUTE_PROTO__ATTRIBUTE_TYPE__##x

/* Sets out[e] to the element of `in` at offset 0 of the iterator. */
static void copy_elements(bs_value *out, const bs_value *in, bs_nd_iterator *w)
{
    for (int64_t e = 0; e < out->elements; e++, bs_nd_iterator_next(w)) {
        if (out->kind == BS_VALUE_FLOATS)
            out->f[e] = in->f[w->at[0]];
        else
            out->i[e] = in->i[w->at[0]];
    }
}

static bs_status fold_copy(bs_raw *r, bs_value *out, const bs_shape *shape)
{
    BS_TRY(bs_value_alloc_like(r, out, r->in[0], shape));
    bs_value_copy(out, 0, r->in[0], 0, out->elements);
    return BS_OK;
}

static bs_status fold_constant(bs_raw *r, bs_value *out)
{
    const Onnx__AttributeProto *a;
    bs_shape shape = {0};
    if ((a = bs_attr_find(r, "value")) && a->t)
        return bs_tensor_read(r->im, out, a->t);
    if ((a = bs_attr_find(r, "value_float")) || ((a = bs_attr_find(r, "value_floats")))) {
        bool list = bs_attr_find(r, "value_floats") == a;
        shape = list ? (bs_shape){1, {(int64_t)a->n_floats}} : shape;
        BS_TRY(bs_value_alloc(r, out, BS_VALUE_FLOATS, &shape));
        if (out->elements)
            memcpy(out->f, list ? a->floats : &a->f, (size_t)out->elements * sizeof(float));
        return BS_OK;
    }
    if ((a = bs_attr_find(r, "value_int")) || ((a = bs_attr_find(r, "value_ints")))) {
        bool list = bs_attr_find(r, "value_ints") == a;
        shape = list ? (bs_shape){1, {(int64_t)a->n_ints}} : shape;
        BS_TRY(bs_value_alloc(r, out, BS_VALUE_INTS, &shape));
        if (out->elements)
            memcpy(out->i, list ? a->ints : &a->i, (size_t)out->elements * sizeof(int64_t));
        return BS_OK;
    }
    return bs_raw_fail(r, "it has no numeric value");
}

static bs_status fold_constant_of_shape(bs_raw *r, bs_value *out)
{
    const int64_t *dims;
    size_t n;
    bool present;
    bs_shape shape;
    bs_value fill = {.name = out->name};
    const Onnx__AttributeProto *a = bs_attr_find(r, "value");
    bs_status st = BS_OK;
    BS_TRY(bs_raw_ints(r, 0, "shape", &dims, &n, &present));
    if (n > BS_MAX_RANK)
        return bs_raw_fail(r, "a result of %zu dimensions", n);
    shape.rank = (int)n;
    if (n)
        memcpy(shape.dim, dims, n * sizeof *dims);
    if (a && a->t) {
        BS_TRY_GOTO(bs_tensor_read(r->im, &fill, a->t), out);
        if (fill.elements != 1) {
            st = bs_raw_fail(r, "its value has %lld elements instead of 1", (long long)fill.elements);
            goto out;
        }
    }
    BS_TRY_GOTO(bs_value_alloc(r, out, fill.i ? BS_VALUE_INTS : BS_VALUE_FLOATS, &shape), out);
    out->type = fill.type;
    for (int64_t e = 0; fill.i && e < out->elements; e++)
        out->i[e] = fill.i[0];
    for (int64_t e = 0; fill.f && e < out->elements; e++)
        out->f[e] = fill.f[0];
out:
    bs_value_clear(&fill);
    return st;
}

static bs_status fold_shape(bs_raw *r, bs_value *out)
{
    const bs_shape *s = &r->in[0]->shape;
    int64_t start, end;
    BS_TRY(bs_attr_int(r, "start", 0, &start));
    BS_TRY(bs_attr_int(r, "end", INT64_MAX, &end));
    start = start < 0 ? start + s->rank : start;
    end = end < 0 ? end + s->rank : end;
    start = start < 0 ? 0 : start;
    end = end > s->rank ? s->rank : end;
    int64_t n = end > start ? end - start : 0;
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_INTS, &(bs_shape){1, {n}}));
    for (int64_t k = 0; k < n; k++)
        out->i[k] = s->dim[start + k];
    return BS_OK;
}

static bs_status fold_size(bs_raw *r, bs_value *out)
{
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_INTS, &(bs_shape){0}));
    out->i[0] = r->in[0]->elements;
    return BS_OK;
}

static bs_status fold_gather(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0], *index = bs_raw_input(r, 1);
    bs_shape shape = {0};
    int64_t given, outer = 1, inner = 1;
    int axis;
    if (!index || index->kind != BS_VALUE_INTS)
        return bs_raw_fail(r, "its indices are not integers");
    BS_TRY(bs_attr_int(r, "axis", 0, &given));
    BS_TRY(bs_normal_axis(r, given, x->shape.rank, &axis));
    if (x->shape.rank - 1 + index->shape.rank > BS_MAX_RANK)
        return bs_raw_fail(r, "a result of more than %d dimensions", BS_MAX_RANK);
    for (int k = 0; k < axis; k++)
        outer *= shape.dim[shape.rank++] = x->shape.dim[k];
    for (int k = 0; k < index->shape.rank; k++)
        shape.dim[shape.rank++] = index->shape.dim[k];
    for (int k = axis + 1; k < x->shape.rank; k++)
        inner *= shape.dim[shape.rank++] = x->shape.dim[k];
    BS_TRY(bs_value_alloc_like(r, out, x, &shape));
    for (int64_t o = 0, to = 0; out->elements && o < outer; o++)
        for (int64_t k = 0; k < index->elements; k++, to += inner) {
            int64_t dim = x->shape.dim[axis], i;
            BS_TRY(bs_normal_index(r, index->i[k], dim, &i));
            bs_value_copy(out, to, x, (o * dim + i) * inner, inner);
        }
    return BS_OK;
}

static bs_status fold_slice(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    int64_t begin[BS_MAX_RANK], step[BS_MAX_RANK];
    bool whole[BS_MAX_RANK];
    bs_nd_iterator w = {0};
    BS_TRY(bs_read_slice(r, &x->shape, &w.shape, begin, step, whole));
    BS_TRY(bs_value_alloc_like(r, out, x, &w.shape));
    if (out->elements == 0)
        return BS_OK;
    int64_t stride = 1;
    for (int k = w.shape.rank - 1; k >= 0; k--) {
        w.stride[0][k] = stride * step[k];
        w.at[0] += stride * begin[k];
        stride *= x->shape.dim[k];
    }
    copy_elements(out, x, &w);
    return BS_OK;
}

static bs_status fold_transpose(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    bs_nd_iterator w = {0};
    int perm[BS_MAX_RANK];
    int64_t strides[BS_MAX_RANK], stride = 1;
    BS_TRY(bs_read_perm(r, &x->shape, &w.shape, perm));
    BS_TRY(bs_value_alloc_like(r, out, x, &w.shape));
    if (out->elements == 0)
        return BS_OK;
    for (int k = x->shape.rank - 1; k >= 0; k--) {
        strides[k] = stride;
        stride *= x->shape.dim[k];
    }
    for (int k = 0; k < x->shape.rank; k++)
        w.stride[0][k] = strides[perm[k]];
    copy_elements(out, x, &w);
    return BS_OK;
}

static bs_status fold_expand(bs_raw *r, bs_value *out)
{
    const int64_t *dims;
    size_t n;
    bool present;
    bs_shape want;
    bs_nd_iterator w = {.shape = r->in[0]->shape};
    BS_TRY(bs_raw_ints(r, 1, "shape", &dims, &n, &present));
    if (n > BS_MAX_RANK)
        return bs_raw_fail(r, "a result of %zu dimensions", n);
    want.rank = (int)n;
    if (n)
        memcpy(want.dim, dims, n * sizeof *dims);
    BS_TRY(bs_broadcast(r, &w.shape, &want));
    BS_TRY(bs_value_alloc_like(r, out, r->in[0], &w.shape));
    if (out->elements == 0)
        return BS_OK;
    bs_nd_iterator_broadcast(&w, 0, &r->in[0]->shape);
    copy_elements(out, r->in[0], &w);
    return BS_OK;
}

static bs_status fold_concat(bs_raw *r, bs_value *out)
{
    int64_t given, outer = 1, row = 0;
    int axis;
    bs_shape shape = r->in[0]->shape;
    BS_TRY(bs_attr_int(r, "axis", 0, &given));
    BS_TRY(bs_normal_axis(r, given, shape.rank, &axis));
    shape.dim[axis] = 0;
    for (int k = 0; k < r->n_in; k++) {
        const bs_value *v = r->in[k];
        if (!v || v->kind != r->in[0]->kind || v->shape.rank != shape.rank)
            return bs_raw_fail(r, "its inputs differ in type or rank");
        for (int a = 0; a < shape.rank; a++)
            if (a != axis && v->shape.dim[a] != shape.dim[a])
                return bs_raw_fail(r, "its inputs differ in shape");
        shape.dim[axis] += v->shape.dim[axis];
    }
    BS_TRY(bs_value_alloc_like(r, out, r->in[0], &shape));
    for (int a = 0; a < axis; a++)
        outer *= shape.dim[a];
    if (out->elements)
        row = out->elements / outer;
    for (int64_t at = 0, k = 0; out->elements && k < r->n_in; k++) {
        int64_t run = r->in[k]->elements / outer;
        for (int64_t o = 0; o < outer; o++)
            bs_value_copy(out, o * row + at, r->in[k], o * run, run);
        at += run;
    }
    return BS_OK;
}

static bs_status fold_reshape(bs_raw *r, bs_value *out)
{
    bs_shape shape;
    BS_TRY(bs_read_reshape(r, r->in[0], &shape));
    return fold_copy(r, out, &shape);
}

static bs_status fold_flatten(bs_raw *r, bs_value *out)
{
    const bs_shape *in = &r->in[0]->shape;
    bs_shape shape = {2, {1, 1}};
    int64_t axis;
    BS_TRY(bs_attr_int(r, "axis", 1, &axis));
    axis = axis < 0 ? axis + in->rank : axis;
    if (axis < 0 || axis > in->rank)
        return bs_raw_fail(r, "axis %lld does not exist", (long long)axis);
    for (int k = 0; k < in->rank; k++)
        shape.dim[k >= axis] *= in->dim[k];
    return fold_copy(r, out, &shape);
}

static bs_status fold_squeeze(bs_raw *r, bs_value *out)
{
    const bs_shape *in = &r->in[0]->shape;
    bs_shape shape = {0};
    bool mask[BS_MAX_RANK], present;
    BS_TRY(bs_read_axes(r, 1, in->rank, mask, &present));
    for (int k = 0; k < in->rank; k++) {
        bool drop = present ? mask[k] : in->dim[k] == 1;
        if (drop && in->dim[k] != 1)
            return bs_raw_fail(r, "axis %d has %lld elements and cannot be squeezed", k,
                               (long long)in->dim[k]);
        if (!drop)
            shape.dim[shape.rank++] = in->dim[k];
    }
    return fold_copy(r, out, &shape);
}

static bs_status fold_unsqueeze(bs_raw *r, bs_value *out)
{
    bs_shape shape;
    bool mask[BS_MAX_RANK];
    BS_TRY(bs_read_unsqueeze(r, &r->in[0]->shape, &shape, mask));
    return fold_copy(r, out, &shape);
}

static bs_status fold_identity(bs_raw *r, bs_value *out)
{
    return fold_copy(r, out, &r->in[0]->shape);
}

/* X(ONNX operator, function) */
#define FOLDERS(X)                                                                                           \
    X("Constant", fold_constant)                                                                             \
    X("ConstantOfShape", fold_constant_of_shape)                                                             \
    X("Shape", fold_shape)                                                                                   \
    X("Size", fold_size)                                                                                     \
    X("Gather", fold_gather)                                                                                 \
    X("Slice", fold_slice)                                                                                   \
    X("Concat", fold_concat)                                                                                 \
    X("Reshape", fold_reshape)                                                                               \
    X("Flatten", fold_flatten)                                                                               \
    X("Squeeze", fold_squeeze)                                                                               \
    X("Unsqueeze", fold_unsqueeze)                                                                           \
    X("Transpose", fold_transpose)                                                                           \
    X("Expand", fold_expand)                                                                                 \
    X("Identity", fold_identity)                                                                             \
    X("Cast", bs_fold_cast)                                                                                  \
    X("Add", bs_fold_arithmetic)                                                                             \
    X("Sub", bs_fold_arithmetic)                                                                             \
    X("Mul", bs_fold_arithmetic)                                                                             \
    X("Div", bs_fold_arithmetic)                                                                             \
    X("Mod", bs_fold_arithmetic)                                                                             \
    X("Pow", bs_fold_arithmetic)                                                                             \
    X("Min", bs_fold_arithmetic)                                                                             \
    X("Max", bs_fold_arithmetic)                                                                             \
    X("And", bs_fold_arithmetic)                                                                             \
    X("Or", bs_fold_arithmetic)                                                                              \
    X("Xor", bs_fold_arithmetic)                                                                             \
    X("Equal", bs_fold_arithmetic)                                                                           \
    X("Less", bs_fold_arithmetic)                                                                            \
    X("LessOrEqual", bs_fold_arithmetic)                                                                     \
    X("Greater", bs_fold_arithmetic)                                                                         \
    X("GreaterOrEqual", bs_fold_arithmetic)                                                                  \
    X("BitwiseAnd", bs_fold_arithmetic)                                                                      \
    X("BitwiseOr", bs_fold_arithmetic)                                                                       \
    X("BitwiseXor", bs_fold_arithmetic)                                                                      \
    X("Clip", bs_fold_clip)                                                                                  \
    X("MatMul", bs_fold_matmul)                                                                              \
    X("CumSum", bs_fold_cumulate)                                                                            \
    X("ReduceMean", bs_fold_reduce)                                                                          \
    X("ReduceSum", bs_fold_reduce)                                                                           \
    X("ReduceL2", bs_fold_reduce)                                                                            \
    X("ReduceMax", bs_fold_reduce)                                                                           \
    X("ReduceMin", bs_fold_reduce)                                                                           \
    X("ReduceL1", bs_fold_reduce)                                                                            \
    X("ReduceSumSquare", bs_fold_reduce)                                                                     \
    X("Tile", bs_fold_tile)                                                                                  \
    X("Pad", bs_fold_pad)                                                                                    \
    X("ScatterND", bs_fold_scatter)                                                                          \
    X("Where", bs_fold_where)                                                                                \
    X("Range", bs_fold_range)                                                                                \
    X("ReduceProd", bs_fold_reduce)                                                                          \
    X("GatherND", bs_fold_gather_nd)                                                                         \
    X("GatherElements", bs_fold_gather_elements)                                                             \
    X("ScatterElements", bs_fold_scatter_elements)                                                           \
    X("Scatter", bs_fold_scatter_elements)                                                                   \
    X("NonZero", bs_fold_non_zero)                                                                           \
    X("Compress", bs_fold_compress)                                                                          \
    X("EyeLike", bs_fold_eye_like)                                                                           \
    X("Trilu", bs_fold_trilu)                                                                                \
    X("OneHot", bs_fold_one_hot)                                                                             \
    X("TopK", bs_fold_top_k)                                                                                 \
    X("ArgMax", bs_fold_arg)                                                                                 \
    X("ArgMin", bs_fold_arg)                                                                                 \
    X("Split", bs_fold_split)                                                                                \
    X("DequantizeLinear", bs_fold_dequantize)                                                                \
    X("QuantizeLinear", bs_fold_quantize)

bool bs_fold_reads_shape(const char *op)
{
    return strcmp(op, "Shape") == 0 || strcmp(op, "Size") == 0 || strcmp(op, "EyeLike") == 0;
}

bool bs_fold_makes_several(const char *op)
{
    return strcmp(op, "Split") == 0 || strcmp(op, "TopK") == 0;
}

bs_fold_fn bs_fold_find(const char *op)
{
#define X(name, fn)                                                                                          \
    if (strcmp(op, name) == 0)                                                                               \
        return fn;
    FOLDERS(X)
#undef X
#define X(suffix, name, ...)                                                                                 \
    if (strcmp(op, name) == 0)                                                                               \
        return bs_fold_unary;
    BS_UNARY_OPS(X)
#undef X
    return NULL;
}
