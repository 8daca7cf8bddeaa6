/* Proves that the proofs hold: devices that are wrong in one way, at one place, are found out, or do no harm.
 *
 * A device is the CPU with one lie (support/liar.h). For each lie and each node or tensor that it can be told
 * about, everything is proven that a campaign of this network may use; then the campaign's trials run along
 * what was allowed, and must have the answers that an honest device gives in full re-runs, unless the proof
 * has ended with an error. */
#include "import/onnx_file.h"
#include "support/liar.h"

#include "base/log.h"
#include "campaign/proof.h"
#include "import/build.h"
#include "replay/selftest.h"

#include <unistd.h>

#ifdef BITSINK_SANITIZE
enum { STRIDE = 5, TRIALS = 6 }; /* every STRIDE-th place */
#else
enum { STRIDE = 1, TRIALS = 12 };
#endif

/* A network with a residual block, cut points and a layer that computes whole tensors. */
static bs_graph *make_graph(void)
{
    bs_build b;
    Onnx__ModelProto *model = NULL;
    const bs_build_window conv = {.filters = 16, .kernel = 3, .stride = 1, .pad = 1},
                          few = {.filters = 4, .kernel = 3, .stride = 1, .pad = 1},
                          pool = {.kernel = 2, .stride = 2};
    bs_build_begin(&b, "net", (const int64_t[]){3, 16, 16}, 3, 5);
    bs_build_conv(&b, "c1", &conv);
    bs_build_node(&b, "Relu", "r1", NULL, 0, NULL);
    bs_build_conv(&b, "c2", &conv);
    bs_build_conv(&b, "c3", &conv);
    bs_build_node(&b, "Relu", "r3", NULL, 0, NULL);
    bs_build_conv(&b, "c4", &conv);
    bs_build_node(&b, "Relu", "r4", NULL, 0, NULL);
    const char *skip = bs_build_node(&b, "MaxPool", "p4", NULL, 0, &pool);
    bs_build_conv(&b, "c5", &conv);
    const char *left = bs_build_node(&b, "Relu", "r5", NULL, 0, NULL);
    bs_build_node(&b, "Add", "a5", (const char *[]){left, skip}, 2, NULL);
    bs_build_conv(&b, "c6", &conv);
    bs_build_node(&b, "Relu", "r6", NULL, 0, NULL);
    bs_build_conv(&b, "c7", &conv);
    bs_build_conv(&b, "c8", &few);
    bs_build_node(&b, "Relu", "r8", NULL, 0, NULL);
    bs_build_conv(&b, "c9", &conv);
    bs_build_node(&b, "Relu", "r9", NULL, 0, NULL);
    bs_build_node(&b, "GlobalAveragePool", "m", NULL, 0, NULL);
    bs_build_node(&b, "Flatten", "f", NULL, 0, NULL);
    bs_build_gemm(&b, "g", 5);
    assert_ok(bs_build_finish(&model, &b));
    char path[] = "/tmp/bitsink-proof-XXXXXX";
    FILE *f = fdopen(mkstemp(path), "wb");
    size_t n = onnx__model_proto__get_packed_size(model);
    uint8_t *bytes = malloc(n);
    onnx__model_proto__pack(model, bytes);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    assert_int_equal(fclose(f), 0);
    free(bytes);
    onnx__model_proto__free_unpacked(model, NULL);
    bs_graph *g = NULL;
    assert_ok(bs_graph_import(&g, path, NULL));
    unlink(path);
    return g;
}

/* A campaign whose engine may use the liar. */
typedef struct campaign {
    bs_graph *g;
    bs_job *job;
    bs_plan *plan;
    bs_engine *e;
    /* By stratum and trial, from full re-runs on the honest device: */
    bs_result *truth;
    int32_t row[TRIALS];
} campaign;

static bs_trial_batch batch_of(const campaign *c, int stratum, bs_sites *sites, uint32_t *first,
                               bs_result *result)
{
    const bs_stratum *s = &c->plan->strata[stratum];
    bs_sites_reset(sites);
    for (uint32_t i = 0; i < TRIALS; i++) {
        const bs_trial_coords t = {(uint32_t)c->job->entries[s->entry].id, (uint32_t)s->target, 0, i};
        first[i] = (uint32_t)sites->n;
        assert_ok(bs_plan_sites(c->plan, s, t, sites));
    }
    first[TRIALS] = (uint32_t)sites->n;
    return (bs_trial_batch){
        .n = TRIALS, .golden_row = c->row, .faults = {sites->site, first, NULL}, .result = result};
}

