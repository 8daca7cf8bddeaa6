/* Proves that files which people take for a model, an image or a list are called by their name, with a hint
 * that fits, and that right files are let through. */
#include "support/testing.h"

#include "base/file_kind.h"
#include "base/text.h"

#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"

/* Bytes with their number; the NUL at the end of a string is not one. */
#define BYTES(text) text, sizeof(text) - 1

static const struct {
    const char *bytes;
    size_t n;
    bs_file_use use;
    const char *name, *hint;
} wrong[] = {
    {BYTES(""), BS_FILE_MODEL, "empty", "interrupted"},
    {BYTES(""), BS_FILE_IMAGE, "empty", "fetch the file again"},
    {BYTES(ZEROS ZEROS), BS_FILE_IMAGE, "nothing but zeros", "fetch the file again"},
    {BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), BS_FILE_MODEL, "a Git LFS pointer",
     "git lfs pull"},
    {BYTES("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), BS_FILE_TEXT, "a Git LFS pointer",
     "git lfs pull"},
    {BYTES("\xEF\xBB\xBF\r\n<!DOCTYPE HTML><title>Log in</title>"), BS_FILE_MODEL, "an HTML page",
     "/resolve/"},
    {BYTES("<html>"), BS_FILE_TEXT, "an HTML page", "/raw/"},
    {BYTES("<?xml version=\"1.0\"?><Error>"), BS_FILE_IMAGE, "an XML document", "list of images"},
    {BYTES("\x1f\x8b\x08\0"), BS_FILE_MODEL, "gzip data", "gunzip <'a b' >NEW"},
    {BYTES("\x1f\x8b\x08\0"), BS_FILE_TEXT, "gzip data", "gunzip <'a b' >NEW"},
    {BYTES("BZh91AY&SY"), BS_FILE_TEXT, "bzip2 data", "bunzip2"},
    {BYTES("\xfd"
           "7zXZ\0"),
     BS_FILE_TEXT, "xz data", "unxz"},
    {BYTES("\x28\xb5\x2f\xfd"), BS_FILE_IDX, "Zstandard data", "unzstd"},
    {BYTES("PK\3\4" ZEROS "\0\0\0\0\0\0\xb\0\0\0ck/data.pkl"), BS_FILE_MODEL, "a PyTorch checkpoint",
     "torch.onnx.export("},
    {BYTES("PK\3\4" ZEROS "\0\0\0\0\0\0\x8\0\1\0m/data/0FB"), BS_FILE_MODEL, "a PyTorch checkpoint",
     "torch.onnx.export("},
    {BYTES("PK\3\4" ZEROS "\0\0\0\0\0\0\xb\0\0\0ck/data.pkl"), BS_FILE_IMAGE, "a PyTorch checkpoint",
     "list of images"},
    {BYTES("PK\3\4" ZEROS "\0\0\0\0\0\0\xd\0\0\0metadata.json{}"), BS_FILE_MODEL, "a Keras file",
     "model.export("},
    {BYTES("PK\3\4" ZEROS "\0\0\0\0\0\0\x5\0\0\0x.npy"), BS_FILE_MODEL, "a numpy .npz file", "ONNX"},
    {BYTES("PK\3\4" ZEROS "\0\0\0\0\0\0\x5\0\0\0m.txt"), BS_FILE_MODEL, "a zip archive", "unzip 'a b'"},
    {BYTES("\x80\x02\x8a\nl\xfc\x9c\x46\xf9 j\xa8P\x19."), BS_FILE_MODEL, "a PyTorch checkpoint",
     "torch.onnx.export("},
    {BYTES("\x80\x04\x95"), BS_FILE_MODEL, "a Python pickle", "torch.onnx.export("},
    {BYTES("\x89HDF\r\n\x1a\n"), BS_FILE_MODEL, "an HDF5 file", "format='onnx'"},
    {BYTES("\x1c\0\0\0TFL3"), BS_FILE_MODEL, "a TensorFlow Lite model", "--tflite 'a b'"},
    {BYTES("\x1c\0\0\0ORTM"), BS_FILE_MODEL, "an ONNX Runtime .ort file", "made from an ONNX file"},
    {BYTES("\x40\0\0\0\0\0\0\0{\"w\":"), BS_FILE_MODEL, "a safetensors file", "torch.onnx.export("},
    {BYTES("\x08\x01\x12\x90\x05\n\x10"), BS_FILE_MODEL, "a TensorFlow SavedModel", "--saved-model"},
    {BYTES("\n\x20\n\x05image\x12\x0bPlaceholder"), BS_FILE_MODEL, "a TensorFlow graph", "--graphdef 'a b'"},
    {BYTES("\x93NUMPY\x01\0"), BS_FILE_IDX, "a numpy array", "idx files hold"},
    {BYTES("<\n   ir_version: 8,\n"), BS_FILE_MODEL, "an ONNX model as text", "format='onnxtxt'"},
    {BYTES("ir_version: 8\ngraph {"), BS_FILE_MODEL, "an ONNX model as text", "format='textproto'"},
    {BYTES("{\n  \"ir_version\": \"8\""), BS_FILE_MODEL, "an ONNX model as JSON", "format='json'"},
    {BYTES("SQLite format 3\0"), BS_FILE_TEXT, "a SQLite database", "the file that you meant"},
    {BYTES("\x89PNG\r\n\x1a\n"), BS_FILE_TEXT, "a PNG image", "the file that you meant"},
    {BYTES("\xff\xd8\xff\xe0"), BS_FILE_MODEL, "a JPEG image", "give the ONNX file"},
    {BYTES("RIFF\x10\0\0\0WEBPVP8 "), BS_FILE_IMAGE, "a WebP image", "convert 'a b' new.png"},
    {BYTES("GIF89a"), BS_FILE_IMAGE, "a GIF image", "convert"},
    {BYTES("BM" ZEROS "\0"), BS_FILE_IMAGE, "a BMP image", "convert"},
    {BYTES("II*\0"), BS_FILE_IMAGE, "a TIFF image", "convert"},
    {BYTES("MM\0*"), BS_FILE_IMAGE, "a TIFF image", "convert"},
    {BYTES("\0\0\0\x1c"
           "ftypmif1\0\0\0\0avif"),
     BS_FILE_IMAGE, "an AVIF image", "convert"},
    {BYTES("\0\0\0\x1c"
           "ftypheic\0\0\0\0mif1"),
     BS_FILE_IMAGE, "a HEIC image", "convert"},
    {BYTES("\0\0\0\x0cJXL \r\n"), BS_FILE_IMAGE, "a JPEG XL image", "convert"},
    {BYTES("P6\n2 2\n"), BS_FILE_IMAGE, "a netpbm image", "convert"},
    {BYTES("\n404: Not Found\r\nmore"), BS_FILE_MODEL, "a text that begins with '404: Not Found', not",
     "give the ONNX file"},
    {BYTES("caf\xc3\xa9 \xe2\x82"), BS_FILE_IMAGE, "a text that begins with 'caf\xc3\xa9 ", "list of images"},
};

