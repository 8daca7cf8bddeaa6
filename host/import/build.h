/* Private to host/import: builds an ONNX model in memory, node after node.
 *
 *     bs_build b;
 *     bs_build_begin(&b, "net", (const int64_t[]){3, 8, 8}, 3, seed);
 *     bs_build_conv(&b, "conv1", &(bs_build_window){.filters = 16, .kernel = 3, .stride = 1, .pad = 1});
 *     bs_build_node(&b, "Relu", "relu1", NULL, 0, NULL);
 *     st = bs_build_finish(&model, &b);       // free with onnx__model_proto__free_unpacked()
 *
 * A node and its output have the same name. Each node reads the one made before it unless other inputs are
 * given. After an error, calls do nothing and bs_build_finish() returns it. The importer accepts the result,
 * and any other reader of ONNX the packed one: opset 13, ir_version 7, dynamic batch.
 *
 * Weights have mean zero and variance 2 / fan-in, which keeps the scale of activations from layer to layer
 * (He, Zhang, Ren, Sun: Delving deep into rectifiers, ICCV 2015); biases of convolutions have a standard
 * deviation of 0.01, those of fully connected layers are 0. A value is the sum of eight 16-bit uniform
 * numbers from Philox, scaled. That is nearly normal (Hall: The distribution of means for samples of size N
 * drawn from a population in which the variate takes values between 0 and 1, Biometrika 19, 1927), and since
 * integers are added, its bits are the same on every machine, which the logarithm and sine of libm would not
 * guarantee. */
#ifndef BS_IMPORT_BUILD_H
#define BS_IMPORT_BUILD_H

#include "base/error.h"

#include "onnx/onnx.pb-c.h"

#include <stdint.h>

/* A parameter whose random values are still to be drawn. */
typedef struct bs_build_fill {
    float *data;
    size_t n;
    float scale; /* standard deviation */
} bs_build_fill;

typedef struct bs_build {
    Onnx__ModelProto *model;
    bs_status st;
    const char *x;    /* the tensor made last; owned by the model */
    int64_t channels; /* its channels, or features if it is flat */
    uint64_t seed;
    bs_build_fill *fills;
    size_t n_fills, cap_fills, cap_nodes, cap_initializers;
} bs_build;

typedef struct bs_build_window {
    int64_t filters, kernel, stride, pad, group; /* group 0 means 1; pools have no filters */
} bs_build_window;

/* Starts a model with an input "image" of shape (N, dim[0], ...); dim[0] is the number of channels. */
void bs_build_begin(bs_build *b, const char *name, const int64_t *dim, int rank, uint64_t seed);
/* Adds a node with this operator and these inputs (NULL: the last tensor alone). window: NULL for an operator
 * without one. Returns the name of the output. */
const char *bs_build_node(bs_build *b, const char *op, const char *name, const char *const *in, size_t n_in,
                          const bs_build_window *window);
/* The same, with parameters NAME.weight and NAME.bias. */
const char *bs_build_conv(bs_build *b, const char *name, const bs_build_window *window);
const char *bs_build_gemm(bs_build *b, const char *name, int64_t outputs);
/* Adds a constant of rank 0 and returns its name. */
const char *bs_build_scalar(bs_build *b, const char *name, float value);
/* Makes the last tensor, (N, classes), the model's output, and draws all weights. *out is NULL after an
 * error. */
bs_status bs_build_finish(Onnx__ModelProto **out, bs_build *b);

#endif
