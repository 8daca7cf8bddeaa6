#include "import/synth.h"

#include "base/new_file.h"
#include "import/build.h"
#include "import/import.h"
#include "import/onnx_file.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { CLASSES = 1000, SIDE = 224, SEED = 1, NAME_BYTES = 48 };

static const char *relu(bs_build *b, const char *name)
{
    return bs_build_node(b, "Relu", name, NULL, 0, NULL);
}

static const char *conv(bs_build *b, const char *name, int64_t filters, int64_t kernel, int64_t stride,
                        int64_t group)
{
    return bs_build_conv(b, name, &(bs_build_window){filters, kernel, stride, kernel / 2, group});
}

static void head(bs_build *b)
{
    bs_build_node(b, "GlobalAveragePool", "pool", NULL, 0, NULL);
    bs_build_node(b, "Flatten", "flatten", NULL, 0, NULL);
    bs_build_gemm(b, "logits", CLASSES);
}

static void vgg(bs_build *b, const int count[5])
{
    static const int width[5] = {64, 128, 256, 512, 512};
    char name[NAME_BYTES];
    for (int stage = 0; stage < 5; stage++) {
        for (int i = 1; i <= count[stage]; i++) {
            snprintf(name, sizeof name, "conv%d_%d", stage + 1, i);
            conv(b, name, width[stage], 3, 1, 1);
            snprintf(name, sizeof name, "relu%d_%d", stage + 1, i);
            relu(b, name);
        }
        snprintf(name, sizeof name, "pool%d", stage + 1);
        bs_build_node(b, "MaxPool", name, NULL, 0, &(bs_build_window){.kernel = 2, .stride = 2});
    }
    bs_build_node(b, "Flatten", "flatten", NULL, 0, NULL);
    b->channels *= (SIDE >> 5) * (SIDE >> 5);
    bs_build_gemm(b, "fc6", 4096);
    relu(b, "relu_fc6");
    bs_build_gemm(b, "fc7", 4096);
    relu(b, "relu_fc7");
    bs_build_gemm(b, "logits", CLASSES);
}

static void vgg16(bs_build *b)
{
    vgg(b, (const int[]){2, 2, 3, 3, 3});
}

static void vgg19(bs_build *b)
{
    vgg(b, (const int[]){2, 2, 4, 4, 4});
}

static void bottleneck(bs_build *b, int stage, int block, int64_t width, int64_t stride)
{
    char name[NAME_BYTES];
    const char *before = b->x;
    int64_t channels = b->channels;
    for (int i = 1; i <= 3; i++) {
        snprintf(name, sizeof name, "res%d_%d_%d", stage, block, i);
        conv(b, name, i < 3 ? width : 4 * width, i == 2 ? 3 : 1, i == 2 ? stride : 1, 1);
        snprintf(name, sizeof name, "res%d_%d_relu%d", stage, block, i);
        if (i < 3)
            relu(b, name);
    }
    const char *branch = b->x, *skip = before;
    if (block == 0) {
        b->x = before;
        b->channels = channels;
        snprintf(name, sizeof name, "res%d_%d_skip", stage, block);
        skip = conv(b, name, 4 * width, 1, stride, 1);
    }
    snprintf(name, sizeof name, "res%d_%d_add", stage, block);
    bs_build_node(b, "Add", name, (const char *const[]){branch, skip}, 2, NULL);
    snprintf(name, sizeof name, "res%d_%d_relu", stage, block);
    relu(b, name);
}

static void resnet50(bs_build *b)
{
    static const int blocks[4] = {3, 4, 6, 3};
    conv(b, "conv1", 64, 7, 2, 1);
    relu(b, "relu1");
    bs_build_node(b, "MaxPool", "pool1", NULL, 0, &(bs_build_window){.kernel = 3, .stride = 2, .pad = 1});
    for (int stage = 0; stage < 4; stage++)
        for (int block = 0; block < blocks[stage]; block++)
            bottleneck(b, stage + 2, block, (int64_t)64 << stage, block == 0 && stage > 0 ? 2 : 1);
    head(b);
}

static void relu6(bs_build *b, const char *name)
{
    const char *const in[] = {b->x, "zero", "six"};
    bs_build_node(b, "Clip", name, in, 3, NULL);
}

static void inverted(bs_build *b, int stage, int block, int expand, int64_t width, int64_t stride)
{
    char name[NAME_BYTES];
    const char *before = b->x;
    if (expand > 1) {
        snprintf(name, sizeof name, "block%d_%d_expand", stage, block);
        conv(b, name, expand * b->channels, 1, 1, 1);
        snprintf(name, sizeof name, "block%d_%d_clip1", stage, block);
        relu6(b, name);
    }
    snprintf(name, sizeof name, "block%d_%d_depthwise", stage, block);
    conv(b, name, b->channels, 3, stride, b->channels);
    snprintf(name, sizeof name, "block%d_%d_clip2", stage, block);
    relu6(b, name);
    snprintf(name, sizeof name, "block%d_%d_project", stage, block);
    const char *projected = conv(b, name, width, 1, 1, 1);
    snprintf(name, sizeof name, "block%d_%d_add", stage, block);
    if (block > 0)
        bs_build_node(b, "Add", name, (const char *const[]){projected, before}, 2, NULL);
}

