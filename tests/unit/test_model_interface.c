/* Proves which input becomes the image, what its open dimensions become, which tensor becomes the output, and
 * what a model's other inputs are. */
#include "support/model_build.h"

#include "import/import.h"

static bs_status import_with(bs_graph **g, const char *text, const bs_import_options *o)
{
    Onnx__ModelProto *m = build_model(text);
    char sha256[65] = "0";
    *g = NULL;
    return bs_graph_import_model(g, m, NULL, sha256, "m.onnx", o);
}

/* Sizes. */
#define OPEN "in x N 3 H W; out y; f w 2 3 1 1; Conv x,w -> y"

static const struct {
    const char *model;
    int rows, columns;
    const char *shape; /* or the error */
} sizes[] = {
    {OPEN, 6, 8, "3x6x8"},
    {OPEN, 0, 0, "x' (N x 3 x H x W): the size of its images is open"},
    {"in x N 3 H 8; out y; Relu x -> y", 6, 8, "3x6x8"},
    {"in x N 3 H 8; out y; Relu x -> y", 6, 9, "(N x 3 x H x 8) cannot have the input size 6 x 9"},
    {"in x N 3 -1 0; out y; Relu x -> y", 6, 8, "3x6x8"},
    {"in x N 3 6 8; out y; Relu x -> y", 6, 8, "3x6x8"},
    {"in x N 3 6 8; out y; Relu x -> y", 8, 6, "cannot have the input size 8 x 6"},
    {"in x N H W 3; out y; Relu x -> y", 6, 8, "6x8x3"},
    {"in x N 6 8 3; out y; Relu x -> y", 6, 8, "6x8x3"},
    {"in x N 6 8 3; out y; Relu x -> y", 8, 6, "cannot have"},
    {"in x N H W; out y; Relu x -> y", 6, 8, "6x8"},
    {"in x N 48; out y; Relu x -> y", 6, 8, "cannot have"},
    /* Channels of the first convolution. */
    {"in x N C H W; out y; f w 2 3 1 1; Conv x,w -> y", 6, 8, "3x6x8"},
    {"in x N C H W; out y; f w 2 1 1 1; Identity x -> a; f b 1; Sub a,b -> c; Conv c,w -> y group=1", 6, 8,
     "1x6x8"},
    {"in x N C H W; out y; f w 3 1 1 1; Conv x,w -> y group=3", 6, 8, "3x6x8"},
    {"in x N H W C; out y; f w 2 3 1 1; Transpose x -> a perm=[0,3,1,2]; Conv a,w -> y", 6, 8, "6x8x3"},
    {"in x N C H W; out y; f w 2 3 1 1; Shape x -> q; f m 3 1 1; Sub x,m -> a; Shape a -> r; Conv a,w -> y",
     6, 8, "3x6x8"},
    {"in x N C H W; out y; Relu x -> y", 6, 8, "dimension 1 is not fixed"},
    {"in x N D; out y; Relu x -> y", 0, 0, "dimension 1 is not fixed"},
};

static void test_sizes(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++) {
        bs_import_options o = {.input_size = {sizes[k].rows, sizes[k].columns}};
        bs_graph *g;
        if (import_with(&g, sizes[k].model, &o) == BS_OK)
            assert_string_equal(shape_of(g, "x"), sizes[k].shape);
        else if (!strstr(bs_error_message(), sizes[k].shape))
            fail_msg("%s: '%s' lacks '%s'", sizes[k].model, bs_error_message(), sizes[k].shape);
        bs_graph_free(g);
    }
}

/* The hash changes only with what makes another network. */
static void hash_of(char out[65], const char *model, const bs_import_options *o)
{
    bs_graph *g;
    assert_ok(import_with(&g, model, o));
    memcpy(out, g->sha256, 65);
    bs_graph_free(g);
}

