/* Proves that the engines of the simulated cuDNN agree with a naive convolution, through cuda/dnn.h, and
 * that exact ones are told from others. */
#include "sim_dnn_layers.h"

#include <math.h>

/* Element e of the output, channel by channel, row by row, column by column. */
static float naive(const bs_cudnn_shape *s, const float *x, const float *w, int64_t e)
{
    int64_t j = e % s->out[1], i = e / s->out[1] % s->out[0], f = e / (s->out[1] * s->out[0]) % s->filters,
            n = e / (s->out[1] * s->out[0] * s->filters), channels = s->channels / s->group;
    float sum = 0;
    for (int64_t c = 0; c < channels; c++)
        for (int64_t r = 0; r < s->kernel[0]; r++)
            for (int64_t q = 0; q < s->kernel[1]; q++) {
                int64_t row = i * s->stride[0] + r * s->dilation[0] - s->pad[0],
                        column = j * s->stride[1] + q * s->dilation[1] - s->pad[1],
                        channel = f / (s->filters / s->group) * channels + c;
                bool inside = row >= 0 && row < s->in[0] && column >= 0 && column < s->in[1];
                float factor =
                    inside ? x[((n * s->channels + channel) * s->in[0] + row) * s->in[1] + column] : 0;
                sum += factor * w[((f * channels + c) * s->kernel[0] + r) * s->kernel[1] + q];
            }
    return sum;
}

/* The output, which the caller frees; NULL where the config does not serve the shape. */
static float *run(bs_cudnn *d, const bs_cuda_api *api, const bs_cudnn_shape *s, const bs_cudnn_config *config,
                  const float *x, const float *w)
{
    bs_cudnn_plan *plan = NULL;
    assert_ok(bs_cudnn_plan_create(&plan, d, s, config, WORKSPACE));
    if (!plan)
        return NULL;
    float *y = malloc((size_t)outputs(s) * sizeof *y);
    assert_non_null(y);
    memory m = allocate(api, s, x, w);
    assert_ok(bs_cudnn_run(d, plan, m.x, m.w, m.y, m.workspace));
    assert_int_equal(api->cuMemcpyDtoHAsync(y, m.y, (size_t)outputs(s) * sizeof *y, NULL), CUDA_SUCCESS);
    release(api, m);
    bs_cudnn_plan_free(plan);
    return y;
}

/* The engine that is offered as exact sums in the order of naive(), to the last bit. */
static void test_exact(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    static const int batches[] = {1, 3, 8};
    bs_cudnn_shape list[LAYERS];
    bs_cudnn *d = NULL;
    make_layers(list);
    setenv("BITSINK_SIM_DNN", "exact", 1);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    for (int k = 0; k < 3 * LAYERS; k++) {
        bs_cudnn_shape s = list[k / 3];
        bs_cudnn_config config;
        int n = 0;
        s.batch = batches[k % 3];
        assert_ok(bs_cudnn_configs(d, &s, 0, &config, 1, &n));
        assert_int_equal(n, 1);
        float *x = inputs(&s), *w = weights(&s), *y = run(d, api, &s, &config, x, w);
        assert_non_null(y);
        for (int64_t e = 0; e < outputs(&s); e++)
            if (y[e] != naive(&s, x, w, e))
                fail_msg("layer %d, batch %d, element %d", k / 3, (int)s.batch, (int)e);
        free(x);
        free(w);
        free(y);
    }
    bs_cudnn_free(d);
}

/* All engines compute the convolution; one refuses some layers. */
static void test_all_engines(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    bs_cudnn_shape list[LAYERS];
    bs_cudnn_config configs[MAX_CONFIGS], own[MAX_CONFIGS];
    bs_cudnn *d = NULL;
    int n = 0, refused = 0;
    make_layers(list);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_configs(d, &list[1], WORKSPACE, configs, MAX_CONFIGS, &n));
    assert_int_equal(n, 6); /* split three times, picky, direct twice */
    for (int k = 0; k < LAYERS * n; k++) {
        const bs_cudnn_shape *s = &list[k / n];
        float *x = inputs(s), *w = weights(s), *y = run(d, api, s, &configs[k % n], x, w);
        int m = 0, before = refused;
        refused += !y;
        for (int64_t e = 0; y && e < outputs(s); e++)
            if (fabsf(y[e] - naive(s, x, w, e)) > 1e-5f)
                fail_msg("layer %d, config %d, element %d", k / n, k % n, (int)e);
        assert_ok(bs_cudnn_configs(d, s, WORKSPACE, own, MAX_CONFIGS, &m));
        if (refused > before)
            assert_int_equal(m, n - 1);
        free(x);
        free(w);
        free(y);
    }
    assert_int_equal(refused, 4);
    assert_ok(bs_cudnn_configs(d, &list[1], 0, configs, MAX_CONFIGS, &n));
    assert_int_equal(n, 3); /* split needs a workspace */
    bs_cudnn_free(d);
}

