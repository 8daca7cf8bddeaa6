/* Proves that engines of cuDNN serve the layers of real networks, whole and in pieces. Nothing runs, so no
 * device is needed. Engine numbers belong to one version of cuDNN and are printed, not asserted. */
#include "support/conv_layers.h"
#include "support/cuda_dnn_fixture.h"

#include "cuda/dnn_graph.h"

enum { MAX_CONFIGS = 256 };

static struct {
    bs_cuda_api api;
    bs_cudnn *dnn;
} at;

static int set_up(void **state)
{
    (void)state;
    char why[160];
    if (can_describe(&at.api, why, sizeof why)) {
        char *json = NULL;
        read_device(&json);
        assert_ok(bs_cudnn_create(&at.dnn, &at.api, json));
        free(json);
    }
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bs_cudnn_free(at.dnn);
    return 0;
}

static void need_dnn(void)
{
    if (!at.dnn)
        load_dnn(); /* skips, saying why */
}

/* --- a config serves a layer in all the shapes that replay asks for --- */

static bool serves(const bs_cudnn_shape *s, const bs_cudnn_config *config)
{
    bs_cudnn_plan *plan = NULL;
    assert_ok(bs_cudnn_plan_create(&plan, at.dnn, s, config, WORKSPACE));
    bool good = plan != NULL;
    if (plan)
        assert_true(bs_cudnn_plan_workspace(plan) <= WORKSPACE);
    bs_cudnn_plan_free(plan);
    return good;
}

static const char *text(const bs_cudnn_config *config)
{
    static char s[300];
    int len = snprintf(s, sizeof s, "%d[", (int)config->engine);
    for (int i = 0; i < config->n_knobs; i++)
        len += snprintf(s + len, sizeof s - (size_t)len, "%s%d=%d", i ? "," : "", (int)config->knob[i].type,
                        (int)config->knob[i].value);
    snprintf(s + len, sizeof s - (size_t)len, "]");
    return s;
}

static bool serves_batches(const bs_cudnn_shape *layer, const bs_cudnn_config *config)
{
    bs_cudnn_shape s = *layer;
    s.batch = 16;
    return serves(&s, config);
}

static bool serves_patches(const bs_cudnn_shape *layer, const bs_cudnn_config *config)
{
    static const int batches[] = {1, 32, 256};
    bool good = true;
    for (int out = 3; out <= 14 && out <= layer->out[0]; out++)
        for (int i = 0; i < 3; i++) {
            bs_cudnn_shape s = patches(*layer, batches[i], out);
            good = good && serves(&s, config);
        }
    return good;
}

/* Faulty filters of a layer, at the layer's own input; of a grouped one with the channels that they read.
 */
static bool serves_filters(const bs_cudnn_shape *layer, const bs_cudnn_config *config)
{
    static const int filters[] = {1, 8, 32};
    bool good = true;
    for (int i = 0; i < 3; i++) {
        bs_cudnn_shape s = *layer;
        s.filters = filters[i];
        if (s.group > 1) {
            s.channels = filters[i] * (layer->channels / layer->group);
            s.group = filters[i];
        }
        good = good && serves(&s, config);
    }
    return good;
}

static void check_layer(const bs_cudnn_shape *s)
{
    bs_cudnn_config configs[MAX_CONFIGS];
    int n = 0, all = 0;
    assert_ok(bs_cudnn_configs(at.dnn, s, WORKSPACE, configs, MAX_CONFIGS, &n));
    print_message("%4lld x %3lld%s -> %4lld, %lldx%lld/%lld:", (long long)s->channels, (long long)s->in[0],
                  s->group > 1 ? " grouped" : "", (long long)s->filters, (long long)s->kernel[0],
                  (long long)s->kernel[1], (long long)s->stride[0]);
    for (int i = 0; i < n; i++) {
        assert_false(configs[i].tensor_cores);
        bool batches = serves_batches(s, &configs[i]), parts = serves_patches(s, &configs[i]),
             filters = serves_filters(s, &configs[i]);
        if (i < 8)
            print_message(" %s%s%s%s", text(&configs[i]), batches ? "" : "!b", parts ? "" : "!p",
                          filters ? "" : "!f");
        all += batches && parts && filters;
    }
    print_message("; %d configs, %d serve\n", n, all);
    if (all == 0)
        fail_msg("none of %d configs serves the layer whole and in parts", n);
}

