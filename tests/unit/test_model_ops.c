/* Proves that each operator of hand-made models becomes the right node. */
#include "support/model_build.h"

#include <math.h>

/* A model, a tensor of it, and that tensor's per-sample shape. */
typedef struct shape_case {
    const char *model, *tensor, *shape;
} shape_case;

static const shape_case shape_cases[] = {
    {IMAGE "f w 8 4 3 3; Conv x,w -> y pads=[1,1,1,1] strides=[2,2]", "y", "8x3x3"},
    {IMAGE "f w 8 1 3 3; f b 8; Conv x,w,b -> y group=4 dilations=[2,1]", "y", "8x2x4"},
    {IMAGE "f w 8 4 3 3; Conv x,w -> y auto_pad=SAME_UPPER strides=[4,4]", "y", "8x2x2"},
    {IMAGE "f w 8 4 3 3; Conv x,w -> y auto_pad=VALID pads=[1,1,1,1]", "y", "8x4x4"},
    {"in x N 4 5 5; out y; MaxPool x -> y kernel_shape=[2,2] strides=[2,2] ceil_mode=1", "y", "4x3x3"},
    {"in x N 4 5 5; out y; MaxPool x -> y kernel_shape=[2,2] strides=[2,2]", "y", "4x2x2"},
    /* The last window would start in the trailing padding: it is left out. */
    {"in x N 4 5 5; out y; AveragePool x -> y kernel_shape=[2,2] strides=[3,3] pads=[1,1,1,1] ceil_mode=1",
     "y", "4x2x2"},
    {IMAGE "GlobalAveragePool x -> y", "y", "4x1x1"},
    {IMAGE "GlobalMaxPool x -> y", "y", "4x1x1"},
    {IMAGE "ReduceMean x -> y axes=[-1,2] keepdims=0", "y", "4"},
    {IMAGE "opset 18; i a 2 3; ReduceMean x,a -> y", "y", "4x1x1"},
    {IMAGE "i s 0 -1; Reshape x,s -> y", "y", "144"},
    {IMAGE "i s -1 144; Reshape x,s -> y", "y", "144"},
    {IMAGE "i s 1 2 -1; Reshape x,s -> y", "y", "2x72"},
    {"in x 8 4 6 6; out y; i s 8 -1; Reshape x,s -> y", "y", "144"},
    {IMAGE "Flatten x -> y axis=-3", "y", "144"},
    {IMAGE "Transpose x -> y perm=[0,2,3,1]", "y", "6x6x4"},
    {IMAGE "i a 1 -1; Unsqueeze x,a -> y", "y", "1x4x6x6x1"},
    {IMAGE "opset 11; Unsqueeze x -> y axes=[4]", "y", "4x6x6x1"},
    {IMAGE "GlobalAveragePool x -> a; Squeeze a -> y", "y", "4"},
    {IMAGE "i a -1; GlobalAveragePool x -> b; Squeeze b,a -> y", "y", "4x1"},
    {IMAGE "Relu x -> a; Concat x,a -> y axis=-3", "y", "8x6x6"},
    {IMAGE "f c 1 2 6 6; Concat x,c -> y axis=1", "y", "6x6x6"},
    {IMAGE "i a 0 9 1; i b 4 -5 9223372036854775807; i c 1 2 3; i d 2 -2 1; Slice x,a,b,c,d -> y", "y",
     "2x2x5"},
    {IMAGE "i a 0 0; i b 9223372036854775807 2; Slice x,a,b -> y", "y", "2x6x6"},
    {IMAGE "opset 9; Slice x -> y starts=[1] ends=[-1] axes=[2]", "y", "4x4x6"},
    {IMAGE "opset 9; Pad x -> y pads=[0,0,1,2,0,3,-1,0]", "y", "7x6x8"},
    {IMAGE "i p 1 1; i a -1; opset 18; Pad x,p,-,a -> y", "y", "4x6x8"},
    {IMAGE "i p 0 0 0 3 0 0 7 0; Pad x,p -> y mode=reflect", "y", "4x13x9"},
    /* 6 -> 6 6 by repetition, -> 4 6 6 by a constant, -> -1 4 6 6 by a negative one. */
    {IMAGE "i a 6 -1; i k 1; Slice a,z,k -> s; i p 1 0; Pad s,p -> b mode=edge; i f 4; Pad b,p,f -> c; "
           "i z 0; i m -1; Pad c,p,m -> d; Flatten x -> t; Reshape t,d -> y",
     "y", "4x6x6"},
    {IMAGE "f c 4 1 1; Add x,c -> y", "y", "4x6x6"},
    {IMAGE "f c 1 4 1 1; Mul c,x -> y", "c", "4x1x1"},
    {IMAGE "GlobalAveragePool x -> a; Mul x,a -> y", "y", "4x6x6"},
    {IMAGE "f w 6 5; MatMul x,w -> y", "y", "4x6x5"},
    {IMAGE "Split x -> a,y axis=1", "y", "2x6x6"},
    {IMAGE "i s 3 1; Split x,s -> y,b axis=1; Add y,b -> z", "y", "3x6x6"},
    {IMAGE "LRN x -> y size=5", "y", "4x6x6"},
    {IMAGE "opset 9; Dropout x -> y,mask ratio=0.5", "y", "4x6x6"},
    {IMAGE "Cast x -> y to=1", "y", "4x6x6"},
    {IMAGE "HardSigmoid x -> a; Softplus a -> b; Mish b -> c; Min c,x -> y", "y", "4x6x6"},
    {IMAGE "i i 2; Gather x,i -> y axis=1", "y", "1x6x6"}, /* a list of one index keeps the axis */
    {IMAGE "i r 1 1 2 3; Tile x,r -> y", "y", "4x12x18"},
    {IMAGE "i s 1 4 6 6; GlobalMaxPool x -> a; Expand a,s -> y", "y", "4x6x6"},
    {IMAGE "i s 2 1 4 6 6; Expand x,s -> y", "y", "2x4x6x6"},
    {IMAGE "i z 1 4 3 9; Resize x,-,-,z -> y mode=linear", "y", "4x3x9"},
    {IMAGE "f a 6; LayerNormalization x,a -> y", "y", "4x6x6"},
    {IMAGE "f a 4; InstanceNormalization x,a,a -> y", "y", "4x6x6"},
    {IMAGE "ReduceL2 x -> y axes=[2] keepdims=0", "y", "4x6"},
    {IMAGE "f c 1 1 4 6 6; Add x,c -> y", "y", "1x4x6x6"},
    {IMAGE "i c 1; Cast c -> b to=9; f v 1; Where b,x,v -> y", "y", "4x6x6"},
    /* The images' axis moves, is shared with others, and comes back. */
    {IMAGE "Transpose x -> y", "y", "6x6x4"},
    {IMAGE "Transpose x -> y perm=[1,0,2,3]", "y", "4x6x6"},
    {IMAGE "i a 0; Unsqueeze x,a -> y", "y", "1x4x6x6"},
    {IMAGE "MatMul x,x -> y", "y", "4x6x6"},
    {IMAGE "i s -1 6 6; Reshape x,s -> a; MatMul a,a -> b; i t -1 4 6 6; Reshape b,t -> y", "a", "4x6x6"},
    {"in x 3 4 6 6; out y; i s 12 6 6; Reshape x,s -> a; MatMul a,a -> b; i t 3 4 6 6; Reshape b,t -> y", "b",
     "4x6x6"},
    /* (T, N, C), heads split off the images' axis as torch's attention does: T 6, heads 4, 9 each. */
    {"in x 3 6 36; out y; Transpose x -> a perm=[1,0,2]; i s 6 12 9; Reshape a,s -> b; "
     "Transpose b -> c perm=[1,0,2]; Transpose b -> d perm=[1,2,0]; MatMul c,d -> e; Softmax e -> f; "
     "MatMul f,c -> h; Transpose h -> i perm=[1,0,2]; i t 18 36; Reshape i,t -> j; f w 36 5; Gemm j,w -> k; "
     "i u 6 3 5; Reshape k,u -> l; Transpose l -> y perm=[1,0,2]",
     "e", "4x6x6"},
    {"in x 3 6 36; out y; Transpose x -> a perm=[1,0,2]; i t 18 36; Reshape a,t -> j; f w 36 5; "
     "Gemm j,w -> k; i u 6 3 5; Reshape k,u -> l; Transpose l -> y perm=[1,0,2]",
     "k", "6x5"},
    /* The shape idioms of exporters. */
    {IMAGE "i a 2 7; i b 2 -1; Mod a,b -> m; i i 0; Gather m,i -> z; i o 1 -1; Concat o,z -> s axis=0; "
           "f c 1; Relu x -> r; i e 1 1; Reshape r,o -> y",
     "y", "144"},
    {IMAGE "i a -7; i b 4; Mod a,b -> m fmod=1; i c -1; Sub c,m -> d; i e 1; i f -1; "
           "Concat e,d,f -> s axis=0; Reshape x,s -> y",
     "y", "2x72"},
    {IMAGE "f c 1 4 2; f w 2 3; MatMul c,w -> d; HardSigmoid d -> e; i k 0; Gather e,k -> h axis=2; "
           "i s 4 1 1; Reshape h,s -> l; Mul x,l -> y",
     "l", "4x1x1"},
    {IMAGE "f c 4 3; ReduceMean c -> d axes=[1] keepdims=0; Sub c,d -> z; ReduceL2 c -> e axes=[1]; "
           "Clip e -> f; i k 1; CumSum f,k -> h; Sin h -> j; i s 4 1 1; Reshape j,s -> l; Mul x,l -> y",
     "l", "4x1x1"},
    {IMAGE "i s -1 6; Reshape x,s -> a; f p 6; BatchNormalization a,p,p,p,p -> b; i t -1 4 6 6; "
           "Reshape b,t -> y",
     "b", "24x6"},
    {IMAGE "i z 4; ConstantOfShape z -> d; i p 2; i q 1 1; Reshape p,q -> i; f u 1; ScatterND d,i,u -> e; "
           "i s 4 1 1; Reshape e,s -> c; Mul x,c -> y",
     "c", "4x1x1"},
    {IMAGE "Shape x -> s; i k 0; Gather s,k -> n; i m -1; Concat n,m -> t axis=0; Reshape x,t -> y", "y",
     "144"},
    {IMAGE "Shape x -> s; i a 2; i b 4; Slice s,a,b -> hw; i q 2; Div hw,q -> h; Mul h,q -> k; i o 1 4; "
           "Concat o,k -> t axis=0; Reshape x,t -> y",
     "y", "4x6x6"},
    {IMAGE "opset 15; Shape x -> s start=1 end=-1; i n 1; i m -1; Concat n,s,m -> t axis=0; Reshape x,t -> y",
     "y", "4x6x6"},
    {IMAGE "Shape x -> s; ConstantOfShape s -> c; Add x,c -> y", "c", "4x6x6"},
    {IMAGE "f c 4; i s 1 4 1 1; Reshape c,s -> d; Identity d -> e; Mul x,e -> y", "e", "4x1x1"},
    {IMAGE "f w 5 144; Transpose w -> v; Flatten x -> a; MatMul a,v -> y", "v", "144x5"},
    {IMAGE "i a 2; i b 8; i c 2; Range a,b,c -> r; ReduceProd r -> p keepdims=1; i q 3; Mul p,q -> t; i o 1; "
           "Concat o,t -> s axis=0; Reshape x,s -> y",
     "y", "144"},
    {IMAGE "i a 1 5; i b 1 6; Equal a,b -> c; i m -1 -1; i n 1 144; Where c,n,m -> t; Reshape x,t -> y", "y",
     "144"},
    {IMAGE "f c 1 1; i s 3 5; Expand c,s -> e; f w 6 3; MatMul w,e -> v; MatMul x,w -> y", "y", "4x6x3"},
};

