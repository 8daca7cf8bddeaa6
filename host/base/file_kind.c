#include "base/file_kind.h"

#include "base/text.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

enum { HEAD = 512 };

/* The first bytes of a file, at most HEAD. */
typedef struct head {
    const char *at;
    size_t n;
} head;

/* --- kinds that more than a fixed text tells --- */

static bool holds(head h, const char *text)
{
    return memmem(h.at, h.n, text, strlen(text)) != NULL;
}

static head skip_blanks(head h)
{
    if (h.n >= 3 && memcmp(h.at, "\xEF\xBB\xBF", 3) == 0)
        h = (head){h.at + 3, h.n - 3};
    while (h.n > 0 && isspace((unsigned char)*h.at))
        h = (head){h.at + 1, h.n - 1};
    return h;
}

static bool begins(head h, const char *text)
{
    return h.n >= strlen(text) && strncasecmp(h.at, text, strlen(text)) == 0;
}

static bool is_empty(head h)
{
    return h.n == 0;
}

static bool is_zeros(head h)
{
    return h.n >= 16 && h.at[0] == 0 && memcmp(h.at, h.at + 1, h.n - 1) == 0;
}

/* The name before it is padded by zeros. */
static bool is_tar(head h)
{
    return memchr(h.at, 0, 100) != NULL;
}

static bool is_page(head h)
{
    h = skip_blanks(h);
    return begins(h, "<!doctype html") || begins(h, "<html") || begins(h, "<head");
}

static bool is_xml(head h)
{
    return begins(skip_blanks(h), "<?xml");
}

/* PyTorch pads the files in its archives by an extra field "FB" in their headers. */
static bool is_torch_zip(head h)
{
    size_t extra = h.n > 28 ? 30 + (size_t)(uint8_t)h.at[26] + ((size_t)(uint8_t)h.at[27] << 8) : h.n;
    return holds(h, "data.pkl") || (extra + 2 <= h.n && memcmp(h.at + extra, "FB", 2) == 0);
}

static bool is_keras_zip(head h)
{
    return h.n > 43 && memcmp(h.at + 30, "metadata.json", 13) == 0;
}

static bool is_numpy_zip(head h)
{
    return holds(h, ".npy");
}

static bool is_pickle(head h)
{
    return h.n > 2 && h.at[1] >= 2 && h.at[1] <= 5;
}

static bool is_old_checkpoint(head h)
{
    return holds(h, "\x8a\n\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19");
}

/* Tensors begin with the length of their index, which is JSON. */
static bool is_safetensors(head h)
{
    return h.n > 9 && h.at[5] == 0 && h.at[6] == 0 && h.at[7] == 0 && strchr("\" }", h.at[9]) && h.at[9];
}

static bool is_bmp(head h)
{
    return h.n > 18 && h.at[15] == 0 && h.at[16] == 0 && h.at[17] == 0;
}

static bool is_avif(head h)
{
    return holds((head){h.at, h.n < 64 ? h.n : 64}, "avif") ||
           holds((head){h.at, h.n < 64 ? h.n : 64}, "avis");
}

static bool is_heic(head h)
{
    return h.n >= 12 && (memcmp(h.at + 8, "hei", 3) == 0 || memcmp(h.at + 8, "hev", 3) == 0 ||
                         memcmp(h.at + 8, "mif1", 4) == 0 || memcmp(h.at + 8, "msf1", 4) == 0);
}

static bool is_netpbm(head h)
{
    return h.n > 2 && h.at[1] >= '1' && h.at[1] <= '7' && isspace((unsigned char)h.at[2]);
}

/* A SavedModel's schema version and its first graph; a model's IR version and the name of its producer begin
 * with the same bytes. */
static bool is_saved_model(head h)
{
    size_t k = 3;
    while (k < h.n && k < 8 && h.at[k] & (char)0x80)
        k++;
    return k + 1 < h.n && h.at[k + 1] == '\n';
}

static bool is_graph_def(head h)
{
    return holds(h, "\x12\x0bPlaceholder") || holds(h, "\x12\x05"
                                                       "Const");
}

static bool is_onnx_text(head h)
{
    return begins(skip_blanks(h), "<") && holds(h, "ir_version:");
}

static bool is_onnx_proto(head h)
{
    return begins(skip_blanks(h), "ir_version:");
}

static bool is_onnx_json(head h)
{
    return begins(skip_blanks(h), "{") && (holds(h, "\"ir_version\"") || holds(h, "\"irVersion\""));
}

/* --- the table --- */

#define LFS                                                                                                  \
    "fetch the file that the pointer stands for: run 'git lfs install' and 'git lfs pull' in its folder"
#define PAGE                                                                                                 \
    "the address leads to a page, not to the file: on GitHub replace /blob/ in it by /raw/, on Hugging "     \
    "Face by /resolve/, and check whether the site asks for a login"
