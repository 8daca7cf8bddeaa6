#include "conformance.h"

#include "base/buf.h"
#include "base/error.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE(x)  ONNX__TENSOR_PROTO__DATA_TYPE__##x
#define MAX_FILE (1 << 28)

void *ct_xalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size);
    if (!p) {
        fputs("out of memory\n", stderr);
        exit(1);
    }
    return p;
}

static char *read_file(const char *path, size_t *len, char why[CT_REASON])
{
    char *bytes = NULL;
    if (bs_read_file(&bytes, len, path, MAX_FILE) == BS_OK)
        return bytes;
    snprintf(why, CT_REASON, "%s", bs_error_message());
    return NULL;
}

Onnx__ModelProto *ct_read_model(const char *dir)
{
    char path[4096], why[CT_REASON];
    size_t len;
    snprintf(path, sizeof path, "%s/model.onnx", dir);
    char *bytes = read_file(path, &len, why);
    Onnx__ModelProto *m = bytes ? onnx__model_proto__unpack(NULL, len, (const uint8_t *)bytes) : NULL;
    free(bytes);
    return m;
}

Onnx__TensorProto *ct_read_proto(const char *dir, const char *kind, int index,
                                 const Onnx__ValueInfoProto *info, char why[CT_REASON])
{
    char path[4096];
    size_t len;
    snprintf(path, sizeof path, "%s/test_data_set_0/%s_%d.pb", dir, kind, index);
    char *bytes = read_file(path, &len, why);
    if (!bytes)
        return NULL;
    Onnx__TensorProto *t = onnx__tensor_proto__unpack(NULL, len, (const uint8_t *)bytes);
    free(bytes);
    if (!t)
        snprintf(why, CT_REASON, "%s %d is no tensor", kind, index);
    if (t && t->data_type == TYPE(UINT16) && info->type &&
        info->type->value_case == ONNX__TYPE_PROTO__VALUE_TENSOR_TYPE &&
        info->type->tensor_type->elem_type == TYPE(BFLOAT16))
        t->data_type = TYPE(BFLOAT16);
    return t;
}

static float half_to_float(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    float size = exponent == 31  ? mantissa ? NAN : INFINITY
                 : exponent == 0 ? ldexpf((float)mantissa, -24)
                                 : ldexpf((float)(mantissa + 1024), exponent - 25);
    return h >> 15 ? -size : size;
}

static float brain_to_float(uint16_t b)
{
    uint32_t bits = (uint32_t)b << 16;
    float f;
    memcpy(&f, &bits, sizeof f);
    return f;
}

/* X(ONNX type, C type in raw_data, field of typed data, to single precision) */
#define TYPES(X)                                                                                             \
    X(FLOAT, float, float_data, (float))                                                                     \
    X(DOUBLE, double, double_data, (float))                                                                  \
    X(FLOAT16, uint16_t, int32_data, half_to_float)                                                          \
    X(BFLOAT16, uint16_t, int32_data, brain_to_float)                                                        \
    X(INT64, int64_t, int64_data, (float))                                                                   \
    X(INT32, int32_t, int32_data, (float))                                                                   \
    X(INT16, int16_t, int32_data, (float))                                                                   \
    X(INT8, int8_t, int32_data, (float))                                                                     \
    X(UINT64, uint64_t, uint64_data, (float))                                                                \
    X(UINT32, uint32_t, uint64_data, (float))                                                                \
    X(UINT16, uint16_t, int32_data, (float))                                                                 \
    X(UINT8, uint8_t, int32_data, (float))                                                                   \
    X(BOOL, uint8_t, int32_data, (float))

static bool read_values(ct_tensor *out, const Onnx__TensorProto *t)
{
    switch (t->data_type) {
#define X(type, ctype, field, convert)                                                                       \
    case TYPE(type):                                                                                         \
        if ((t->has_raw_data ? t->raw_data.len / sizeof(ctype) : t->n_##field) != (size_t)out->n)            \
            return false;                                                                                    \
        for (int64_t i = 0; i < out->n; i++) {                                                               \
            ctype x;                                                                                         \
            if (t->has_raw_data)                                                                             \
                memcpy(&x, t->raw_data.data + (size_t)i * sizeof x, sizeof x);                               \
            else                                                                                             \
                x = (ctype)t->field[i];                                                                      \
            out->v[i] = convert(x);                                                                          \
        }                                                                                                    \
        return true;
        TYPES(X)
#undef X
    default:
        return false;
    }
}

static bool read_tensor(ct_tensor *out, const char *dir, const char *kind, int index,
                        const Onnx__ValueInfoProto *info, char why[CT_REASON])
{
    Onnx__TensorProto *t = ct_read_proto(dir, kind, index, info, why);
    bool ok = t && t->n_dims <= CT_MAX_RANK;
    if (!t)
        return false;
    out->type = t->data_type;
    out->rank = (int)t->n_dims;
    out->n = 1;
    for (int k = 0; ok && k < out->rank; k++) {
        ok = t->dims[k] >= 0 && t->dims[k] <= MAX_FILE;
        out->n *= out->dim[k] = t->dims[k];
        ok &= out->n <= MAX_FILE;
    }
    if (ok) {
        out->v = ct_xalloc((size_t)out->n, sizeof *out->v);
        ok = read_values(out, t);
    }
    if (!ok)
        snprintf(why, CT_REASON, "%s %d is no tensor of numbers", kind, index);
    onnx__tensor_proto__free_unpacked(t, NULL);
    return ok;
}

bool ct_read_case(ct_case *c, const char *dir, const Onnx__ModelProto *m, char why[CT_REASON])
{
    *c = (ct_case){.dir = dir};
    if (m->graph->n_input > CT_MAX_FILES || m->graph->n_output > CT_MAX_FILES) {
        snprintf(why, CT_REASON, "more than %d inputs or outputs", CT_MAX_FILES);
        return false;
    }
    for (; ct_input(m, c->n_inputs); c->n_inputs++)
        if (!read_tensor(&c->input[c->n_inputs], dir, "input", c->n_inputs, ct_input(m, c->n_inputs), why))
            return false;
    for (; c->n_outputs < (int)m->graph->n_output; c->n_outputs++)
        if (!read_tensor(&c->output[c->n_outputs], dir, "output", c->n_outputs,
                         m->graph->output[c->n_outputs], why))
            return false;
    return true;
}

void ct_case_clear(ct_case *c)
{
    for (int k = 0; k < CT_MAX_FILES; k++) {
        free(c->input[k].v);
        free(c->output[k].v);
    }
}