/* Opens a worker whose own golden runs are those of the test images. */
static void open_worker(bs_worker *w, const bs_engine *e)
{
    uint64_t fingerprint;
    lie.arena = NULL;
    lie.arena_bytes = 0;
    assert_ok(bs_worker_open(w, e, 0));
    lie.test_rows = w->test_rows;
    lie.test_bytes = bs_selftest_bytes(graph, honest, network, e->max_batch);
    assert_ok(bs_selftest_probe(w->golden, &fingerprint));
}

static void find_truth(campaign *c)
{
    bs_worker w;
    bs_sites sites = {0};
    uint32_t first[TRIALS + 1];
    c->truth = calloc((size_t)c->plan->n_strata * TRIALS, sizeof *c->truth);
    open_worker(&w, c->e);
    for (int i = 0; i < c->plan->n_strata; i++) {
        bs_schedules full;
        bs_trial_batch t = batch_of(c, i, &sites, first, c->truth + (size_t)i * TRIALS);
        t.keep_masked = true;
        assert_ok(bs_schedules_create(&full, c->g, honest, bs_engine_network(c->e), c->plan->strata[i].target,
                                      BS_REPLAY_FULL, false, NULL));
        assert_ok(bs_replay_trials(w.replayer, &full, &t, 1));
        bs_schedules_clear(&full);
    }
    bs_sites_clear(&sites);
    bs_worker_close(&w);
}

static void campaign_open(campaign *c, int max_batch)
{
    static const char text[] = "{model: m, images: {folder: x}, faults: [\n"
                               "  {id: 1, targets: {kind: activation}, fault: flip, trials: 20},\n"
                               "  {id: 2, targets: {kind: weight}, fault: flip, trials: 20},\n"
                               "  {id: 3, targets: [c2, a5, c6], fault: flip, count: 3, trials: 20}]}\n";
    const bs_engine_options options = {
        .device = "cpu", .threads = 1, .mode = BS_REPLAY_DELTA, .proves = true, .max_batch = max_batch};
    *c = (campaign){.g = make_graph()};
    graph = c->g;
    assert_ok(bs_job_parse(&c->job, "a.yaml", text, strlen(text)));
    assert_ok(bs_plan_create(&c->plan, c->job, c->g, 2));
    assert_ok(bs_engine_open(&c->e, c->g, c->plan, &options));
    network = bs_engine_network(c->e);
    for (int i = 0; i < TRIALS; i++)
        c->row[i] = i % BS_PROBE_IMAGES;
    find_truth(c);
    liar_init();
    c->e->backend = &liar;
}

static void campaign_close(campaign *c)
{
    c->e->backend = honest;
    free(c->truth);
    bs_engine_close(c->e);
    bs_plan_free(c->plan);
    bs_job_free(c->job);
    bs_graph_free(c->g);
}

/* Runs the trials of a stratum along what has been allowed. Returns how many differ from the truth. */
static int wrong_trials(const campaign *c, bs_worker *w, int stratum, const bs_schedules *schedules)
{
    bs_sites sites = {0};
    uint32_t first[TRIALS + 1];
    bs_result result[TRIALS];
    int wrong = 0;
    bs_trial_batch t = batch_of(c, stratum, &sites, first, result);
    t.keep_masked = schedules->schedule[0]->mode == BS_REPLAY_FULL;
    assert_ok(bs_replay_trials(w->replayer, schedules, &t, TRIALS));
    for (int i = 0; i < TRIALS; i++) {
        const bs_result *x = &c->truth[stratum * TRIALS + i];
        wrong +=
            result[i].died_at != x->died_at || memcmp(&result[i].answer, &x->answer, sizeof x->answer) != 0;
    }
    bs_sites_clear(&sites);
    return wrong;
}

typedef struct outcome {
    bool error;     /* the proof ended with BS_SELFTEST */
    bool fell_back; /* something was found not to be exact */
    int wrong;      /* trials with wrong results after that */
} outcome;

