/* Proves the values of operators that are imported in steps, folded, or depend on types. Expected values are
 * computed by hand. */
#include "support/model_build.h"

#include "cpu/evaluate.h"

#include <math.h>

enum { MOST = 24 };

/* How models with an image of 6 values (2, 3) begin; the image, and others. */
#define GRID "in x N 2 3; out y; "
#define HALF                                                                                                 \
    {                                                                                                        \
        -2.5f, -1.5f, -0.5f, 0.0f, 0.5f, 2.5f                                                                \
    }

typedef struct value_case {
    const char *model;
    float in[MOST];
    int n;
    float out[MOST];
} value_case;

static const value_case value_cases[] = {
    /* Comparisons and truth values; the last one is a cast of a truth value, which stays 0 or 1. */
    {GRID "f c; GreaterOrEqual x,c -> a; Cast a -> y to=1", HALF, 6, {0, 0, 0, 1, 1, 1}},
    {GRID "f c; LessOrEqual x,c -> a; Cast a -> y to=10", HALF, 6, {1, 1, 1, 1, 0, 0}},
    {GRID "f c; Less x,c -> a; Not a -> b; Cast b -> y to=7", HALF, 6, {0, 0, 0, 1, 1, 1}},
    {GRID "f c; Less x,c -> a; Greater x,c -> b; Or a,b -> d; Cast d -> y to=9", HALF, 6, {1, 1, 1, 0, 1, 1}},
    {GRID "f c; Less x,c -> a; i t 1 0 1; Cast t -> u to=9; And a,u -> b; Cast b -> y to=1",
     HALF,
     6,
     {1, 0, 1, 0, 0, 0}},
    {GRID "f c; Less x,c -> a; i t 1 0 1; Xor a,t -> b; Cast b -> y to=1", HALF, 6, {0, 1, 0, 1, 0, 1}},
    {GRID "Round x -> y", HALF, 6, {-2, -2, 0, 0, 0, 2}},
    {GRID "Sign x -> y", HALF, 6, {-1, -1, -1, 0, 1, 1}},
    {GRID "f c; Div x,c -> a; IsInf a -> b; Cast b -> y to=1", HALF, 6, {1, 1, 1, 0, 1, 1}},
    {GRID "f c; Div x,c -> a; IsInf a -> b detect_negative=0; Cast b -> y to=1", HALF, 6, {0, 0, 0, 0, 1, 1}},
    {GRID "f c; Div x,c -> a; IsInf a -> b detect_positive=0; Cast b -> y to=1", HALF, 6, {1, 1, 1, 0, 0, 0}},
    {GRID "f c; Div x,c -> a; IsNaN a -> b; Where b,c,x -> y", HALF, 6, HALF},
    /* Casts. */
    {GRID "Cast x -> a to=7; Cast a -> y to=1", HALF, 6, {-2, -1, 0, 0, 0, 2}},
    {GRID "Cast x -> a to=9; Cast a -> b to=6; Cast b -> y to=1", HALF, 6, {1, 1, 1, 0, 1, 1}},
    {GRID "Cast x -> a to=11; Cast a -> b to=16; Cast b -> y to=1", HALF, 6, HALF},
    {GRID "f c; Less x,c -> a; Cast a -> b to=2; Cast b -> y to=1", HALF, 6, {1, 1, 1, 0, 0, 0}},
    {GRID "Cast x -> a to=7; i c 16777216; Min a,c -> b; i d 3; Pow b,d -> e; Cast e -> y to=1",
     {-3, -2, -1, 0, 1, 2},
     6,
     {-27, -8, -1, 0, 1, 8}},
    {GRID "Cast x -> a to=6; CastLike x,a -> b; CastLike b,x -> y", HALF, 6, {-2, -1, 0, 0, 0, 2}},
    {GRID "f c; Less x,c -> a; CastLike x,a -> b; CastLike b,x -> y", HALF, 6, {1, 1, 1, 0, 1, 1}},
    {GRID "i c 1; CastLike x,c -> b; CastLike b,x -> y", HALF, 6, {-2, -1, 0, 0, 0, 2}},
    /* Integers: quotients are cut, remainders have the sign of the divisor. */
    {GRID "Cast x -> a to=7; i c 2; Div a,c -> b; Cast b -> y to=1",
     {-5, -4, -1, 1, 4, 7},
     6,
     {-2, -2, 0, 0, 2, 3}},
    {GRID "Cast x -> a to=7; i c 3; Mod a,c -> b; Cast b -> y to=1",
     {-5, -3, -1, 1, 4, 9},
     6,
     {1, 0, 2, 1, 1, 0}},
    {GRID "Cast x -> a to=7; i c -3; Mod a,c -> b; Cast b -> y to=1",
     {-5, -3, -1, 1, 4, 9},
     6,
     {-2, 0, -1, -2, -2, 0}},
    {GRID "i c 2; Cast c -> d to=1; Mod x,d -> y fmod=1",
     {-5, -2.5, -1, 1, 4, 7.25},
     6,
     {-1, -0.5, -1, 1, 0, 1.25}},
    /* Made of steps. */
    {GRID "ReduceLogSumExp x -> y axes=[2] keepdims=0", HALF, 2, {-0.09239404f, 2.696734f}},
    {GRID "opset 18; i a 1 2; ReduceLogSumExp x,a -> y",
     {1000, 1000, 1000, 1000, 1000, 1000},
     1,
     {1001.792f}},
    {GRID "ReduceLogSum x -> y axes=[1]", {1, 2, 3, 4, 5, 6}, 3, {1.609438f, 1.94591f, 2.197225f}},
    {GRID "opset 18; ReduceL1 x -> y noop_with_empty_axes=1", HALF, 6, {2.5, 1.5, 0.5, 0, 0.5, 2.5}},
    {GRID "opset 18; ReduceL2 x -> y noop_with_empty_axes=1", HALF, 6, {2.5, 1.5, 0.5, 0, 0.5, 2.5}},
    {GRID "opset 18; ReduceSumSquare x -> y noop_with_empty_axes=1",
     HALF,
     6,
     {6.25, 2.25, 0.25, 0, 0.25, 6.25}},
    {GRID "opset 18; ReduceLogSum x -> y noop_with_empty_axes=1",
     {1, 2, 3, 4, 5, 6},
     6,
     {0, 0.6931472f, 1.098612f, 1.386294f, 1.609438f, 1.791759f}},
    {GRID "opset 18; ReduceLogSumExp x -> y noop_with_empty_axes=1", HALF, 6, HALF},
    {GRID "opset 18; ReduceMean x -> y noop_with_empty_axes=1", HALF, 6, HALF},
    {GRID "ReduceProd x -> y axes=[1] keepdims=0", {1, 2, 3, 4, 5, 6}, 3, {4, 10, 18}},
    {GRID "LpNormalization x -> y axis=2 p=2",
     HALF,
     6,
     {-0.8451543f, -0.5070926f, -0.1690309f, 0, 0.1961161f, 0.9805807f}},
    {GRID "LpNormalization x -> y axis=2 p=1", {0, 0, 0, 1, -1, 2}, 6, {0, 0, 0, 0.25f, -0.25f, 0.5f}},
    {GRID "MeanVarianceNormalization x -> y axes=[2]",
     HALF,
     6,
     {-1.224745f, 0, 1.224745f, -0.9258201f, -0.46291f, 1.38873f}},
    {GRID "i k 0; Trilu x,k -> y", {1, 2, 3, 4, 5, 6}, 6, {1, 2, 3, 0, 5, 6}},
    {GRID "i k 1; Trilu x,k -> y upper=0", {1, 2, 3, 4, 5, 6}, 6, {1, 2, 0, 4, 5, 6}},
    {GRID "i k 2; CumSum x,k -> y", {1, 2, 3, 4, 5, 6}, 6, {1, 3, 6, 4, 9, 15}},
    {GRID "i k -2; CumSum x,k -> y reverse=1 exclusive=1", {1, 2, 3, 4, 5, 6}, 6, {4, 5, 6, 0, 0, 0}},
    {"in x N 7; out y; i k 1; CumSum x,k -> y", {1, 2, 3, 4, 5, 6, 7}, 7, {1, 3, 6, 10, 15, 21, 28}},
    {"in x N 7; out y; i k 1; CumSum x,k -> y exclusive=1",
     {1, 2, 3, 4, 5, 6, 7},
     7,
     {0, 1, 3, 6, 10, 15, 21}},
    {"in x N 7; out y; i k 1; CumSum x,k -> y reverse=1",
     {1, 2, 3, 4, 5, 6, 7},
     7,
     {28, 27, 25, 22, 18, 13, 7}},
    {"in x N 4 1; out y; i k 2; CumSum x,k -> y", {1, 2, 3, 4}, 4, {1, 2, 3, 4}},
    {"in x N 4 1; out y; i k 2; CumSum x,k -> y exclusive=1", {1, 2, 3, 4}, 4, {0, 0, 0, 0}},
    /* Infinity reaches the sums that have it, and no others. */
    {"in x N 5; out y; f c; i k 1; CumSum x,k -> a; IsInf a -> b; Where b,c,a -> y",
     {1, 2, INFINITY, 4, 5},
     5,
     {1, 3, 0, 0, 0}},
    {"in x N 5; out y; f c; i k 1; CumSum x,k -> a reverse=1 exclusive=1; IsInf a -> b; Where b,c,a -> y",
     {1, 2, -INFINITY, 4, 5},
     5,
     {0, 0, 9, 5, 0}},
    {GRID "Swish x -> y alpha=2.0",
     {1, 2, 3, 4, 5, 6},
     6,
     {0.8807971f, 1.964028f, 2.992582f, 3.998659f, 4.999773f, 5.999963f}},
    {GRID "ThresholdedRelu x -> y alpha=3.0", {1, 2, 3, 4, 5, 6}, 6, {0, 0, 0, 4, 5, 6}},
    {GRID "Shrink x -> y lambd=2.0 bias=0.5", HALF, 6, {-2, 0, 0, 0, 0, 2}},
    {GRID "i i 0 1 1 0; i s 2 2; Reshape i,s -> j; Transpose x -> t perm=[1,2,0]; GatherND t,j -> g; "
          "Transpose g -> y",
     {1, 2, 3, 4, 5, 6},
     2,
     {2, 4}},
    {GRID "i i 1 0; i s 1 2 1; Reshape i,s -> j; GatherND x,j -> y batch_dims=1",
     {1, 2, 3, 4, 5, 6},
     6,
     {4, 5, 6, 1, 2, 3}},
    {GRID "i i 0 1 2 0 0 1; i s 1 2 3; Reshape i,s -> j; GatherND x,j -> y", {1, 2, 3, 4, 5, 6}, 2, {6, 2}},
    {GRID "i i 2 0 1 1; i s 1 2 2; Reshape i,s -> j; GatherElements x,j -> y axis=2",
     {1, 2, 3, 4, 5, 6},
     4,
     {3, 1, 5, 5}},
    {GRID "i i 2 0; i s 1 2 1; Reshape i,s -> j; f u 1 2 1; ScatterElements x,j,u -> y axis=2",
     {1, 2, 3, 4, 5, 6},
     6,
     {1, 2, 0, 1, 5, 6}},
    {GRID "i i 0 1; i s 1 2; Reshape i,s -> j; i q 0; Gather x,q -> t axis=1; i m 1 3; Reshape t,m -> u; "
          "ScatterND x,j,u -> y",
     {1, 2, 3, 4, 5, 6},
     6,
     {1, 2, 3, 1, 2, 3}},
    /* (3, 2, N): row 1 gets what row 0 is. */
    {GRID "Transpose x -> t perm=[2,1,0]; i z 0; i g 1; i h 1 1; Reshape g,h -> k; Gather t,z -> u; "
          "ScatterND t,k,u -> v; Transpose v -> y perm=[2,1,0]",
     {1, 2, 3, 4, 5, 6},
     6,
     {1, 1, 3, 4, 4, 6}},
    {GRID "i i 2 2; i s 1 2 1; Reshape i,s -> j; f u 1 2 1; opset 18; "
          "ScatterElements x,j,u -> y axis=2 reduction=add",
     {1, 2, 3, 4, 5, 6},
     6,
     {1, 2, 3, 4, 5, 7}},
    {GRID "i i 1 1 1; i s 1 1 3; Reshape i,s -> j; f u 1 1 3; opset 18; "
          "ScatterElements x,j,u -> y axis=2 reduction=mul",
     {1, 2, 3, 4, 5, 6},
     6,
     {1, 0, 3, 4, 5, 6}},
    {GRID "i i 1 1 1; i s 1 1 3; Reshape i,s -> j; f u 1 1 3; opset 18; "
          "ScatterElements x,j,u -> y axis=2 reduction=max",
     {1, 1, 3, 4, 5, 6},
     6,
     {1, 2, 3, 4, 5, 6}},
    {GRID "opset 19; i p 0 0 2 0 1 1; Pad x,p -> y mode=wrap",
     {1, 2, 3, 4, 5, 6},
     18,
     {2, 3, 1, 2, 3, 1, 5, 6, 4, 5, 6, 4, 2, 3, 1, 2, 3, 1}},
    {"opset 19; in x N 1 2 5; out y; AveragePool x -> y kernel_shape=[2,2] dilations=[1,3]",
     {1, 2, 3, 4, 5, 6, 7, 8, 9, 10},
     2,
     {5, 6}},
    {GRID "Cast x -> a to=7; v c 0.5; Pow a,c -> b; Cast b -> y to=1",
     {0, 1, 4, 9, 10, 15},
     6,
     {0, 1, 2, 3, 3, 3}},
    {GRID "i c 2; Pow c,x -> a; Cast a -> y to=1", HALF, 6, {0, 0, 0, 1, 1, 5}},
    {GRID "i c 2; Pow x,c -> y", HALF, 6, {6.25, 2.25, 0.25, 0, 0.25, 6.25}},
};