static void test_layers(void **state)
{
    (void)state;
    need_dnn();
    static layers l;
    add_vgg19(&l);
    add_resnet50(&l);
    add_mobilenet_v2(&l);
    for (int i = 0; i < l.n; i++)
        check_layer(&l.s[i]);
    print_message("%d layers with cuDNN %zu\n", l.n, at.api.cudnnGetVersion());
}

/* --- shapes that these networks do not have --- */

static void test_odd_shapes(void **state)
{
    (void)state;
    need_dnn();
    layers l = {.n = 0};
    bs_cudnn_shape grouped = square(128, 128, 56, 3, 1, 1); /* ResNeXt */
    grouped.group = 32;
    bs_cudnn_shape dilated = square(256, 256, 28, 3, 1, 2);
    dilated.dilation[0] = dilated.dilation[1] = 2;
    dilated.out[0] = dilated.out[1] = 28;
    bs_cudnn_shape flat = square(192, 224, 12, 1, 1, 0); /* Inception: 1x7, padded at the sides */
    flat.kernel[1] = 7;
    flat.pad[1] = flat.pad[3] = 3;
    bs_cudnn_shape gemm = square(25088, 4096, 1, 1, 1, 0); /* the first inner product of VGG-19 */
    bs_cudnn_shape lenet = square(1, 6, 28, 5, 1, 2);
    add(&l, grouped);
    add(&l, dilated);
    add(&l, flat);
    add(&l, gemm);
    add(&l, lenet);
    for (int i = 0; i < l.n; i++)
        check_layer(&l.s[i]);
}

/* TensorFlow's SAME pads more below and to the right. cuDNN may refuse that, but not fail, and the same layer
 * on an input padded before, must work. */
static void test_uneven_padding(void **state)
{
    (void)state;
    need_dnn();
    bs_cudnn_config configs[MAX_CONFIGS];
    int n = 0;
    bs_cudnn_shape s = square(32, 32, 112, 3, 2, 0);
    s.pad[2] = s.pad[3] = 1;
    s.out[0] = s.out[1] = 56;
    assert_ok(bs_cudnn_configs(at.dnn, &s, WORKSPACE, configs, MAX_CONFIGS, &n));
    print_message("padding 0 and 1: %d configs\n", n);
    for (int i = 0; i < n; i++)
        assert_true(serves(&s, &configs[i]));
    s.in[0] = s.in[1] = 113;
    s.pad[2] = s.pad[3] = 0;
    check_layer(&s);
}

/* --- what a config promises --- */

/* cuDNN's own account of the plan of a config. */
static void describe(char *json, int64_t room, const bs_cudnn_shape *s, const bs_cudnn_config *config)
{
    bs_cudnn_descriptors bag = {.dnn = at.dnn};
    cudnnBackendDescriptor_t graph = NULL, plan = NULL;
    size_t workspace = 0;
    int64_t len = 0;
    assert_ok(bs_cudnn_graph(&graph, &bag, s));
    assert_ok(bs_cudnn_graph_plan(&plan, &workspace, at.dnn, graph, config, WORKSPACE));
    assert_non_null(plan);
    bs_cudnn_descriptors_clear(&bag); /* a plan holds what it needs */
    const cudnnBackendAttributeName_t name = CUDNN_ATTR_EXECUTION_PLAN_JSON_REPRESENTATION;
    assert_ok(bs_cudnn_get(at.dnn, plan, name, CUDNN_TYPE_CHAR, room - 1, &len, json));
    assert_true(len < room);
    json[len] = '\0';
    at.api.cudnnBackendDestroyDescriptor(plan);
}

