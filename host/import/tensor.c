#include "import/import.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

bool bs_shape_count(const bs_shape *s, int64_t *elements)
{
    int64_t n = 1;
    bool empty = false;
    for (int k = 0; k < s->rank; k++) {
        /* Empty dimensions count as 1 here, so that no product of some dimensions overflows. */
        empty |= s->dim[k] == 0;
        if (s->dim[k] < 0 || s->dim[k] > BS_DIM_LIMIT ||
            __builtin_mul_overflow(n, s->dim[k] ? s->dim[k] : 1, &n))
            return false;
    }
    *elements = empty ? 0 : n;
    return true;
}

/* X(ONNX type, C type of raw_data, typed field, bits-to-value, kind) */
#define STORED_TYPES(X)                                                                                      \
    X(FLOAT, float, float_data, , FLOATS)                                                                    \
    X(DOUBLE, double, double_data, (float), FLOATS)                                                          \
    X(FLOAT16, uint16_t, int32_data, bs_fp16_decode, FLOATS)                                                 \
    X(BFLOAT16, uint16_t, int32_data, bs_bf16_decode, FLOATS)                                                \
    X(INT64, int64_t, int64_data, , INTS)                                                                    \
    X(INT32, int32_t, int32_data, , INTS)                                                                    \
    X(INT16, int16_t, int32_data, , INTS)                                                                    \
    X(UINT64, uint64_t, uint64_data, (int64_t), INTS)                                                        \
    X(UINT32, uint32_t, uint64_data, , INTS)                                                                 \
    X(UINT16, uint16_t, int32_data, , INTS)                                                                  \
    X(INT8, int8_t, int32_data, , INTS)                                                                      \
    X(UINT8, uint8_t, int32_data, , INTS)                                                                    \
    X(BOOL, uint8_t, int32_data, , INTS)

static bs_status stored_layout(const Onnx__TensorProto *t, const char *name, size_t *size, size_t *typed,
                               bs_value_kind *kind)
{
    switch (t->data_type) {
#define X(type, ctype, field, convert, k)                                                                    \
    case TYPE(type):                                                                                         \
        *size = sizeof(ctype);                                                                               \
        *typed = t->n_##field;                                                                               \
        *kind = BS_VALUE_##k;                                                                                \
        return BS_OK;
        STORED_TYPES(X)
#undef X
    default:
        bs_fail(BS_ERR, "tensor '%s' has element type %d (%s), which is not supported", name, t->data_type,
                bs_type_name(t->data_type));
        return bs_hint("bitsink reads float, double, float16, bfloat16 and integer tensors; export in fp32");
    }
}

/* raw: the elements as bytes, NULL if they are in a typed field. */
static void convert(bs_value *v, const Onnx__TensorProto *t, const uint8_t *raw)
{
    switch (t->data_type) {
#define STORE_FLOATS v->f
#define STORE_INTS   v->i
#define X(type, ctype, field, to, k)                                                                         \
    case TYPE(type):                                                                                         \
        for (int64_t e = 0; e < v->elements; e++) {                                                          \
            ctype x;                                                                                         \
            if (raw)                                                                                         \
                memcpy(&x, raw + (size_t)e * sizeof x, sizeof x);                                            \
            else                                                                                             \
                x = (ctype)t->field[e];                                                                      \
            STORE_##k[e] = to(x);                                                                            \
        }                                                                                                    \
        break;
        STORED_TYPES(X)
#undef X
    default:
        break;
    }
}

static bs_status read_shape(const Onnx__TensorProto *t, const char *name, bs_value *v)
{
    if (t->n_dims > BS_MAX_RANK) {
        bs_fail(BS_ERR, "tensor '%s' has %zu dimensions, at most %d are supported", name, t->n_dims,
                BS_MAX_RANK);
        return bs_hint("reshape it to fewer dimensions before the export");
    }
    v->shape.rank = (int)t->n_dims;
    for (size_t k = 0; k < t->n_dims; k++)
        v->shape.dim[k] = t->dims[k];
    if (!bs_shape_count(&v->shape, &v->elements)) {
        bs_fail(BS_ERR, "tensor '%s' has impossible dimensions", name);
        return bs_hint("the file is damaged; check it with onnx.checker");
    }
    return BS_OK;
}

