/* Proves that real models have the structure, shapes and sizes that other tools report. Absent files are
 * skipped. */
#include "import/onnx_file.h"
#include "support/model_build.h"

static bs_graph *import_file(const char *path)
{
    bs_graph *g = NULL;
    assert_ok(bs_graph_import(&g, path, NULL));
    return g;
}

/* Asserts what holds for every graph. */
static void check_invariants(const bs_graph *g)
{
    int64_t macs = 0;
    assert_int_equal(g->n_targets, g->n_tensors);
    assert_int_equal(g->tensors[g->input].target, 0);
    assert_int_equal(strlen(g->sha256), 64);
    for (int k = 0; k < g->n_nodes; k++) {
        const bs_node *n = &g->nodes[k];
        macs += n->macs;
        assert_int_equal(g->tensors[n->out].producer, k);
        for (int i = 0; i < n->n_in; i++)
            if (n->in[i] >= 0)
                assert_true(g->tensors[n->in[i]].producer < k);
    }
    assert_int_equal(macs, g->macs);
    for (int k = 0; k < g->n_targets; k++) {
        const bs_target *t = &g->targets[k];
        const bs_tensor *x = &g->tensors[t->tensor];
        int64_t elements = 1;
        for (int a = 0; a < x->shape.rank; a++)
            elements *= x->shape.dim[a];
        assert_int_equal(elements, x->elements);
        assert_int_equal(x->target, k);
        assert_int_equal(x->constant, bs_target_is_parameter(t->kind));
        assert_int_equal(x->constant, x->data != NULL);
        assert_int_equal(bs_graph_find_target(g, x->name), k);
    }
    assert_int_equal(g->classes, g->tensors[g->output].elements);
}

static int count_kind(const bs_graph *g, bs_target_kind kind)
{
    int n = 0;
    for (int k = 0; k < g->n_targets; k++)
        n += g->targets[k].kind == kind;
    return n;
}

static void test_squeezenet(void **state)
{
    (void)state;
    bs_graph *g = import_file(test_data("models/squeezenet1.1.onnx"));
    check_invariants(g);
    assert_int_equal(count_ops(g, BS_OP_CONV), 26);
    assert_int_equal(g->n_nodes, 64);
    assert_int_equal(g->n_targets, 1 + 52 + 64);
    assert_int_equal(g->classes, 1000);
    assert_int_equal(g->macs, 418467520);
    assert_string_equal(shape_of(g, "/Conv_output_0"), "64x113x113");
    assert_string_equal(shape_of(g, "/MaxPool_output_0"), "64x56x56");
    assert_string_equal(shape_of(g, "/Conv_25_output_0"), "1000x16x16");
    assert_string_equal(shape_of(g, "logits"), "1000");
    assert_int_equal(g->nodes[2].op, BS_OP_MAX_POOL);
    assert_true(g->nodes[2].attr.window.ceil_mode);
    bs_graph_free(g);
}

static void test_mnist_cnn(void **state)
{
    (void)state;
    bs_graph *g = import_file(test_data("models/mnist_cnn.onnx"));
    check_invariants(g);
    assert_int_equal(count_ops(g, BS_OP_CONV), 3);
    assert_int_equal(g->n_targets, 22);
    assert_string_equal(shape_of(g, "images"), "1x28x28");
    assert_string_equal(shape_of(g, "17"), "32x7x7");
    assert_string_equal(shape_of(g, "19"), "1568");
    assert_string_equal(shape_of(g, "output"), "10");
    assert_int_equal(g->macs, 2064768);
    /* Ids: the input, then initializers in file order, then node outputs. */
    assert_int_equal(bs_graph_find_target(g, "images"), 0);
    assert_int_equal(bs_graph_find_target(g, "conv1.0.bias"), 1);
    assert_int_equal(bs_graph_find_target(g, "conv1.0.weight"), 2);
    assert_int_equal(bs_graph_find_target(g, "output"), 21);
    assert_int_equal(g->targets[1].kind, BS_TARGET_BIAS);
    assert_int_equal(g->targets[2].kind, BS_TARGET_WEIGHT);
    assert_int_equal(g->targets[21].kind, BS_TARGET_ACTIVATION);
    assert_int_equal(bs_graph_find_target(g, "Conv_0"), bs_graph_find_target(g, "11")); /* by node name */
    bs_graph_free(g);
}

