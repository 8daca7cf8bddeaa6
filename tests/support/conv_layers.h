/* The distinct convolutions of VGG-19, ResNet-50 and MobileNetV2 at 224 x 224, one sample each:
 *
 *   static layers l;
 *   add_vgg19(&l); ... l.s[0 .. l.n)
 */
#ifndef BS_TESTS_CONV_LAYERS_H
#define BS_TESTS_CONV_LAYERS_H

#include "cuda/dnn.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_LAYERS = 128 };

/* A square convolution with `pad` on every side. */
static inline bs_cudnn_shape square(int64_t channels, int64_t filters, int64_t in, int64_t kernel,
                                    int64_t stride, int64_t pad)
{
    int64_t out = (in + 2 * pad - kernel) / stride + 1;
    return (bs_cudnn_shape){.batch = 1,
                            .channels = channels,
                            .filters = filters,
                            .group = 1,
                            .in = {in, in},
                            .out = {out, out},
                            .kernel = {kernel, kernel},
                            .stride = {stride, stride},
                            .dilation = {1, 1},
                            .pad = {pad, pad, pad, pad}};
}

/* The same layer on patches: `out` rows and columns, no padding. */
static inline bs_cudnn_shape patches(bs_cudnn_shape s, int64_t batch, int64_t out)
{
    s.batch = batch;
    for (int a = 0; a < 2; a++) {
        s.out[a] = out;
        s.in[a] = (out - 1) * s.stride[a] + (s.kernel[a] - 1) * s.dilation[a] + 1;
    }
    for (int i = 0; i < 4; i++)
        s.pad[i] = 0;
    return s;
}

typedef struct layers {
    bs_cudnn_shape s[MAX_LAYERS];
    int n;
} layers;

/* Layers that occur twice are tried once. */
static inline void add(layers *l, bs_cudnn_shape s)
{
    for (int i = 0; i < l->n; i++)
        if (!memcmp(&l->s[i], &s, sizeof s))
            return;
    if (l->n == MAX_LAYERS)
        abort();
    l->s[l->n++] = s;
}

static inline void add_vgg19(layers *l)
{
    static const int width[] = {64, 128, 256, 512, 512}, depth[] = {2, 2, 4, 4, 4};
    for (int stage = 0, channels = 3; stage < 5; stage++)
        for (int i = 0; i < depth[stage]; i++) {
            add(l, square(channels, width[stage], 224 >> stage, 3, 1, 1));
            channels = width[stage];
        }
}

static inline void add_resnet50(layers *l)
{
    static const int depth[] = {3, 4, 6, 3};
    add(l, square(3, 64, 224, 7, 2, 3));
    for (int stage = 0, channels = 64, in = 56; stage < 4; stage++)
        for (int i = 0; i < depth[stage]; i++) {
            int mid = 64 << stage, stride = stage > 0 && i == 0 ? 2 : 1;
            if (i == 0)
                add(l, square(channels, 4 * mid, in, 1, stride, 0));
            add(l, square(channels, mid, in, 1, stride, 0)); /* the stride is here or */
            add(l, square(channels, mid, in, 1, 1, 0));
            add(l, square(mid, mid, in, 3, stride, 1)); /* there, by the exporter */
            in /= stride;
            add(l, square(mid, mid, in, 3, 1, 1));
            add(l, square(mid, 4 * mid, in, 1, 1, 0));
            channels = 4 * mid;
        }
}

static inline bs_cudnn_shape depthwise(int64_t channels, int64_t in, int64_t stride)
{
    bs_cudnn_shape s = square(channels, channels, in, 3, stride, 1);
    s.group = channels;
    return s;
}

static inline void add_mobilenet_v2(layers *l)
{
    static const int expand[] = {1, 6, 6, 6, 6, 6, 6}, width[] = {16, 24, 32, 64, 96, 160, 320},
                     depth[] = {1, 2, 3, 4, 3, 3, 1}, first[] = {1, 2, 2, 2, 1, 2, 1};
    add(l, square(3, 32, 224, 3, 2, 1));
    int channels = 32, in = 112;
    for (int stage = 0; stage < 7; stage++)
        for (int i = 0; i < depth[stage]; i++) {
            int inner = channels * expand[stage], stride = i == 0 ? first[stage] : 1;
            if (inner != channels)
                add(l, square(channels, inner, in, 1, 1, 0));
            add(l, depthwise(inner, in, stride));
            in /= stride;
            add(l, square(inner, width[stage], in, 1, 1, 0));
            channels = width[stage];
        }
    add(l, square(320, 1280, 7, 1, 1, 0));
}

#endif