/* Proves all that the campaign may use on a device, and runs its trials. */
static outcome prove(campaign *c, bs_proof_when when)
{
    static volatile sig_atomic_t stop;
    outcome out = {0};
    bs_proofs *proofs;
    bs_worker w;
    bs_str text = {0};
    lie.told = 0;
    lie.after_cut_point = false;
    bool on = lie.on;
    lie.on = false; /* golden runs are what they are */
    assert_ok(bs_proofs_create(&proofs, c->e, NULL, when));
    open_worker(&w, c->e);
    bs_prover p = {.proofs = proofs, .worker = &w};
    lie.on = on;
    bs_status st = bs_prover_begin(&p, &stop);
    for (int i = 0; i < c->plan->n_strata && st == BS_OK; i++) {
        const bs_schedules *schedules;
        st = bs_prover_stratum(&p, i, 100, &schedules);
        if (st == BS_OK)
            out.wrong += wrong_trials(c, &w, i, schedules);
    }
    assert_true(st == BS_OK || st == BS_SELFTEST);
    out.error = st != BS_OK;
    assert_ok(bs_proofs_text(proofs, &text));
    out.fell_back = strcmp(text.ptr, "passed") != 0;
    bs_str_clear(&text);
    lie.on = false;
    bs_worker_close(&w);
    bs_proofs_free(proofs);
    return out;
}

static int count_places(const campaign *c, lie_where where)
{
    return where == NODE ? c->g->n_nodes : where == TENSOR ? c->g->n_tensors : 1;
}

static void test_honest_device(void **state)
{
    campaign *c = *state;
    char text[4096] = "";
    FILE *log = tmpfile();
    lie.on = false;
    assert_non_null(log);
    assert_non_null(c->e->context.segments);
    assert_true(c->e->context.segments->n >= 2);
    bs_progress_set_period(0);
    int before = stderr_to(fileno(log));
    outcome o = prove(c, BS_PROOF_ALWAYS);
    stderr_back(before);
    bs_progress_set_period(60);
    assert_false(o.error || o.fell_back);
    assert_int_equal(o.wrong, 0);
    /* Whoever waits sees how far it is. */
    assert_true(pread(fileno(log), text, sizeof text - 1, 0) > 0);
    fclose(log);
    assert_non_null(strstr(text, "self-test: stretch 1 of "));
    assert_non_null(strstr(text, "self-test: stratum 1 of "));
    assert_non_null(strstr(text, "self-test: schedule 1 of "));
}

static void test_every_lie(void **state)
{
    campaign *c = *state;
    bs_log_set_level(BS_LOG_QUIET);
    for (int k = 0; k < LIE_COUNT; k++) {
        int told = 0, found = 0;
        for (int place = 0; place < count_places(c, lies[k].where); place += STRIDE) {
            lie.kind = (lie_kind)k;
            lie.place = place;
            lie.on = true;
            outcome o = prove(c, BS_PROOF_ALWAYS);
            told += lie.told > 0;
            found += o.error || o.fell_back;
            if (!o.error && o.wrong > 0)
                fail_msg("%s at %d: %d trials are wrong after the proof", lies[k].name, place, o.wrong);
        }
        print_message("%-24s told at %2d places, found at %2d\n", lies[k].name, told, found);
        if (STRIDE == 1) {
            assert_true(told > 0);
            assert_true(found > 0);
        }
    }
}

/* What is proven covers batches of the size that trials have, where there is memory for a few only. */
static void test_small_batches(void **state)
{
    campaign *all = *state;
    for (int batch = 1; batch <= 5; batch++) {
        campaign c;
        int told = 0;
        campaign_open(&c, batch);
        for (int place = 0; place < c.g->n_nodes; place += 3 * STRIDE) {
            lie.kind = LIE_run_of_four;
            lie.place = place;
            lie.on = true;
            outcome o = prove(&c, BS_PROOF_ALWAYS);
            told += lie.told > 0;
            if (!o.error && o.wrong > 0)
                fail_msg("batches of %d, node %d: %d trials are wrong after the proof", batch, place,
                         o.wrong);
        }
        assert_true((told > 0) == (batch > 3));
        campaign_close(&c);
    }
    graph = all->g;
    network = bs_engine_network(all->e);
}

static int setup(void **state)
{
    static campaign c;
    campaign_open(&c, 0);
    *state = &c;
    return 0;
}

static int teardown(void **state)
{
    campaign_close(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_honest_device),
        cmocka_unit_test(test_every_lie),
        cmocka_unit_test(test_small_batches),
    };
    return run_suite(tests, setup, teardown);
}
