/* The file as protobuf structs, without its large parts: protobuf-c would copy them. They are cut out of a
 * copy of the messages around them before it is unpacked. */
#include "import/model_file.h"

#include "import/import.h"

#include "base/buf.h"
#include "base/file_kind.h"
#include "base/text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* protobuf-c unpacks nested messages by recursion without a limit, so a small file of nested graphs could
 * exhaust the stack. The nesting is checked first, with the same descriptors. Real models nest 8 deep. */
enum { MAX_DEPTH = 32 };

/* A length of any size that a file may have, written with so many bytes, of which protobuf reads 5. */
enum { LENGTH_BYTES = 5 };

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

/* One walk over a message. The first one checks and counts, the second one copies. */
typedef struct cutter {
    bs_model_file *file;
    bool copies;
    uint8_t *copy;
    size_t n, cap;
    bool outside; /* within the place of external data */
    bool nul;     /* such a place holds a NUL, where protobuf-c would end the text */
    bs_status st;
} cutter;

static void put(cutter *c, const void *bytes, size_t n)
{
    if (!c->copies || c->st != BS_OK || (c->st = bs_grow(&c->copy, &c->cap, c->n + n, 1, "model")) != BS_OK)
        return;
    memcpy(c->copy + c->n, bytes, n);
    c->n += n;
}

/* Writes the length of what was put after `at`, where there is room for it. */
static void put_length(cutter *c, size_t at)
{
    size_t n = c->n - at - LENGTH_BYTES;
    for (int i = 0; c->copies && c->st == BS_OK && i < LENGTH_BYTES; i++, n >>= 7)
        c->copy[at + (size_t)i] = (uint8_t)((n & 0x7f) | (i < LENGTH_BYTES - 1 ? 0x80 : 0));
}

static bool is_external_data(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
    return d == &onnx__tensor_proto__descriptor && f->offset == offsetof(Onnx__TensorProto, external_data);
}

static bool is_raw_data(const ProtobufCMessageDescriptor *d, const ProtobufCFieldDescriptor *f)
{
    return d == &onnx__tensor_proto__descriptor && f->offset == offsetof(Onnx__TensorProto, raw_data);
}

/* Puts the number of the raw data in its place. */
static void cut(cutter *c, wire data)
{
    bs_model_file *f = c->file;
    uint64_t number = f->n_raw;
    const uint8_t n = sizeof number;
    if (c->st == BS_OK)
        c->st = bs_grow(&f->raw, &f->cap_raw, f->n_raw + 1, sizeof *f->raw, "model");
    if (c->st != BS_OK)
        return;
    f->raw[f->n_raw++] = (bs_raw_data){(uint8_t *)data.at, (size_t)(data.end - data.at)};
    put(c, &n, sizeof n);
    put(c, &number, sizeof number);
}

static bool walk(cutter *c, const ProtobufCMessageDescriptor *d, wire w, int depth);

/* Walks over a field of known length; `field` begins with its tag, and w with the length. */
static bool walk_bytes(cutter *c, const ProtobufCMessageDescriptor *d, uint64_t tag, const uint8_t *field,
                       wire *w, int depth)
{
    static const uint8_t room[LENGTH_BYTES];
    const uint8_t *length = w->at, *start;
    uint64_t n;
    if (!read_varint(w, &n) || (start = w->at, !skip(w, n)))
        return false;
    const ProtobufCFieldDescriptor *f =
        tag >> 3 <= UINT32_MAX ? protobuf_c_message_descriptor_get_field(d, (unsigned)(tag >> 3)) : NULL;
    bool message = f && f->type == PROTOBUF_C_TYPE_MESSAGE, raw = f && is_raw_data(d, f);
    put(c, field, (size_t)((message || raw ? length : w->at) - field));
    if (raw)
        cut(c, (wire){start, w->at});
    if (!message) {
        c->nul |= c->outside && memchr(start, 0, (size_t)n);
        return true;
    }
    size_t at = c->n;
    put(c, room, sizeof room);
    c->outside = is_external_data(d, f);
    bool read = walk(c, f->descriptor, (wire){start, w->at}, depth + 1);
    c->outside = false;
    put_length(c, at);
    return read;
}

