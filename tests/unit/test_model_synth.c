/* Proves that generated networks have the right structure, repeatable weights of the right size, and are
 * the same from a file. */
#include "support/model_build.h"

#include "import/synth.h"

#include <math.h>

/* VGG takes seconds and a gigabyte with sanitizers, and is made by the same functions. */
#ifdef BITSINK_SANITIZE
static const bool large = false;
#else
static const bool large = true;
#endif

static const float *weights(const bs_graph *g, const char *name, int64_t *n)
{
    int id = bs_graph_find_target(g, name);
    assert_true(id >= 0);
    const bs_tensor *t = &g->tensors[g->targets[id].tensor];
    *n = t->elements;
    return t->data;
}

/* Mean 0, the variance, and the fourth moment of a sum of eight uniform numbers: 3 - 6 / 5 / 8. */
static void check_moments(const bs_graph *g, const char *name, double variance)
{
    int64_t n;
    const float *w = weights(g, name, &n);
    double sum = 0, square = 0, fourth = 0;
    for (int64_t k = 0; k < n; k++) {
        sum += w[k];
        square += (double)w[k] * w[k];
        fourth += pow(w[k], 4);
    }
    double error = 1 / sqrt((double)n);
    assert_true(fabs(sum / (double)n) < 5 * sqrt(variance) * error);
    assert_true(fabs(square / (double)n / variance - 1) < 5 * sqrt(2) * error);
    assert_true(fabs(fourth / (double)n / variance / variance - 2.85) < 50 * error);
}

static void check(const char *name, int nodes, int targets, double parameters, double macs)
{
    bs_graph *g = NULL;
    double have = 0;
    assert_ok(bs_synth_import(&g, name, 1));
    for (int k = 0; k < g->n_targets; k++)
        if (bs_target_is_parameter(g->targets[k].kind))
            have += (double)g->tensors[g->targets[k].tensor].elements;
    assert_int_equal(g->n_nodes, nodes);
    assert_int_equal(g->n_targets, targets);
    assert_true(have == parameters);
    assert_true((double)g->macs == macs);
    assert_int_equal(g->classes, 1000);
    assert_string_equal(shape_of(g, "image"), "3x224x224");
    assert_string_equal(g->tensors[g->output].name, "logits");
    bs_graph_free(g);
}

/* Weights and biases as the papers and torchvision (with BatchNormalization folded) count them. */
static void test_structure(void **state)
{
    (void)state;
    check("mobilenetv2", 100, 209, 3487816 + 2, 300774272);
    check("resnet50", 122, 231, 25530472, 4089184256);
    if (large)
        check("vgg19", 43, 82, 143667240, 19632062464);
}

static void test_places(void **state)
{
    bs_graph *g = NULL;
    (void)state;
    assert_ok(bs_synth_or_import(&g, "resnet50", NULL));
    assert_string_equal(shape_of(g, "conv1"), "64x112x112");
    assert_string_equal(shape_of(g, "pool1"), "64x56x56");
    assert_string_equal(shape_of(g, "res3_0_1"), "128x56x56");
    assert_string_equal(shape_of(g, "res3_0_2"), "128x28x28");
    assert_string_equal(shape_of(g, "res3_0_skip"), "512x28x28");
    assert_string_equal(shape_of(g, "res5_2_relu"), "2048x7x7");
    check_moments(g, "res5_2_2.weight", 2.0 / (512 * 9));
    check_moments(g, "logits.weight", 2.0 / 2048);
    check_moments(g, "res5_2_3.bias", 1e-4);
    bs_graph_free(g);
    assert_ok(bs_synth_import(&g, "mobilenetv2", 1));
    assert_string_equal(shape_of(g, "block2_0_clip1"), "96x112x112");
    assert_string_equal(shape_of(g, "block2_0_clip2"), "96x56x56");
    assert_string_equal(shape_of(g, "block7_0_project"), "320x7x7");
    check_moments(g, "conv_last.weight", 2.0 / 320);
    int64_t n;
    assert_true(*weights(g, "six", &n) == 6.0f && n == 1);
    assert_true(*weights(g, "logits.bias", &n) == 0.0f && n == 1000);
    bs_graph_free(g);
}

/* The same bits on every machine, so the hash can stand here. */
static void test_same_everywhere(void **state)
{
    bs_graph *g = NULL, *other = NULL;
    int64_t n, m;
    (void)state;
    assert_ok(bs_synth_import(&g, "mobilenetv2", 1));
    assert_string_equal(g->sha256, "7ab081fa34cc53aafc09196d991ccecfd9e697fd1f8063c00656625828a47182");
    assert_ok(bs_synth_import(&other, "mobilenetv2", 2));
    const float *a = weights(g, "conv1.weight", &n), *b = weights(other, "conv1.weight", &m);
    int equal = 0;
    for (int64_t k = 0; k < n; k++)
        equal += a[k] == b[k];
    assert_int_equal(n, m);
    assert_true(equal < 3);
    bs_graph_free(other);
    bs_graph_free(g);
}

static void test_file(void **state)
{
    bs_graph *g = NULL, *read = NULL;
    char dir[] = "/tmp/bitsink-synth-XXXXXX", path[64];
    (void)state;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/m.onnx", dir);
    assert_ok(bs_synth_write("mobilenetv2", 7, path));
    assert_ok(bs_synth_or_import(&read, path, NULL));
    assert_ok(bs_synth_import(&g, "mobilenetv2", 7));
    assert_string_equal(read->sha256, g->sha256);
    assert_int_equal(read->n_targets, g->n_targets);
    for (int t = 0; t < g->n_tensors; t++) {
        assert_string_equal(read->tensors[t].name, g->tensors[t].name);
        if (g->tensors[t].constant)
            assert_memory_equal(read->tensors[t].data, g->tensors[t].data,
                                (size_t)g->tensors[t].elements * sizeof(float));
    }
    bs_graph_free(read);
    bs_graph_free(g);
    unlink(path);
    assert_int_equal(bs_synth_write("mobilenetv2", 7, dir), BS_ERR); /* a folder */
    assert_non_null(strstr(bs_error_message(), "cannot write"));
    assert_int_equal(rmdir(dir), 0);
    assert_int_equal(bs_synth_import(&g, "vgg17", 1), BS_USAGE);
    assert_null(g);
}

static void test_layer(void **state)
{
    bs_graph *g = NULL;
    (void)state;
    assert_ok(bs_synth_layer_import(&g, &(bs_synth_layer){.channels = 96, .filters = 40}));
    assert_int_equal(g->n_nodes, 1);
    assert_int_equal(g->macs, 96 * 40);
    bs_graph_free(g);
    assert_ok(bs_synth_layer_import(&g, &(bs_synth_layer){6, 4, .kernel = 3, .side = 8}));
    assert_int_equal(g->nodes[0].op, BS_OP_CONV);
    assert_string_equal(shape_of(g, "layer"), "4x8x8");
    assert_int_equal(g->nodes[0].macs, 6 * 4 * 9 * 64);
    bs_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_structure),       cmocka_unit_test(test_places),
        cmocka_unit_test(test_same_everywhere), cmocka_unit_test(test_file),
        cmocka_unit_test(test_layer),
    };
    return run_suite(tests, NULL, NULL);
}
