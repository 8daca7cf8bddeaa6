/* Proves where weights in files of their own may lie, and that a wrong file is refused with the right
 * words. */
#include "import/onnx_file.h"
#include "support/model_build.h"

#include <fcntl.h>
#include <sys/stat.h>

enum { FLOATS = 6 };

typedef struct folder {
    char dir[32], model[64], data[64];
} folder;

static void write_file(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
}

static void open_folder(folder *f, float first)
{
    float values[FLOATS + 1] = {-1, first, 2, 3, 4, 5, 6};
    strcpy(f->dir, "/tmp/bitsink-model-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    snprintf(f->model, sizeof f->model, "%s/m.onnx", f->dir);
    snprintf(f->data, sizeof f->data, "%s/w.bin", f->dir);
    write_file(f->data, values, sizeof values);
}

static void close_folder(const folder *f)
{
    unlink(f->data);
    unlink(f->model);
    rmdir(f->dir);
}

static void push_entry(Onnx__TensorProto *t, const char *key, const char *value)
{
    Onnx__StringStringEntryProto *e = malloc(sizeof *e);
    onnx__string_string_entry_proto__init(e);
    e->key = strdup(key);
    e->value = strdup(value);
    push(&t->external_data, &t->n_external_data, e);
}

/* The model x + c, c from the file; NULL leaves an entry out. */
static bs_status import_outside(bs_graph **g, const folder *f, const char *location, const char *offset,
                                const char *length)
{
    Onnx__ModelProto *m = build_model("in x N 6; out y; f c 0; Add x,c -> y");
    Onnx__TensorProto *t = m->graph->initializer[0];
    t->dims[0] = FLOATS;
    t->has_data_location = 1;
    t->data_location = ONNX__TENSOR_PROTO__DATA_LOCATION__EXTERNAL;
    push_entry(t, "location", location);
    if (offset)
        push_entry(t, "offset", offset);
    if (length)
        push_entry(t, "length", length);
    size_t len;
    uint8_t *bytes = pack_model(m, &len);
    write_file(f->model, bytes, len);
    free(bytes);
    onnx__model_proto__free_unpacked(m, NULL);
    return bs_graph_import(g, f->model, NULL);
}

static void test_values_and_hash(void **state)
{
    (void)state;
    char hash[2][65];
    for (int k = 0; k < 2; k++) {
        folder f;
        bs_graph *g = NULL;
        open_folder(&f, k ? 1.5f : 1.0f);
        assert_ok(import_outside(&g, &f, "w.bin", "4", "24"));
        const float *c = g->tensors[bs_graph_find_target(g, "c")].data;
        assert_true(c[0] == (k ? 1.5f : 1.0f) && c[5] == 6);
        strcpy(hash[k], g->sha256);
        bs_graph_free(g);
        assert_ok(import_outside(&g, &f, "./w.bin", NULL, NULL));
        assert_true(g->tensors[bs_graph_find_target(g, "c")].data[0] == -1);
        bs_graph_free(g);
        close_folder(&f);
    }
    /* The same model file with other weights is another model. */
    assert_int_equal(strlen(hash[0]), 64);
    assert_string_not_equal(hash[0], hash[1]);
}

static void test_refusals(void **state)
{
    (void)state;
    static const struct {
        const char *location, *offset, *length, *message;
    } cases[] = {
        {"none.bin", NULL, NULL, "cannot open"},
        {"", NULL, NULL, "whose name is missing"},
        {"w.bin", "8", NULL, "does not hold its 24 bytes at 8"},
        {"w.bin", "9223372036854775807", NULL, "does not hold"},
        {"w.bin", "0", "20", "does not hold"},
        {"w.bin", "-4", NULL, "'-4' is not a place"},
        {"w.bin", "0x4", NULL, "'0x4' is not a place"},
        {"w.bin", "99999999999999999999", NULL, "is not a place"},
        {".", NULL, NULL, "outside the model's folder"},
        {"..", NULL, NULL, "outside the model's folder"},
        {"../../etc/passwd", NULL, NULL, "outside the model's folder"},
        {"/etc/passwd", NULL, NULL, "outside the model's folder"},
        {"link", NULL, NULL, "outside the model's folder"},
        {"sub", NULL, NULL, "does not hold"},
    };
    folder f;
    char link[64], sub[64];
    open_folder(&f, 1);
    snprintf(link, sizeof link, "%s/link", f.dir);
    snprintf(sub, sizeof sub, "%s/sub", f.dir);
    assert_int_equal(symlink("/etc/passwd", link), 0);
    assert_int_equal(mkdir(sub, 0700), 0);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        bs_graph *g = NULL;
        assert_error(import_outside(&g, &f, cases[k].location, cases[k].offset, cases[k].length),
                     cases[k].message);
        assert_true(strlen(bs_error_hint()) > 0);
    }
    unlink(link);
    rmdir(sub);
    close_folder(&f);
}

