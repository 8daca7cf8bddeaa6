/* Stores small models in other types: what changes its type, which scales there are, and that every parameter
 * is a value of its type. */
#include "support/model_build.h"

#include "model/storage.h"

#include <float.h>
#include <math.h>

enum { MOST_TENSORS = 64 };

static const bs_storage int8 = {BS_DTYPE_INT8, BS_DTYPE_INT8, BS_DTYPE_FP32, 32};

static bs_graph *import(const char *text)
{
    bs_graph *g;
    assert_ok(import_text(&g, text));
    assert_true(g->n_tensors <= MOST_TENSORS);
    return g;
}

static const bs_tensor *named(const bs_graph *g, const char *name)
{
    for (int t = 0; t < g->n_tensors; t++)
        if (strcmp(g->tensors[t].name, name) == 0)
            return &g->tensors[t];
    fail_msg("no tensor '%s'", name);
    return NULL;
}

/* Imports and stores a model whose activations reach `largest[k]`: "x 2", "y 1000"; the others reach 1. */
static bs_graph *stored(const char *text, bs_storage s, const char *const *reach)
{
    bs_graph *g = import(text);
    float largest[MOST_TENSORS];
    for (int t = 0; t < g->n_tensors; t++)
        largest[t] = 1;
    for (; reach && *reach; reach++) {
        char name[16];
        float most;
        assert_int_equal(sscanf(*reach, "%15s %f", name, &most), 2);
        largest[named(g, name) - g->tensors] = most;
    }
    assert_ok(bs_graph_store(g, &s, largest));
    return g;
}

/* types: "x=int8 w=fp32": names of tensors with their types. */
static void check_types(const bs_graph *g, const char *types)
{
    char text[256], *save;
    snprintf(text, sizeof text, "%s", types);
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *type = strchr(word, '=');
        *type++ = '\0';
        if (strcmp(bs_dtype_name(named(g, word)->type), type) != 0)
            fail_msg("'%s' is %s, not %s", word, bs_dtype_name(named(g, word)->type), type);
    }
}

/* Every value of a parameter has a word that means just it. */
static void check_parameters(const bs_graph *g)
{
    for (int i = 0; i < g->n_tensors; i++) {
        const bs_tensor *t = &g->tensors[i];
        for (int64_t e = 0; t->constant && e < t->elements; e++) {
            bs_format f = bs_tensor_format(t, (uint32_t)e);
            assert_int_equal(bs_float_bits(bs_format_decode(f, bs_format_encode(f, t->data[e]))),
                             bs_float_bits(t->data[e]));
        }
    }
}

static void test_scale(void **state)
{
    (void)state;
    for (int type = 0; type < BS_DTYPE_COUNT; type++) {
        const bs_dtype_word word = bs_dtype_word_of((bs_dtype)type);
        for (float largest = 1e-44f; word.limit > 0 && largest < 3e38f; largest *= 1.37f) {
            float scale = bs_storage_scale((bs_dtype)type, largest);
            bs_format f = {(bs_dtype)type, scale};
            assert_int_equal(bs_float_bits(scale) & 0xffff, 0);
            assert_true(isfinite(scale) && fabsf(bs_format_decode(f, 1)) >= FLT_MIN);
            for (uint32_t w = 0; w >> word.bits == 0; w++)
                assert_int_equal(isinf(bs_format_decode(f, w)) != 0,
                                 isinf(bs_format_decode((bs_format){f.type, 1}, w)) != 0);
            /* As fine as 8 bits allow, and not exceeded. */
            if (largest / word.limit > 1e-33f && largest < 1e36f) {
                assert_true(scale >= largest / word.limit);
                assert_true(scale <= largest / word.limit * 1.0079f);
            }
        }
    }
    assert_true(bs_storage_scale(BS_DTYPE_INT8, 0) == 1);
    /* The last bits of what was measured do not matter. */
    assert_true(bs_storage_scale(BS_DTYPE_INT8, 5) == bs_storage_scale(BS_DTYPE_INT8, nextafterf(5, 6)));
}