/* The part of it that says which kernel: the engine with all its knobs, those not chosen as -1. */
static void check_pinned(const bs_cudnn_shape *s, const bs_cudnn_config *config)
{
    char json[8192], want[32];
    int knobs = 0;
    describe(json, sizeof json, s, config);
    const char *engine = strstr(json, "\"engine\":");
    const char *choices = engine ? strstr(engine, "\"knobChoices\":{") : NULL;
    if (!choices)
        fail_msg("no engine and knobs in %s", json);
    snprintf(want, sizeof want, "\"engineId\":%d,", (int)config->engine);
    assert_non_null(strstr(engine, want));
    if (strstr(choices, ":-1"))
        fail_msg("%s leaves a knob open: %s", text(config), engine);
    for (const char *p = strchr(choices, '{'); *p && *p != '}'; p++)
        knobs += *p == ':';
    assert_int_equal(knobs, config->n_knobs);
}

static void check_notes(const bs_cudnn_shape *s, const bs_cudnn_config *config)
{
    bs_cudnn_descriptors bag = {.dnn = at.dnn};
    cudnnBackendDescriptor_t graph = NULL, engine = NULL;
    cudnnBackendNumericalNote_t notes[64];
    int64_t n = 0;
    bool tensor_cores = false;
    assert_ok(bs_cudnn_graph(&graph, &bag, s));
    assert_ok(bs_cudnn_make(&engine, &bag, CUDNN_BACKEND_ENGINE_DESCRIPTOR));
    assert_ok(bs_cudnn_set(at.dnn, engine, CUDNN_ATTR_ENGINE_OPERATION_GRAPH, CUDNN_TYPE_BACKEND_DESCRIPTOR,
                           1, &graph));
    assert_ok(
        bs_cudnn_set(at.dnn, engine, CUDNN_ATTR_ENGINE_GLOBAL_INDEX, CUDNN_TYPE_INT64, 1, &config->engine));
    assert_ok(bs_cudnn_set(at.dnn, engine, CUDNN_ATTR_ENGINE_DEVICEPROP, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1,
                           &at.dnn->properties));
    assert_ok(bs_cudnn_finalize(at.dnn, engine, NULL));
    assert_ok(bs_cudnn_get(at.dnn, engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE, 64,
                           &n, notes));
    for (int64_t i = 0; i < n; i++) {
        bool tensor = notes[i] == CUDNN_NUMERICAL_NOTE_TENSOR_CORE;
        assert_true(notes[i] == CUDNN_NUMERICAL_NOTE_STRICT_NAN_PROP ||
                    (tensor && (s->tf32 || s->type != BS_DTYPE_FP32)));
        tensor_cores = tensor_cores || tensor;
    }
    assert_int_equal(tensor_cores, config->tensor_cores);
    bs_cudnn_descriptors_clear(&bag);
}

static bool equal(const bs_cudnn_config *a, const bs_cudnn_config *b)
{
    bool same = a->engine == b->engine && a->n_knobs == b->n_knobs;
    for (int i = 0; same && i < a->n_knobs; i++)
        same = a->knob[i].type == b->knob[i].type && a->knob[i].value == b->knob[i].value;
    return same;
}

static void test_configs_say_everything(void **state)
{
    (void)state;
    need_dnn();
    bs_cudnn_shape list[] = {square(64, 64, 224, 3, 1, 1), square(512, 512, 14, 3, 1, 1),
                             square(256, 64, 56, 1, 1, 0), depthwise(96, 112, 2)};
    static const char *const names[] = {"fp32", "fp16", "bf16", "tf32"};
    enum { TF32 = 3, WAYS };
    for (int i = 0; i < WAYS * 4; i++) {
        bs_cudnn_config configs[MAX_CONFIGS];
        bs_cudnn_shape s = list[i / WAYS];
        int n = 0, tensor = 0, knobs = 0, way = i % WAYS;
        s.tf32 = way == TF32;
        s.type = s.tf32 ? BS_DTYPE_FP32 : (bs_dtype)way;
        assert_ok(bs_cudnn_configs(at.dnn, &s, WORKSPACE, configs, MAX_CONFIGS, &n));
        assert_true(n > 0);
        for (int k = 0; k < n; k++) {
            bs_cudnn_shape window = patches(s, 32, 5);
            assert_int_equal(configs[k].type, s.type);
            check_notes(&s, &configs[k]);
            check_pinned(&s, &configs[k]);
            if (serves(&window, &configs[k]))
                check_pinned(&window, &configs[k]);
            for (int j = 0; j < k; j++)
                assert_false(equal(&configs[j], &configs[k]));
            tensor += configs[k].tensor_cores;
            knobs += configs[k].n_knobs;
        }
        print_message("%s, layer %d: %d configs, %d with tensor cores, first %s\n", names[way], i / WAYS, n,
                      tensor, text(&configs[0]));
        assert_true(knobs > 0);
        assert_int_equal(tensor > 0, way != BS_DTYPE_FP32);
        if (i < 2 * WAYS) /* the big 3x3 layers: best with tensor cores, where they may be used */
            assert_int_equal(configs[0].tensor_cores, way != BS_DTYPE_FP32);
    }
}