/* Constants and nodes that make c, its shape, and its elements. */
typedef struct fold_case {
    const char *model, *shape;
    int n;
    float out[MOST];
} fold_case;

static const fold_case fold_cases[] = {
    {"i a 1 2 3; i b 2 2 2; GreaterOrEqual a,b -> c", "3", 3, {0, 1, 1}},
    {"i a 1 2 3; i b 2 2 2; LessOrEqual a,b -> c", "3", 3, {1, 1, 0}},
    {"i a 1 0 3; i b 2 0 0; Xor a,b -> c", "3", 3, {0, 0, 1}},
    {"i a 6 5; i b 3 4; BitwiseAnd a,b -> d; BitwiseOr a,b -> e; BitwiseXor a,b -> g; Concat d,e,g -> c "
     "axis=0",
     "6",
     6,
     {2, 4, 7, 5, 5, 1}},
    {"i a -4 0 9; Sign a -> c", "3", 3, {-1, 0, 1}},
    {"i a 2 -3 -1; i b 10 3 5; Pow a,b -> c", "3", 3, {1024, -27, -1}},
    {"f a 3; i b 2; Pow a,b -> c", "3", 3, {0, 1, 4}},
    {"f a 3; f b 1; Equal a,b -> d; Not d -> e; Cast e -> c to=1", "3", 3, {0, 1, 1}},
    {"f a 3; f b 1; Div a,b -> d; IsNaN d -> e; IsInf d -> g; Concat e,g -> h axis=0; Cast h -> c to=1",
     "6",
     6,
     {1, 0, 0, 0, 1, 1}},
    {"i a 300 -1; Cast a -> c to=2", "2", 2, {44, 255}},
    {"i a 300 -1; Cast a -> c to=3", "2", 2, {44, -1}},
    {"i a -5 3 9; i l 0; i h 9223372036854775807; Clip a,l,h -> c", "3", 3, {0, 3, 9}},
    {"i a 9 9; i l 9007199254740993; Clip a,l -> d; Sub d,l -> c", "2", 2, {0, 0}},
    {"i a 3; i l 5; i h 4; Clip a,l,h -> c", "1", 1, {4}},
    /* Constants keep their types. */
    {"i a 5 0; i b 1; Equal b,b -> t; CastLike a,t -> c", "2", 2, {1, 0}},
    {"i a 5 0; i b 1; Cast b -> u to=9; Identity u -> t; CastLike a,t -> c", "2", 2, {1, 0}},
    {"i a 300 -1; i b 1 1; Cast b -> u to=3; Concat u,u -> t axis=0; CastLike a,t -> c", "2", 2, {44, -1}},
    {"i a -200 10; Cast a -> b to=1; i d 2; Cast d -> s to=1; i e 3; Cast e -> g to=3; Identity g -> z; "
     "QuantizeLinear b,s,z -> c",
     "2",
     2,
     {-97, 8}},
    {"f a 3; CastLike a,a -> c", "3", 3, {0, 1, 2}},
    {"f a 2 3; i i 1 0 0 2; i s 2 2; Reshape i,s -> j; GatherND a,j -> c", "2", 2, {3, 2}},
    {"f a 2 3; i i 2 0; i s 2 1; Reshape i,s -> j; GatherND a,j -> c batch_dims=1", "2", 2, {2, 3}},
    {"f a 3 2; i i 0 -1; i s 2 1; Reshape i,s -> j; GatherND a,j -> c", "2x2", 4, {0, 1, 4, 5}},
    {"f a 2 3; i i 2 0 1 1; i s 2 2; Reshape i,s -> j; GatherElements a,j -> c axis=1",
     "2x2",
     4,
     {2, 0, 4, 4}},
    {"f a 2 3; i i 1 0 1; i s 1 3; Reshape i,s -> j; GatherElements a,j -> c", "1x3", 3, {3, 1, 5}},
    {"f a 2 3; i i 2 0; i s 2 1; Reshape i,s -> j; f u 2 1; ScatterElements a,j,u -> c axis=1",
     "2x3",
     6,
     {0, 1, 0, 1, 4, 5}},
    {"i a 0 5 0 7; i s 2 2; Reshape a,s -> b; NonZero b -> c", "2x2", 4, {0, 1, 1, 1}},
    {"f a 2 3; i k 1 0 1; Compress a,k -> c axis=1", "2x2", 4, {0, 2, 3, 5}},
    {"f a 2 3; i k 0 1 1; Compress a,k -> c", "2", 2, {1, 2}},
    {"f a 2 3; EyeLike a -> c", "2x3", 6, {1, 0, 0, 0, 1, 0}},
    {"f a 2 3; EyeLike a -> c k=1", "2x3", 6, {0, 1, 0, 0, 0, 1}},
    {"f a 3 3; Trilu a -> c", "3x3", 9, {0, 1, 2, 0, 4, 5, 0, 0, 8}},
    {"f a 3 3; i k -1; Trilu a,k -> c upper=0", "3x3", 9, {0, 0, 0, 3, 0, 0, 6, 7, 0}},
    {"i a 2 -3 0; i d 3; f v 2; OneHot a,d,v -> c", "3x3", 9, {0, 0, 1, 1, 0, 0, 1, 0, 0}},
    {"i a 2 0; i d 3; i v 5 7; OneHot a,d,v -> c axis=0", "3x2", 6, {5, 7, 5, 5, 7, 5}},
    {"i a 3 9 4 9; i k 3; TopK a,k -> v,j; Concat v,j -> c axis=0", "6", 6, {9, 9, 4, 1, 3, 2}},
    {"i a 3 9 4 9; i s 2 2; Reshape a,s -> b; i k 1; TopK b,k -> c axis=0 largest=0", "1x2", 2, {3, 9}},
    {"i a 3 9 4 9; i k 2; TopK a,k -> -,c", "2", 2, {1, 3}},
    {"i a 3 9 4 9; ArgMax a -> b; ArgMax a -> d select_last_index=1; ArgMin a -> e; Concat b,d,e -> c axis=0",
     "3",
     3,
     {1, 3, 0}},
    {"f a 2 3; ArgMin a -> c axis=1 keepdims=0", "2", 2, {0, 0}},
    {"f a 2 3; Split a -> d,e axis=0; Sub e,d -> c", "1x3", 3, {3, 3, 3}},
    {"i a 7 8 9; i s 1 2; Split a,s -> -,c", "2", 2, {8, 9}},
    {"i a 7 2 9; ReduceMax a -> b; ReduceMin a -> d; ReduceSum a -> e; ReduceMean a -> g; ReduceProd a -> h; "
     "Concat b,d,e,g,h -> c axis=0",
     "5",
     5,
     {9, 2, 18, 6, 126}},
    {"f a 2 3; ReduceMax a -> c axes=[1]", "2x1", 2, {2, 5}},
    {"f a 2 3; ReduceMin a -> c axes=[0] keepdims=0", "3", 3, {0, 1, 2}},
    {"f a 2 3; ReduceSumSquare a -> c keepdims=0 axes=[1]", "2", 2, {5, 50}},
    {"f a 2 2 2; MatMul a,a -> c", "2x2x2", 8, {2, 3, 6, 11, 46, 55, 66, 79}},
    {"f a 4; i k 0; CumSum a,k -> c exclusive=1", "4", 4, {0, 0, 1, 3}},
    {"f a 4; i k 0; CumSum a,k -> c reverse=1", "4", 4, {6, 6, 5, 3}},
    {"f a 2 3; i k -1; CumSum a,k -> c reverse=1 exclusive=1", "2x3", 6, {3, 2, 0, 9, 5, 0}},
    {"i a 0 128 255; f s 2; i p 1; i q 2; Slice s,p,q -> t; i z 128; DequantizeLinear a,t,z -> c",
     "3",
     3,
     {-128, 0, 127}},
    {"i a 1 2 3 4; i r 2 2; Reshape a,r -> b; f s 2; i z 0 2; DequantizeLinear b,s,z -> c axis=0",
     "2x2",
     4,
     {0, 0, 1, 2}},
    {"f a 4; i h 2; Cast h -> g to=1; QuantizeLinear a,g -> c", "4", 4, {0, 0, 1, 2}},
};