static void test_identity(void **state)
{
    (void)state;
    static const char fixed[] =
        "in x N 3 6 8; in z N; out y; out s; f w 2 3 1 1; Conv x,w -> a; Relu a -> y @relu; "
        "Sigmoid a -> s @sigmoid";
    static const char constant[] = "in x N 3 6 8; in z 1; out y; Mul x,z -> y";
    char a[65], b[65];
    double one = 1, two = 2;
    bs_given_input z = {"z", &one, 1}, other = {"z", &two, 1};
    hash_of(a, fixed, NULL);
    hash_of(b, fixed, &(bs_import_options){.input_size = {6, 8}});
    assert_string_equal(a, b);
    hash_of(b, fixed, &(bs_import_options){.output = "y"});
    assert_string_equal(a, b);
    hash_of(b, fixed, &(bs_import_options){.inputs = &z, .n_inputs = 1}); /* not needed */
    assert_string_equal(a, b);
    hash_of(b, fixed, &(bs_import_options){.output = "relu"});
    assert_string_equal(a, b);
    hash_of(b, fixed, &(bs_import_options){.output = "s"});
    assert_string_not_equal(a, b);
    hash_of(a, fixed, &(bs_import_options){.output = "sigmoid"});
    assert_string_equal(a, b);
    hash_of(a, OPEN, &(bs_import_options){.input_size = {6, 8}});
    hash_of(b, OPEN, &(bs_import_options){.input_size = {8, 6}});
    assert_string_not_equal(a, b);
    hash_of(a, constant, &(bs_import_options){.inputs = &z, .n_inputs = 1});
    hash_of(b, constant, &(bs_import_options){.inputs = &other, .n_inputs = 1});
    assert_string_not_equal(a, b);
}

/* Outputs. */
#define TWO                                                                                                  \
    "in x N 3 6 8; out y; out s; Relu x -> a @/f/Relu; Neg a -> y @/f/Neg; Sigmoid a -> s; TopK s,k -> "     \
    "v; "

static const struct {
    const char *output, *shown, *hint; /* the operator that makes it, or the error; hint */
} outputs[] = {
    {NULL, "Neg", ""},
    {"s", "Sigmoid", ""},
    {"a", "Relu", ""},
    {"/f/Relu", "Relu", ""},
    {"/f/Neg", "Neg", ""},
    {"/f/Reul", "no tensor or node '/f/Reul'", "did you mean '/f/Relu'?"},
    {"/f/Relu/Mul_2", "no tensor or node",
     "only whole nodes of the file can be the output, such as '/f/Relu'"},
    {"ss", "no tensor or node 'ss' for its output", "did you mean 's'?"},
    {"", "no tensor or node ''", ""},
    {"s/Add", "no tensor or node", "such as 's'"}, /* the tensor of a node without a name */
    {"logits", "no tensor or node 'logits'", "its outputs are 'y', 's'"},
    {"x", "'x' cannot be the output: no node computes it", "such as 'y'"},
    {"v", "operator TopK (since opset 1) is not supported", "'output: s' in the job, or --output s"},
};

static void test_outputs(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof outputs / sizeof *outputs; k++) {
        bs_import_options o = {.output = (char *)outputs[k].output};
        bs_graph *g;
        if (import_with(&g, TWO "i k 1", &o) == BS_OK) {
            assert_string_equal(bs_op_name(g->nodes[g->tensors[g->output].producer].op), outputs[k].shown);
            assert_true(g->n_nodes <= 2); /* what it does not need is left out */
        } else if (!strstr(bs_error_message(), outputs[k].shown) ||
                   !strstr(bs_error_hint(), outputs[k].hint)) {
            fail_msg("%s: '%s', hint '%s'", outputs[k].output, bs_error_message(), bs_error_hint());
        }
        bs_graph_free(g);
    }
}

/* Other inputs. */
static void set_type(Onnx__ModelProto *m, size_t input, int type)
{
    m->graph->input[input]->type->tensor_type->elem_type = type;
}

static bs_status import_typed(bs_graph **g, const char *text, int type, const bs_given_input *z)
{
    Onnx__ModelProto *m = build_model(text);
    char sha256[65] = "0";
    *g = NULL;
    set_type(m, 0, type);
    return bs_graph_import_model(g, m, NULL, sha256, "m.onnx",
                                 &(bs_import_options){.inputs = (bs_given_input *)z, .n_inputs = z != NULL});
}

#define BESIDE(z) "in z " z "; in x N 3 2 2; out y; " /* the image is not the first */

