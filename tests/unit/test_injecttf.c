/* Proves that networks of the users of InjectTF and InjectTF2 run as their tools ran them: the example of
 * InjectTF, a list of 784 values through MatMul, Add, Relu and Softmax, and a Keras CNN with the nodes and
 * names of tf2onnx. Faults in every node of an operator, by name and by layer; the replay gives the rows
 * of full re-runs. */
#include "support/data_fixture.h"
#include "support/model_build.h"

#include "cli/cli.h"
#include "fault/plan.h"
#include "store/store.h"

#include <math.h>
#include <sqlite3.h>

enum { SIDE = 28, PIXELS = SIDE * SIDE, IMAGES = 3, HIDDEN = 12, CLASSES = 10 };

static const char perceptron[] =
    "in input_x N 784; out output_y; r W1 784 12; r b1 12; r W2 12 10; r b2 10; MatMul input_x,W1 -> "
    "MatMul:0 @MatMul;"
    "Add MatMul:0,b1 -> add:0 @add; Relu add:0 -> Relu:0 @Relu; MatMul Relu:0,W2 -> MatMul_1:0 @MatMul_1;"
    "Add MatMul_1:0,b2 -> add_1:0 @add_1; Softmax add_1:0 -> output_y @output_y";

/* As tf2onnx 1.17 writes Conv2D, MaxPooling2D, Flatten, Dense and Softmax of Keras 3; %s: how the image gets
 * its channels first, a Reshape or, where it has colours, a Transpose. */
#define CONV    "StatefulPartitionedCall/sequential_1/conv1_1/"
#define FLAT    "StatefulPartitionedCall/sequential_1/flatten_1/"
#define DENSE   "StatefulPartitionedCall/sequential_1/dense1_1/"
#define SOFTMAX "StatefulPartitionedCall/sequential_1/softmax_1/Softmax"
static const char keras[] =
    "in image N 28 28 1; out output_0; i new_shape__42 -1 1 28 28; r " CONV
    "convolution/ReadVariableOp:0 4 1 3 3; r " CONV "Squeeze:0 4; i Const__40 0 2 3 1; i const_axes__28 0; i "
    "const_ends__24 1; i const_fold_opt__43 784; r " DENSE "Cast/ReadVariableOp:0 784 10; r " DENSE
    "BiasAdd/ReadVariableOp:0 10; %s @" CONV "BiasAdd__6; Conv " CONV "BiasAdd__6:0," CONV
    "convolution/ReadVariableOp:0," CONV "Squeeze:0 -> " CONV "BiasAdd:0 pads=[1,1,1,1] group=1 @" CONV
    "BiasAdd; Relu " CONV "BiasAdd:0 -> " CONV "Relu:0 @" CONV "Relu; MaxPool " CONV
    "Relu:0 -> pool1:0 kernel_shape=[2,2] strides=[2,2] @pool1;"
    "Transpose pool1:0 -> Transpose__34:0 perm=[0,2,3,1] @Transpose__34; Shape pool1:0 -> Shape__38:0;"
    "Gather Shape__38:0,Const__40 -> " FLAT "Shape:0; Cast " FLAT "Shape:0 -> " FLAT
    "Shape__22:0 to=6; Slice " FLAT "Shape__22:0,const_axes__28,const_ends__24,const_axes__28 -> " FLAT
    "strided_slice:0; Cast const_fold_opt__43 -> size:0 to=6;"
    "Concat " FLAT "strided_slice:0,size:0 -> " FLAT "Concat__32:0 axis=0; Cast " FLAT "Concat__32:0 -> " FLAT
    "Reshape__33:0 to=7; Reshape Transpose__34:0," FLAT "Reshape__33:0 -> " FLAT "Reshape:0 @" FLAT
    "Reshape; MatMul " FLAT "Reshape:0," DENSE "Cast/ReadVariableOp:0 -> " DENSE "MatMul:0 @" DENSE
    "MatMul; Add " DENSE "MatMul:0," DENSE "BiasAdd/ReadVariableOp:0 -> " DENSE "BiasAdd:0 @" DENSE
    "BiasAdd; Softmax " DENSE "BiasAdd:0 -> output_0 @" SOFTMAX;

static uint8_t pixel(int image, int k)
{
    return (uint8_t)((k * 31 + k / SIDE * 17 * image + 101 * image) % 256);
}

static void write_images(void **state)
{
    uint8_t images[16 + IMAGES * PIXELS] = {0, 0, 8, 3, [7] = IMAGES, [11] = SIDE, [15] = SIDE};
    uint8_t labels[8 + IMAGES] = {0, 0, 8, 1, [7] = IMAGES};
    for (int k = 0; k < IMAGES * PIXELS; k++)
        images[16 + k] = pixel(k / PIXELS, k % PIXELS);
    fixture_write(state, "images.idx", images, sizeof images);
    fixture_write(state, "labels.idx", labels, sizeof labels);
}

static void write_model(void **state, const char *text)
{
    size_t len;
    Onnx__ModelProto *m = build_model(text);
    uint8_t *bytes = pack_model(m, &len);
    fixture_write(state, "m.onnx", bytes, len);
    free(bytes);
    onnx__model_proto__free_unpacked(m, NULL);
}