static void check_output(const char *model, const bs_graph *g, const float *in, int n, const float *want)
{
    float out[MOST + BS_MAX_RANK];
    const bs_tensor *y = &g->tensors[g->output];
    if (y->elements != n)
        fail_msg("%s: %d elements, expected %d", model, (int)y->elements, n);
    assert_ok(bs_cpu_evaluate(g, 1, in, out));
    for (int k = 0; k < n; k++)
        if (!(fabsf(out[k] - want[k]) <= 1e-5f * (1 + fabsf(want[k]))))
            fail_msg("%s: element %d is %g, expected %g", model, k, (double)out[k], (double)want[k]);
}

static void test_values(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof value_cases / sizeof *value_cases; k++) {
        const value_case *c = &value_cases[k];
        bs_graph *g = NULL;
        if (import_text(&g, c->model) != BS_OK)
            fail_msg("%s: %s", c->model, bs_error_message());
        check_output(c->model, g, c->in, c->n, c->out);
        bs_graph_free(g);
    }
}

static void test_folds(void **state)
{
    (void)state;
    static const float nothing[1];
    for (size_t k = 0; k < sizeof fold_cases / sizeof *fold_cases; k++) {
        const fold_case *c = &fold_cases[k];
        bs_graph *g = NULL;
        char text[512];
        float want[MOST + BS_MAX_RANK];
        int rank = 0;
        for (const char *at = c->shape - 1; at; at = strchr(at + 1, 'x'))
            want[rank++] = strtof(at + 1, NULL);
        memcpy(want + rank, c->out, sizeof c->out);
        snprintf(text, sizeof text,
                 "in x N 1; out y; %s; Shape c -> c_; i m_ -1; Reshape c,m_ -> d_; Cast c_ -> e_ to=1; "
                 "Cast d_ -> f_ to=1; Concat e_,f_ -> g_ axis=0; Add x,g_ -> y",
                 c->model);
        if (import_text(&g, text) != BS_OK)
            fail_msg("%s: %s", c->model, bs_error_message());
        check_output(c->model, g, nothing, rank + c->n, want);
        bs_graph_free(g);
    }
}