static void mobilenetv2(bs_build *b)
{
    static const struct {
        int expand, width, count, stride;
    } plan[] = {{1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2}, {6, 64, 4, 2},
                {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}};
    bs_build_scalar(b, "zero", 0.0f);
    bs_build_scalar(b, "six", 6.0f);
    conv(b, "conv1", 32, 3, 2, 1);
    relu6(b, "clip1");
    for (int stage = 0; stage < 7; stage++)
        for (int block = 0; block < plan[stage].count; block++)
            inverted(b, stage + 1, block, plan[stage].expand, plan[stage].width,
                     block == 0 ? plan[stage].stride : 1);
    conv(b, "conv_last", 1280, 1, 1, 1);
    relu6(b, "clip_last");
    head(b);
}

static const struct {
    const char *name;
    void (*build)(bs_build *b);
} synths[] = {
#define X(name) {BS_SYNTH_NAME(name), name},
    BS_SYNTHS(X)
#undef X
};
enum { N_SYNTHS = sizeof synths / sizeof *synths };

#define X(name) ", " BS_SYNTH_NAME(name)
static const char listed[] = BS_SYNTHS(X);
#undef X

const char *bs_synth_names(void)
{
    return listed + 2;
}

static int find(const char *name)
{
    for (int i = 0; i < N_SYNTHS; i++)
        if (strcmp(synths[i].name, name) == 0)
            return i;
    return -1;
}

static bs_status build(Onnx__ModelProto **out, const char *name, uint64_t seed)
{
    int i = find(name);
    *out = NULL;
    if (i < 0) {
        bs_fail(BS_USAGE, "there is no network '%s' to generate", name);
        return bs_hint("there are %s", bs_synth_names());
    }
    bs_build b;
    bs_build_begin(&b, name, (const int64_t[]){3, SIDE, SIDE}, 3, seed);
    synths[i].build(&b);
    return bs_build_finish(out, &b);
}

/* Receives packed bytes and writes them to a file or a hash, so that they need no memory of their own. */
typedef struct sink {
    ProtobufCBuffer base;
    FILE *file; /* or NULL */
    struct sha256_ctx hash;
} sink;

static void sink_append(ProtobufCBuffer *buffer, size_t len, const uint8_t *data)
{
    sink *s = (sink *)buffer;
    if (s->file)
        fwrite(data, 1, len, s->file);
    else
        sha256_update(&s->hash, len, data);
}

/* Imports the model with the hash that its file would have. */
static bs_status import(bs_graph **out, Onnx__ModelProto *model, const char *name,
                        const bs_import_options *options)
{
    sink s = {.base = {sink_append}};
    char sha256[65];
    sha256_init(&s.hash);
    onnx__model_proto__pack_to_buffer(model, &s.base);
    bs_sha256_end(&s.hash, sha256);
    return bs_graph_import_model(out, model, NULL, sha256, name, options);
}

bs_status bs_synth_import(bs_graph **out, const char *name, uint64_t seed)
{
    Onnx__ModelProto *model;
    *out = NULL;
    BS_TRY(build(&model, name, seed));
    return import(out, model, name, NULL);
}

bs_status bs_synth_or_import(bs_graph **out, const char *model, const bs_import_options *options)
{
    if (find(model) >= 0) {
        Onnx__ModelProto *generated;
        *out = NULL;
        BS_TRY(build(&generated, model, SEED));
        return import(out, generated, model, options);
    }
    bs_status st = bs_graph_import(out, model, options);
    if (st != BS_OK && access(model, F_OK) != 0)
        bs_hint("check the path, or name a network to generate: %s", bs_synth_names());
    return st;
}

bs_status bs_synth_layer_import(bs_graph **out, const bs_synth_layer *layer)
{
    Onnx__ModelProto *model;
    bs_build b;
    *out = NULL;
    bs_build_begin(&b, "layer", (const int64_t[]){layer->channels, layer->side, layer->side},
                   layer->side ? 3 : 1, SEED);
    if (layer->side) {
        conv(&b, "layer", layer->filters, layer->kernel, 1, 1);
        bs_build_node(&b, "GlobalAveragePool", "pool", NULL, 0, NULL);
        bs_build_node(&b, "Flatten", "logits", NULL, 0, NULL);
    } else {
        bs_build_gemm(&b, "layer", layer->filters);
    }
    BS_TRY(bs_build_finish(&model, &b));
    return import(out, model, "layer", NULL);
}

bs_status bs_synth_write(const char *name, uint64_t seed, const char *path)
{
    Onnx__ModelProto *model;
    BS_TRY(build(&model, name, seed));
    bs_new_file file = {0};
    bs_status st = bs_new_file_open(&file, path);
    if (st == BS_OK) {
        sink s = {.base = {sink_append}, .file = file.f};
        onnx__model_proto__pack_to_buffer(model, &s.base);
        st = bs_new_file_commit(&file);
        if (st != BS_OK)
            bs_hint("a network takes four bytes per weight: up to 575 MB (vgg19)");
    }
    onnx__model_proto__free_unpacked(model, NULL);
    return st;
}
