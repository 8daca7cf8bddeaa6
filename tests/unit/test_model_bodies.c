/* Proves what branches, loops and functions become: the values of their nodes, and the names and order of the
 * tensors that they make. */
#include "support/import_values.h"

enum { IMAGES = 2, N = 6 };

typedef struct body_case {
    const char *model;
    float factor, addend; /* y = factor * x + addend */
    int out;              /* how often the image is in the output, next to each other */
} body_case;

#define GRID   "in x N 6; out y; "
#define IF     "If c -> y then_branch=$t else_branch=$e"
#define DOUBLE "begin; in a; out b; Add a,a -> b; function my:Double 18; "
/* 10 is a constant inside. */
#define PLUS_10 "begin; in a; out b; Constant -> k value_float=10.0; Add a,k -> b; function my:Plus 18; "
#define SLOPE                                                                                                \
    "begin; in a; out v; Neg a -> n; Abs n -> m; Neg m -> u; LeakyRelu u -> v alpha=&slope; "                \
    "function my:Slope 18; "

static const body_case cases[] = {
    /* Branches read names around them, have initializers of their own, and may hand an outer value through.
     */
    {GRID "i c 1; v k 3.0; begin; out b; Mul x,k -> b; end t; begin; out b; Neg x -> b; end e; " IF, 3, 0, 1},
    {GRID "i c 0; v k 3.0; begin; out b; Mul x,k -> b; end t; begin; out b; Neg x -> b; end e; " IF, -1, 0,
     1},
    {GRID "i c 0; begin; out b; Neg x -> b; end t; begin; v k 0.25; out b; Mul x,k -> b; end e; " IF, 0.25f,
     0, 1},
    {GRID "i c 1; Add x,x -> u; begin; out u; end t; begin; out b; Neg x -> b; end e; " IF "; ", 2, 0, 1},
    {GRID
     "i c 1; begin; out b; v k 2.0; Add x,k -> h; Sub h,k -> g; Add g,x -> b; end t; begin; out x; end e; "
     "If c -> u then_branch=$t else_branch=$e; Neg u -> y",
     -2, 0, 1},
    /* The condition is computed from the shape. */
    {GRID "Shape x -> s; i one 1; i six 6; Gather s,one -> d; Equal d,six -> c; begin; out b; Add x,x -> b; "
          "end t; "
          "begin; out b; Neg x -> b; end e; " IF,
     2, 0, 1},
    /* A branch in a branch, both of which have a tensor b. */
    {GRID
     "i c 1; begin; out b; Add x,x -> b; end t; begin; out x; end e; begin; out z; If c -> z then_branch=$t "
     "else_branch=$e; end u; begin; out x; end e; If c -> y then_branch=$u else_branch=$e",
     2, 0, 1},
    /* Functions: called twice, with constants inside, in each other, with attributes of the caller. */
    {DOUBLE GRID "my:Double x -> u; my:Double u -> y", 4, 0, 1},
    {PLUS_10 GRID "my:Plus x -> u; my:Plus u -> y", 1, 20, 1},
    {DOUBLE "begin; in a; out d; my:Double a -> b; Add a,b -> c; my:Double c -> d; function my:Six 18; " GRID
            "my:Six x -> y",
     6, 0, 1},
    {"begin; in a; out p; out q; Neg a -> p; Add a,a -> q; function my:Two 18; " GRID
     "my:Two x -> u,v; Sub v,u -> y",
     3, 0, 1},
    {"begin; in a; out p; out q; Neg a -> p; Add a,a -> q; function my:Two 18; " GRID "my:Two x -> -,y", 2, 0,
     1},
    {"begin; in a; out p; out q; Neg a -> p; Add a,a -> q; function my:Two 18; " GRID "my:Two x -> y", -1, 0,
     1},
    {"begin; in a; in lo; in hi; out b; Clip a,lo,hi -> b; function my:Bound 18; " GRID "my:Bound x -> y", 1,
     0, 1},
    {"begin; in a; out a; function my:Same 18; " GRID "my:Same x -> y", 1, 0, 1},
    {"begin; in a; out b; begin; out d; Neg a -> d; end t; begin; out d; Add a,a -> d; end e; Constant -> c "
     "value_int=0; If c -> b then_branch=$t else_branch=$e; function my:Choice 18; " GRID "my:Choice x -> y",
     2, 0, 1},
    /* Loops: as often as their count or condition says. */
    {GRID "i n 3; begin; in i; in c; in a; out c; out b; Add a,a -> b; end body; Loop n,-,x -> y body=$body",
     8, 0, 1},
    {GRID "i n 0; begin; in i; in c; in a; out c; out b; Add a,a -> b; end body; Loop n,-,x -> y body=$body",
     1, 0, 1},
    {GRID "i n 4; begin; in i; in c; in a; out c; out b; Cast i -> f to=1; Add a,f -> b; end body; Loop "
          "n,-,x -> y "
          "body=$body",
     1, 6, 1},
    {GRID "i on 1; i two 2; begin; in i; in c; in a; out d; out b; Add a,x -> b; Less i,two -> d; end body; "
          "Loop -,on,x -> y body=$body",
     4, 0, 1},
    {GRID "i n 5; i on 0; begin; in i; in c; in a; out c; out b; Add a,a -> b; end body; Loop n,on,x -> y "
          "body=$body",
     1, 0, 1},
    /* Two values that change places. */
    {GRID "i n 3; Neg x -> m; begin; in i; in c; in a; in b; out c; out b; out a; end body; "
          "Loop n,-,x,m -> y,z body=$body",
     -1, 0, 1},
    /* Results of all rounds: (rounds, N, 6), brought to (N, rounds * 6). */
    {GRID "i n 2; i s -1 12; begin; in i; in c; in a; out c; out a; out b; Add a,a -> b; end body; "
          "Loop n,-,x -> -,u body=$body; Transpose u -> v perm=[1,0,2]; Reshape v,s -> y",
     2, 0, 2},
};