static void test_remarks(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    assert_ok(import_text(&g,
                          GRID "Cast x -> a to=10; Cast a -> b to=1; Cast b -> c to=10; Cast c -> d to=11; "
                               "Cast d -> y to=1"));
    assert_int_equal(g->n_remarks, 1);
    assert_string_equal(g->remarks[0], "1 cast to DOUBLE: computed in fp32");
    bs_graph_free(g);
    assert_ok(import_text(&g, GRID "Cast x -> y to=1"));
    assert_int_equal(g->n_remarks, 0);
    bs_graph_free(g);
}

/* Unsigned integers have a field of their own, which both sizes share. */
static void test_unsigned(void **state)
{
    (void)state;
    for (int type = ONNX__TENSOR_PROTO__DATA_TYPE__UINT32; type <= ONNX__TENSOR_PROTO__DATA_TYPE__UINT64;
         type++) {
        Onnx__ModelProto *m = build_model(GRID "i c 5 0 7; Cast c -> d to=1; Add x,d -> y");
        Onnx__TensorProto *t = m->graph->initializer[0];
        bs_graph *g = NULL;
        t->data_type = type;
        t->uint64_data = (uint64_t *)t->int64_data;
        t->n_uint64_data = t->n_int64_data;
        t->int64_data = NULL;
        t->n_int64_data = 0;
        assert_ok(import_model(&g, m));
        check_output("unsigned", g, (const float[6]){0}, 6, (const float[]){5, 0, 7, 5, 0, 7});
        bs_graph_free(g);
        onnx__model_proto__free_unpacked(m, NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_folds),
        cmocka_unit_test(test_remarks),
        cmocka_unit_test(test_unsigned),
    };
    return run_suite(tests, NULL, NULL);
}
