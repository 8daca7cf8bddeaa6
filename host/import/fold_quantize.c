/* Parameters that the file stores as integers with a scale, and back. */
#include "import/fold.h"

#include <math.h>

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

/* X(ONNX type, smallest, largest) */
#define QUANTIZED_TYPES(X)                                                                                   \
    X(UINT8, 0, UINT8_MAX)                                                                                   \
    X(INT8, INT8_MIN, INT8_MAX)                                                                              \
    X(UINT16, 0, UINT16_MAX)                                                                                 \
    X(INT16, INT16_MIN, INT16_MAX)

typedef struct quantization {
    const bs_value *scale, *zero; /* zero: NULL: 0 */
    int64_t inner;                /* elements of one step along the axis */
} quantization;

/* One scale for the whole tensor, or one for each place along an axis. */
static bs_status read_quantization(const bs_raw *r, const bs_shape *s, quantization *q)
{
    int64_t given, block;
    int axis = 0;
    *q = (quantization){bs_raw_input(r, 1), bs_raw_input(r, 2), 1};
    BS_TRY(bs_attr_int(r, "axis", 1, &given));
    BS_TRY(bs_attr_int(r, "block_size", 0, &block));
    if (block != 0 || !q->scale || q->scale->kind != BS_VALUE_FLOATS || q->scale->shape.rank > 1) {
        bs_raw_fail(r, "only one scale for a tensor, or for each place along an axis, is supported");
        return bs_hint("quantise without blocks (block_size), or export the model in fp32");
    }
    if (q->zero && (q->zero->elements != q->scale->elements || q->zero->kind != BS_VALUE_INTS))
        return bs_raw_fail(r, "its zero points are not one integer for each scale");
    if (q->scale->elements == 1)
        return BS_OK;
    BS_TRY(bs_normal_axis(r, given, s->rank, &axis));
    if (q->scale->elements != s->dim[axis])
        return bs_raw_fail(r, "%lld scales for %lld places along axis %d", (long long)q->scale->elements,
                           (long long)s->dim[axis], axis);
    for (int k = axis + 1; k < s->rank; k++)
        q->inner *= s->dim[k];
    return BS_OK;
}

bs_status bs_fold_dequantize(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    quantization q;
    BS_TRY(read_quantization(r, &x->shape, &q));
    if (x->kind != BS_VALUE_INTS)
        return bs_raw_fail(r, "its input has no integers");
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_FLOATS, &x->shape));
    for (int64_t e = 0; e < out->elements; e++) {
        int64_t p = e / q.inner % q.scale->elements;
        out->f[e] = (float)((double)x->i[e] - (q.zero ? (double)q.zero->i[p] : 0)) * q.scale->f[p];
    }
    return BS_OK;
}

/* Rounds halves to even, and saturates. */
bs_status bs_fold_quantize(bs_raw *r, bs_value *out)
{
    const bs_value *x = r->in[0];
    quantization q;
    int64_t type, low = 1, high = 0;
    BS_TRY(read_quantization(r, &x->shape, &q));
    BS_TRY(bs_attr_int(r, "output_dtype", 0, &type));
    if (type == 0)
        type = q.zero ? q.zero->type : TYPE(UINT8);
#define X(name, least, most)                                                                                 \
    if (type == TYPE(name)) {                                                                                \
        low = least;                                                                                         \
        high = most;                                                                                         \
    }
    QUANTIZED_TYPES(X)
#undef X
    if (low > high || x->kind != BS_VALUE_FLOATS)
        return bs_raw_fail(r, "type %s is not supported", bs_type_name(type));
    BS_TRY(bs_value_alloc(r, out, BS_VALUE_INTS, &x->shape));
    out->type = (int)type;
    for (int64_t e = 0; e < out->elements; e++) {
        int64_t p = e / q.inner % q.scale->elements, zero = q.zero ? q.zero->i[p] : 0;
        float y = rintf(x->f[e] / q.scale->f[p]) + (float)zero;
        out->i[e] = !(y > (float)low) ? low : y > (float)high ? high : (int64_t)y;
    }
    return BS_OK;
}
