/* Proves that damaged and hostile models are refused, and that stored tensors are read right. */
#include "support/model_build.h"

#include <math.h>

static const char *const sample =
    "opset 13; in x N 3 8 8; out y; f w 4 3 3 3; f b 4; f g 2 4; i s 0 -1; i two 2; i n 4;"
    "Conv x,w,b -> c pads=[1,1,1,1] strides=[1,1]; Relu c -> r; MaxPool r -> p kernel_shape=[2,2] "
    "strides=[2,2];"
    "ConstantOfShape n -> z; BatchNormalization p,b,z,z,b -> q; GlobalAveragePool q -> a; Shape a -> sh;"
    "Gather sh,two -> ga; Div two,ga -> dv; Concat s,dv -> junk axis=0; Flatten a -> f; Gemm f,g -> h "
    "transB=1;"
    "Softmax h -> y axis=-1";

static void test_truncated(void **state)
{
    (void)state;
    Onnx__ModelProto *m = build_model(sample);
    size_t len;
    uint8_t *bytes = pack_model(m, &len);
    bs_graph *g = NULL;
    assert_ok(import_bytes(&g, bytes, len));
    bs_graph_free(g);
    for (size_t n = 0; n < len; n++) {
        bs_status st = import_bytes(&g, bytes, n);
        assert_int_equal(st == BS_OK, g != NULL);
        assert_true(st == BS_OK || strlen(bs_error_message()) > 0);
        bs_graph_free(g);
    }
    assert_error(import_bytes(&g, bytes, len / 2), "not an ONNX file");
    free(bytes);
    onnx__model_proto__free_unpacked(m, NULL);
}

static void test_flipped_bits(void **state)
{
    (void)state;
    Onnx__ModelProto *m = build_model(sample);
    size_t len;
    uint8_t *bytes = pack_model(m, &len);
    uint32_t random = 1;
    int imported = 0;
    for (size_t n = 0; n < 4000; n++) {
        bs_graph *g = NULL;
        uint32_t at[3];
        for (int k = 0; k < 3; k++) {
            random = random * 1664525u + 1013904223u;
            at[k] = random >> 8;
            bytes[at[k] % len] ^= (uint8_t)(1u << at[k] / len % 8);
        }
        imported += import_bytes(&g, bytes, len) == BS_OK;
        bs_graph_free(g);
        for (int k = 3; k-- > 0;)
            bytes[at[k] % len] ^= (uint8_t)(1u << at[k] / len % 8);
    }
    assert_in_range(imported, 1, 3999); /* both ways out were taken */
    free(bytes);
    onnx__model_proto__free_unpacked(m, NULL);
}

/* Graphs nested in attributes would make an unguarded parser recurse without end. */
static void test_deep_nesting(void **state)
{
    (void)state;
    enum { LEVELS = 20000 };
    size_t cap = 64 + (size_t)LEVELS * 24, start = cap;
    uint8_t *bytes = malloc(cap);
    static const uint8_t tags[] = {0x32, 0x2a, 0x0a}; /* attribute.g, node.attribute, graph.node */
    for (int level = 0; level < LEVELS; level++)
        for (int k = 0; k <= 3; k++) {
            size_t n = cap - start;
            if (k == 3 && level < LEVELS - 1)
                break;
            uint8_t head[6] = {k == 3 ? 0x3a : tags[k]}; /* 0x3a: model.graph */
            int h = 1;
            do {
                head[h++] = (uint8_t)((n & 0x7f) | (n > 0x7f ? 0x80 : 0));
            } while (n >>= 7);
            start -= (size_t)h;
            memcpy(bytes + start, head, (size_t)h);
        }
    bs_graph *g = NULL;
    assert_error(import_bytes(&g, bytes + start, cap - start), "not an ONNX file");
    free(bytes);
}