static void test_shapes(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof shape_cases / sizeof *shape_cases; k++) {
        const shape_case *c = &shape_cases[k];
        bs_graph *g = NULL;
        if (import_text(&g, c->model) != BS_OK)
            fail_msg("%s: %s", c->model, bs_error_message());
        const char *shape = shape_of(g, c->tensor);
        if (strcmp(shape, c->shape) != 0)
            fail_msg("%s: '%s' is %s, expected %s", c->model, c->tensor, shape, c->shape);
        bs_graph_free(g);
    }
}

/* Dead nodes are dropped, even ones that could not be imported. */
static void test_dead_nodes(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    assert_ok(import_text(&g, IMAGE "f w 2; Einsum x -> a; Relu x -> b; Shape b -> s; i d 1; Relu x -> c; "
                                    "Reshape c,s -> y; Tanh b -> z"));
    assert_int_equal(g->n_nodes, 2);
    assert_int_equal(g->nodes[0].op, BS_OP_RELU);
    assert_string_equal(g->nodes[0].name, "c");
    assert_int_equal(g->n_targets, 3);
    bs_graph_free(g);
}

static void test_target_order_and_kinds(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bs_target_kind kind;
    } want[] = {{"x", BS_TARGET_INPUT},      {"v", BS_TARGET_NORM},       {"b", BS_TARGET_BIAS},
                {"w", BS_TARGET_WEIGHT},     {"c", BS_TARGET_CONSTANT},   {"k", BS_TARGET_WEIGHT},
                {"h", BS_TARGET_ACTIVATION}, {"n", BS_TARGET_ACTIVATION}, {"o", BS_TARGET_ACTIVATION},
                {"y", BS_TARGET_ACTIVATION}};
    bs_graph *g = NULL;
    assert_ok(import_text(&g, "in x N 4; f v 3; f b 3; f w 4 3; f unused 7; f c 3; f t 5 3; i s 1; out y;"
                              "Transpose t -> k; Gemm x,w,b -> h; BatchNormalization h,v,v,v,v -> n;"
                              "Add n,c -> o; MatMul o,k -> y"));
    assert_int_equal(g->n_targets, sizeof want / sizeof *want);
    for (int k = 0; k < g->n_targets; k++) {
        assert_string_equal(g->tensors[g->targets[k].tensor].name, want[k].name);
        assert_string_equal(bs_target_kind_name(g->targets[k].kind), bs_target_kind_name(want[k].kind));
    }
    assert_int_equal(g->targets[0].node, -1);
    assert_int_equal(g->targets[2].node, 0);
    assert_int_equal(g->macs, 4 * 3 + 3 * 5);
    const float *k = g->tensors[g->targets[5].tensor].data; /* (3, 5) from (5, 3) */
    assert_true(k[0] == 0 && k[1] == 3 && k[5] == 1 && k[14] == 14);
    assert_error(bs_graph_unknown_target(g, "unusedd"), "no target 'unusedd'");
    assert_error(bs_graph_unknown_target(g, "hh"), "no target 'hh'");
    assert_non_null(strstr(bs_error_hint(), "did you mean 'h'?"));
    assert_int_equal(bs_graph_find_target(g, "unused"), -1);
    bs_graph_free(g);
}