static const struct {
    const char *model;
    int type;
    double value[4];
    int n;
    const char *shape; /* of z, "" if it is no tensor, or the error */
} constants[] = {
    {BESIDE("N 3 1 1") "Mul x,z -> y", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, {2}, 1, "3x1x1"},
    {BESIDE("N 3 1 1") "Mul x,z -> y", ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, {2, 3, 4}, 3, "3x1x1"},
    {BESIDE("K") "Mul x,z -> y", ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE, {2, 3}, 2, "2"},
    {BESIDE("N 3 1 1") "Mul x,z -> y",
     ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
     {2, 3, 4, 5},
     4,
     "'z' takes 3 values (1x3x1x1), it is given 4"},
    {BESIDE("S") "Reshape x,z -> y", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, {-1, 12}, 2, ""},
    {BESIDE("S") "Reshape x,z -> y",
     ONNX__TENSOR_PROTO__DATA_TYPE__INT64,
     {0.5, 12},
     2,
     "element type INT64 and cannot be 0.5"},
    {BESIDE("S") "Reshape x,z -> y", ONNX__TENSOR_PROTO__DATA_TYPE__BOOL, {2}, 1, "BOOL and cannot be 2"},
    {BESIDE("1") "Mul x,z -> y", ONNX__TENSOR_PROTO__DATA_TYPE__STRING, {2}, 1, "no values can be given"},
    {BESIDE("N 3 1 1") "Mul x,z -> y",
     ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT,
     {0},
     0,
     "needs the input 'z' (FLOAT, N x 3 x 1 x 1) beside the image 'x'"},
    {BESIDE("5") "Relu x -> y", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, {0}, 0, ""},
};

static void test_constants(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof constants / sizeof *constants; k++) {
        bs_given_input z = {"z", (double *)constants[k].value, constants[k].n};
        bs_graph *g;
        if (import_typed(&g, constants[k].model, constants[k].type, z.n ? &z : NULL) == BS_OK) {
            assert_string_equal(g->tensors[g->input].name, "x");
            int target = bs_graph_find_target(g, "z");
            assert_int_equal(target >= 0, *constants[k].shape != '\0');
            if (target >= 0) {
                assert_string_equal(shape_of(g, "z"), constants[k].shape);
                const bs_tensor *t = &g->tensors[g->targets[target].tensor];
                assert_true(t->constant && t->data[t->elements - 1] == (float)z.value[z.n - 1]);
            }
        } else if (!*constants[k].shape || !strstr(bs_error_message(), constants[k].shape)) {
            fail_msg("%zu: '%s'", k, bs_error_message());
        }
        bs_graph_free(g);
    }
    bs_given_input none = {"zz", (double[]){1}, 1};
    bs_graph *g;
    assert_error(import_typed(&g, BESIDE("1") "Mul x,z -> y", 1, &none), "the model has no input 'zz'");
    assert_string_equal(bs_error_hint(), "did you mean 'z'?");
    assert_error(import_typed(&g, BESIDE("1") "Mul x,z -> y", 1, NULL), "needs the input 'z'");
    assert_non_null(
        strstr(bs_error_hint(), "--input z=0; it must be the value that the network gets in use"));
}

/* Pixels as bytes. */
static void test_bytes(void **state)
{
    (void)state;
    bs_graph *g;
    int type = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    assert_ok(import_typed(
        &g, "in x N 4 4 3; out y; Transpose x -> a perm=[0,3,1,2]; Cast a -> b to=1; Relu b -> y", type,
        NULL));
    assert_true(g->bytes);
    bs_graph_free(g);
    assert_error(import_typed(&g, "in x N 4 4 3; out y; Relu x -> y", type, NULL),
                 "element type UINT8, and node 'y' (Relu) computes with it before a Cast");
    assert_error(
        import_typed(&g, "in x N 4 4 3; out y; Relu x -> y", ONNX__TENSOR_PROTO__DATA_TYPE__INT64, NULL),
        "only floating point and UINT8");
    assert_ok(import_typed(&g, "in x N 4 4 3; out y; Relu x -> y", 1, NULL));
    assert_false(g->bytes);
    bs_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),     cmocka_unit_test(test_identity), cmocka_unit_test(test_outputs),
        cmocka_unit_test(test_constants), cmocka_unit_test(test_bytes),
    };
    return run_suite(tests, NULL, NULL);
}
