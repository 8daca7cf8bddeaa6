/* Proves how names of other people's models are shown, listed and selected. */
#include "support/model_build.h"

#include "base/common_path.h"
#include "fault/select.h"
#include "job/job.h"
#include "model/label.h"

enum { MANY = 6 };

/* What is shown of names, and what the note says. */
static void assert_short(const char *const *names, const char *const *want, const char *note)
{
    bs_common_path p = {0};
    char text[128];
    size_t n = 0;
    while (n < MANY && names[n])
        n++;
    assert_ok(bs_common_path_find(&p, names, n));
    for (size_t i = 0; i < n; i++)
        assert_string_equal(bs_common_path_cut(&p, names[i]), want[i]);
    assert_string_equal(bs_common_path_note(&p, text, sizeof text), note);
    bs_common_path_clear(&p);
}

static void test_common_path(void **state)
{
    static const struct {
        const char *names[MANY], *want[MANY], *note;
    } cases[] = {
        /* tf2onnx: what has no path stays. */
        {{"x", "a/model/conv/Conv2D:0", "a/model/fc/Relu:0", "Identity:0"},
         {"x", "conv/Conv2D:0", "fc/Relu:0", "Identity:0"},
         "names without 'a/model/'"},
        /* Paths and modules have each their own. */
        {{"/net/conv1/Conv_output_0", "/net/fc/Gemm.weight", "net.conv1.weight", "net.fc.bias"},
         {"conv1/Conv_output_0", "fc/Gemm.weight", "conv1.weight", "fc.bias"},
         "names without '/net/' and 'net.'"},
        /* Cut at separators only, never to nothing, and not for a single slash or name. */
        {{"conv1.weight", "conv2.weight"}, {"conv1.weight", "conv2.weight"}, ""},
        {{"m/a", "m/"}, {"m/a", "m/"}, ""},
        {{"m/n/", "m/n/a"}, {"n/", "n/a"}, "names without 'm/'"},
        {{"/conv1/Conv", "/conv2/Conv"}, {"/conv1/Conv", "/conv2/Conv"}, ""},
        {{"a/b/c"}, {"a/b/c"}, ""},
        {{"a/b/c", "a/b/c"}, {"a/b/c", "a/b/c"}, ""},
        {{"a/b/c", "a/b/d", "a/b/c"}, {"c", "d", "c"}, "names without 'a/b/'"},
        {{"m/a", "m/b", "a"}, {"m/a", "m/b", "a"}, ""}, /* they must stay distinct */
        {{"m/a", "m/b", "m.a", "m.b"}, {"m/a", "m/b", "m.a", "m.b"}, ""},
        {{NULL}, {NULL}, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_short(cases[i].names, cases[i].want, cases[i].note);
}

static void test_made_up_names(void **state)
{
    static const char *const made_up[] = {"onnx::Conv_55",
                                          "onnx::MatMul_1",
                                          "55",
                                          "val_12",
                                          "_v_34",
                                          "12:0",
                                          "const_fold_opt__7",
                                          "Const__5:0",
                                          "tmp_3",
                                          "/f/Constant_3_output_0",
                                          "Constant_output_0"};
    static const char *const given[] = {
        "conv1.weight", "conv2d_1", "relu_1",      "input.1",        "x",         "", "a/b__12", "layer:0",
        "value",        "val_",     "interval_12", "/Conv_output_0", "Constantly"};
    (void)state;
    for (size_t i = 0; i < sizeof made_up / sizeof *made_up; i++)
        if (!bs_name_is_made_up(made_up[i]))
            fail_msg("'%s' is a name", made_up[i]);
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        if (bs_name_is_made_up(given[i]))
            fail_msg("'%s' is no name", given[i]);
}

/* Two dense layers as tf2onnx writes them, after a Conv as PyTorch does, and two blocks. */
static bs_graph *keras(void)
{
    bs_graph *g = NULL;
    assert_ok(
        import_text(&g, "in x N 2 2 2; f m/d1/Read:0 8 3; f val_3 3; f m/d2/Read:0 3 2; f const__8 1 2; f "
                        "onnx::Conv_5 2 2 1 1;"
                        "f onnx::Conv_6 2; f 9 2; out y; Conv x,onnx::Conv_5,onnx::Conv_6 -> 11 @m/conv/Conv;"
                        "BatchNormalization 11,9,onnx::Conv_6,9,9 -> 12 @m/conv/bn; Flatten 12 -> m/f:0 @m/f;"
                        "MatMul m/f:0,m/d1/Read:0 -> m/d1/MatMul:0 @m/d1/MatMul; Add m/d1/MatMul:0,val_3 -> "
                        "m/d1/Add:0 @m/d1/Add;"
                        "Relu m/d1/Add:0 -> m/d1/Relu:0 @m/d1/Relu; MatMul m/d1/Relu:0,m/d2/Read:0 -> "
                        "m/d2/MatMul:0 @m/d2/MatMul;"
                        "Add const__8,m/d2/MatMul:0 -> y @m/d2/Add"));
    return g;
}

static void test_brief_path(void **state)
{
    static const char *const cases[][2] = {
        {"/features/features.1/block/block.0/block.0.0/Conv", "/features.1/block.0.0/Conv"},
        {"features/features.10/fc1/Conv.weight", "features.10/fc1/Conv.weight"},
        {"/layer1/layer10/layer1/Conv", "/layer1/layer10/layer1/Conv"},
        {"a/a", "a/a"},
        {"//.b", "//.b"},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bs_str s = {0};
        bs_str_put_brief_path(&s, cases[i][0]);
        assert_string_equal(s.ptr ? s.ptr : "", cases[i][1]);
        bs_str_clear(&s);
    }
}

static void test_listing(void **state)
{
    static const struct {
        int id;
        bs_target_kind kind;
        const char *label;
    } want[] = {
        {0, BS_TARGET_INPUT, "x"},
        {5, BS_TARGET_WEIGHT, "m/conv/Conv.weight"},
        {6, BS_TARGET_BIAS, "m/conv/Conv.bias"},
        {8, BS_TARGET_ACTIVATION, "m/conv/Conv"},
        {7, BS_TARGET_NORM, "m/conv/bn.scale"},
        {9, BS_TARGET_ACTIVATION, "m/conv/bn"},
        {10, BS_TARGET_ACTIVATION, "m/f:0"},
        {1, BS_TARGET_WEIGHT, "m/d1/Read:0"},
        {11, BS_TARGET_ACTIVATION, "m/d1/MatMul:0"},
        {2, BS_TARGET_BIAS, "m/d1/Add.bias"},
        {12, BS_TARGET_ACTIVATION, "m/d1/Add:0"},
        {13, BS_TARGET_ACTIVATION, "m/d1/Relu:0"},
        {3, BS_TARGET_WEIGHT, "m/d2/Read:0"},
        {14, BS_TARGET_ACTIVATION, "m/d2/MatMul:0"},
        {4, BS_TARGET_BIAS, "m/d2/Add.bias"},
        {15, BS_TARGET_ACTIVATION, "y"},
    };
    bs_graph *g = keras();
    (void)state;
    assert_int_equal(g->n_targets, sizeof want / sizeof *want);
    for (int i = 0; i < g->n_targets; i++) {
        int id = bs_graph_listed(g, i);
        assert_int_equal(id, want[i].id);
        assert_string_equal(bs_target_kind_name(g->targets[id].kind), bs_target_kind_name(want[i].kind));
        assert_string_equal(bs_graph_label(g, id), want[i].label);
        assert_int_equal(bs_graph_find_target(g, want[i].label), id);
        assert_int_equal(bs_graph_find_target(g, g->tensors[g->targets[id].tensor].name), id);
    }
    bs_graph_free(g);
}

/* A constant that is added is a bias only if it has a value for each column of a MatMul by weights. */
static void test_bias(void **state)
{
    static const struct {
        const char *text;
        bool bias;
    } cases[] = {
        {"in x N 3; f w 3 2; f b 2; out y; MatMul x,w -> h; Add h,b -> y", true},
        {"in x N 3; f w 3 2; f b 1 2; out y; MatMul x,w -> h; Add b,h -> y", true},
        {"in x N 4 3; f w 3 2; f b 2; out y; MatMul x,w -> h; Add h,b -> z; Flatten z -> y", true},
        {"in x N 4 3; f w 3 2; f b 4 2; out y; MatMul x,w -> h; Add h,b -> z; Flatten z -> y", false},
        {"in x N 2 3; f w 3 2; f b 2 1; out y; MatMul x,w -> h; Add h,b -> z; Flatten z -> y", false},
        {"in x N 3; f w 3 2; f b 1; out y; MatMul x,w -> h; Add h,b -> y", false},
        {"in x N 3; f w 3 2; f b 2; out y; MatMul x,w -> h; Sub h,b -> y", false},
        {"in x N 3; f w 3 2; f b 2; out y; MatMul x,w -> h; Relu h -> r; Add r,b -> y", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bs_graph *g = NULL;
        assert_ok(import_text(&g, cases[i].text));
        const bs_node *matmul = bs_matmul_of_target(g, bs_graph_find_target(g, "b"));
        if ((matmul != NULL) != cases[i].bias)
            fail_msg("%s: %d", cases[i].text, matmul != NULL);
        assert_true(!matmul || strcmp(matmul->name, "h") == 0);
        bs_graph_free(g);
    }
}

static bs_status select_targets(unsigned *hit, const bs_graph *g, const char *selector)
{
    bs_job *job = NULL;
    bool met[32] = {false};
    char text[256];
    snprintf(text, sizeof text, "{model: m, images: {folder: x}, faults: [{id: 1, targets: %s, trials: 1}]}",
             selector);
    assert_true(g->n_targets <= 32);
    bs_status st = bs_job_parse(&job, "a.yaml", text, strlen(text));
    if (st == BS_OK)
        st = bs_select_targets(met, job->entries[0].targets, job->entries[0].n_targets, NULL, job, g);
    *hit = 0;
    for (int id = 0; id < g->n_targets; id++)
        *hit |= (unsigned)met[id] << id;
    bs_job_free(job);
    return st;
}

static void test_layers(void **state)
{
    static const struct {
        const char *selector;
        unsigned hit;
    } cases[] = {
        {"{layer: d1}", 1u << 13},
        {"{layer: d2}", 1u << 15},
        {"{layer: conv}", 1u << 9},
        {"{layer: m/d1}", 1u << 13},
        {"{layer: m.d1}", 1u << 13},
        {"{layer: 'd?'}", 1u << 13 | 1u << 15},
        {"{layer: 'm/*'}", 1u << 9 | 1u << 10 | 1u << 13 | 1u << 15},
        {"{layer: m}", 1u << 15},
        {"{layer: MatMul}", 1u << 11 | 1u << 14},
        {"{layer: d1, kind: activation}", 1u << 13},
        {"{layer: d1, kind: weight}", 1u << 1},
        {"{layer: d1, kind: bias}", 1u << 2},
        {"{layer: conv, kind: norm}", 1u << 7},
        {"{layer: m, kind: bias}", 1u << 6 | 1u << 2 | 1u << 4},
        {"{layer: d1, op: MatMul}", 1u << 11},
        {"{layer: MatMul, kind: bias}", 1u << 2 | 1u << 4},
        {"{layer: conv, op: Conv, kind: weight}", 1u << 5},
        {"{name: m/d1/MatMul, kind: bias}", 1u << 2},
        {"{op: MatMul, kind: bias}", 1u << 2 | 1u << 4},
        {"{op: MatMul}", 1u << 1 | 1u << 3 | 1u << 11 | 1u << 14},
        {"m/conv/Conv.weight", 1u << 5},
        {"'onnx::Conv_5'", 1u << 5},
        /* Patterns match what listings show, too. */
        {"'*.weight'", 1u << 5},
        {"'m/conv/*'", 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 9},
        {"'*.bias'", 1u << 6 | 1u << 2 | 1u << 4},
        {"{name: '*.bias', op: Conv}", 1u << 6},
        {"{name: 'onnx::Conv_*'}", 1u << 5 | 1u << 6},
        /* The end of a path. */
        {"{layer: d1/}", 1u << 13},
        {"{layer: m/d1//, kind: weight}", 1u << 1},
    };
    bs_graph *g = keras();
    unsigned hit;
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(select_targets(&hit, g, cases[i].selector));
        if (hit != cases[i].hit)
            fail_msg("%s: %x, not %x", cases[i].selector, hit, cases[i].hit);
    }
    assert_error(select_targets(&hit, g, "{layer: d7}"), "unknown layer 'd7'");
    assert_non_null(strstr(bs_error_hint(), "did you mean 'd1'?"));
    assert_error(select_targets(&hit, g, "{layer: m/convv}"), "unknown layer 'm/convv'");
    assert_non_null(strstr(bs_error_hint(), "did you mean 'm/conv'?"));
    assert_error(select_targets(&hit, g, "{layer: m/convv/}"), "unknown layer");
    assert_non_null(strstr(bs_error_hint(), "did you mean 'm/conv'?"));
    assert_error(select_targets(&hit, g, "m/d2/Add.bais"), "unknown target");
    assert_non_null(strstr(bs_error_hint(), "did you mean 'm/d2/Add.bias'?"));
    assert_error(select_targets(&hit, g, "{layer: nothing-like-it}"), "unknown layer");
    assert_non_null(strstr(bs_error_hint(), "inspect"));
    assert_error(select_targets(&hit, g, "{layer: ''}"), "");
    assert_error(select_targets(&hit, g, "{layer: d1, kind: norm}"), "no target meets all conditions");
    bs_graph_free(g);
}

/* PyTorch: modules in blocks, whose names may be in those of parameters only. */
static void test_modules(void **state)
{
    static const struct {
        const char *selector;
        unsigned hit;
    } cases[] = {
        {"{layer: conv1}", 1u << 4 | 1u << 6}, /* of either block */
        {"{layer: l1.conv1}", 1u << 4},
        {"{layer: l1}", 1u << 5},
        {"{layer: l2.conv1, kind: weight}", 1u << 2},
        {"{layer: l3.fc}", 1u << 8},
    };
    bs_graph *g = NULL;
    unsigned hit;
    (void)state;
    assert_ok(import_text(
        &g, "in x N 2 2 2; f l1.conv1.weight 2 2 1 1; f l2.conv1.weight 2 2 1 1; f l3.fc.weight 8 2;"
            "out y; Conv x,l1.conv1.weight -> /l1/conv1/Conv_output_0;"
            "Relu /l1/conv1/Conv_output_0 -> /l1/Relu_output_0;"
            "Conv /l1/Relu_output_0,l2.conv1.weight -> conv2d_1; Flatten conv2d_1 -> view;"
            "MatMul view,l3.fc.weight -> y"));
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_ok(select_targets(&hit, g, cases[i].selector));
        if (hit != cases[i].hit)
            fail_msg("%s: %x, not %x", cases[i].selector, hit, cases[i].hit);
    }
    bs_graph_free(g);
}

static void test_roles(void **state)
{
    bs_graph *g = NULL;
    (void)state;
    assert_ok(import_text(&g,
                          "in x N 2; f 1; f 2; f 3 2; f /Constant_output_0 2; out y; Clip x,1,2 -> 7 @/clip;"
                          "Mul 3,7 -> 8 @/mul; Add 8,/Constant_output_0 -> y @/add"));
    static const char *const want[] = {"x",     "/clip.min", "/clip.max", "/mul.constant", "/add.constant",
                                       "/clip", "/mul",      "y"};
    assert_int_equal(g->n_targets, sizeof want / sizeof *want);
    for (int id = 0; id < g->n_targets; id++)
        assert_string_equal(bs_graph_label(g, id), want[id]);
    bs_graph_free(g);
}

/* Nodes of one name: their tensors keep names of their own. */
static void test_labels_are_unique(void **state)
{
    bs_graph *g = NULL;
    (void)state;
    assert_ok(import_text(&g,
                          "in x N 2 2 2; f 5 2 2 1 1; f 6 2 2 1 1; f c.weight 2 2 1 1; out y;"
                          "Conv x,5 -> 7 @a; Conv 7,6 -> 8 @a; Conv 8,c.weight -> 9 @b; Conv 9,5 -> y @c"));
    static const char *const want[] = {"x", "a.weight", "6", "c.weight", "a", "8", "b", "y"};
    for (int id = 0; id < g->n_targets; id++)
        assert_string_equal(bs_graph_label(g, id), want[id]);
    bs_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_common_path),
        cmocka_unit_test(test_made_up_names),
        cmocka_unit_test(test_listing),
        cmocka_unit_test(test_bias),
        cmocka_unit_test(test_layers),
        cmocka_unit_test(test_modules),
        cmocka_unit_test(test_brief_path),
        cmocka_unit_test(test_roles),
        cmocka_unit_test(test_labels_are_unique),
    };
    return run_suite(tests, NULL, NULL);
}