static void test_values(void **state)
{
    (void)state;
    float x[IMAGES * N], want[IMAGES * N * 2];
    random_values("image", x, IMAGES * N);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        const body_case *c = &cases[k];
        char text[640];
        for (int i = 0; i < IMAGES * N * c->out; i++)
            want[i] = c->factor * x[i / (N * c->out) * N + i % N] + c->addend;
        snprintf(text, sizeof text, "opset 18; %s", c->model);
        check_values(text, IMAGES, x, want, N * c->out);
    }
}

static void test_attributes_by_reference(void **state)
{
    (void)state;
    float x[IMAGES * N], want[IMAGES * N];
    random_values("image", x, IMAGES * N);
    for (int absent = 0; absent < 2; absent++) {
        char text[512];
        for (int k = 0; k < IMAGES * N; k++)
            want[k] = -fabsf(x[k]) * (absent ? 0.01f : 0.5f);
        snprintf(text, sizeof text, "opset 18; %s" GRID "my:Slope x -> y%s", SLOPE,
                 absent ? "" : " slope=0.5");
        check_values(text, IMAGES, x, want, N);
        /* The attribute goes through two functions. */
        snprintf(text, sizeof text,
                 "opset 18; %sbegin; in a; out b; my:Slope a -> b slope=&steep; function my:Outer 18; " GRID
                 "my:Outer x -> y%s",
                 SLOPE, absent ? "" : " steep=0.5");
        check_values(text, IMAGES, x, want, N);
        /* The function has a default, which the caller may leave. */
        snprintf(text, sizeof text,
                 "opset 18; begin; in a; out v; Abs a -> m; Neg m -> u; LeakyRelu u -> v alpha=&slope; "
                 "function my:Slope 18 slope=%s; " GRID "my:Slope x -> y%s",
                 absent ? "0.25" : "0.5", absent ? " slope=0.01" : "");
        check_values(text, IMAGES, x, want, N);
    }
}

/* The names of the targets, "a b c". */
static const char *targets(const bs_graph *g, char *text, size_t len)
{
    size_t n = 0;
    *text = '\0';
    for (int k = 0; k < g->n_targets; k++)
        for (int t = 0; t < g->n_tensors; t++)
            if (g->tensors[t].target == k)
                n += (size_t)snprintf(text + n, len - n, "%s%s", k ? " " : "", g->tensors[t].name);
    return text;
}