static size_t size_of(bs_value_kind kind)
{
    return kind == BS_VALUE_FLOATS ? sizeof(float) : sizeof(int64_t);
}

/* Counts the bytes of v->elements elements before there is memory for them. */
static bs_status count_bytes(bs_import *im, const bs_value *v, bs_value_kind kind)
{
    if ((im->bytes += (uint64_t)v->elements * size_of(kind)) > BS_PARAMETER_BYTES)
        return bs_fail(BS_ERR, "the model's parameters are larger than %llu bytes",
                       (unsigned long long)BS_PARAMETER_BYTES);
    return BS_OK;
}

/* Allocates v->elements elements. */
static bs_status alloc_data(bs_import *im, bs_value *v, bs_value_kind kind)
{
    BS_TRY(count_bytes(im, v, kind));
    if (kind == BS_VALUE_FLOATS)
        BS_TRY(bs_calloc(&v->f, (size_t)v->elements, size_of(kind), v->name));
    else
        BS_TRY(bs_calloc(&v->i, (size_t)v->elements, size_of(kind), v->name));
    v->kind = kind;
    return BS_OK;
}

void bs_value_adapt(bs_value *v)
{
    if (v->adapted)
        return;
    v->adapted = true;
    v->file_kind = v->kind;
    v->file_shape = v->shape;
    v->file_elements = v->elements;
}

void bs_value_clear(bs_value *v)
{
    if (!v->in_file)
        free(v->f);
    free(v->i);
    v->f = NULL;
    v->i = NULL;
    v->in_file = false;
}

/* Returns true if the stored bytes are floats as this machine has them. */
static bool needs_no_conversion(const Onnx__TensorProto *t)
{
    return t->data_type == TYPE(FLOAT) && __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__;
}

static bs_status read_external(bs_import *im, bs_value *v, const Onnx__TensorProto *t, size_t size,
                               bs_value_kind kind)
{
    uint8_t *bytes;
    size_t n;
    if (__builtin_mul_overflow((size_t)v->elements, size, &n))
        return bs_fail(BS_ERR, "tensor '%s' is too large", v->name);
    BS_TRY(bs_external_read(im, v->name, t, n, &bytes));
    bs_status st = needs_no_conversion(t) ? count_bytes(im, v, kind) : alloc_data(im, v, kind);
    if (st == BS_OK && needs_no_conversion(t)) {
        v->f = (float *)(void *)bytes;
        v->kind = kind;
        return BS_OK;
    }
    if (st == BS_OK)
        convert(v, t, bytes);
    free(bytes);
    return st;
}

/* Finds raw data, in the file or in the message. A hostile file may give any number for it. */
static bs_status find_raw(const bs_import *im, const bs_value *v, const Onnx__TensorProto *t,
                          bs_raw_data **in_file, bs_raw_data *out)
{
    uint64_t number;
    *in_file = NULL;
    *out = (bs_raw_data){t->raw_data.data, t->raw_data.len};
    if (im->bytes_of.n_raw == 0 || !t->has_raw_data)
        return BS_OK;
    if (t->raw_data.len == sizeof number) {
        memcpy(&number, t->raw_data.data, sizeof number);
        if (number < im->bytes_of.n_raw) {
            *in_file = &im->bytes_of.raw[number];
            *out = **in_file;
            return BS_OK;
        }
    }
    bs_fail(BS_ERR, "tensor '%s' is stored in a way that no writer uses", v->name);
    return bs_hint("the file is damaged; export it again");
}

/* Takes the data without a copy if it is in the file, and aligned or large; or in the message, unless it is
 * read again. */
