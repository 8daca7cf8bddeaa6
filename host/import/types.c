/* Element types of ONNX. */
#include "import/import.h"

#define TYPE(x) ONNX__TENSOR_PROTO__DATA_TYPE__##x

/* X(ONNX type, bs_dtype): real numbers that are not stored as fp32. */
#define STORED(X)                                                                                            \
    X(FLOAT16, FP16)                                                                                         \
    X(BFLOAT16, BF16)

/* X(number of an ONNX element type, name): those that are newer than the description of ONNX that bitsink is
 * built with may be. */
#define NEW_TYPES(X)                                                                                         \
    X(17, "FLOAT8E4M3FN")                                                                                    \
    X(18, "FLOAT8E4M3FNUZ")                                                                                  \
    X(19, "FLOAT8E5M2")                                                                                      \
    X(20, "FLOAT8E5M2FNUZ")                                                                                  \
    X(21, "UINT4")                                                                                           \
    X(22, "INT4")                                                                                            \
    X(23, "FLOAT4E2M1")                                                                                      \
    X(24, "FLOAT8E8M0")                                                                                      \
    X(25, "UINT2")                                                                                           \
    X(26, "INT2")

const char *bs_type_name(int64_t type)
{
    const ProtobufCEnumValue *v = NULL;
    switch (type) {
#define X(number, name)                                                                                      \
    case number:                                                                                             \
        return name;
        NEW_TYPES(X)
#undef X
    default:
        break;
    }
    if (type >= 0 && type < INT32_MAX)
        v = protobuf_c_enum_descriptor_get_value(&onnx__tensor_proto__data_type__descriptor, (int)type);
    return v ? v->name : "unknown";
}

bool bs_type_number(int64_t type, bs_number *out)
{
    *out = BS_NUMBER_REAL;
    switch (type) {
    case TYPE(FLOAT):
    case TYPE(DOUBLE):
    case TYPE(FLOAT16):
    case TYPE(BFLOAT16):
        return true;
    case TYPE(BOOL):
        *out = BS_NUMBER_TRUTH;
        return true;
    case TYPE(INT8):
    case TYPE(INT16):
    case TYPE(INT32):
    case TYPE(INT64):
    case TYPE(UINT8):
    case TYPE(UINT16):
    case TYPE(UINT32):
    case TYPE(UINT64):
        *out = BS_NUMBER_WHOLE;
        return true;
    default:
        return false;
    }
}

bs_dtype bs_type_stored(int64_t type)
{
#define X(onnx, stored)                                                                                      \
    if (type == TYPE(onnx))                                                                                  \
        return BS_DTYPE_##stored;
    STORED(X)
#undef X
    return BS_DTYPE_FP32;
}

int64_t bs_type_of_stored(bs_dtype type)
{
#define X(onnx, stored)                                                                                      \
    if (type == BS_DTYPE_##stored)                                                                           \
        return TYPE(onnx);
    STORED(X)
#undef X
    return TYPE(FLOAT);
}