static void write_job(void **state, const char *faults)
{
    char text[2048];
    int n = snprintf(text, sizeof text,
                     "model: m.onnx\nseed: 7\nimages: {idx_images: images.idx, idx_labels: labels.idx}\n"
                     "preprocess: {scale: 1/255}\nfaults:\n%s",
                     faults);
    assert_true(n > 0 && (size_t)n < sizeof text);
    fixture_text(state, "job.yaml", text);
    write_images(state);
}

/* Runs the job anew into r.db; the digest of its rows. */
static void run(void **state, const char *mode, char out[33])
{
    char db[512], job[512];
    bs_args args;
    strcpy(db, fixture_path(state, "r.db"));
    strcpy(job, fixture_path(state, "job.yaml"));
    unlink(db);
    char *words[] = {job,
                     (char *)"--db",
                     db,
                     (char *)"--quiet",
                     (char *)"--threads",
                     (char *)"1",
                     (char *)"--self-test",
                     (char *)"off",
                     (char *)"--replay",
                     (char *)mode};
    assert_ok(bs_args_parse(&args, &bs_cmd_run, sizeof words / sizeof *words, words));
    assert_ok(bs_cmd_run.run(&args));
    assert_ok(bs_store_digest(db, out, NULL));
}

/* The digest of the job's rows, by the default replay; full re-runs must give the same. */
static void run_both(void **state, char out[33])
{
    char full[33];
    run(state, "full", full);
    run(state, "delta", out);
    assert_string_equal(full, out);
}

