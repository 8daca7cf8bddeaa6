/* A mutation of an ONNX file that leaves its nesting right: one field somewhere in the tree of messages is
 * changed, dropped, doubled or replaced by a sibling, and the lengths around it are written anew. Without it
 * nearly every insertion of a fuzzer makes a file that is no protobuf any more. */
#include "fuzz.h"

#include "base/buf.h"
#include "onnx/onnx.pb-c.h"

#include <stdbool.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

enum { MAX_FIELDS = 256, GROWTH = 16 };

struct field {
    const uint8_t *start, *payload, *end; /* the payload of a varint is empty */
    unsigned number, wire;
    uint64_t value; /* of a varint */
};

static unsigned draw(unsigned *seed, size_t n)
{
    *seed = *seed * 1664525u + 1013904223u;
    return (*seed >> 8) % (unsigned)n;
}

static bool read_varint(const uint8_t **at, const uint8_t *end, uint64_t *out)
{
    *out = 0;
    for (int shift = 0; shift < 64 && *at < end; shift += 7) {
        *out |= (uint64_t)(**at & 0x7f) << shift;
        if (!(*(*at)++ & 0x80))
            return true;
    }
    return false;
}

static void write_varint(bs_str *out, uint64_t v)
{
    char byte;
    for (; v > 0x7f; v >>= 7) {
        byte = (char)(v | 0x80);
        bs_str_append(out, &byte, 1);
    }
    byte = (char)v;
    bs_str_append(out, &byte, 1);
}

static bool read_field(struct field *f, const uint8_t **at, const uint8_t *end)
{
    uint64_t tag, n = 0;
    f->start = *at;
    if (!read_varint(at, end, &tag))
        return false;
    f->number = (unsigned)(tag >> 3);
    f->wire = (unsigned)(tag & 7);
    if (f->wire == PROTOBUF_C_WIRE_TYPE_VARINT) {
        if (!read_varint(at, end, &f->value))
            return false;
    } else if (f->wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED) {
        if (!read_varint(at, end, &n))
            return false;
    } else {
        n = f->wire == PROTOBUF_C_WIRE_TYPE_64BIT ? 8 : 4;
    }
    if (n > (uint64_t)(end - *at))
        return false;
    f->payload = *at;
    f->end = *at += n;
    return true;
}

static void mutate_scalar(bs_str *out, const struct field *f, unsigned *seed)
{
    static const uint64_t values[] = {0,          1,    2,   UINT64_MAX, UINT64_MAX - 1,          INT32_MAX,
                                      1ull << 31, 7,    255, INT64_MAX,  (uint64_t)INT64_MIN + 1, 1ull << 32,
                                      1 << 20,    1000, 3,   1ull << 62};
    write_varint(out, (uint64_t)f->number << 3 | f->wire);
    if (f->wire == PROTOBUF_C_WIRE_TYPE_VARINT) {
        unsigned k = draw(seed, 20);
        write_varint(out, k < 16 ? values[k] : k % 2 ? f->value + 1 : f->value - 1);
        return;
    }
    size_t n = (size_t)(f->end - f->payload), max = n;
    bool prefixed = f->wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    uint8_t *copy = malloc(n + GROWTH);
    fuzz_check(copy);
    memcpy(copy, f->payload, n);
    max += prefixed ? GROWTH : 0;
    size_t changed = LLVMFuzzerMutate(copy, n, max);
    if (prefixed)
        write_varint(out, changed);
    bs_str_append(out, (const char *)copy, prefixed ? changed : n);
    free(copy);
}

static void mutate_message(bs_str *out, const ProtobufCMessageDescriptor *d, const uint8_t *at,
                           const uint8_t *end, unsigned *seed);

static void mutate_field(bs_str *out, const ProtobufCMessageDescriptor *d, const struct field *f,
                         const struct field *other, unsigned *seed)
{
    const ProtobufCFieldDescriptor *known = protobuf_c_message_descriptor_get_field(d, f->number);
    bool message =
        known && known->type == PROTOBUF_C_TYPE_MESSAGE && f->wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;
    switch (draw(seed, 12)) {
    case 0: /* dropped */
        return;
    case 1:
        bs_str_append(out, (const char *)f->start, (size_t)(f->end - f->start));
        /* fall through */
    case 2:
        bs_str_append(out, (const char *)other->start, (size_t)(other->end - other->start));
        return;
    default:
        break;
    }
    if (!message) {
        mutate_scalar(out, f, seed);
        return;
    }
    bs_str inner = {0};
    mutate_message(&inner, known->descriptor, f->payload, f->end, seed);
    write_varint(out, (uint64_t)f->number << 3 | f->wire);
    write_varint(out, inner.len);
    if (inner.len)
        bs_str_append(out, inner.ptr, inner.len);
    bs_str_clear(&inner);
}

static void mutate_message(bs_str *out, const ProtobufCMessageDescriptor *d, const uint8_t *at,
                           const uint8_t *end, unsigned *seed)
{
    struct field fields[MAX_FIELDS];
    size_t n = 0;
    while (at < end && n < MAX_FIELDS && read_field(&fields[n], &at, end))
        n++;
    unsigned chosen = n ? draw(seed, n) : 0, other = n ? draw(seed, n) : 0;
    for (unsigned k = 0; k < n; k++) {
        if (k == chosen)
            mutate_field(out, d, &fields[k], &fields[other], seed);
        else
            bs_str_append(out, (const char *)fields[k].start, (size_t)(fields[k].end - fields[k].start));
    }
    bs_str_append(out, (const char *)at, (size_t)(end - at));
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    if (seed % 8 == 0)
        return LLVMFuzzerMutate(data, size, max);
    bs_str out = {0};
    mutate_message(&out, &onnx__model_proto__descriptor, data, data + size, &seed);
    size_t n = out.len < max ? out.len : max;
    if (n)
        memcpy(data, out.ptr, n);
    bs_str_clear(&out);
    return n ? n : LLVMFuzzerMutate(data, size, max);
}