static void test_wrong_files_are_named(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        char *exact = malloc(wrong[i].n + 1); /* of the file's size, for the address sanitizer */
        assert_non_null(exact);
        memcpy(exact, wrong[i].bytes, wrong[i].n);
        assert_error(bs_file_kind_check(exact, wrong[i].n, wrong[i].use, "a b"), wrong[i].name);
        if (!strstr(bs_error_hint(), wrong[i].hint))
            fail_msg("%s: hint '%s' lacks '%s'", wrong[i].name, bs_error_hint(), wrong[i].hint);
        free(exact);
    }
}

static void test_right_files_pass(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t n;
        bs_file_use use;
    } right[] = {
        {BYTES("\x08\x07\x12\x07pytorch:"), BS_FILE_MODEL},
        {BYTES("\x08\x01\x12\x05"
               "CNTK2:"),
         BS_FILE_MODEL},
        {BYTES("\0\0\x08\3\0\0\x27\x10"), BS_FILE_IDX},
        {BYTES("\x01\x02\x03\x04"), BS_FILE_IMAGE},
        /* Text may begin with anything. */
        {BYTES(""), BS_FILE_TEXT},
        {BYTES("GIF89a.png,1\n"), BS_FILE_TEXT},
        {BYTES("{\"model\": \"x.onnx\"}"), BS_FILE_TEXT},
        {BYTES("P6 \nBM\n"), BS_FILE_TEXT},
        {BYTES("<unknown>\n"), BS_FILE_TEXT},
    };
    for (size_t i = 0; i < sizeof right / sizeof *right; i++)
        assert_ok(bs_file_kind_check(right[i].bytes, right[i].n, right[i].use, NULL));
}

static void test_text_is_read(void **state)
{
    (void)state;
    char path[] = "/tmp/bitsink-kind-XXXXXX", *text = NULL;
    size_t n;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "\x1f\x8b\x08\0", 4), 4);
    assert_error(bs_read_text(&text, &n, path, 100), "': it is gzip data, not a text file");
    assert_null(text);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wrong_files_are_named),
        cmocka_unit_test(test_right_files_pass),
        cmocka_unit_test(test_text_is_read),
    };
    return run_suite(tests, NULL, NULL);
}
