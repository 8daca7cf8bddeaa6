#include "model/import.h"

#include "base/buf.h"

#include <sha2.h>
#include <stdlib.h>
#include <string.h>

/* protobuf-c unpacks nested messages by recursion without a limit, so a small file of nested graphs could
 * exhaust the stack. The nesting is checked first, with the same descriptors. Real models nest 8 deep. */
enum { MAX_DEPTH = 32 };

typedef struct wire {
    const uint8_t *at, *end;
} wire;

static bool read_varint(wire *w, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && w->at < w->end; shift += 7) {
        uint8_t byte = *w->at++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

static bool skip(wire *w, uint64_t n)
{
    if (n > (uint64_t)(w->end - w->at))
        return false;
    w->at += n;
    return true;
}

static bool well_nested(const ProtobufCMessageDescriptor *d, wire w, int depth)
{
    if (depth > MAX_DEPTH)
        return false;
    while (w.at < w.end) {
        uint64_t tag, n;
        if (!read_varint(&w, &tag))
            return false;
        switch (tag & 7) {
        case PROTOBUF_C_WIRE_TYPE_VARINT:
            if (!read_varint(&w, &n))
                return false;
            break;
        case PROTOBUF_C_WIRE_TYPE_64BIT:
            if (!skip(&w, 8))
                return false;
            break;
        case PROTOBUF_C_WIRE_TYPE_32BIT:
            if (!skip(&w, 4))
                return false;
            break;
        case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED: {
            const uint8_t *start;
            if (!read_varint(&w, &n) || (start = w.at, !skip(&w, n)))
                return false;
            const ProtobufCFieldDescriptor *f =
                tag >> 3 <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3))
                                       : NULL;
            if (f && f->type == PROTOBUF_C_TYPE_MESSAGE &&
                !well_nested(f->descriptor, (wire){start, w.at}, depth + 1))
                return false;
            break;
        }
        default:
            return false;
        }
    }
    return true;
}

bs_status bs_onnx_parse(Onnx__ModelProto **out, char sha256[65], const char *path)
{
    char *bytes = NULL;
    size_t len = 0;
    *out = NULL;
    if (bs_read_file(&bytes, &len, path, BS_MODEL_FILE_LIMIT) != BS_OK) {
        bs_context("model");
        return bs_hint("check the path; bitsink reads models in ONNX format");
    }
    wire w = {(const uint8_t *)bytes, (const uint8_t *)bytes + len};
    if (len > 0 && well_nested(&onnx__model_proto__descriptor, w, 0))
        *out = onnx__model_proto__unpack(NULL, len, w.at);
    if (SHA256Data(w.at, len, sha256) == NULL)
        sha256[0] = '\0';
    free(bytes);
    if (!*out) {
        bs_fail(BS_ERR, "cannot read model '%s': not an ONNX file, or it is damaged", path);
        return bs_hint("export the model as ONNX again, and check it with onnx.checker");
    }
    return BS_OK;
}