static bool take_raw(bs_value *v, const Onnx__TensorProto *t, bs_raw_data *in_file, bool again)
{
    if (again && !in_file)
        return false;
    if (!needs_no_conversion(t) || v->elements == 0)
        return false;
    v->in_file = in_file != NULL;
    v->f = in_file ? bs_raw_data_align(in_file) : (float *)(void *)t->raw_data.data;
    if (v->f && !in_file)
        ((Onnx__TensorProto *)t)->raw_data = (ProtobufCBinaryData){0};
    v->in_file &= v->f != NULL;
    return v->f != NULL;
}

bs_status bs_tensor_read(bs_import *im, bs_value *v, const Onnx__TensorProto *t)
{
    const char *name = v->name;
    size_t size = 0, typed = 0;
    bs_value_kind kind = BS_VALUE_UNKNOWN;
    bs_raw_data *in_file, raw;
    /* Bodies may be imported again: in the next round of a loop, or call of a function. */
    bool again = im->scope && im->scope->before;
    if (t->segment)
        return bs_fail(BS_ERR, "tensor '%s' is stored in segments, which is not supported", name);
    BS_TRY(read_shape(t, name, v));
    BS_TRY(stored_layout(t, name, &size, &typed, &kind));
    v->type = t->data_type;
    v->dtype = bs_type_stored(t->data_type);
    bs_remark_count(im, BS_REMARK_TENSOR, t->data_type);
    if (t->data_location == ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL)
        return read_external(im, v, t, size, kind);
    BS_TRY(find_raw(im, v, t, &in_file, &raw));
    size_t have = t->has_raw_data ? raw.n / size : typed;
    /* Dimensions are compared with the data before anything is allocated. */
    if (have != (size_t)v->elements || (t->has_raw_data && raw.n % size)) {
        bs_fail(BS_ERR, "tensor '%s': its dimensions ask for %lld elements, the file holds %zu", name,
                (long long)v->elements, have);
        return bs_hint("the file is damaged or was truncated; export it again");
    }
    if (t->has_raw_data && take_raw(v, t, in_file, again)) {
        v->kind = kind;
        return count_bytes(im, v, kind);
    }
    BS_TRY(alloc_data(im, v, kind));
    convert(v, t, t->has_raw_data ? raw.at : NULL);
    if (in_file && !again)
        bs_raw_data_drop(in_file);
    return BS_OK;
}

bs_status bs_value_alloc(bs_raw *r, bs_value *v, bs_value_kind kind, const bs_shape *shape)
{
    bs_import *im = r->im;
    bs_value_clear(v); /* a body may give one name to two outputs */
    v->shape = *shape;
    v->type = 0;
    v->dtype = BS_DTYPE_FP32;
    if (shape->rank > BS_MAX_RANK || !bs_shape_count(shape, &v->elements) || v->elements > BS_FOLD_LIMIT)
        return bs_raw_fail(r, "its constant result is too large (at most %lld elements)",
                           (long long)BS_FOLD_LIMIT);
    im->folded_bytes += (uint64_t)v->elements * size_of(kind);
    if (im->folded_bytes > BS_FOLD_BYTES)
        return bs_raw_fail(r, "the computed constants of the model are too large together");
    return alloc_data(im, v, kind);
}

bs_status bs_value_alloc_like(bs_raw *r, bs_value *v, const bs_value *x, const bs_shape *shape)
{
    BS_TRY(bs_value_alloc(r, v, x->kind, shape));
    v->type = x->type;
    return BS_OK;
}

void bs_value_copy(bs_value *out, int64_t to, const bs_value *in, int64_t from, int64_t n)
{
    if (n > 0 && out->kind == BS_VALUE_FLOATS)
        memcpy(out->f + to, in->f + from, (size_t)n * sizeof *out->f);
    else if (n > 0)
        memcpy(out->i + to, in->i + from, (size_t)n * sizeof *out->i);
}
