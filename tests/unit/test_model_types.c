/* The types in which the values of files with FLOAT16 and BFLOAT16 are stored. */
#include "support/import_values.h"

#include "import/import.h"
#include "ops.h"

#define HALF    "type 10 x; "
#define IMAGE16 IMAGE HALF

static bs_dtype type_of(const bs_graph *g, const char *model, const char *name)
{
    for (int t = 0; t < g->n_tensors; t++)
        if (strcmp(g->tensors[t].name, name) == 0)
            return g->tensors[t].type;
    fail_msg("%s: no tensor '%s'", model, name);
    return BS_DTYPE_COUNT;
}

/* types: "x fp16, a fp32": of tensors of the graph. */
static void check_types(const char *model, const char *types)
{
    bs_graph *g = import_or_fail(model);
    char copy[256], *save;
    snprintf(copy, sizeof copy, "%s", types);
    for (char *name = strtok_r(copy, " ", &save); name; name = strtok_r(NULL, " ", &save)) {
        const char *want = strtok_r(NULL, ", ", &save), *found = bs_dtype_name(type_of(g, model, name));
        if (strcmp(found, want) != 0)
            fail_msg("%s: '%s' is %s, expected %s", model, name, found, want);
    }
    bs_graph_free(g);
}

/* Casts, and operators of several kinds of inputs. */
static void test_types_of_operators(void **state)
{
    (void)state;
    check_types(IMAGE16 "r w 4 4 3 3; type 10 w; Conv x,w -> a; Relu a -> y",
                "x fp16, w fp16, a fp16, y fp16");
    check_types(IMAGE "type 16 x; r w 4 4 3 3; type 16 w; Conv x,w -> y", "x bf16, w bf16, y bf16");
    check_types(IMAGE "Cast x -> a to=10; Exp a -> b; Cast b -> c to=1; Exp c -> d; Cast d -> y to=16",
                "x fp32, a fp16, b fp16, c fp32, d fp32, y bf16");
    check_types(IMAGE16 "Cast x -> a to=7; Cast a -> b to=10; Cast b -> y to=11",
                "x fp16, a fp32, b fp16, y fp32");
    check_types(IMAGE16 "v c 0.5; type 10 c; Less x,c -> a; Where a,c,x -> y", "c fp16, a fp32, y fp16");
    check_types(IMAGE16
                "v c 0.5; type 10 c; v s 1 2 3 4; Cast s -> t to=16; Clip x,c -> a; Cast a -> b to=16; "
                "CastLike a,t -> e; Concat b,e -> y axis=1",
                "c fp16, a fp16, b bf16, e bf16, y bf16");
    check_types(IMAGE16 "i p 0 0 1 1 0 0 1 1; v c 0.5; type 10 c; Pad x,p,c -> a; v s 1 1 2 2; "
                        "Resize a,-,s -> b; r e 4; Cast e -> f to=1; r m 4; r v 4; "
                        "BatchNormalization b,e,f,m,v -> y",
                "a fp16, b fp16, e fp32, y fp16");
    check_types(IMAGE16
                "v e 2; Cast e -> f to=7; Pow x,f -> a; Flatten a -> b; v s 1; type 16 s; i k 10; "
                "Expand s,k -> t; r w 144 10; type 10 w; MatMul b,w -> c; Cast c -> d to=16; Add d,t -> y",
                "a fp16, b fp16, c fp16, d bf16, y bf16");
}

/* What is made of steps is rounded once, at the node's output; values that are only moved there have its type
 * before. */
static void test_types_of_steps(void **state)
{
    (void)state;
    check_types(IMAGE16 "com.microsoft:QuickGelu x -> y @n", "n/Mul fp32, n/Sigmoid fp32, y fp16");
    check_types(IMAGE16 "com.microsoft:FusedMatMul x,x -> y @n alpha=0.5", "n/MatMul fp32, y fp16");
    check_types(IMAGE16 "r e 6; r b 6; type 10 e b; "
                        "com.microsoft:SkipLayerNormalization x,x,e,b -> a,-,-,s @n; Add a,s -> y",
                "a fp16, s fp16, y fp16");
    check_types("in x N 4 6; out y; " HALF "r w 4 4 3; type 10 w; Conv x,w -> y @n",
                "n/Unsqueeze fp16, w fp16, n/Conv fp16, y fp16");
    check_types("in x N 4 6 6; out y; " HALF "i a -1; ReduceLogSum x,a -> y @n keepdims=0",
                "n/ReduceSum fp32, n/Log fp16, y fp16");
    check_types("opset 23; in x N 6 8; out y; " HALF "Attention x,x,x -> y @n q_num_heads=2 kv_num_heads=2",
                "n/Reshape fp16, n/Softmax fp32, n/MatMul fp32, n/MatMul_2 fp16, n/Transpose_4 fp32, "
                "n/Transpose_5 fp16, y fp16");
    check_types("opset 14; in x N 4 6 6; out y; " HALF "Trilu x -> a; i k 1; CumSum a,k -> y @n",
                "a fp16, n/Pad fp16, n/Add fp32, y fp16");
}

static void test_types_of_bodies(void **state)
{
    (void)state;
    check_types(IMAGE16 "begin; in a; out b; Exp a -> c; Cast c -> b to=&to; function D:F 18; "
                        "D:F x -> e to=16; D:F e -> y to=1",
                "e bf16, y fp32");
    check_types(IMAGE16 "i c 1; begin; out b; Identity x -> b; end t; begin; out b; Exp x -> b; end e; "
                        "If c -> f then_branch=$t else_branch=$e; Exp f -> y",
                "f fp16, y fp16");
    check_types(IMAGE16 "i n 2; begin; in i; in c; in a; out d; out b; Identity c -> d; Exp a -> b; end l; "
                        "Loop n,-,x -> f body=$l; Exp f -> y",
                "f fp16, y fp16");
}

