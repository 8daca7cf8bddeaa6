/* Proves the contract: whatever the fault, a replayed trial has the bits of a full re-run. Random faults of
 * every kind in every target of real networks, NaN and Inf included.
 *
 *   test_replay MODEL.onnx    only this network, as many of its targets as a bound on the work allows */
#include "import/onnx_file.h"
#include "support/model_build.h"

#include "backend/backend.h"
#include "fault.h"
#include "replay/schedules.h"
#include "replay/selftest.h"
#include "rng.h"

#ifdef BITSINK_SANITIZE
enum { EFFORT = 1 };
#else
enum { EFFORT = 4 };
#endif

enum { SEED = 20201, BATCH = 24, SMALL_BATCH = 6 };

typedef struct rig {
    bs_graph *g;
    const bs_backend *be;
    bs_device *device;
    bs_network *network;
    bs_stream *stream;
    bs_golden *golden;
    bs_replayer *replayer;
    bs_receptive_fields fields;
    bs_schedule_context context;
    int batch; /* trials of a target and round, at most BATCH */
} rig;

/* Takes over the graph. */
static void rig_load(rig *r, bs_graph *g, const char *device)
{
    bs_device_choice found;
    uint64_t fingerprint;
    memset(r, 0, sizeof *r);
    r->g = g;
    r->batch = BATCH;
    assert_ok(bs_backend_find(&found, device));
    r->be = found.backend;
    assert_ok(bs_backend_check(r->be, r->g));
    assert_ok(r->be->open(&r->device, found.ordinal[0], found.options));
    assert_ok(r->be->load(&r->network, r->device, r->g, NULL));
    assert_ok(r->be->stream_open(&r->stream, r->network));
    assert_ok(bs_golden_create(&r->golden, r->g, r->be, r->network, r->stream, BS_PROBE_IMAGES));
    assert_ok(bs_selftest_probe(r->golden, &fingerprint));
    assert_ok(bs_replayer_create(&r->replayer, r->golden, BATCH, (size_t)1 << 30));
    assert_ok(bs_receptive_fields_create(&r->fields, r->g));
    r->context.fields = &r->fields;
    assert_ok(bs_autotune_create(&r->context.autotune, r->g, r->be, r->network));
    assert_ok(bs_segments_create(&r->context.segments, r->g, r->be, r->network, &r->context));
}

static void rig_open(rig *r, const char *model, const char *device)
{
    bs_graph *g = NULL;
    assert_ok(bs_graph_import(&g, model, NULL));
    rig_load(r, g, device);
}

static void rig_close(rig *r)
{
    bs_segments_free(r->context.segments);
    bs_autotune_free(r->context.autotune);
    bs_receptive_fields_clear(&r->fields);
    bs_replayer_free(r->replayer);
    bs_golden_free(r->golden);
    r->be->stream_close(r->stream);
    r->be->unload(r->network);
    r->be->close(r->device);
    bs_graph_free(r->g);
}

/* A random fault: one of the kinds, one to three sites, now and then a whole burst of NaN. */
static size_t random_sites(uint64_t trial, uint64_t elements, bs_site *out)
{
    static const float values[] = {0.0f, -0.0f, 1e30f, INFINITY, -INFINITY, NAN};
    uint64_t r = bs_draw(SEED, trial, 0, 9);
    bs_fault_model m = {
        .kind = (bs_fault_kind)(r % BS_FAULT_KIND_COUNT),
        .bits = r >> 8 & 1 ? 0xffffffffu : BS_EXPONENT_MASK,
        .burst = 1 + (uint32_t)(r >> 16) % 3,
        .value = values[(r >> 24) % 6],
        .low = -100.0f,
        .high = 100.0f,
    };
    size_t n = 1 + (size_t)(r >> 32) % 3;
    for (size_t i = 0; i < n; i++) {
        uint64_t at = bs_fault_attempt(elements * bs_fault_choices(&m), SEED, trial, (uint32_t)i);
        out[i] = bs_fault_site(&m, at, SEED, trial, (uint32_t)i);
    }
    return n;
}