/* Returns true if what both shapes have in common is equal. */
static bool agree(bs_cudnn *d, const bs_cuda_api *api, const bs_cudnn_config *config,
                  const bs_cudnn_shape *whole, const bs_cudnn_shape *part)
{
    float *x[2] = {inputs(whole), inputs(part)}, *w[2] = {weights(whole), weights(part)};
    float *y[2] = {run(d, api, whole, config, x[0], w[0]), run(d, api, part, config, x[1], w[1])};
    bool equal = true;
    assert_true(y[0] && y[1]);
    for (int64_t e = 0; e < outputs(part); e++) {
        int64_t plane = part->out[0] * part->out[1], f = e / plane % part->filters,
                n = e / (plane * part->filters), i = e / part->out[1] % part->out[0], j = e % part->out[1];
        equal = equal && y[1][e] == y[0][((n * whole->filters + f) * whole->out[0] + i) * whole->out[1] + j];
    }
    for (int i = 0; i < 2; i++) {
        free(x[i]);
        free(w[i]);
        free(y[i]);
    }
    return equal;
}

/* Which engines notice that there are fewer samples, a smaller window, fewer filters: in this order. */
static void test_inexact(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    static const bool same[6][3] = {{false, true, true}, {true, false, true}, {true, true, false},
                                    {true, true, true},  {true, true, true},  {true, true, true}};
    bs_cudnn_shape whole = layer(8, 8, 1, 9, 9, 3), part[3] = {whole, whole, whole};
    bs_cudnn_config configs[MAX_CONFIGS];
    bs_cudnn *d = NULL;
    int n = 0;
    whole.batch = part[1].batch = part[2].batch = 3;
    part[0].batch = 1;
    part[1].in[0] = 5;
    part[2].filters = 4;
    set_out(&whole);
    for (int i = 0; i < 3; i++)
        set_out(&part[i]);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_configs(d, &whole, WORKSPACE, configs, MAX_CONFIGS, &n));
    assert_int_equal(n, 6);
    for (int k = 0; k < 3 * n; k++)
        if (agree(d, api, &configs[k / 3], &whole, &part[k % 3]) != same[k / 3][k % 3])
            fail_msg("config %d, part %d", k / 3, k % 3);
    setenv("BITSINK_SIM_DNN", "inexact", 1);
    assert_ok(bs_cudnn_configs(d, &whole, WORKSPACE, configs, MAX_CONFIGS, &n));
    assert_int_equal(n, 3);
    for (int k = 0; k < n; k++)
        assert_false(agree(d, api, &configs[k], &whole, &part[k]));
    bs_cudnn_free(d);
}

static void test_tensor_cores(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    bs_cudnn_shape list[LAYERS], s;
    bs_cudnn_config configs[MAX_CONFIGS];
    bs_cudnn *d = NULL;
    int n = 0, rounded = 0;
    make_layers(list);
    s = list[1];
    s.tf32 = true;
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_configs(d, &s, WORKSPACE, configs, MAX_CONFIGS, &n));
    assert_int_equal(n, 7);
    assert_true(configs[0].tensor_cores && !configs[1].tensor_cores);
    float *x = inputs(&s), *w = weights(&s), *y = run(d, api, &s, &configs[0], x, w);
    assert_non_null(y);
    for (int64_t e = 0; e < outputs(&s); e++) {
        float off = fabsf(y[e] - naive(&s, x, w, e));
        rounded += off > 1e-5f;
        assert_true(off <
                    27 * 2 * 0x1p-11f); /* 27 products of numbers below 1, each rounded by half a 2^-10th */
    }
    assert_true(rounded > outputs(&s) / 2);
    free(x);
    free(w);
    free(y);
    bs_cudnn_free(d);
}

/* Padding is zeros, which an infinite weight makes NaN. */
static void test_padding_is_zeros(void **state)
{
    (void)state;
    const bs_cuda_api *api = need_api();
    bs_cudnn_shape list[LAYERS];
    bs_cudnn_config config;
    bs_cudnn *d = NULL;
    int n = 0;
    make_layers(list);
    setenv("BITSINK_SIM_DNN", "exact", 1);
    assert_ok(bs_cudnn_create(&d, api, NULL));
    assert_ok(bs_cudnn_configs(d, &list[1], WORKSPACE, &config, 1, &n));
    float *x = inputs(&list[1]), *w = weights(&list[1]);
    w[0] = INFINITY; /* of the filter's upper left corner */
    float *y = run(d, api, &list[1], &config, x, w);
    assert_non_null(y);
    for (int64_t e = 0; e < list[1].out[0] * list[1].out[1]; e++) {
        bool padding = e < list[1].out[1] || e % list[1].out[1] == 0;
        assert_true(padding ? isnan(y[e]) : isinf(y[e]));
    }
    free(x);
    free(w);
    free(y);
    bs_cudnn_free(d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_exact, by_default),
        cmocka_unit_test_setup(test_all_engines, by_default),
        cmocka_unit_test_setup(test_inexact, by_default),
        cmocka_unit_test_setup(test_tensor_cores, by_default),
        cmocka_unit_test_setup(test_padding_is_zeros, by_default),
    };
    return run_suite(tests, NULL, NULL);
}
