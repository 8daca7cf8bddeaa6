/* What a file is that was taken for something else, told by its first bytes: a Git LFS pointer where an image
 * should be, a PyTorch checkpoint where an ONNX model should be. */
#ifndef BS_BASE_FILE_KIND_H
#define BS_BASE_FILE_KIND_H

#include "base/error.h"

#include <stddef.h>

/* What a file is wanted for. X(suffix, what it should be, hint where nothing better is known) */
#define BS_FILE_USES(X)                                                                                      \
    X(MODEL, "an ONNX file", "give the ONNX file")                                                           \
    X(WEIGHTS, "the weights of a model", "copy the model together with all its files")                       \
    X(IMAGE, "a PNG or JPEG image", "correct the list of images, or leave this one out")                     \
    X(IDX, "an idx file", "idx files hold raw arrays, as MNIST's train-images-idx3-ubyte, plain or gzipped") \
    X(TEXT, "a text file", "is this the file that you meant?")

typedef enum bs_file_use {
#define X(suffix, ...) BS_FILE_##suffix,
    BS_FILE_USES(X)
#undef X
        BS_FILE_USE_COUNT
} bs_file_use;

/* Fails with "it is WHAT, not ..." and a hint if the first `n` bytes of a file (512 are enough) show that it
 * is of another kind than wanted. BS_OK says only that nothing is known against it. `path` is for commands in
 * the hint; NULL: they read FILE. */
bs_status bs_file_kind_check(const void *bytes, size_t n, bs_file_use use, const char *path);

#endif
