/* Proves that weights stay where the file was read, aligned or not, that everything else is converted, and
 * that it does not matter how raw data is written. */
#include "import/onnx_file.h"
#include "support/model_build.h"

#include "base/resources.h"
#include "base/sha256.h"

#include <pthread.h>
#include <sys/stat.h>

enum { LARGE = 3000, SMALL = 6 };

/* The model x + NAME, with n values 0, 1, 2, ... in raw bytes. */
static Onnx__ModelProto *raw_model(const char *name, size_t n)
{
    char text[128];
    snprintf(text, sizeof text, "in x N %zu; out y; f %s %zu; Add x,%s -> y", n, name, n, name);
    Onnx__ModelProto *m = build_model(text);
    Onnx__TensorProto *t = m->graph->initializer[0];
    if (t->n_float_data != n) { /* more than build_model() makes */
        t->float_data = realloc(t->float_data, n * sizeof(float));
        for (size_t k = 0; k < n; k++)
            t->float_data[k] = (float)k;
    }
    t->has_raw_data = 1;
    t->raw_data.len = n * sizeof(float);
    t->raw_data.data = (uint8_t *)t->float_data;
    t->float_data = NULL;
    t->n_float_data = 0;
    return m;
}

static const bs_tensor *constant(const bs_graph *g)
{
    for (int i = 0; i < g->n_tensors; i++)
        if (g->tensors[i].constant)
            return &g->tensors[i];
    fail_msg("no constant");
    return NULL;
}

static void check_values(const bs_graph *g, size_t n)
{
    const bs_tensor *t = constant(g);
    assert_int_equal(t->elements, n);
    assert_int_equal((uintptr_t)t->data % sizeof(float), 0);
    for (size_t k = 0; k < n; k++)
        assert_true(t->data[k] == (float)k);
}

/* The longer the name, the later the data begins. */
static void test_alignment(void **state)
{
    (void)state;
    for (int extra = 0; extra < 4; extra++) {
        bs_graph *g;
        Onnx__ModelProto *m = raw_model(&"cccc"[extra], LARGE);
        size_t len;
        char expected[BS_SHA256_TEXT];
        uint8_t *bytes = pack_model(m, &len);
        bs_sha256_text(bytes, len, expected);
        assert_ok(import_bytes(&g, bytes, len));
        check_values(g, LARGE);
        assert_true(constant(g)->in_file && g->file);
        assert_string_equal(g->sha256, expected);
        bs_graph_free(g);
        for (size_t cut = 1; cut < 60; cut++) /* what ends early is refused */
            assert_int_equal(import_bytes(&g, bytes, cut < 30 ? len - cut : cut), BS_ERR);
        free(bytes);
        onnx__model_proto__free_unpacked(m, NULL);
    }
}

static void test_copied(void **state)
{
    (void)state;
    bs_graph *g;
    Onnx__ModelProto *m = raw_model("c", SMALL);
    assert_ok(import_model(&g, m));
    check_values(g, SMALL);
    assert_false(constant(g)->in_file || g->file);
    bs_graph_free(g);
    onnx__model_proto__free_unpacked(m, NULL);
    m = raw_model("c", 2 * LARGE); /* as doubles */
    Onnx__TensorProto *t = m->graph->initializer[0];
    t->data_type = ONNX__TENSOR_PROTO__DATA_TYPE__DOUBLE;
    t->dims[0] = LARGE;
    m->graph->input[0]->type->tensor_type->shape->dim[1]->dim_value = LARGE;
    for (size_t k = 0; k < LARGE; k++)
        memcpy(t->raw_data.data + k * sizeof(double), &(double){(double)k}, sizeof(double));
    assert_ok(import_model(&g, m));
    check_values(g, LARGE);
    assert_false(constant(g)->in_file);
    bs_graph_free(g);
    onnx__model_proto__free_unpacked(m, NULL);
}

/* A tag may be written with more bytes than it needs, and a field twice: the last one counts. */
static void test_odd_fields(void **state)
{
    (void)state;
    static const uint8_t tag[] = {0xca, 0x80, 0x80, 0x80, 0x00};
    const size_t values = SMALL * sizeof(float);
    bs_graph *g = NULL;
    Onnx__ModelProto *m = raw_model("c", SMALL);
    Onnx__TensorProto *c = m->graph->initializer[0];
    memset(c->raw_data.data, 0xff, values);
    c->doc_string = calloc(1, 64); /* makes room for a second field */
    memset(c->doc_string, 'x', values + sizeof tag + 1);
    size_t len;
    uint8_t *bytes = pack_model(m, &len), *raw = memchr(bytes, 0xff, len);
    assert_non_null(raw);
    assert_int_equal(raw[-2], 0x4a); /* the tag and the length before it */
    uint8_t *second = raw + values;
    assert_int_equal(second[0], 12 << 3 | 2);
    memcpy(second, tag, sizeof tag);
    second[sizeof tag] = (uint8_t)values;
    for (int k = 0; k < SMALL; k++)
        memcpy(second + sizeof tag + 1 + (size_t)k * sizeof(float), &(float){(float)k}, sizeof(float));
    uint8_t *rest = second + sizeof tag + 1 + values; /* 2 bytes: an empty text */
    rest[0] = 12 << 3 | 2;
    rest[1] = 0;
    assert_ok(import_bytes(&g, bytes, len));
    check_values(g, SMALL);
    bs_graph_free(g);
    free(bytes);
    onnx__model_proto__free_unpacked(m, NULL);
}

typedef struct pipe_writer {
    const char *path;
    const uint8_t *bytes;
    size_t len;
} pipe_writer;

static void *write_pipe(void *arg)
{
    const pipe_writer *w = arg;
    FILE *f = fopen(w->path, "wb");
    if (f) {
        fwrite(w->bytes, 1, w->len, f);
        fclose(f);
    }
    return NULL;
}

/* A file that is large enough for two threads, also as a pipe; and memory for it once. */
static void test_large(void **state)
{
    (void)state;
    enum { N = 6 << 20 };
    char dir[] = "/tmp/bitsink-model-XXXXXX", path[64], expected[BS_SHA256_TEXT];
    bs_graph *g, *piped;
    size_t len;
    Onnx__ModelProto *m = raw_model("cc", N);
    uint8_t *bytes = pack_model(m, &len);
    onnx__model_proto__free_unpacked(m, NULL);
    bs_sha256_text(bytes, len, expected);
    size_t before = bs_resources_peak();
    assert_ok(import_bytes(&g, bytes, len));
    size_t more = bs_resources_peak() - before;
    check_values(g, N);
    assert_true(constant(g)->in_file);
    assert_string_equal(g->sha256, expected);
#ifndef BITSINK_SANITIZE
    if (more > len + len / 4)
        fail_msg("%zu bytes of memory for a file of %zu", more, len);
#endif
    (void)more;
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/pipe", dir);
    assert_int_equal(mkfifo(path, 0600), 0);
    pthread_t thread;
    pipe_writer w = {path, bytes, len};
    assert_int_equal(pthread_create(&thread, NULL, write_pipe, &w), 0);
    assert_ok(bs_graph_import(&piped, path, NULL));
    pthread_join(thread, NULL);
    assert_string_equal(piped->sha256, expected);
    assert_memory_equal(constant(piped)->data, constant(g)->data, N * sizeof(float));
    bs_graph_free(g);
    bs_graph_free(piped);
    unlink(path);
    rmdir(dir);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_alignment),
        cmocka_unit_test(test_copied),
        cmocka_unit_test(test_odd_fields),
        cmocka_unit_test(test_large),
    };
    return run_suite(tests, NULL, NULL);
}