static bool walk(cutter *c, const ProtobufCMessageDescriptor *d, wire w, int depth)
{
    if (depth > MAX_DEPTH)
        return false;
    while (w.at < w.end) {
        const uint8_t *field = w.at;
        uint64_t tag, value;
        bool read = false;
        if (!read_varint(&w, &tag))
            return false;
        switch (tag & 7) {
        case PROTOBUF_C_WIRE_TYPE_VARINT:
            read = read_varint(&w, &value);
            break;
        case PROTOBUF_C_WIRE_TYPE_64BIT:
            read = skip(&w, 8);
            break;
        case PROTOBUF_C_WIRE_TYPE_32BIT:
            read = skip(&w, 4);
            break;
        case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
            if (!walk_bytes(c, d, tag, field, &w, depth))
                return false;
            continue;
        default:
            break;
        }
        if (!read)
            return false;
        put(c, field, (size_t)(w.at - field));
    }
    return true;
}

/* Unpacks the file; *out is NULL if it is damaged. Where there is no raw data, nothing is cut out, and the
 * bytes are no longer needed. */
static bs_status unpack(Onnx__ModelProto **out, bs_model_file *file)
{
    const ProtobufCMessageDescriptor *d = &onnx__model_proto__descriptor;
    wire all = {file->bytes, file->bytes + file->n};
    cutter c = {.file = file};
    if (file->n == 0 || !walk(&c, d, all, 0))
        return c.st;
    if (c.nul) {
        bs_fail(BS_ERR, "the place of external data holds a NUL byte");
        return bs_hint("the model is damaged, or made to deceive; export it again");
    }
    c.copies = file->n_raw > 0;
    file->n_raw = 0;
    if (c.copies && walk(&c, d, all, 0) && c.st == BS_OK)
        *out = onnx__model_proto__unpack(NULL, c.n, c.copy);
    if (!c.copies && c.st == BS_OK) {
        *out = onnx__model_proto__unpack(NULL, file->n, file->bytes);
        bs_model_file_clear(file);
    }
    free(c.copy);
    return c.st;
}

static bs_status hint_path(const char *path)
{
    struct stat info;
    if (stat(path, &info) != 0 || !S_ISDIR(info.st_mode))
        return bs_hint("check the path; bitsink reads models in ONNX format");
    return bs_hint("give the ONNX file in the folder. A TensorFlow SavedModel is a folder; to convert it: "
                   "python3 -m tf2onnx.convert --saved-model %s --output new.onnx",
                   bs_shell_word(path));
}

/* Names the model beside it if the file may hold the weights of one: model.onnx.data, model.onnx_data. */
static bs_status hint_weights(const char *path)
{
    struct stat info;
    size_t len = strlen(path);
    if (len <= 5 || (strcmp(path + len - 5, ".data") != 0 && strcmp(path + len - 5, "_data") != 0))
        return BS_ERR;
    char *model = strndup(path, len - 5);
    if (model && stat(model, &info) == 0 && S_ISREG(info.st_mode))
        bs_hint("it may hold the weights of the model beside it: give %s", bs_shell_word(model));
    free(model);
    return BS_ERR;
}

bs_status bs_onnx_parse(Onnx__ModelProto **out, bs_model_file *file, char sha256[65], const char *path)
{
    *out = NULL;
    if (bs_model_file_read(file, sha256, path, BS_MODEL_FILE_LIMIT) != BS_OK) {
        bs_context("model");
        return hint_path(path);
    }
    if (bs_file_kind_check(file->bytes, file->n, BS_FILE_MODEL, path) != BS_OK) {
        bs_model_file_clear(file);
        hint_weights(path);
        return bs_context("cannot read model '%s'", path);
    }
    bs_status st = unpack(out, file);
    if (st == BS_OK && *out)
        return BS_OK;
    if (st == BS_OK) {
        bs_fail(BS_ERR, "not an ONNX file, or it is damaged");
        bs_hint("export the model as ONNX again, and check it with onnx.checker");
        hint_weights(path);
    }
    bs_model_file_clear(file);
    return bs_context("cannot read model '%s'", path);
}
