/* Generated networks: the structure of well-known ones with seeded random weights (see model/build.h), to
 * measure cost and exactness without trained weights. Activations keep their scale from layer to layer as in
 * a trained network; the answers mean nothing. Input (N, 3, 224, 224), 1000 classes. */
#ifndef BS_IMPORT_SYNTH_H
#define BS_IMPORT_SYNTH_H

#include "base/error.h"
#include "model/graph.h"

#include <stdint.h>

/* X(name). VGG: Simonyan, Zisserman (ICLR 2015); ResNet: He, Zhang, Ren, Sun (CVPR 2016), with the stride on
 * the 3x3 convolution; MobileNetV2: Sandler et al. (CVPR 2018). BatchNormalization counts as folded. */
#define BS_SYNTHS(X)                                                                                         \
    X(vgg16)                                                                                                 \
    X(vgg19)                                                                                                 \
    X(resnet50)                                                                                              \
    X(mobilenetv2)

#define BS_SYNTH_NAME(name) #name
/* Returns "vgg16, vgg19, ...". */
const char *bs_synth_names(void);

/* Imports the network, which takes twice the memory of its weights meanwhile. BS_USAGE if there is none of
 * that name. Free *out with bs_graph_free(). */
bs_status bs_synth_import(bs_graph **out, const char *name, uint64_t seed);
/* Writes the network as an ONNX file, from which the same graph is imported. */
bs_status bs_synth_write(const char *name, uint64_t seed, const char *path);
/* Imports `model`: the name of a generated network (seed 1), else an ONNX file. options: NULL: none. */
bs_status bs_synth_or_import(bs_graph **out, const char *model, const bs_import_options *options);

/* A network of one layer, node 0 of its graph: a Gemm, or a convolution that keeps the plane's size. */
typedef struct bs_synth_layer {
    int64_t channels, filters;
    int64_t kernel, side; /* of a convolution: odd, of a square plane; both 0: Gemm */
} bs_synth_layer;

bs_status bs_synth_layer_import(bs_graph **out, const bs_synth_layer *layer);

#endif