static void test_attributes(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    assert_ok(import_text(&g, "opset 9; in x N 4 7 5; out y; f w 8 4 3 2; "
                              "Conv x,w -> c auto_pad=SAME_LOWER strides=[2,1] ; Clip c -> d max=6.0; "
                              "LeakyRelu d -> e alpha=0.25; Pad e -> f pads=[0,1,2,-1,0,0,3,0] value=-1.5; "
                              "Transpose f -> t perm=[0,3,1,2]; ReduceMean t -> y axes=[1]"));
    const bs_window *w = &g->nodes[0].attr.window;
    assert_int_equal(w->pad[0], 1); /* rows: 4 outputs, 2 of padding */
    assert_int_equal(w->pad[2], 1);
    assert_int_equal(w->pad[1], 1); /* columns: 1 of padding, at the lower end */
    assert_int_equal(w->pad[3], 0);
    assert_int_equal(g->nodes[0].in[2], -1);
    assert_int_equal(g->nodes[0].macs, 8 * 4 * 5 * 4 * 3 * 2);
    assert_true(isinf(g->nodes[1].attr.low) && g->nodes[1].attr.low < 0);
    assert_true(g->nodes[1].attr.high == 6.0f);
    assert_true(g->nodes[2].attr.alpha == 0.25f);
    const bs_attr *pad = &g->nodes[3].attr;
    assert_true(pad->value == -1.5f);
    assert_int_equal(pad->begin[0], 1);
    assert_int_equal(pad->begin[1], 2);
    assert_int_equal(pad->begin[2], -1);
    assert_int_equal(pad->end[1], 3);
    const int *perm = g->nodes[4].attr.perm;
    assert_true(perm[0] == 2 && perm[1] == 0 && perm[2] == 1);
    assert_true(g->nodes[5].attr.reduce[0] && !g->nodes[5].attr.reduce[1]);
    bs_graph_free(g);
}