static void test_stored_types(void **state)
{
    (void)state;
    static const uint16_t halves[] = {0x3c00, 0xc000, 0x0001, 0x7c00, 0x7e00, 0x8000};
    static const float floats[] = {1, -2, 0x1p-24f, INFINITY, NAN, -0.0f};
    static const int types[] = {ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT, ONNX__TENSOR_PROTO__DATA_TYPE__FLOAT16,
                                ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE};
    double doubles[6];
    for (int k = 0; k < 6; k++)
        doubles[k] = floats[k];
    const void *raw[] = {floats, halves, doubles};
    const size_t size[] = {4, 2, 8};
    for (int k = 0; k < 3; k++) {
        Onnx__ModelProto *m = build_model("in x N 6; out y; f c 0; Add x,c -> y");
        Onnx__TensorProto *t = m->graph->initializer[0];
        t->data_type = types[k];
        t->dims[0] = 6;
        t->has_raw_data = 1;
        t->raw_data.len = 6 * size[k];
        t->raw_data.data = malloc(t->raw_data.len);
        memcpy(t->raw_data.data, raw[k], t->raw_data.len);
        bs_graph *g = NULL;
        assert_ok(import_model(&g, m));
        const float *data = g->tensors[bs_graph_find_target(g, "c")].data;
        assert_true(isnan(data[4]));
        assert_memory_equal(data, floats, 4 * sizeof(float));
        assert_true(data[5] == 0 && signbit(data[5]));
        bs_graph_free(g);
        t->raw_data.len--;
        assert_error(import_model(&g, m), "tensor 'c': its dimensions ask for 6 elements");
        t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
        t->has_data_location = 1;
        assert_error(import_model(&g, m), "whose name is missing");
        onnx__model_proto__free_unpacked(m, NULL);
    }
}

static void test_custom_domain_and_types(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    Onnx__ModelProto *m = build_model("in x N 6; out y; Relu x -> y");
    m->graph->node[0]->domain = strdup("com.example");
    assert_error(import_model(&g, m), "domain 'com.example'");
    m->graph->node[0]->domain[0] = '\0';
    m->graph->input[0]->type->tensor_type->elem_type = ONNX__TENSOR_PROTO__DATA_TYPE__UINT8;
    assert_error(import_model(&g, m), "element type UINT8");
    onnx__model_proto__free_unpacked(m, NULL);
}

/* More tensors than a trial id has room for. */
static void test_too_many_targets(void **state)
{
    (void)state;
    enum { NODES = 4096 };
    char *text = malloc(64 + NODES * 32);
    for (int extra = 0; extra < 2; extra++) {
        int n = sprintf(text, "in x N 2; out t%d", NODES - 2 + extra);
        for (int k = 0; k < NODES - 1 + extra; k++)
            n += k ? sprintf(text + n, "; Relu t%d -> t%d", k - 1, k) : sprintf(text + n, "; Relu x -> t0");
        bs_graph *g = NULL;
        if (extra) {
            assert_error(import_text(&g, text), "4097 tensors, at most 4096");
        } else {
            assert_ok(import_text(&g, text));
            assert_int_equal(g->n_targets, 4096);
        }
        bs_graph_free(g);
    }
    free(text);
}

/* Names get into the result file as text. */
static void test_names_that_are_not_utf8(void **state)
{
    (void)state;
    bs_graph *g;
    static const char *const bad[][2] = {
        {"in x N 3 8 8; f w 2 3 3 3; out y; Conv x,w -> v\xe9; Relu v\xe9 -> y",
         "of the tensor 'v\xe9' is not UTF-8"},
        {"in x\xff N 3 8 8; f w 2 3 3 3; out y; Conv x\xff,w -> y", "of the input 'x\xff' is not UTF-8"},
        {"in x N 3 8 8; f w\xc0\xaf 2 3 3 3; out y; Conv x,w\xc0\xaf -> y",
         "of the tensor 'w\xc0\xaf' is not"}};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        assert_error(import_text(&g, bad[i][0]), bad[i][1]);
        assert_non_null(strstr(bs_error_hint(), "export the model again"));
    }
    assert_ok(import_text(&g, "in x\x1b N 3 8 8; f w\xc3\xa9 2 3 3 3; out y; Conv x\x1b,w\xc3\xa9 -> y"));
    assert_string_equal(g->tensors[g->input].name, "x\x1b");
    bs_graph_free(g);
}

static void test_free_null(void **state)
{
    (void)state;
    bs_graph *g = NULL;
    assert_error(import_bytes(&g, (const uint8_t *)"", 0), "not an ONNX file");
    assert_null(g);
    bs_graph_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_flipped_bits),
        cmocka_unit_test(test_deep_nesting),
        cmocka_unit_test(test_stored_types),
        cmocka_unit_test(test_custom_domain_and_types),
        cmocka_unit_test(test_too_many_targets),
        cmocka_unit_test(test_names_that_are_not_utf8),
        cmocka_unit_test(test_free_null),
    };
    return run_suite(tests, NULL, NULL);
}