static void check_targets(const char *model, const char *expected)
{
    char text[1024];
    bs_graph *g = import_or_fail(model);
    assert_string_equal(targets(g, text, sizeof text), expected);
    bs_graph_free(g);
}

/* The image and the file's initializers come first, as they would without steps; then each tensor that a node
 * needs on the way comes right before the node's output. */
static void test_order(void **state)
{
    (void)state;
    check_targets(
        "opset 21; in x N 4 2 3; out y; r s 4; r b 4; r w 4; Relu x -> r; GroupNormalization r,s,b -> g "
        "@gn num_groups=2; r q 3; Mul g,q -> y",
        "x s b q r gn/Reshape gn/InstanceNormalization gn/Reshape_2 gn/Mul g y");
    check_targets("opset 18; " DOUBLE GRID
                  "r w 6; my:Double x -> u @first; my:Double u -> v @second; Mul v,w -> y",
                  "x w u v y");
    check_targets("opset 18; begin; in a; out d; Neg a -> b; Exp b -> c; Neg c -> d; function my:F 18; " GRID
                  "r w 6; my:F x -> u @f; Mul u,w -> z; my:F z -> y @f",
                  "x w f/b f/c u z f/b_2 f/c_2 y");
    check_targets(
        "opset 18; " GRID
        "i n 2; begin; in i; in c; in a; out c; out b; v k 0.5; Add a,k -> h; Exp h -> b; end body; "
        "Loop n,-,x -> u @l body=$body; Neg u -> y",
        "x l/k l/h l/b l/k_2 l/h_2 l/b_2 u y");
    /* A name that the file has already. */
    check_targets("opset 18; " GRID
                  "Relu x -> f/b; begin; in a; out d; Neg a -> b; Exp b -> d; function my:F 18; "
                  "my:F f/b -> y @f",
                  "x f/b f/b_2 y");
}