typedef struct batch {
    int32_t row[BATCH];
    bs_site site[3 * BATCH];
    uint32_t first[BATCH + 1], before[3 * BATCH];
    bs_result result[BATCH];
    float *output;
} batch;

static void run(rig *r, const bs_schedules *schedules, batch *b, bool keep)
{
    bs_trial_batch t = {
        .n = r->batch,
        .golden_row = b->row,
        .faults = {b->site, b->first, b->before},
        .keep_masked = keep,
        .output = b->output,
        .result = b->result,
    };
    assert_ok(bs_replay_trials(r->replayer, schedules, &t, BATCH));
}

static void same_results(int n, const batch *a, const batch *b, const char *target)
{
    for (int i = 0; i < n; i++)
        if (a->result[i].died_at != b->result[i].died_at ||
            memcmp(&a->result[i].answer, &b->result[i].answer, sizeof(bs_answer)) != 0)
            fail_msg("%s, trial %d: died at %d against %d, class %d against %d", target, i,
                     a->result[i].died_at, b->result[i].died_at, a->result[i].answer.top[0],
                     b->result[i].answer.top[0]);
    assert_memory_equal(a->before, b->before, sizeof a->before);
}

static void same_outputs(int n, const batch *full, const batch *other, size_t classes, const char *target)
{
    for (size_t i = 0; i < (size_t)n * classes; i++)
        if (bs_float_bits(full->output[i]) != bs_float_bits(other->output[i]))
            fail_msg("%s: output %zu of trial %zu: %.9g against %.9g in the full re-run", target, i % classes,
                     i / classes, (double)other->output[i], (double)full->output[i]);
}

/* The same trials in full, then by `mode` to the end and with early out. Returns how many were masked. */
static int check_target(rig *r, int target, int round, bs_replay_mode mode, bool single)
{
    static batch full, kept, quick;
    size_t classes = (size_t)r->g->classes, bytes = (size_t)r->batch * classes * sizeof(float);
    uint64_t elements = (uint64_t)r->g->tensors[r->g->targets[target].tensor].elements;
    const char *name = r->g->tensors[r->g->targets[target].tensor].name;
    bs_schedules whole, other;
    int masked = 0;
    memset(&full, 0, sizeof full);
    uint32_t n = 0;
    for (int i = 0; i < r->batch; i++) {
        uint64_t trial = ((uint64_t)target << 32) + (uint64_t)(round * BATCH + i);
        full.row[i] = i % BS_PROBE_IMAGES;
        full.first[i] = n;
        size_t sites = random_sites(trial, elements, full.site + n);
        n += single ? 1 : (uint32_t)sites;
    }
    full.first[r->batch] = n;
    kept = quick = full;
    full.output = malloc(bytes);
    kept.output = malloc(bytes);
    quick.output = malloc(bytes);
    assert_ok(bs_schedules_create(&whole, r->g, r->be, r->network, target, BS_REPLAY_FULL, false, NULL));
    assert_ok(bs_schedules_create(&other, r->g, r->be, r->network, target, mode, single, &r->context));
    run(r, &whole, &full, true);
    run(r, &other, &kept, true);
    run(r, &other, &quick, false);
    same_outputs(r->batch, &full, &kept, classes, name);
    same_outputs(r->batch, &full, &quick, classes, name);
    same_results(r->batch, &full, &kept, name);
    same_results(r->batch, &full, &quick, name);
    for (int i = 0; i < r->batch; i++)
        masked += full.result[i].died_at >= 0;
    free(full.output);
    free(kept.output);
    free(quick.output);
    bs_schedules_clear(&whole);
    bs_schedules_clear(&other);
    return masked;
}