#define NET                                                                                                  \
    "in x N 3 4 4; out y; r w 2 3 1 1; r b 2; r s 2; r o 2; r m 2; f v 2; r k 5 2; r l 5;"                   \
    "Conv x,w,b -> c; BatchNormalization c,s,o,m,v -> n; Relu n -> a; GlobalAveragePool a -> p;"             \
    "Flatten p -> q; Gemm q,k,l -> z transB=1; Softmax z -> y"

static void test_types(void **state)
{
    (void)state;
    const bs_storage bf16 = {BS_DTYPE_BF16, BS_DTYPE_BF16, BS_DTYPE_BF16, 32};
    const bs_storage weights = {BS_DTYPE_FP32, BS_DTYPE_FP8_E4M3, BS_DTYPE_FP16, 32};
    bs_graph *g = stored(NET, bf16, NULL);
    check_types(g, "x=bf16 c=bf16 w=bf16 b=bf16 s=bf16 v=bf16 z=bf16 y=bf16");
    check_parameters(g);
    assert_int_equal(named(g, "w")->scales.n, 0);
    bs_graph_free(g);
    /* The scores are not rounded to 8 bits. */
    g = stored(NET, int8, NULL);
    check_types(g, "x=int8 c=int8 n=int8 a=int8 p=int8 q=int8 z=fp32 y=fp32 w=int8 b=fp32 s=fp32 k=int8");
    check_parameters(g);
    bs_graph_free(g);
    g = stored(NET, weights, NULL);
    check_types(g, "x=fp32 c=fp32 y=fp32 w=fp8_e4m3 b=fp16 o=fp16 k=fp8_e4m3 l=fp16");
    check_parameters(g);
    bs_graph_free(g);
    g = stored(NET, (bs_storage){0}, NULL);
    check_types(g, "x=fp32 c=fp32 w=fp32 y=fp32");
    bs_graph_free(g);
}

static float scale_of(const bs_graph *g, const char *name)
{
    const bs_tensor *t = named(g, name);
    assert_int_equal(t->scales.n, 1);
    return t->scales.scale[0];
}

static void check_scale(const bs_graph *g, const char *name, float largest)
{
    if (scale_of(g, name) != bs_storage_scale(named(g, name)->type, largest))
        fail_msg("the scale of '%s' is %g", name, (double)scale_of(g, name));
}

static void test_scales_of_activations(void **state)
{
    (void)state;
    bs_graph *g = stored(NET, int8, (const char *const[]){"x 9", "c 30", "n 80", "a 20", "p 5", "q 5", NULL});
    check_scale(g, "x", 9);
    check_scale(g, "c", 30);
    check_scale(g, "n", 20); /* the Relu cuts the rest off */
    check_scale(g, "a", 20);
    check_scale(g, "p", 5);
    check_scale(g, "q", 5);
    bs_graph_free(g);
    /* n has another reader; what Concat joins, and what is chosen and moved from it, shares a scale. */
    g = stored("in x N 2 4 4; out y; r w 2 2 1 1; r k 4 4 1 1;"
               "Conv x,w -> n; Relu n -> a; Concat n,a -> j axis=1; MaxPool j -> m kernel_shape=[2,2];"
               "Conv m,k -> c; Transpose c -> t perm=[0,1,3,2]; Sigmoid t -> e; Conv e,k -> y",
               int8, (const char *const[]){"x 2", "n 80", "a 20", "c 6", "t 6", NULL});
    check_scale(g, "x", 2);
    const char *const joined[] = {"n", "a", "j", "m"};
    for (int i = 0; i < 4; i++)
        check_scale(g, joined[i], 80);
    for (int i = 0; i < g->n_nodes; i++) /* moved and chosen values are rounded once; of int8, the maximum of
                                            a pool is one of -infinity and them */
        if (g->nodes[i].op == BS_OP_RELU || g->nodes[i].op == BS_OP_CONCAT ||
            g->nodes[i].op == BS_OP_TRANSPOSE)
            assert_false(bs_graph_rounds(g, i));
    check_scale(g, "t", 6);
    check_scale(g, "e", 1);
    bs_graph_free(g);
}