/* The caches of model hubs hold links: DIR/snapshot/m.onnx -> ../blobs/1, w.bin -> ../blobs/2. Data in the
 * folder that the model's link leads to is the model's, and so is data that has no link beside the model's;
 * links to other places lead nowhere. */
static void test_links_of_a_cache(void **state)
{
    (void)state;
    char dir[] = "/tmp/bitsink-model-XXXXXX";
    float values[FLOATS] = {7, 1, 2, 3, 4, 5};
    folder f, link;
    bs_graph *g = NULL;
    int here = open(".", O_RDONLY | O_DIRECTORY);
    assert_true(here >= 0);
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    assert_int_equal(mkdir("blobs", 0700), 0);
    assert_int_equal(mkdir("snapshot", 0700), 0);
    strcpy(f.model, "blobs/1");
    strcpy(link.model, "snapshot/m.onnx");
    write_file("blobs/2", values, sizeof values);
    write_file("other", values, sizeof values);
    assert_int_equal(symlink("../blobs/1", "snapshot/m.onnx"), 0);
    assert_int_equal(symlink("../blobs/2", "snapshot/w.bin"), 0);
    assert_int_equal(symlink("../other", "snapshot/out.bin"), 0);
    assert_int_equal(symlink("../other", "blobs/out.bin"), 0);
    static const struct {
        const char *location, *error;
    } cases[] = {{"w.bin", NULL},
                 {"2", NULL},
                 {"../blobs/2", NULL}, /* a long way round */
                 {"out.bin", "outside the model's folder"},
                 {"../other", "outside the model's folder"},
                 {"../../etc/passwd", "cannot open"},
                 {"none.bin", "cannot open"}};
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        import_outside(&g, &f, cases[k].location, NULL, NULL);
        bs_graph_free(g);
        g = NULL;
        if (cases[k].error) {
            assert_error(bs_graph_import(&g, link.model, NULL), cases[k].error);
            continue;
        }
        assert_ok(bs_graph_import(&g, link.model, NULL));
        assert_true(g->tensors[bs_graph_find_target(g, "c")].data[0] == 7);
        bs_graph_free(g);
    }
    assert_int_equal(system("rm -r blobs snapshot other"), 0);
    assert_int_equal(fchdir(here), 0);
    close(here);
    rmdir(dir);
}

/* A NUL would end the location for this program, and not for others that look at the model. */
static void test_nul_in_the_location(void **state)
{
    (void)state;
    folder f;
    bs_graph *g = NULL;
    char bytes[4096];
    open_folder(&f, 1);
    assert_ok(import_outside(&g, &f, "w.bin", NULL, NULL));
    bs_graph_free(g);
    g = NULL;
    FILE *file = fopen(f.model, "rb");
    assert_non_null(file);
    size_t n = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    char *dot = memmem(bytes, n, "w.bin", 5);
    assert_non_null(dot);
    dot[1] = '\0';
    write_file(f.model, bytes, n);
    assert_error(bs_graph_import(&g, f.model, NULL), "holds a NUL byte");
    assert_non_null(strstr(bs_error_hint(), "export it again"));
    close_folder(&f);
}

/* The weights that Git LFS keeps elsewhere are called what they are. */
static void test_wrong_weights_are_named(void **state)
{
    (void)state;
    folder f;
    bs_graph *g = NULL;
    open_folder(&f, 1);
    const char pointer[] = "version https://git-lfs.github.com/spec/v1\n";
    write_file(f.data, pointer, sizeof pointer - 1);
    assert_error(import_outside(&g, &f, "w.bin", "64", "24"), "cannot use 'w.bin': it is a Git LFS pointer");
    assert_non_null(strstr(bs_error_hint(), "git lfs pull"));
    close_folder(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_and_hash),         cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_links_of_a_cache),        cmocka_unit_test(test_nul_in_the_location),
        cmocka_unit_test(test_wrong_weights_are_named),
    };
    return run_suite(tests, NULL, NULL);
}