/* How many trials were masked. */
static int check_targets(rig *r, int rounds, int stride, const char *what)
{
    int masked = 0, trials = 0;
    for (int t = 0; t < r->g->n_targets; t += stride)
        for (int k = 0; k < rounds; k++, trials += 3 * r->batch)
            masked += check_target(r, t, k, BS_REPLAY_SUFFIX, false) +
                      check_target(r, t, k, BS_REPLAY_DELTA, true) +
                      check_target(r, t, k, BS_REPLAY_DELTA, false);
    print_message("%s: %d trials, %d masked, all bits equal\n", what, trials, masked);
    assert_true(masked < trials);
    return masked;
}

static void check_model(const char *model, const char *device, int rounds, int stride)
{
    rig r;
    rig_open(&r, model, device);
    assert_true(check_targets(&r, rounds, stride, model) > 0);
    rig_close(&r);
}

static void test_bundled(void **state)
{
    (void)state;
    check_model("tests/models/fashion_vgg.onnx", test_device(), EFFORT, 1);
}

static void test_null_backend(void **state)
{
    (void)state;
    check_model("tests/models/fashion_vgg.onnx", "null", EFFORT, 1);
}

static void optional_model(const char *name, int rounds, int stride)
{
    char copy[4096];
    snprintf(copy, sizeof copy, "%s", test_data(name));
    check_model(copy, test_device(), rounds, stride);
}

static void test_mnist(void **state)
{
    (void)state;
    optional_model("models/mnist_cnn.onnx", EFFORT, 1);
}

static void test_resnet20(void **state)
{
    (void)state;
    optional_model("models/cifar10_resnet20.onnx", 1, EFFORT > 1 ? 1 : 8);
}

static void test_squeezenet(void **state)
{
    (void)state;
    optional_model("models/squeezenet1.1.onnx", 1, EFFORT > 1 ? 4 : 40);
}

static void test_mobilenet(void **state)
{
    (void)state;
    optional_model("models/mobilenet_v2.onnx", 1, EFFORT > 1 ? 16 : 100);
}

/* (H, W, C) between images of (C, H, W): of the same rank, but stored in another order. */
static void test_tokens(void **state)
{
    (void)state;
    rig r;
    bs_graph *g = NULL;
    assert_ok(import_text(&g, "in x N 3 8 8; out y; f w 6 3 3 3; Conv x,w -> a pads=[1,1,1,1]; "
                              "Transpose a -> t perm=[0,2,3,1]; f s 6; LayerNormalization t,s -> n; f m 6 6; "
                              "MatMul n,m -> b; Relu b -> c; Transpose c -> i perm=[0,3,1,2]; f v 6 1 3 3; "
                              "Conv i,v -> d group=6; Relu d -> e; Flatten e -> y"));
    rig_load(&r, g, test_device());
    check_targets(&r, 1, 1, "tokens");
    rig_close(&r);
}

/* Patches of pixels as tokens, a block of attention with two heads and a perceptron, one token at the end.
 * Must have rows of tokens replayed. Three regions: bias and residual, GELU, scale and residual. */