static void check_channels(const bs_graph *g, const char *name, uint32_t n, uint32_t run)
{
    const bs_tensor *t = named(g, name);
    assert_int_equal(t->scales.n, n);
    assert_int_equal(t->scales.run, run);
    for (uint32_t c = 0; c < n; c++) {
        uint32_t most = 0;
        for (uint32_t e = 0; e < t->elements; e++)
            if (e / run % n == c) {
                int8_t word = (int8_t)bs_format_encode(bs_tensor_format(t, e), t->data[e]);
                uint32_t size = (uint32_t)abs(word);
                most = size > most ? size : most;
            }
        assert_in_range(most, 126, 127); /* each channel uses all of its range */
    }
}

static void test_scales_of_weights(void **state)
{
    (void)state;
    bs_graph *g = stored("in x N 4 1 1; out y; r w 6 2 3 3; r k 5 6; r m 5 7; r n 7 3; r b 3;"
                         "Conv x,w -> c group=2 pads=[1,1,1,1]; Flatten c -> f; Gemm f,k -> g transB=1;"
                         "MatMul g,m -> h; Gemm h,n,b -> y",
                         int8, NULL);
    check_channels(g, "w", 6, 18);
    check_channels(g, "k", 5, 6);
    check_channels(g, "m", 7, 1);
    check_channels(g, "n", 3, 1);
    check_parameters(g);
    bs_graph_free(g);
    /* A weight of zeros only, and other parameters: one scale. */
    g = stored("in x N 2 1 1; out y; v w 0 0 0 0; v s 2 1 1 1; r b 2; v z 2 2 1 1; Reshape w,q -> k;"
               "i q 2 2 1 1; Conv x,k,b -> y",
               (bs_storage){BS_DTYPE_FP32, BS_DTYPE_INT8, BS_DTYPE_INT8, 32}, NULL);
    assert_int_equal(named(g, "b")->scales.n, 1);
    assert_int_equal(named(g, "k")->scales.n, 2);
    assert_true(named(g, "k")->scales.scale[1] == 1);
    check_parameters(g);
    bs_graph_free(g);
}

/* Truth values, integers and their movements are no numbers to quantise; nor is what the scores are moved
 * from. */
static void test_what_stays(void **state)
{
    (void)state;
    bs_graph *g = stored("in x N 4; out y; r c 4; v h 0.5; r w 4 3; r b 3;"
                         "Greater x,h -> t; Identity t -> u; Where u,x,c -> a; Cast a -> i to=7;"
                         "Cast i -> f to=1; Mul a,f -> m; MatMul m,w -> p; Add p,b -> s; Identity s -> r;"
                         "LogSoftmax r -> y",
                         int8, NULL);
    check_types(g, "x=int8 t=fp32 u=fp32 a=int8 m=int8 w=int8 p=fp32 s=fp32 r=fp32 y=fp32 i=fp32");
    bs_graph_free(g);
    g = stored("in x N 4; out y; r w 4 3; MatMul x,w -> y", (bs_storage){.activations = BS_DTYPE_FP16}, NULL);
    check_types(g, "x=fp16 w=fp32 y=fp16");
    bs_graph_free(g);
}

static void test_types_of_the_file(void **state)
{
    (void)state;
    bs_graph *g = import("in x N 4; out y; r w 4 3; MatMul x,w -> y");
    for (int t = 0; t < g->n_tensors; t++)
        g->tensors[t].type = BS_DTYPE_FP16;
    const bs_storage bf16 = {BS_DTYPE_BF16, BS_DTYPE_BF16, BS_DTYPE_BF16, 32};
    assert_int_equal(bs_graph_store(g, &bf16, NULL), BS_USAGE);
    assert_non_null(strstr(bs_error_message(), "stores none of them in fp32"));
    ((bs_tensor *)named(g, "w"))->type = BS_DTYPE_FP32;
    assert_ok(bs_graph_store(g, &bf16, NULL));
    check_types(g, "x=fp16 w=bf16 y=fp16");
    bs_graph_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scale),
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_scales_of_activations),
        cmocka_unit_test(test_scales_of_weights),
        cmocka_unit_test(test_what_stays),
        cmocka_unit_test(test_types_of_the_file),
    };
    return run_suite(tests, NULL, NULL);
}