#define LOOP_BODY "begin; in i; in c; in a; out c; out b; Add a,a -> b; end body; "

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[][2] = {
        {GRID "begin; in a; out b; my:F a -> b; function my:F 18; my:F x -> y", "more than 16 deep"},
        {GRID "begin; in a; out b; my:G a -> b; function my:F 18; begin; in a; out b; my:F a -> b; function "
              "my:G 18; "
              "my:F x -> y",
         "more than 16 deep"},
        {DOUBLE GRID "my:Double x,x -> y", "2 inputs and 1 outputs for a function of 1 and 1"},
        {DOUBLE GRID "my:Double x -> y,z", "1 inputs and 2 outputs for a function of 1 and 1"},
        {DOUBLE GRID "my:Double - -> y", ""},
        {DOUBLE GRID "my:Double -> y", ""},
        {"begin; in a; out z; Add a,a -> b; function my:F 18; " GRID "my:F x -> y",
         "its output 'z' does not exist"},
        {"begin; in a; out b; Add a,x -> b; function my:F 18; " GRID "my:F x -> y",
         "its input 'x' does not exist"},
        {"begin; in a; out b; Add a,a -> b; function my:F 99; " GRID "my:F x -> y", "opset 99"},
        {"begin; in a; in a; out b; Add a,a -> b; function my:F 18; " GRID "my:F x,x -> y", "defined twice"},
        /* Names that a body has twice, which two nodes would make. */
        {"begin; in a; out b; Neg a -> b; Exp b -> b; function my:F 18; " GRID "my:F x -> y",
         "'b' is defined twice"},
        {"begin; in a; out a; Neg a -> a; function my:F 18; " GRID "my:F x -> y", "'a' is defined twice"},
        {"begin; in a; out b; Split a -> b,b axis=1; function my:F 13; " GRID "my:F x -> y",
         "'b' is defined twice"},
        {GRID "i c 1; begin; out b; v b 0.5; Neg x -> b; end t; If c -> y then_branch=$t",
         "'b' is defined twice"},
        {GRID "i c 1; begin; out b; out b; Neg x -> b; end t; If c -> y,z then_branch=$t", ""},
        {GRID "i c 0; begin; out b; Neg x -> b; end t; If c -> y then_branch=$t", "'else_branch' is missing"},
        {GRID "i c 0; If c -> y else_branch=7", "'else_branch' is missing"},
        {GRID "i c 0; begin; end e; If c -> y else_branch=$e", "0 inputs and 0 outputs"},
        {GRID "i c 0; begin; in a; out a; end e; If c -> y else_branch=$e", "1 inputs and 1 outputs"},
        {GRID "i c 0; begin; out u; end e; If c -> y else_branch=$e", "its output 'u' does not exist"},
        {GRID "i c 0; begin; out u; end e; If c -> y else_branch=$e; Neg x -> u", ""}, /* made later */
        {GRID "i c 0; begin; out y; end e; If c -> y else_branch=$e", ""},             /* itself */
        {GRID "i c 0 1; begin; out x; end e; If c -> y else_branch=$e", ""},
        {GRID "ReduceMax x -> m keepdims=0; Cast m -> c to=9; begin; out x; end e; If c -> y else_branch=$e",
         ""},
        {GRID "begin; out x; end e; If - -> y else_branch=$e", ""},
        {GRID LOOP_BODY "i n 5000; Loop n,-,x -> y body=$body", "more than 4096 rounds"},
        {GRID LOOP_BODY "i n 9223372036854775807; Loop n,-,x -> y body=$body", "more than 4096 rounds"},
        {GRID LOOP_BODY "Loop -,-,x -> y body=$body", "more than 4096 rounds"},
        {GRID LOOP_BODY "i n 3; Loop n,-,x,x -> y,z body=$body", "its body has 3 inputs and 2 outputs"},
        {GRID LOOP_BODY "i n 3; Loop n,-,x -> y,z body=$body", "its body has 3 inputs and 2 outputs"},
        {GRID LOOP_BODY "i n 3; Loop n -> y body=$body", "its body has 3 inputs and 2 outputs"},
        {GRID LOOP_BODY "i n 3; Loop n,-,- -> y body=$body", ""},
        {GRID LOOP_BODY "i n 0; Loop n,-,- -> y body=$body", ""},
        {GRID LOOP_BODY "Loop x,-,x -> y body=$body", ""},
        {GRID "i n 3; Loop n,-,x -> y", "'body' is missing"},
        {GRID "i n 0; begin; in i; in c; out c; out x; end body; Loop n,- -> y body=$body",
         "results of 0 rounds"},
        {GRID "i n 300; begin; in i; in c; out c; out x; end body; Loop n,- -> y body=$body",
         "results of 300 rounds"},
        {GRID "i n 3; begin; in i; in c; in a; out d; out a; Cast a -> d to=9; end body; Loop n,-,x -> y "
              "body=$body",
         "how often it runs depends on the image"},
        {GRID "i n 2; begin; in i; in c; out c; out u; end body; Loop n,- -> y body=$body; Neg x -> u", ""},
        {GRID "i n 2; begin; in i; in c; out u; out x; end body; Loop n,- -> y body=$body; Neg x -> u", ""},
        {"opset 26; " GRID "Neg x -> y", "opset 26, supported are 7 to 25"},
    };
    for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
        check_refused(bad[k][0], bad[k][1]);
    assert_non_null(strstr(bs_error_hint(), "opset_version=20")); /* which both exporters write */
}

/* Outputs of branches whose name is missing. */
static void test_nameless_output(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    Onnx__ModelProto *m =
        build_model("in x N 6; out y; i c 1; begin; out b; Neg x -> b; end t; If c -> y then_branch=$t");
    Onnx__ValueInfoProto *v = m->graph->node[0]->attribute[0]->g->output[0];
    free(v->name);
    v->name = NULL;
    assert_error(import_model(&g, m), "its output '' does not exist");
    onnx__model_proto__free_unpacked(m, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),          cmocka_unit_test(test_attributes_by_reference),
        cmocka_unit_test(test_order),           cmocka_unit_test(test_refused),
        cmocka_unit_test(test_nameless_output),
    };
    return run_suite(tests, NULL, NULL);
}
