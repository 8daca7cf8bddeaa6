/* Proves the message for each hand-made model that cannot be imported. */
#include "import/onnx_file.h"
#include "support/model_build.h"

typedef struct error_case {
    const char *model, *message;
} error_case;

static const error_case error_cases[] = {
    {IMAGE "NonMaxSuppression x -> y",
     "operator NonMaxSuppression (since opset 10) is not supported: it belongs"},
    {IMAGE "opset 25; SwiGLU x -> y", "operator SwiGLU (since opset 28) is not supported"},
    {IMAGE "NonZero x -> y",
     "operator NonZero (since opset 9) is not supported: it is supported on constants"},
    {IMAGE "Unknown x -> y", "no operator of ONNX has this name"},
    {IMAGE "opset 6; Relu x -> y", "opset 6"},
    {IMAGE "opset 26; Relu x -> y", "opset 26"},
    {"in x N 4 H 6; out y; Relu x -> y", "x' (N x 4 x H x 6): the size of its images is open"},
    {"in x N 4 6 6; in z N 4; out y; Add x,z -> y",
     "needs the input 'z' (FLOAT, N x 4) beside the image 'x'"},
    {"out y; f x 2 2; Relu x -> y", "no input"},
    {"in x 4; out y; Relu x -> y", "no usable shape"},
    {"in x N 2 2 2 2 2 2; out y; Relu x -> y", "no usable shape"},
    {"in x N 2; out z; Relu x -> y", "no node makes the model's output 'z'"},
    {IMAGE "Relu a -> y", "input 'a' does not exist"},
    {IMAGE "Add x,b -> a; Relu a -> b; Relu b -> y", "before it is made"},
    {IMAGE "Relu x -> y; Tanh x -> y", "defined twice"},
    {IMAGE "f c 2 2; Relu x -> c; Relu c -> y", "defined twice"},
    {IMAGE "f y 2 2; Relu x -> z", "does not depend on the image"},
    {IMAGE "f c 2 2; Identity c -> y", "does not depend on the image"},
    {IMAGE "f c 2 2; Softmax c -> y", "does not depend on the image"},
    /* Mixing images. */
    {IMAGE "Softmax x -> y axis=0", "would mix images"},
    {IMAGE "Softmax x -> y axis=-4", "would mix images"},
    {IMAGE "Concat x,x -> y axis=0", "would mix images"},
    {IMAGE "Flatten x -> y axis=0", "would mix images"},
    {IMAGE "Flatten x -> y axis=2", "would mix images"},
    {IMAGE "i s -1 6; Reshape x,s -> y", "would mix images"},
    {IMAGE "i s 144; Reshape x,s -> y", "would mix images"},
    {IMAGE "i a 0; i b 1; Slice x,a,b -> y", "would mix images: it slices axis 0"},
    {IMAGE "ReduceMean x -> y", "would mix images"},
    {IMAGE "i a 0; Squeeze x,a -> y", "would mix images"},
    {IMAGE "Split x -> y axis=0", "would mix images"},
    {IMAGE "f c 2 4 6 6; Add x,c -> y", "would mix images"},
    {IMAGE "Flatten x -> a; Add x,a -> y", "would mix images"},
    {"in x 3 3 4; out y; f c 1 3 1; i s 3 -1; Add x,c -> a; Reshape a,s -> b; Add b,c -> y",
     "is used both whole and without"},
    {IMAGE "f c 2 6 6; Concat x,c -> y axis=1", "differs from the others"},
    {IMAGE "opset 9; Pad x -> y pads=[1,0,0,0,0,0,0,0]", "would mix images"},
    {"in x N 4; out y; f w 4 4; Gemm x,w -> y transA=1", "would mix images"},
    /* Not supported, by operator. */
    {"in x N 4 9 9 9; out y; f w 4 4 3 3 3; Conv x,w -> y", "only 1-d and 2-d windows"},
    {IMAGE "Conv x,x -> y", "computed from the image"},
    {IMAGE "f w 8 3 3 3; Conv x,w -> y", "4 channels do not fit"},
    {IMAGE "f w 8 4 3 3; Conv x,w -> y group=3", "do not fit"},
    {IMAGE "f w 8 4 9 9; Conv x,w -> y", "does not fit into"},
    {IMAGE "f w 8 4 3 3; f b 7; Conv x,w,b -> y", "a bias of 7 elements"},
    {IMAGE "f w 8 4 3 3; Conv x,w -> y strides=[0,1]", "strides of 0"},
    {IMAGE "f w 8 4 3 3; Conv x,w -> y strides=[1]", "strides has 1 entries"},
    {IMAGE "f w 8 4 3 3; Conv x,w -> y strides=2", "attribute 'strides' has the wrong type"},
    {IMAGE "f w 8 4 3 3; Conv x,w -> y kernel_shape=[5,5]", "kernel_shape differs"},
    {IMAGE "f w 8 4 3 3; Conv x,w -> y auto_pad=SAME_UPPER dilations=[2,2]", "ambiguous"},
    {IMAGE "MaxPool x -> y", "kernel_shape is missing"},
    {IMAGE "MaxPool x -> a,y kernel_shape=[2,2]", "output 1 ('y') is used"},
    {IMAGE "MaxPool x -> y kernel_shape=[2,2] pads=[2,2,2,2]", "windows without data"},
    {"in x N 4; out y; f w 5 4; Gemm x,w -> y", "expects 5 inputs, there are 4"},
    {"in x N 4; out y; f w 4 5; f b 4; Gemm x,w,b -> y", "a bias of shape 4 for 5"},
    {"in x 4 3; out y; f w 3 4; f b 4 1; Gemm x,w,b -> y", "a bias of shape 4x1 for 4"},
    {"in x N 4; out y; f w 3 4; MatMul w,x -> y", "expects 1 inputs, there are 4"},
    {IMAGE "f a 4; BatchNormalization x,a,a,a,a -> y training_mode=1", "training mode"},
    {IMAGE "f a 5; BatchNormalization x,a,a,a,a -> y", "5 elements for 4 channels"},
    {IMAGE "i p 0 0 1 1 0 0 1 1; Pad x,p -> y mode=mirror", "mode 'mirror' is not supported"},
    {IMAGE "opset 19; i p 0 0 -7 1 0 0 1 1; Pad x,p -> y mode=wrap", "a padding of -7, 1 is not supported"},
    {IMAGE "opset 21; i a 1 2; f s 2; DequantizeLinear a,s -> c axis=0 block_size=1; Add x,c -> y",
     "only one scale for a tensor"},
    {IMAGE "opset 19; DeformConv x -> y", "operator DeformConv (since opset 19) is not supported"},
    {IMAGE "Relu x -> i; GatherND x,i -> y",
     "operator GatherND (since opset 11) is not supported: it is supported"},
    {"in x 2 4 6; out y; i i 1; i s 1 1; Reshape i,s -> j; GatherND x,j -> y",
     "its indices count the images"},
    {IMAGE "i k 0; CumSum x,k -> y", "would mix images"},
    {IMAGE "MeanVarianceNormalization x -> y", "would mix images: it reduces axis 0"},
    {IMAGE "i p 0 0 -1 1 0 0 1 1; Pad x,p -> y mode=edge", "crops axis 2"},
    {IMAGE "i p 0 0 1 1; Pad x,p -> y", "4 pads for 4 axes"},
    {IMAGE "i p 0 0 -9 0 0 0 0 0; Pad x,p -> y", "crops more"},
    {IMAGE "Cast x -> a to=6; Cast a -> b to=2; Cast b -> y to=1", "casts integers to UINT8, where they may"},
    {IMAGE "Cast x -> a to=7; ReduceMean a -> b axes=[2]; Cast b -> y to=1", "the mean of integers"},
    {IMAGE "Cast x -> a to=7; i c 16777217; Add a,c -> b; Cast b -> y to=1", "holds 16777217, which fp32"},
    {IMAGE "Cast x -> a to=7; i c 9223372036854775807; Min a,c -> b; Cast b -> y to=1", "fp32 does not"},
    {IMAGE "Cast x -> y to=8", "casts activations to STRING"},
    {IMAGE "Cast x -> y to=17", "casts activations to FLOAT8E4M3FN"},
    {IMAGE "i s 1 0 7; Reshape x,s -> y", "does not hold"},
    {IMAGE "i s -1 -1; Reshape x,s -> y", "two dimensions of -1"},
    {IMAGE "i a 7; Unsqueeze x,a -> y", "axis 7 does not exist"},
    {IMAGE "i a 6; i b 6; i c 2; Slice x,a,b,c -> y", "an output of 1x4x0x6 elements"},
    {IMAGE "i a 0; i b 6; i c 2; i d 0; Slice x,a,b,c,d -> y", "a step of 0"},
    {IMAGE "Transpose x -> a perm=[1,0,2,3]; Add x,a -> y", "along different axes"},
    {IMAGE "Transpose x -> a perm=[1,0,2,3]; f w 2 4 1 1; Conv a,w -> y", "do not lie along axis 0"},
    {IMAGE "Transpose x -> a perm=[1,2,3,0]; f w 1 2; MatMul a,w -> y", "would mix images: it sums"},
    {IMAGE "MatMul x,x -> a; Transpose a -> b perm=[1,2,0,3]; MatMul b,x -> y", "along the rows"},
    {IMAGE "i s -1 36; Reshape x,s -> a; i b 0; i e 2; Slice a,b,e -> y", "would mix images: it slices"},
    {IMAGE "i i 0; Gather x,i -> y axis=0", "would mix images: it gathers along axis 0"},
    {IMAGE "i i 9; Gather x,i -> y axis=1", "index 9 is outside 0..3"},
    {IMAGE "Relu x -> i; Gather x,i -> y axis=1", "indices are computed"},
    {"in x 2 3; out y; i s 4 3; Expand x,s -> y", "do not fit together"},
    {"in x N 3; out y; i s 4 3; Expand x,s -> y", "would mix images: it repeats"},
    {IMAGE "i r 2 1 1 1; Tile x,r -> y", "would mix images: it repeats axis 0"},
    {IMAGE "i r 2 1; Tile x,r -> y", "2 repeats for 4 dimensions"},
    {IMAGE "opset 9; f s 4; Upsample x,s -> y", "a factor of 0"},
    {IMAGE "f c 3 4 5; MatMul x,c -> y", "expects 4 inputs, there are 6"},
    {"in x 2 4 6; out y; f c 2 6 5; MatMul x,c -> y", "a value of its own for each image"},
    {IMAGE "f w 4 4 3 3; ConvTranspose x,w -> y",
     "operator ConvTranspose (since opset 1) is not supported: transposed"},
    {IMAGE "QuantizeLinear x -> y", "quantised networks"},
    {IMAGE "f a 4; LayerNormalization x,a -> y", "its scale of shape 4 does not fit axis 3"},
    {"in x N 2 3; out y; f a 2 3; f b 3 2; LayerNormalization x,a,b -> y axis=1", "its bias of shape 3x2"},
    {"in x N 2 3; out y; f a 3; LayerNormalization x,a -> y axis=1", "its scale of shape 3 does not fit"},
    {IMAGE "f a 1 4; f b 4; InstanceNormalization x,a,b -> y", "its scale has 4 elements in 2 dimensions"},
    {IMAGE "f a 6; LayerNormalization x,a -> y axis=0", "would mix images"},
    {IMAGE "Gelu x -> y approximate=x", "approximate 'x' is not supported"},
    {IMAGE "Resize x -> y coordinate_transformation_mode=half_pixel_symmetric",
     "'half_pixel_symmetric' is not"},
    {IMAGE "Resize x -> y mode=lanczos", "mode 'lanczos' is not supported"},
    {IMAGE "Resize x -> y", "output size is not known"},
    {IMAGE "f c 2 2 3; MatMul c,c -> d; Add x,d -> y", "expects 2 inputs, there are 3"},
    {IMAGE "f c 3 1 1; Add x,c -> y", "do not fit together"},
    {IMAGE "i c 1; MatMul x,c -> y", "not floating-point tensors"},
    {IMAGE "Shape x -> s; i k 4; Gather s,k -> n; Reshape x,n -> y", "index 4 is outside"},
    {IMAGE "i a 1; i b 0; Div a,b -> s; Reshape x,s -> y", "division by zero"},
    {IMAGE "i a 9223372036854775807; Add a,a -> s; Reshape x,s -> y", "integer overflow"},
    {IMAGE "i a 200; Cast a -> b to=2; Add b,b -> s; Reshape x,s -> y", "integer overflow"},
    {IMAGE "i a 100 100; Cast a -> b to=3; ReduceSum b -> s; Reshape x,s -> y", "integer overflow"},
    {IMAGE "i a -128; Cast a -> b to=3; Neg b -> s; Reshape x,s -> y", "integer overflow"},
    {IMAGE "Relu x -> a; Reshape x,a -> y", "computed from the image"},
    /* Sizes that a small file must not get. */
    {IMAGE "i s 100000 100000; ConstantOfShape s -> c; Add x,c -> y", "too large"},
    {IMAGE "i s 4294967296 4294967296; ConstantOfShape s -> c; Add x,c -> y", "too large"},
    {IMAGE "i s -1; ConstantOfShape s -> c; Add x,c -> y", "too large"},
    {IMAGE "f c 1; i s 2000000000; Expand c,s -> d; Add x,d -> y", "too large"},
    {"in x N 4 2000000000 2000000000; out y; Relu x -> y", "too large"},
    {IMAGE "opset 9; Pad x -> y pads=[0,0,9000000000,0,0,0,0,0]", "is not supported"},
    {IMAGE "opset 9; Pad x -> y pads=[0,0,1000000,1000000,0,0,0,0]", "elements (1 to"},
    {IMAGE "f c 1000000 1000000 1000000 1000000; Add x,c -> y", "impossible dimensions"},
    {IMAGE "f c 1000000 1000000; Add x,c -> y", "the file holds 0"},
    {IMAGE "f c 1 1 1 1 1 1 1; Add x,c -> y", "7 dimensions"},
};

static void test_errors(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof error_cases / sizeof *error_cases; k++) {
        const error_case *c = &error_cases[k];
        bs_graph *g = NULL;
        if (import_text(&g, c->model) == BS_OK)
            fail_msg("%s: imported, expected an error about '%s'", c->model, c->message);
        if (!strstr(bs_error_message(), c->message))
            fail_msg("%s: '%s' lacks '%s'", c->model, bs_error_message(), c->message);
        assert_null(g);
    }
}

static void test_error_names_node_and_helps(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    assert_error(import_text(&g, IMAGE "Relux x -> y"), "node 'y' (Relux): operator Relux is unknown");
    assert_non_null(strstr(bs_error_hint(), "did you mean 'Relu'?"));
    assert_error(bs_graph_import(&g, "/nonexistent/x.onnx", NULL), "cannot open");
    assert_non_null(strstr(bs_error_message(), "/nonexistent/x.onnx"));
    assert_true(strlen(bs_error_hint()) > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_error_names_node_and_helps),
    };
    return run_suite(tests, NULL, NULL);
}