/* The number that a query of r.db gives. */
static double number(void **state, const char *sql)
{
    sqlite3 *h;
    sqlite3_stmt *q;
    assert_int_equal(sqlite3_open(fixture_path(state, "r.db"), &h), SQLITE_OK);
    if (sqlite3_prepare_v2(h, sql, -1, &q, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(h));
    assert_int_equal(sqlite3_step(q), SQLITE_ROW);
    double v = sqlite3_column_double(q, 0);
    sqlite3_finalize(q);
    sqlite3_close(h);
    return v;
}

static const float *values_of(const bs_graph *g, const char *name)
{
    int id = bs_graph_find_target(g, name);
    assert_true(id >= 0);
    return g->tensors[g->targets[id].tensor].data;
}

/* The probabilities of the perceptron for an image, by plain loops. */
static void perceive(const bs_graph *g, int image, double out[CLASSES])
{
    const float *w1 = values_of(g, "W1"), *b1 = values_of(g, "b1"), *w2 = values_of(g, "W2"),
                *b2 = values_of(g, "b2");
    double hidden[HIDDEN], sum = 0;
    for (int h = 0; h < HIDDEN; h++) {
        hidden[h] = (double)b1[h];
        for (int k = 0; k < PIXELS; k++)
            hidden[h] += pixel(image, k) / 255.0 * (double)w1[k * HIDDEN + h];
        hidden[h] = fmax(hidden[h], 0);
    }
    for (int c = 0; c < CLASSES; c++) {
        double logit = (double)b2[c];
        for (int h = 0; h < HIDDEN; h++)
            logit += hidden[h] * (double)w2[h * CLASSES + c];
        out[c] = exp(logit);
        sum += out[c];
    }
    for (int c = 0; c < CLASSES; c++)
        out[c] /= sum;
}

/* What both tools can be set to. */
static const char settings[] =
    "  - {id: 1, targets: [{op: Add, kind: activation}, {op: Relu}, {op: Softmax}, {op: MatMul, kind: "
    "activation}],\n"
    "     fault: flip, trials: 4}\n"
    "  - {id: 2, targets: [{op: Add, kind: activation, probability: 0.5}, {op: Relu, probability: 0.1}],\n"
    "     scope: inference, fault: flip, trials: 20}\n"
    "  - {id: 3, targets: [{op: Relu}, {op: Softmax}], fault: random, range: [0, 1], count: all}\n"
    "  - {id: 4, targets: {op: Add, kind: activation}, fault: zero, count: all}\n"
    "  - {id: 5, targets: {op: Relu}, fault: none}\n"
    "  - {id: 6, targets: {op: Relu}, fault: flip, bits: 30, probability: 0.4, trials: 20}\n"
    "  - {id: 7, targets: {op: Relu, probability: 0.5}, scope: inference, fault: zero, count: all, trials: "
    "20}\n";

static void check_settings(void **state)
{
    /* Queries of r.db, and the bounds of what they give. */
    static const struct {
        const char *sql;
        int low, high;
    } cases[] = {
        {"count(*) FROM trial WHERE entry = 1", IMAGES * 6 * 4, IMAGES * 6 * 4},
        {"count(DISTINCT layer) FROM trial WHERE entry = 1", 6, 6},
        /* Each node is hit by itself: of 60 inferences, 13.5 have no fault, 18 two or more. */
        {"count(DISTINCT s.layer) FROM trial_site s JOIN trial t ON t.id = s.trial AND entry = 2", 3, 3},
        {"count(*) FROM trial WHERE entry = 2 AND n_sites = 0", 4, 25},
        {"count(*) FROM trial WHERE entry = 2 AND n_sites > 1", 5, 30},
        {"count(*) FROM trial t JOIN layer l ON l.id = t.layer WHERE entry IN (3, 4) AND n_sites = "
         "l.elements",
         IMAGES * 4, IMAGES * 4},
        {"sum(n_sites) FROM trial WHERE entry = 5", 0, 0},
        {"sum(n_sites) FROM trial WHERE entry = 6", 12, 36},
        {"count(*) FROM trial WHERE entry = 7 AND n_sites = 0", 15, 45},
        {"count(*) FROM trial WHERE entry = 7 AND n_sites NOT IN (0, 12)", 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char sql[160];
        snprintf(sql, sizeof sql, "SELECT %s", cases[i].sql);
        int n = (int)number(state, sql);
        if (n < cases[i].low || n > cases[i].high)
            fail_msg("%s: %d", sql, n);
    }
}

static void test_perceptron(void **state)
{
    bs_graph *g;
    char digest[33];
    write_model(state, perceptron);
    write_job(state, settings);
    run_both(state, digest);
    check_settings(state);
    assert_ok(bs_graph_import(&g, fixture_path(state, "m.onnx"), NULL));
    for (int i = 0; i < IMAGES; i++) {
        double expected[CLASSES];
        char sql[96];
        perceive(g, i, expected);
        snprintf(sql, sizeof sql, "SELECT top1 FROM golden WHERE image = %d", i);
        int top = (int)number(state, sql);
        snprintf(sql, sizeof sql, "SELECT score1 FROM golden WHERE image = %d", i);
        assert_float_equal((float)expected[top], (float)number(state, sql), 1e-4f);
        for (int c = 0; c < CLASSES; c++)
            assert_true(expected[c] <= expected[top]);
    }
    bs_graph_free(g);
}

static void test_keras(void **state)
{
    static const char *const first[] = {
        "Reshape image,new_shape__42 -> " CONV "BiasAdd__6:0",
        "Transpose image -> " CONV "BiasAdd__6:0 perm=[0,3,1,2]",
    };
    char digests[2][33], text[4096];
    for (int k = 0; k < 2; k++) {
        bs_graph *g;
        snprintf(text, sizeof text, keras, first[k]);
        write_model(state, text);
        write_job(state, "  - {id: 1, targets: [{layer: 'conv1*'}, {layer: flatten_1}, {layer: 'dense1*'}, "
                         "{layer: 'softmax*'}, pool1],\n"
                         "     fault: flip, bits: [30], trials: 3}\n"
                         "  - {id: 2, targets: [{op: Conv, kind: activation}, {op: Relu}, {op: MaxPool}], "
                         "fault: flip, trials: 3}\n");
        if (k == 0)
            run_both(state, digests[k]);
        else
            run(state, "delta", digests[k]);
        assert_true(number(state, "SELECT count(*) FROM trial") == IMAGES * 3 * (5 + 3));
        /* A layer is the output after its activation function, as in Keras. */
        assert_true(number(state, "SELECT count(*) FROM layer WHERE id IN (SELECT layer FROM trial WHERE "
                                  "entry = 1) AND name IN ('" CONV "Relu:0', '" FLAT "Reshape:0', '" DENSE
                                  "BiasAdd:0', 'output_0', 'pool1:0')") == 5);
        assert_ok(bs_graph_import(&g, fixture_path(state, "m.onnx"), NULL));
        assert_int_equal(count_ops(g, BS_OP_MATMUL) + count_ops(g, BS_OP_ADD), 2); /* shapes are folded */
        assert_int_equal(g->n_nodes, 9);
        bs_graph_free(g);
    }
    assert_string_equal(digests[0], digests[1]);
}

/* What is double in the file is fp32 here: bits 32 to 63 are refused by what they are. */
static void test_bits_of_doubles(void **state)
{
    static const char *const models[] = {
        "in x N 1 4 4; out y; r w 2 1 3 3; Conv x,w -> y",
        "in x N 1 4 4; out y; r w 2 1 3 3; Cast x -> d to=11; Conv d,w -> y",
    };
    bs_job *job;
    write_job(state, "  - {id: 1, targets: y, fault: flip, bits: [3, 40]}\n");
    assert_ok(bs_job_read(&job, fixture_path(state, "job.yaml")));
    for (int k = 0; k < 2; k++) {
        bs_graph *g;
        bs_plan *plan;
        assert_ok(import_text(&g, models[k]));
        assert_error(bs_plan_create(&plan, job, g, 1), "fp32 has no bit 40");
        assert_true(k == !!strstr(bs_error_hint(), "double in the file"));
        assert_true(k == !!strstr(bs_error_hint(), "the sign is bit 31"));
        bs_graph_free(g);
    }
    bs_job_free(job);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_perceptron),
        cmocka_unit_test(test_keras),
        cmocka_unit_test(test_bits_of_doubles),
    };
    return run_suite(tests, fixture_open, fixture_close);
}