#define AGAIN "the download or copy was interrupted: fetch the file again"
#define TORCH "load it with PyTorch and export it: torch.onnx.export(model.eval(), example_input, 'new.onnx')"
#define SAFETENSORS                                                                                          \
    "it holds weights without their network: load them into it and export that, "                            \
    "torch.onnx.export(model.eval(), example_input, 'new.onnx')"
#define KERAS "load it with Keras and export it: model.export('new.onnx', format='onnx')"
#define SAVED "give tf2onnx its folder: python3 -m tf2onnx.convert --saved-model FOLDER --output new.onnx"
#define GRAPHDEF                                                                                             \
    "python3 -m tf2onnx.convert --graphdef FILE --inputs NAME:0 --outputs NAME:0 --output new.onnx"
#define TFLITE "python3 -m tf2onnx.convert --tflite FILE --output new.onnx"
#define ORT    "it is made from an ONNX file: give that file"
#define LOAD(format)                                                                                         \
    "python3 -c \"import onnx, sys; onnx.save(onnx.load(sys.argv[1], format='" format "'), 'new.onnx')\" "   \
    "FILE"
#define PNG "convert it to PNG, with ImageMagick: convert FILE new.png"

/* What the hint of a kind is for, beside one use. */
enum { ANY = -1, NO_USE = BS_FILE_USE_COUNT };

/* The first row that fits counts. */
static const struct kind {
    const char *name;
    size_t offset, n; /* of the magic */
    const char *magic;
    bool (*is)(head h); /* NULL: the magic suffices */
    bool not_text;      /* looked for where text is wanted, too: no list begins like that */
    int use;            /* that the hint is for, else the use's own hint is given */
    const char *hint;
} kinds[] = {
    {"empty", 0, 0, "", is_empty, false, ANY, AGAIN},
    {"nothing but zeros", 0, 0, "", is_zeros, true, ANY, AGAIN},
    {"a Git LFS pointer", 0, 38, "version https://git-lfs.github.com/spec", NULL, true, ANY, LFS},
    {"an HTML page", 0, 0, "", is_page, true, ANY, PAGE},
    {"an XML document", 0, 0, "", is_xml, false, NO_USE, NULL},
    {"gzip data", 0, 2, "\x1f\x8b", NULL, true, ANY, "unpack it: gunzip <FILE >NEW"},
    {"bzip2 data", 4, 6, "1AY&SY", NULL, true, ANY, "unpack it: bunzip2 <FILE >NEW"},
    {"xz data", 0, 6,
     "\xfd"
     "7zXZ\0",
     NULL, true, ANY, "unpack it: unxz <FILE >NEW"},
    {"Zstandard data", 0, 4, "\x28\xb5\x2f\xfd", NULL, true, ANY, "unpack it: unzstd <FILE >NEW"},
    {"a 7-Zip archive", 0, 6, "7z\xbc\xaf\x27\x1c", NULL, true, ANY, "unpack it: 7z x FILE"},
    {"a tar archive", 257, 5, "ustar", is_tar, true, ANY, "unpack it: tar xf FILE"},
    {"a PyTorch checkpoint", 0, 4, "PK\3\4", is_torch_zip, true, BS_FILE_MODEL, TORCH},
    {"a Keras file", 0, 4, "PK\3\4", is_keras_zip, true, BS_FILE_MODEL, KERAS},
    {"a numpy .npz file", 0, 4, "PK\3\4", is_numpy_zip, true, NO_USE, NULL},
    {"a zip archive", 0, 4, "PK\3\4", NULL, true, ANY, "unpack it: unzip FILE"},
    {"a PyTorch checkpoint", 0, 1, "\x80", is_old_checkpoint, true, BS_FILE_MODEL, TORCH},
    {"a Python pickle", 0, 1, "\x80", is_pickle, true, BS_FILE_MODEL, TORCH},
    {"an HDF5 file, as Keras writes them", 0, 8, "\x89HDF\r\n\x1a\n", NULL, true, BS_FILE_MODEL, KERAS},
    {"a TensorFlow Lite model", 4, 4, "TFL3", NULL, false, BS_FILE_MODEL, TFLITE},
    {"an ONNX Runtime .ort file", 4, 4, "ORTM", NULL, false, BS_FILE_MODEL, ORT},
    {"a safetensors file", 8, 1, "{", is_safetensors, false, BS_FILE_MODEL, SAFETENSORS},
    {"a TensorFlow SavedModel", 0, 3, "\x08\x01\x12", is_saved_model, false, BS_FILE_MODEL, SAVED},
    {"a TensorFlow graph", 0, 1, "\n", is_graph_def, false, BS_FILE_MODEL, GRAPHDEF},
    {"a numpy array", 0, 6, "\x93NUMPY", NULL, true, NO_USE, NULL},
    {"an ONNX model as text", 0, 0, "", is_onnx_text, false, BS_FILE_MODEL, LOAD("onnxtxt")},
    {"an ONNX model as text", 0, 0, "", is_onnx_proto, false, BS_FILE_MODEL, LOAD("textproto")},
    {"an ONNX model as JSON", 0, 0, "", is_onnx_json, false, BS_FILE_MODEL, LOAD("json")},
    {"a SQLite database, such as a result file", 0, 15, "SQLite format 3", NULL, true, NO_USE, NULL},
    {"a PNG image", 0, 8, "\x89PNG\r\n\x1a\n", NULL, true, NO_USE, NULL},
    {"a JPEG image", 0, 3, "\xff\xd8\xff", NULL, true, NO_USE, NULL},
    {"a WebP image", 8, 4, "WEBP", NULL, false, BS_FILE_IMAGE, PNG},
    {"a GIF image", 0, 4, "GIF8", NULL, false, BS_FILE_IMAGE, PNG},
    {"a BMP image", 0, 2, "BM", is_bmp, false, BS_FILE_IMAGE, PNG},
    {"a TIFF image", 0, 4, "II*\0", NULL, false, BS_FILE_IMAGE, PNG},
    {"a TIFF image", 0, 4, "MM\0*", NULL, false, BS_FILE_IMAGE, PNG},
    {"a TIFF image", 0, 4, "II+\0", NULL, false, BS_FILE_IMAGE, PNG},
    {"an AVIF image", 4, 4, "ftyp", is_avif, false, BS_FILE_IMAGE, PNG},
    {"a HEIC image", 4, 4, "ftyp", is_heic, false, BS_FILE_IMAGE, PNG},
    {"a JPEG XL image", 0, 2, "\xff\x0a", NULL, false, BS_FILE_IMAGE, PNG},
    {"a JPEG XL image", 4, 4, "JXL ", NULL, false, BS_FILE_IMAGE, PNG},
    {"a JPEG 2000 image", 4, 4, "jP  ", NULL, false, BS_FILE_IMAGE, PNG},
    {"a JPEG 2000 image", 0, 4, "\xff\x4f\xff\x51", NULL, false, BS_FILE_IMAGE, PNG},
    {"a Photoshop image", 0, 4, "8BPS", NULL, false, BS_FILE_IMAGE, PNG},
    {"an icon", 0, 4, "\0\0\1\0", NULL, false, BS_FILE_IMAGE, PNG},
    {"a netpbm image", 0, 1, "P", is_netpbm, false, BS_FILE_IMAGE, PNG},
    {"a PDF document", 0, 5, "%PDF-", NULL, false, NO_USE, NULL},
};