/* Runs the model on n values; `out` receives as many. */
static void run(const char *model, const float *in, float *out)
{
    bs_graph *g = import_or_fail(model);
    assert_ok(bs_cpu_evaluate(g, 1, in, out));
    bs_graph_free(g);
}

enum { N = 24 };

/* Numbers of both types. */
static void fill(float in[N])
{
    for (int k = 0; k < N; k++)
        in[k] = bs_bf16_round(0.07f + 0.13f * (float)k);
}

static void check_same(const char *what, const float *found, const float *want, int n)
{
    for (int k = 0; k < n; k++)
        if (bs_float_bits(found[k]) != bs_float_bits(want[k]))
            fail_msg("%s: element %d is %.9g, expected %.9g", what, k, (double)found[k], (double)want[k]);
}

/* Each node of the file rounds; a node that is made of steps rounds once. */
static void test_rounds(void **state)
{
    (void)state;
    float in[N], out[N], each[N], once[N];
    fill(in);
    for (int k = 0; k < N; k++) {
        float scaled = bs_mul(in[k], 1.702f), rounded = bs_bf16_round(scaled);
        once[k] = bs_bf16_round(bs_mul(in[k], bs_sigmoid(scaled)));
        each[k] = bs_bf16_round(bs_mul(in[k], bs_bf16_round(bs_sigmoid(bs_bf16_round(rounded)))));
    }
    run("in x N 24; out y; type 16 x; com.microsoft:QuickGelu x -> y", in, out);
    check_same("QuickGelu", out, once, N);
    run("in x N 24; out y; Cast x -> h to=16; v c 1.702; Mul h,c -> a; Sigmoid a -> b; Mul h,b -> y", in,
        out);
    check_same("its nodes", out, each, N);
    for (int k = 0; k < N; k++)
        each[k] = bs_fp16_round(bs_add(in[k], 1e-3f));
    run("in x N 24; out y; v c 1e-3; Add x,c -> a; Cast a -> y to=10", in, out);
    check_same("a cast", out, each, N);
}

/* What is folded has the bits that the same nodes have if they run. c: N constants; a and b: inputs. */
static void test_folds_as_it_runs(void **state)
{
    (void)state;
    static const char *const nodes[] = {"Exp a -> b",
                                        "Add a,c -> b",
                                        "Div a,c -> b",
                                        "Mul a,c -> s; Sub s,c -> b",
                                        "Softmax a -> b",
                                        "i d 1; ReduceSum a,d -> s; Mul s,c -> b",
                                        "ReduceMean a -> s axes=[1]; Div c,s -> b",
                                        "Sum a,c,a -> b",
                                        "Tanh a -> s; Cast s -> t to=1; Exp t -> u; CastLike u,a -> b",
                                        "Clip a,lo -> b",
                                        "com.microsoft:QuickGelu a -> b",
                                        "r w 24 24; CastLike w,a -> v; MatMul a,v -> b",
                                        "Mul a,c -> s; Pow a,s -> t; Less c,s -> l; Where l,t,s -> b",
                                        "LpNormalization a -> b"};
    float in[N], zero[N] = {0}, ran[N], folded[N];
    fill(in);
    for (size_t k = 0; k < sizeof nodes / sizeof *nodes; k++)
        for (int type = 10; type <= 16; type += 6) {
            char constants[512] = "v k", runs[1024], folds[1024];
            for (int e = 0; e < N; e++)
                snprintf(constants + strlen(constants), sizeof constants - strlen(constants), " %.9g",
                         (double)in[e]);
            snprintf(constants + strlen(constants), sizeof constants - strlen(constants),
                     "; v lo 0.3; type %d x k lo; i s_ 1 24; Reshape k,s_ -> c", type);
            snprintf(runs, sizeof runs, "in x N 24; out y; %s; Identity x -> a; %s; Identity b -> y",
                     constants, nodes[k]);
            snprintf(folds, sizeof folds, "in x N 24; out y; %s; Identity c -> a; %s; Add x,b -> y",
                     constants, nodes[k]);
            run(runs, in, ran);
            run(folds, zero, folded);
            check_same(nodes[k], folded, ran, N);
            for (int e = 0; e < N; e++)
                assert_true(ran[e] == (type == 10 ? bs_fp16_round(ran[e]) : bs_bf16_round(ran[e])));
        }
}

/* An input that is given a value has it in the type of the input. */
static void test_given_input(void **state)
{
    (void)state;
    double value = 0.1;
    bs_given_input input = {"c", &value, 1};
    bs_import_options options = {.inputs = &input, .n_inputs = 1};
    const char *text = "in x N 24; in c 1; out y; type 10 x c; Mul x,c -> y";
    char sha256[65] = "0";
    float in[N], out[N];
    bs_graph *g = NULL;
    fill(in);
    assert_ok(bs_graph_import_model(&g, build_model(text), NULL, sha256, "m.onnx", &options));
    assert_ok(bs_cpu_evaluate(g, 1, in, out));
    for (int k = 0; k < N; k++)
        assert_true(out[k] == bs_fp16_round(bs_mul(in[k], bs_fp16_round(0.1f))));
    bs_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types_of_operators), cmocka_unit_test(test_types_of_steps),
        cmocka_unit_test(test_types_of_bodies),    cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_folds_as_it_runs),   cmocka_unit_test(test_given_input),
    };
    return run_suite(tests, NULL, NULL);
}