/* Of the few engines that are tried for values of 16 bits on patches, one serves the layer whole and in
 * parts; those of tensor cores come first. */
static void test_words(void **state)
{
    (void)state;
    need_dnn();
    enum { TRIED = 8 };
    bs_cudnn_shape list[] = {square(64, 64, 224, 3, 1, 1), square(512, 512, 14, 3, 1, 1),
                             square(256, 64, 56, 1, 1, 0), square(3, 64, 224, 7, 2, 3)};
    for (int i = 0; i < 8; i++) {
        bs_cudnn_config configs[TRIED];
        bs_cudnn_shape s = list[i / 2], window;
        int n = 0, good = -1;
        s.type = i % 2 ? BS_DTYPE_BF16 : BS_DTYPE_FP16;
        window = patches(s, 256, 6);
        assert_ok(bs_cudnn_configs(at.dnn, &window, WORKSPACE, configs, TRIED, &n));
        for (int k = 0; k < n && good < 0; k++)
            if (serves_batches(&s, &configs[k]) && serves_patches(&s, &configs[k]) &&
                serves_filters(&s, &configs[k]))
                good = k;
        print_message("%s, layer %d: %d of %d, %s, %s tensor cores\n", bs_dtype_name(s.type), i / 2, good, n,
                      good < 0 ? "none" : text(&configs[good]),
                      good >= 0 && configs[good].tensor_cores ? "with" : "without");
        assert_true(good >= 0);
    }
}

static void test_workspace(void **state)
{
    (void)state;
    need_dnn();
    bs_cudnn_config all[MAX_CONFIGS], few[MAX_CONFIGS];
    bs_cudnn_plan *plan = NULL;
    int n = 0, none = 0, most = 0, with = 0;
    bs_cudnn_shape s = square(64, 64, 224, 3, 1, 1);
    s.tf32 = true; /* in fp32 hardly an engine needs any */
    assert_ok(bs_cudnn_configs(at.dnn, &s, WORKSPACE, all, MAX_CONFIGS, &n));
    assert_ok(bs_cudnn_configs(at.dnn, &s, 0, few, MAX_CONFIGS, &none));
    assert_ok(bs_cudnn_configs(at.dnn, &s, WORKSPACE, few, 2, &most));
    assert_true(n < MAX_CONFIGS && n > none && n > 2 && most == 2);
    assert_true(equal(&all[0], &few[0]) && equal(&all[1], &few[1]));
    for (int i = 0; i < n; i++) {
        assert_ok(bs_cudnn_plan_create(&plan, at.dnn, &s, &all[i], WORKSPACE));
        size_t bytes = bs_cudnn_plan_workspace(plan);
        bs_cudnn_plan_free(plan);
        with += bytes > 0;
        assert_true(bytes <= WORKSPACE);
        if (bytes > 0) {
            assert_ok(bs_cudnn_plan_create(&plan, at.dnn, &s, &all[i], bytes - 1));
            assert_null(plan);
        }
        assert_ok(bs_cudnn_plan_create(&plan, at.dnn, &s, &all[i], bytes));
        assert_non_null(plan);
        bs_cudnn_plan_free(plan);
    }
    assert_int_equal(n - with, none);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_layers),         cmocka_unit_test(test_odd_shapes),
        cmocka_unit_test(test_uneven_padding), cmocka_unit_test(test_configs_say_everything),
        cmocka_unit_test(test_words),          cmocka_unit_test(test_workspace),
    };
    return run_suite(tests, set_up, tear_down);
}