static const struct {
    const char *name, *hint;
} uses[] = {
#define X(suffix, name, hint) {name, hint},
    BS_FILE_USES(X)
#undef X
};

/* Puts the path in place of FILE. */
static bs_status give_hint(const char *hint, const char *path)
{
    const char *place = path ? strstr(hint, "FILE") : NULL;
    return place ? bs_hint("%.*s%s%s", (int)(place - hint), hint, bs_shell_word(path), place + 4)
                 : bs_hint("%s", hint);
}

/* Fills `line` with the beginning of the first line of a text; false: the bytes are no text. */
static bool first_line(char line[HEAD + 4], head h)
{
    uint32_t c;
    memset(line, 0, HEAD + 4);
    memcpy(line, h.at, h.n);
    if (memchr(line, 0, h.n))
        return false;
    for (size_t k = 0, n; k < h.n; k += n) {
        n = (size_t)bs_utf8_decode(&c, line + k);
        if (n == 0 && h.n - k >= 4)
            return false;
        if (n == 0)
            break; /* cut in the middle of a character */
        if (bs_char_is_hidden(c) && c != '\t' && c != '\n' && c != '\r')
            return false;
    }
    h = skip_blanks((head){line, strlen(line)});
    memmove(line, h.at, h.n + 1);
    line[strcspn(line, "\r\n")] = '\0';
    return true;
}

bs_status bs_file_kind_check(const void *bytes, size_t n, bs_file_use use, const char *path)
{
    head h = {bytes, n < HEAD ? n : HEAD};
    char line[HEAD + 4];
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        const struct kind *k = &kinds[i];
        if (use == BS_FILE_TEXT && !k->not_text)
            continue;
        if (k->offset + k->n > h.n || memcmp(h.at + k->offset, k->magic, k->n) != 0 || (k->is && !k->is(h)))
            continue;
        bs_fail(BS_ERR, "it is %s, not %s", k->name, uses[use].name);
        return give_hint(k->use == ANY || k->use == (int)use ? k->hint : uses[use].hint, path);
    }
    if (use == BS_FILE_TEXT || !first_line(line, h))
        return BS_OK;
    bs_fail(BS_ERR, "it is a text that begins with '%s', not %s", bs_visible_cut(line, 40), uses[use].name);
    return give_hint(uses[use].hint, path);
}