static void test_transformer(void **state)
{
    (void)state;
    rig r;
    bs_graph *g = NULL;
    int patched = 0;
    assert_ok(import_text(
        &g,
        "in x N 3 8 8; out y; f w 8 3 2 2; Conv x,w -> c strides=[2,2]; i s 0 8 16; Reshape c,s -> u; "
        "Transpose u -> t perm=[0,2,1]; f l 8; LayerNormalization t,l -> n; f wq 8 8; f wk 8 8; f wv 8 8; "
        "MatMul n,wq -> q; MatMul n,wk -> k; MatMul n,wv -> v; i h 0 16 2 4; Reshape q,h -> q1; "
        "Reshape k,h -> k1; Reshape v,h -> v1; Transpose q1 -> q2 perm=[0,2,1,3]; "
        "Transpose k1 -> k2 perm=[0,2,3,1]; Transpose v1 -> v2 perm=[0,2,1,3]; MatMul q2,k2 -> a; "
        "Tanh a -> a1; Softmax a1 -> a2 axis=-1; MatMul a2,v2 -> m; "
        "Transpose m -> m1 perm=[0,2,1,3]; i j 0 16 8; Reshape m1,j -> m2; f wo 8 8; MatMul m2,wo -> o; "
        "f bo 8; Add bo,o -> o1; Add o1,t -> r1; LayerNormalization r1,l -> n2; f w1 8 16; MatMul n2,w1 -> "
        "f1; "
        "f b1 16; Add f1,b1 -> g1; f root; Div g1,root -> g2; Erf g2 -> g3; Add g3,root -> g4; Mul g1,g4 -> "
        "g5; "
        "Mul g5,root -> f2; f w2 16 8; MatMul f2,w2 -> f3; f ls 8; Mul f3,ls -> f4; Add f4,r1 -> r2; i b 0; "
        "i e 1; i ax 1; Slice r2,b,e,ax -> one; "
        "Flatten one -> flat; f wh 8 5; MatMul flat,wh -> y"));
    assert_int_equal(g->n_regions, 3);
    rig_load(&r, g, test_device());
    check_targets(&r, 2, 1, "transformer");
    for (int t = 0; t < g->n_targets; t++) {
        bs_schedule *schedule;
        assert_ok(bs_schedule_create(&schedule, g, r.be, r.network, t, BS_REPLAY_DELTA));
        patched += schedule->n_patched;
        bs_schedule_free(schedule);
    }
    print_message("transformer: %d patched steps\n", patched);
    assert_true(patched > 100);
    rig_close(&r);
}

/* Golden runs that take few images at a time where activations are large, and all where parameters are, have
 * the bits of runs that take all everywhere. */
static void test_golden_order(void **state)
{
    (void)state;
    rig r;
    bs_golden *golden;
    uint64_t all, few;
    rig_open(&r, "tests/models/fashion_vgg.onnx", test_device());
    bs_backend small = *r.be, large = *r.be;
    small.cache_bytes = 1;
    large.cache_bytes = 0;
    for (int i = 0; i < 2; i++) {
        assert_ok(bs_golden_create(&golden, r.g, i ? &small : &large, r.network, r.stream, BS_PROBE_IMAGES));
        assert_ok(bs_selftest_probe(golden, i ? &few : &all));
        assert_int_equal(golden->at_once[0], i ? 1 : BS_PROBE_IMAGES);
        assert_int_equal(golden->at_once[r.g->n_nodes - 1], BS_PROBE_IMAGES);
        bs_golden_free(golden);
    }
    assert_true(few == all);
    rig_close(&r);
}

/* A round of a target costs about five full runs of its batch. */
static void test_given(void **state)
{
    static const double most_macs = 1e11;
    enum { LEAST = 4 };
    rig r;
    rig_open(&r, *state, test_device());
    r.batch = SMALL_BATCH;
    double targets = most_macs / (5.0 * r.batch * (double)r.g->macs);
    int stride = (int)((double)r.g->n_targets / (targets < LEAST ? LEAST : targets));
    check_targets(&r, 1, stride < 1 ? 1 : stride, *state);
    rig_close(&r);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest given[] = {cmocka_unit_test_prestate(test_given, argv[argc - 1])};
    if (argc == 2)
        return run_suite(given, NULL, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_null_backend), cmocka_unit_test(test_bundled),
        cmocka_unit_test(test_mnist),        cmocka_unit_test(test_resnet20),
        cmocka_unit_test(test_squeezenet),   cmocka_unit_test(test_mobilenet),
        cmocka_unit_test(test_tokens),       cmocka_unit_test(test_transformer),
        cmocka_unit_test(test_golden_order),
    };
    return run_suite(tests, NULL, NULL);
}