static void test_cifar10_resnet20(void **state)
{
    (void)state;
    bs_graph *g = import_file(test_data("models/cifar10_resnet20.onnx"));
    check_invariants(g);
    assert_int_equal(count_ops(g, BS_OP_CONV), 19);
    assert_int_equal(count_ops(g, BS_OP_ADD), 9);
    assert_int_equal(count_ops(g, BS_OP_PAD), 2);
    assert_int_equal(g->n_targets, 97);
    assert_int_equal(g->macs, 40551040);
    assert_string_equal(shape_of(g, "/Reshape_output_0"), "64");
    for (int k = 0; k < g->n_nodes; k++)
        if (g->nodes[k].op == BS_OP_PAD) { /* the parameter-free shortcut adds channels on both sides */
            assert_true(g->nodes[k].attr.begin[0] > 0);
            assert_int_equal(g->nodes[k].attr.begin[0], g->nodes[k].attr.end[0]);
            assert_int_equal(g->nodes[k].attr.begin[1], 0);
        }
    bs_graph_free(g);
}

static void next_conv(const bs_graph *g, int *k)
{
    while (*k < g->n_nodes && g->nodes[*k].op != BS_OP_CONV)
        ++*k;
}

/* The same network, once with its shape arithmetic folded by another tool. */
static void test_mobilenet(void **state)
{
    (void)state;
    bs_graph *a = import_file(test_data("models/mobilenet_v2.onnx"));
    bs_graph *b = import_file(test_data("models/mobilenet_v2_unfolded.onnx"));
    check_invariants(a);
    check_invariants(b);
    assert_int_equal(a->macs, 300775552);
    assert_int_equal(b->macs, a->macs);
    assert_int_equal(a->classes, 1001);
    assert_int_equal(b->classes, 1001);
    int convs = 0, i = 0, j = 0;
    for (;; i++, j++, convs++) {
        next_conv(a, &i);
        next_conv(b, &j);
        if (i == a->n_nodes || j == b->n_nodes)
            break;
        const bs_node *x = &a->nodes[i], *y = &b->nodes[j];
        const bs_tensor *xw = &a->tensors[x->in[1]], *yw = &b->tensors[y->in[1]];
        assert_memory_equal(&x->attr.window, &y->attr.window, sizeof x->attr.window);
        assert_memory_equal(&a->tensors[x->out].shape, &b->tensors[y->out].shape, sizeof(bs_shape));
        assert_memory_equal(xw->data, yw->data, (size_t)xw->elements * sizeof(float));
    }
    assert_int_equal(convs, 53);
    assert_int_equal(i == a->n_nodes, j == b->n_nodes);
    assert_int_equal(count_ops(a, BS_OP_CLIP), 100);
    assert_int_equal(count_ops(b, BS_OP_CLIP), 100);
    bs_graph_free(a);
    bs_graph_free(b);
}

static void test_light_vgg19(void **state)
{
    (void)state;
    bs_graph *g = import_file(test_data("light/light_vgg19.onnx"));
    check_invariants(g);
    assert_int_equal(count_ops(g, BS_OP_CONV), 16);
    assert_int_equal(count_ops(g, BS_OP_GEMM), 3);
    assert_int_equal(g->macs, 19632062464);
    assert_int_equal(count_kind(g, BS_TARGET_WEIGHT), 19);
    assert_int_equal(count_kind(g, BS_TARGET_BIAS), 19);
    assert_string_equal(shape_of(g, "fc6_w_0"), "4096x25088");
    assert_string_equal(shape_of(g, "prob_1"), "1000");
    assert_true(g->ends_in_softmax);
    bs_graph_free(g);
}

static void test_light_resnet50(void **state)
{
    (void)state;
    bs_graph *g = import_file(test_data("light/light_resnet50.onnx"));
    check_invariants(g);
    assert_int_equal(count_ops(g, BS_OP_CONV), 53);
    assert_int_equal(count_ops(g, BS_OP_BATCH_NORM), 53);
    assert_int_equal(count_ops(g, BS_OP_SUM), 16);
    assert_int_equal(count_kind(g, BS_TARGET_NORM), 4 * 53);
    assert_int_equal(g->macs, 4089184256);
    assert_true(g->ends_in_softmax);
    bs_graph_free(g);
}

static void test_fashion_vgg(void **state)
{
    (void)state;
    bs_graph *g = import_file("tests/models/fashion_vgg.onnx");
    check_invariants(g);
    assert_string_equal(bs_shape_text(&g->tensors[g->input].shape, (char[96]){0}, 96), "1x28x28");
    assert_int_equal(g->classes, 10);
    assert_true(count_ops(g, BS_OP_CONV) >= 2);
    assert_true(count_ops(g, BS_OP_GEMM) >= 1);
    bs_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_squeezenet),       cmocka_unit_test(test_mnist_cnn),
        cmocka_unit_test(test_cifar10_resnet20), cmocka_unit_test(test_mobilenet),
        cmocka_unit_test(test_light_vgg19),      cmocka_unit_test(test_light_resnet50),
        cmocka_unit_test(test_fashion_vgg),
    };
    return run_suite(tests, NULL, NULL);
}
