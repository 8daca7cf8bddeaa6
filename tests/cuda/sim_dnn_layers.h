/* Layers to try the simulated cuDNN with, and memory of the simulated device for them. */
#ifndef BS_TESTS_SIM_DNN_LAYERS_H
#define BS_TESTS_SIM_DNN_LAYERS_H

#include "support/testing.h"

#include "cuda/dnn.h"

enum { MAX_CONFIGS = 16, WORKSPACE = 1 << 20 };

static inline const bs_cuda_api *need_api(void)
{
    const bs_cuda_api *api;
    char why[160];
    if (!bs_cuda_api_load(&api, why, sizeof why) || !api->has_dnn)
        skip("no simulated device in LD_LIBRARY_PATH");
    return api;
}

static inline int by_default(void **state)
{
    (void)state;
    unsetenv("BITSINK_SIM_FAIL");
    return unsetenv("BITSINK_SIM_DNN");
}

/* --- layers --- */

static inline bs_cudnn_shape layer(int64_t channels, int64_t filters, int64_t group, int64_t rows,
                                   int64_t columns, int64_t kernel)
{
    return (bs_cudnn_shape){.batch = 2,
                            .channels = channels,
                            .filters = filters,
                            .group = group,
                            .in = {rows, columns},
                            .kernel = {kernel, kernel},
                            .stride = {1, 1},
                            .dilation = {1, 1}};
}

static inline void set_out(bs_cudnn_shape *s)
{
    for (int a = 0; a < 2; a++) {
        int64_t room = s->in[a] + s->pad[a] + s->pad[2 + a] - (s->kernel[a] - 1) * s->dilation[a] - 1;
        s->out[a] = room / s->stride[a] + 1;
    }
}

enum { LAYERS = 7 };

static inline void make_layers(bs_cudnn_shape s[LAYERS])
{
    s[0] = layer(3, 8, 1, 9, 11, 3);
    s[1] = layer(3, 8, 1, 9, 11, 3); /* padded alike all round */
    s[1].pad[0] = s[1].pad[1] = s[1].pad[2] = s[1].pad[3] = 1;
    s[2] = layer(5, 6, 1, 8, 10, 4); /* unevenly, strides that leave a rest */
    s[2].pad[0] = 2, s[2].pad[1] = 0, s[2].pad[2] = 1, s[2].pad[3] = 3;
    s[2].stride[0] = 3, s[2].stride[1] = 2;
    s[3] = layer(4, 8, 1, 12, 13, 3); /* holes */
    s[3].dilation[0] = 2, s[3].dilation[1] = 3;
    s[3].pad[1] = 2;
    s[4] = layer(6, 9, 3, 7, 7, 3);
    s[4].pad[2] = 1;
    s[5] = layer(8, 8, 8, 7, 6, 3); /* depthwise */
    s[5].stride[0] = s[5].stride[1] = 2;
    s[5].pad[0] = s[5].pad[1] = s[5].pad[2] = s[5].pad[3] = 1;
    s[6] = layer(20, 4, 1, 1, 1, 1); /* a product */
    for (int i = 0; i < LAYERS; i++)
        set_out(&s[i]);
}

/* Between -1 and 1, by the place: the same in layers of other sizes. */
static inline float value(int64_t a, int64_t b, int64_t c, int64_t d)
{
    uint64_t h = (uint64_t)(((a * 1009 + b) * 1013 + c) * 1019 + d + 1) * 0x9e3779b97f4a7c15u;
    h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9u;
    return (float)(h >> 40) / (float)(1 << 23) - 1.0f;
}

/* (dims) values; the caller frees. */
static inline float *values(int64_t n0, int64_t n1, int64_t n2, int64_t n3, int64_t what)
{
    float *v = malloc((size_t)(n0 * n1 * n2 * n3) * sizeof *v), *at = v;
    assert_non_null(v);
    for (int64_t a = 0; a < n0; a++)
        for (int64_t b = 0; b < n1; b++)
            for (int64_t c = 0; c < n2; c++)
                for (int64_t d = 0; d < n3; d++)
                    *at++ = value(a + what * 500, b, c, d);
    return v;
}

static inline float *inputs(const bs_cudnn_shape *s)
{
    return values(s->batch, s->channels, s->in[0], s->in[1], 0);
}

static inline float *weights(const bs_cudnn_shape *s)
{
    return values(s->filters, s->channels / s->group, s->kernel[0], s->kernel[1], 1);
}

static inline int64_t outputs(const bs_cudnn_shape *s)
{
    return s->batch * s->filters * s->out[0] * s->out[1];
}

/* --- runs on the device --- */

typedef struct memory {
    CUdeviceptr x, w, y, workspace;
} memory;

static inline CUdeviceptr upload(const bs_cuda_api *api, const float *v, int64_t n)
{
    CUdeviceptr p = 0;
    assert_int_equal(api->cuMemAlloc(&p, (size_t)n * sizeof *v), CUDA_SUCCESS);
    if (v)
        assert_int_equal(api->cuMemcpyHtoDAsync(p, v, (size_t)n * sizeof *v, NULL), CUDA_SUCCESS);
    return p;
}

static inline memory allocate(const bs_cuda_api *api, const bs_cudnn_shape *s, const float *x, const float *w)
{
    return (memory){
        .x = upload(api, x, s->batch * s->channels * s->in[0] * s->in[1]),
        .w = upload(api, w, s->filters * (s->channels / s->group) * s->kernel[0] * s->kernel[1]),
        .y = upload(api, NULL, outputs(s)),
        .workspace = upload(api, NULL, WORKSPACE / (int64_t)sizeof(float)),
    };
}

static inline void release(const bs_cuda_api *api, memory m)
{
    api->cuMemFree(m.x);
    api->cuMemFree(m.w);
    api->cuMemFree(m.y);
    api->cuMemFree(m.workspace);
}

#endif