static void test_slice_and_clip_inputs(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    assert_ok(import_text(&g, IMAGE "i a 1 9; i b 4 -9; i c 1 3; i d 2 -2; Slice x,a,b,c,d -> s; "
                                    "f lo 1; Clip s,lo -> y"));
    const bs_attr *slice = &g->nodes[0].attr;
    assert_int_equal(slice->begin[0], 1);
    assert_int_equal(slice->step[0], 2);
    assert_int_equal(slice->begin[1], 0);
    assert_int_equal(slice->step[1], 1);
    assert_int_equal(slice->begin[2], 5);
    assert_int_equal(slice->step[2], -2);
    assert_string_equal(shape_of(g, "s"), "2x6x3");
    const bs_node *clip = &g->nodes[1];
    assert_int_equal(clip->n_in, 3);
    assert_string_equal(g->tensors[clip->in[1]].name, "lo");
    assert_int_equal(clip->in[2], -1);
    assert_true(isinf(clip->attr.high));
    bs_graph_free(g);
}

static void test_softmax(void **state)
{
    (void)state;
    static const struct {
        const char *model;
        int axis;
        bool ends;
    } cases[] = {
        {"in x N 4; out y; Softmax x -> y", 0, true},
        {"opset 9; in x N 4; out y; Softmax x -> y", 0, true},
        {"opset 9; in x N 4 1 1; out y; Softmax x -> y", 0, true},
        {"opset 9; in x N 4 5 1; out y; Softmax x -> y axis=2", 1, false},
        {"in x N 4 5; out y; Softmax x -> y", 1, false},
        {"in x N 4 1 1; out y; Softmax x -> s axis=-3; Flatten s -> f; Identity f -> y", 0, true},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        bs_graph *g = NULL;
        assert_ok(import_text(&g, cases[k].model));
        assert_int_equal(g->nodes[0].attr.axis, cases[k].axis);
        assert_int_equal(g->ends_in_softmax, cases[k].ends);
        bs_graph_free(g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_dead_nodes),
        cmocka_unit_test(test_target_order_and_kinds),
        cmocka_unit_test(test_attributes),
        cmocka_unit_test(test_slice_and_clip_inputs),
        cmocka_unit_test(test_softmax),
    };
    return run_suite(tests, NULL, NULL);
}
